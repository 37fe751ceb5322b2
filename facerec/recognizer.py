"""FaceRecognizer, the only LightningModule: images to embeddings to a loss. Steps and logging only."""

import math
import warnings
from dataclasses import replace
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import Optimizer

from facerec.backbones import Backbone
from facerec.backbones.cost import check_max_params
from facerec.backbones.freezing import Freeze, FrozenParts
from facerec.backbones.narrow import guard_narrow_convolutions
from facerec.backbones.small_images import SmallImages
from facerec.checkpoints import RAW_WEIGHTS, ModelCard, offer_raw_weights
from facerec.clipping import clip_total_norm_
from facerec.compilation import compile_backbone, uncompiled
from facerec.data.batches import Batch
from facerec.data.interfaces import MeasuredSets, TrainingPeople
from facerec.flip_test import FlipTest, embed_views, mean_view, views_of
from facerec.float32 import float32_of_gpus, real_float32
from facerec.lightning_private import gradient_scale, is_in_training
from facerec.losses import Loss
from facerec.losses.separation import separation
from facerec.losses.sharding import (
    gather_checkpoint,
    scatter_checkpoint,
    split_parameters,
)
from facerec.metrics.calibration import Calibration
from facerec.optim import (
    CycledMomentum,
    Plateau,
    PlateauScheduler,
    Schedule,
    WarmupCosine,
    logged_rates,
    lr_factors_of,
    make_optimizer,
)
from facerec.optim.groups import LOSS
from facerec.processes import prepare_processes
from facerec.settings import require_choice
from facerec.transforms.augment import Augment
from facerec.transforms.preprocess import PerChannel, Preprocess, resize

NEVER_CALIBRATED = "no validation pairs gave these weights a threshold"
OTHER_PEOPLE = "To train its network for other people, start a new training with --init_from in place of --ckpt_path"
AVERAGED_WEIGHTS = "averaged_weights"  # of a checkpoint that is loaded, where a training goes on from the raw ones


class FaceRecognizer(LightningModule):
    """A backbone and a loss that trains it.

    The checkpoint describes itself. It holds weights, hyperparameters, preprocessing and the model card.

    The command line builds from names and numbers, and these are the hyperparameters in the checkpoint. Python builds
    from objects, and ``torch.load(weights_only=True)`` rightly refuses objects. They stay out of the checkpoint, and
    ``load_from_checkpoint`` takes them again.

    Args:
        backbone: network from images (B, 3, H, W) to embeddings (B, D).
        loss: objective on embeddings and labels, built here for D and ``num_classes``.
        optimizer: function from parameter groups to an optimizer, e.g. ``{class_path: torch.optim.SGD, ...}``.
        num_classes: number of training people C. On the command line it comes from the data.
        schedule: factor of the learning rate over the run. The length of the run comes from the trainer.
        loss_lr_factor: factor of the learning rate of the loss's own parameters (class weights, centres).
        layer_decay: factor of the learning rate from each part of the backbone to the part before it, such as 0.75 to
            train on from good weights. 1 is off. The parts are those of ``freeze``; the last one, the head, has 1.
        lr_factors: further factors of the learning rate by the name of a part, or ``loss`` (``loss_lr_factor``).
        image_size: (height, width) of an image in pixels.
        image_mean: mean that is subtracted from pixels in [0, 1]; or three, for R, G and B.
        image_std: divisor applied after subtracting ``image_mean``; or three. ``facerec inspect`` prints both.
        channels_last: keep images and convolution weights with the channels innermost. Convolutions in bfloat16 and
            float16 are made for this layout. In float32 on a CPU it can be slower, see the README of benchmarks.
        max_params: largest number of parameters of the backbone, such as a course's limit of 30000000.
        flip_test: also embed the mirror image in an evaluation: a lower error for twice the time. ``sum`` (or true)
            takes the mean of the two directions, at their mean length. ``concatenate`` puts the two embeddings side by
            side (Liu et al., CVPR 2017, section 4.1): embeddings of twice the size, which differ between an image and
            its mirror.
        freeze: first parts of the backbone that are not trained, for some epochs or for good. None trains all.
        small_images: smaller training images at the beginning, for cheaper steps. None trains at ``image_size``.
        tf32: training in TensorFloat32 on GPUs from Ampere on: float32 factors of products have 10 bits. It is
            faster with ``32-true``. Evaluation never rounds.
        compile: training with ``torch.compile``: of the backbone, and on a GPU of the loss and of augmentation. The
            first step then takes a minute or so. Evaluation stays as it is.

    Attributes:
        card: what the checkpoint says about the model beside weights and hyperparameters.
        no_threshold: why there is no threshold, where the card has none.
        takes_raw_weights: whether a checkpoint gives it the weights as trained, where it offers their average.

    Raises:
        ValueError: if a setting is outside its range, or the backbone is above ``max_params`` or takes images of
            another size only.

    Example:
        >>> import torch
        >>> from facerec.backbones import ResNet
        >>> from facerec.losses import ArcFace
        >>> from facerec.recognizer import FaceRecognizer
        >>> backbone, loss = ResNet(18, embedding_dim=8, width=8), ArcFace(scale=16.0)
        >>> recognizer = FaceRecognizer(backbone, loss, torch.optim.SGD, num_classes=4, image_size=(32, 32))
        >>> recognizer(torch.zeros(2, 3, 50, 40, dtype=torch.uint8)).shape
        torch.Size([2, 8])
    """

    def __init__(
        self,
        backbone: Backbone,
        loss: Loss,
        optimizer: OptimizerCallable,
        num_classes: int | None = None,
        schedule: Schedule = WarmupCosine(),
        loss_lr_factor: float = 1.0,
        layer_decay: float = 1.0,
        lr_factors: dict[str, float] | None = None,
        image_size: tuple[int, int] = (112, 112),
        image_mean: PerChannel = 0.5,
        image_std: PerChannel = 0.5,
        channels_last: bool = True,
        max_params: int | None = None,
        flip_test: bool | FlipTest = False,
        freeze: Freeze | None = None,
        small_images: SmallImages | None = None,
        tf32: bool = False,
        compile: bool = False,  # the name of the setting
    ) -> None:
        super().__init__()
        require_choice("model.", (False, True, "sum", "concatenate"), flip_test=flip_test)
        with warnings.catch_warnings():  # that modules are saved twice: those are removed below
            warnings.filterwarnings("ignore", message="Attribute '.*' is an instance of `nn.Module`")
            self.save_hyperparameters(logger=False)
        for name in [name for name, value in self.hparams.items() if not _is_plain(value)]:
            del self.hparams[name]
        self.preprocess = Preprocess(image_size, image_mean, image_std)
        backbone.build(self.preprocess.size)
        self.small_images = None if small_images is None else small_images.within(self.preprocess.size)
        if self.small_images is not None:
            self.small_images.prepare(backbone)
        check_max_params(backbone, max_params)
        guard_narrow_convolutions(backbone)
        self.backbone = backbone
        self.loss = loss
        self.frozen_until = freeze
        self.frozen_parts = FrozenParts(backbone, freeze.until) if freeze is not None else None
        self.optimizer = optimizer
        self.schedule = schedule
        self.lr_factors = lr_factors_of(backbone, layer_decay, lr_factors, loss_lr_factor)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.flip_test = views_of(flip_test)
        self.backbone.to(memory_format=self.memory_format)
        self.num_classes = num_classes
        self.tf32 = tf32
        self.compiles = compile
        self.card = ModelCard()
        self.no_threshold = NEVER_CALIBRATED
        self.takes_raw_weights = False
        self._was_skipped = False
        if num_classes is not None:
            self.loss.build(self.backbone.embedding_dim, num_classes)

    def forward(self, images_BCHW: Tensor, small_size: tuple[int, int] | None = None) -> Tensor:
        """Embed images.

        Args:
            images_BCHW: uint8 (B, 3, H, W), or float in [0, 1]; RGB.
            small_size: (height, width) that the backbone gets in place of ``image_size``, see ``small_images``.

        Returns:
            float32 embeddings (B, D), not normalised.
        """
        normalised_BCHW = self.preprocess(images_BCHW)
        if small_size is not None:
            normalised_BCHW = resize(normalised_BCHW, small_size)
        embeddings: Tensor = self.backbone(normalised_BCHW.contiguous(memory_format=self.memory_format))
        return embeddings.float()

    @real_float32()
    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Embed images for scores, as evaluation and every use of the checkpoint do: without TensorFloat32.

        Args:
            images_BCHW: uint8 (B, 3, H, W), or float in [0, 1]; RGB.

        Returns:
            float32 embeddings (B, D), not normalised. With ``flip_test`` those of image and mirror together: (B, 2 D)
            if they are concatenated.
        """
        with uncompiled(self.compiles):
            return embed_views(self, images_BCHW, self.flip_test)

    def class_embeddings(self, embeddings: Tensor) -> Tensor:
        """Embeddings (B, D) for the class weights, at the length of the training, from those of :meth:`embed`."""
        return mean_view(*embeddings.chunk(2, dim=1)) if self.flip_test == "concatenate" else embeddings

    @property
    def score_dim(self) -> int:
        """Length of a row of :meth:`embed`: D, or 2 D if image and mirror are concatenated."""
        return self.backbone.embedding_dim * (2 if self.flip_test == "concatenate" else 1)

    @property
    def identities(self) -> list[str]:
        """Names of the training people; the index is the class."""
        return list(self.card.identities)

    @property
    def calibration(self) -> Calibration | None:
        """The threshold of these very weights; None if no validation pairs calibrated one."""
        return self.card.calibration

    def setup(self, stage: str) -> None:
        """Take the names of the training people and the alignment of their images from the data.

        Class weights of a ``sharded`` loss are split over the processes here, before a checkpoint is loaded.

        Raises:
            ValueError: if training starts without the number of people, with nothing to train, with a schedule that
                follows what no validation measures, or with split class weights that the trainer cannot train.
        """
        if stage != "fit":
            return
        if self.num_classes is None:
            raise ValueError("FaceRecognizer needs num_classes to train: pass data.num_classes")
        if self.frozen_parts is not None and not set(self.parameters()) - set(self.frozen_parts.weights):
            raise ValueError(
                f"model.freeze.until={self.frozen_until.until} freezes the whole backbone, and "  # type: ignore[union-attr]
                f"{type(self.loss).__name__} has no weights: nothing is left to train. Name an earlier part"
            )
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if isinstance(self.schedule, Plateau) and isinstance(data, MeasuredSets):
            validates = bool(self.trainer.limit_val_batches)
            self.schedule.require_measured(
                has_pairs=bool(data.pair_sets("val")), has_dev=data.dev is not None, validates=validates
            )
        identities, alignment = (data.identities, data.alignment) if isinstance(data, TrainingPeople) else ([], None)
        self.card = replace(self.card, identities=tuple(identities), alignment=alignment, configuration=None)
        prepare_processes(self, self.loss, self.trainer)

    def train(self, mode: bool = True) -> "FaceRecognizer":
        """Set the mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        if self.frozen_parts is not None:
            self.frozen_parts.stay_in_evaluation()
        return self

    def on_fit_start(self) -> None:
        """Compile, when every layer is what it will be in training and lies on its device."""
        if self.compiles:
            compile_backbone(self.backbone)
        # A CPU's own ways are faster: blocks of images whose results stay in the cache
        of_device = self.compiles and self.device.type != "cpu"
        self.loss.is_compiled = of_device
        augment = getattr(self.trainer.datamodule, "augment", None)  # type: ignore[attr-defined]
        if isinstance(augment, Augment):
            augment.is_compiled = of_device

    def on_train_start(self) -> None:
        """Freeze, after the optimizer took all parameters. A training may go on in mid-epoch."""
        self._freeze_or_thaw()

    def on_train_epoch_start(self) -> None:
        """Thaw when it is time."""
        self._freeze_or_thaw()

    def _freeze_or_thaw(self) -> None:
        if self.frozen_until is None or self.frozen_parts is None:
            return
        is_due = self.frozen_until.holds_in(self.trainer.current_epoch)
        if is_due and not self.frozen_parts.is_frozen:
            self.frozen_parts.freeze()
        elif self.frozen_parts.is_frozen and not is_due:
            self.frozen_parts.thaw()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch; the loss computes in float32 whatever the trainer's precision."""
        with float32_of_gpus(tf32=self.tf32):
            embeddings_BD = self(batch.images, self._small_size())
            loss: Tensor = self.loss(embeddings_BD, batch.labels)
        if self.is_logged(batch_idx):
            # Not with prog_bar: Lightning would read it from the device, and a GPU would wait for that.
            # Of all processes: each may draw its own dropout and classes, and separation is that of its own images
            self.log("train/loss", loss, batch_size=len(batch.labels), sync_dist=True)
            statistics = self.loss.statistics() | separation(self.loss, embeddings_BD, batch.labels)
            for name, value in statistics.items():
                self.log(f"train/{name}", value.float(), batch_size=len(batch.labels), sync_dist=True)
            cycles = isinstance(self.lr_schedulers(), CycledMomentum)
            for name, rate in logged_rates(self.optimizers().param_groups, with_momentum=cycles).items():  # type: ignore[union-attr]
                self.log(f"train/{name}", torch.tensor(rate))  # on the CPU: Lightning would copy a number to the GPU
        return loss

    def _small_size(self) -> tuple[int, int] | None:
        """The size of the images of this step, where they are smaller than those of the evaluation."""
        if self.small_images is None:
            return None
        step, steps = self.trainer.global_step, int(self.trainer.estimated_stepping_batches)
        return self.small_images.size if self.small_images.holds_at(step, steps) else None

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients in the same float32 as the loss."""
        with float32_of_gpus(tf32=self.tf32):
            super().backward(loss, *args, **kwargs)

    def is_logged(self, batch_idx: int) -> bool:
        """Whether a logger or a progress line may want the values of this step: to log costs 1 to 2 ms."""
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        is_first, is_last_of_epoch = self.trainer.global_step == 0, batch_idx + 1 == self.trainer.num_training_batches
        return is_first or is_last_of_epoch or (every > 0 and (self.trainer.global_step + 1) % every == 0)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step the optimizer, then the loss, once however many batches were accumulated.

        The weights change, so thresholds that were calibrated on the old ones go. With ``16-mixed`` the scaler skips a
        step whose gradients overflow. Then nothing counts it: neither the loss's warm-ups nor the schedule.
        """
        scale = gradient_scale(self.trainer)
        super().optimizer_step(*args, **kwargs)
        self._was_skipped = scale is not None and gradient_scale(self.trainer) < scale  # type: ignore[operator]
        if self._was_skipped:
            return
        self.loss.step()
        if self.card.calibration is not None or self.card.raw_calibration is not None:
            self.card = replace(self.card, calibration=None, raw_calibration=None)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm of all gradients, also where each process has those of its own class weights alone."""
        split = split_parameters(self.loss)
        if split and gradient_clip_val and gradient_clip_algorithm in (None, "norm"):
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            clip_total_norm_(weights, split, gradient_clip_val)
        else:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step the schedule, unless the optimizer's step was skipped."""
        if not self._was_skipped:
            super().lr_scheduler_step(scheduler, metric)

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Embeddings of a batch; the callbacks measure them."""
        return self.embed(batch.images)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Embeddings of a batch; the callbacks measure them."""
        return self.validation_step(batch, batch_idx, dataloader_idx)

    def on_validation_epoch_end(self) -> None:
        """Log evaluation metrics at the training step of the weights, not at step 0, and let the schedule see them.

        The callbacks have logged by now, and no checkpoint of these weights is saved yet.
        """
        self._log_trained_steps()
        is_in_fit = self.trainer.state.fn == "fit" and not self.trainer.sanity_checking
        scheduler = self.lr_schedulers() if is_in_fit else None
        if isinstance(scheduler, PlateauScheduler):
            scheduler.measured(self.trainer.callback_metrics)

    def on_test_epoch_end(self) -> None:
        """As after validation."""
        self._log_trained_steps()

    def _log_trained_steps(self) -> None:
        if self.trainer.state.fn != "fit":
            self.log(
                "step", float(max(self.steps_taken - 1, 0))
            )  # the name that loggers go by, and their count, from 0

    @property
    def steps_taken(self) -> int:
        """Optimizer steps behind the weights: those of this trainer, else those of the checkpoint."""
        return self.trainer.global_step or self.card.trained_step

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimizer of all parameters, those of the loss included, and the schedule, which steps with it.

        Raises:
            ValueError: if the training has no end: the schedule is in shares of its length.
        """
        steps = self.trainer.estimated_stepping_batches
        if math.isinf(steps):
            raise ValueError("model.schedule needs the length of the training: give trainer.max_epochs or max_steps")
        if self.frozen_parts is not None:
            self.frozen_parts.thaw()  # all parameters are in the optimizer from the start; on_train_start freezes
        optimizer = self.make_optimizer()
        scheduler = self.schedule.scheduler(optimizer, int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def make_optimizer(self) -> Optimizer:
        """The optimizer of all parameters, each group with its learning rate."""
        return make_optimizer(self.optimizer, self.backbone, self.loss, self.lr_factors)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the model card, and the class weights of the other processes where they are split."""
        gather_checkpoint(checkpoint, self.loss, "loss.", LOSS)
        step = checkpoint.get("global_step") or self.card.trained_step
        replace(self.card, trained_step=step).put_into(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the model card. Outside training also build the class weights for the checkpoint's number of people.

        A resumed training keeps the identities, the alignment and the configuration of its own data. It goes on from
        the raw weights, where the checkpoint offers their average.

        Raises:
            ValueError: if training would go on with other people, the card cannot be used, or there are no raw weights
                to take.
        """
        if self.takes_raw_weights:
            offer_raw_weights(checkpoint)
        elif is_in_training(self) and RAW_WEIGHTS in checkpoint:
            checkpoint[AVERAGED_WEIGHTS] = checkpoint["state_dict"]
            checkpoint["state_dict"] = checkpoint[RAW_WEIGHTS]
        card = ModelCard.from_checkpoint(checkpoint)
        settings = checkpoint.get("hyper_parameters", {})
        trained_on = settings.get("num_classes")
        resuming = is_in_training(self)
        if trained_on is not None and trained_on != self.num_classes:
            if resuming:
                raise ValueError(
                    f"the checkpoint was trained on {trained_on} people and the data has {self.num_classes}: "
                    f"training cannot go on with other people. {OTHER_PEOPLE}"
                )
            self.num_classes = trained_on
            self.loss.build(self.backbone.embedding_dim, trained_on)
        if resuming:
            scatter_checkpoint(checkpoint, self.loss, "loss.", LOSS)
            _require_same_people(card.identities, self.card.identities)
        if views_of(settings.get("flip_test", self.flip_test)) != self.flip_test:
            card = replace(card, calibration=None, raw_calibration=None)  # thresholds of other scores
            trained_with = views_of(settings["flip_test"]) or "false"
            self.no_threshold = (
                f"the checkpoint's threshold is one of model.flip_test={trained_with}, and this is a measurement with "
                f"{self.flip_test or 'false'}"
            )
        if resuming:
            card = replace(
                self.card,
                calibration=card.calibration,
                raw_calibration=card.raw_calibration,
                trained_step=card.trained_step,
                started_from=card.started_from,
            )
        self.card = card


def _require_same_people(trained: tuple[str, ...], present: tuple[str, ...]) -> None:
    """Refuse to train class weights on for other people.

    Raises:
        ValueError: naming the first class that is another person now.
    """
    for person, (before, now) in enumerate(zip(trained, present, strict=False)):
        if before != now:
            raise ValueError(
                f"the checkpoint was trained on other people: class {person} is {before!r} in it and {now!r} in the "
                f"data. Give the data it was trained on. {OTHER_PEOPLE}"
            )


def _is_plain(value: object) -> bool:
    """Whether a checkpoint can hold the value without pickling one of our classes."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(entry) for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))

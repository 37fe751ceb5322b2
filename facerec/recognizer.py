"""FaceRecognizer, the only LightningModule: images to embeddings to a loss. Steps and logging only."""

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from facerec import __version__
from facerec.backbones import Backbone
from facerec.backbones.cost import check_max_params
from facerec.backbones.narrow import guard_narrow_convolutions
from facerec.data.batches import Batch
from facerec.losses import Loss
from facerec.metrics.calibration import Calibration
from facerec.optim import WarmupCosine, parameter_groups, scale_loss_lr
from facerec.transforms import Preprocess

FlipTest = Literal["sum", "concatenate"]


class FaceRecognizer(LightningModule):
    """A backbone trained with a loss on embeddings.

    Its checkpoint describes itself: weights, hyperparameters, preprocessing, the names of the training people, and the
    threshold calibrated on the validation pairs.

    Args:
        backbone: images (B, 3, H, W) to embeddings (B, D).
        loss: objective on embeddings and labels; built here for D and ``num_classes``.
        optimizer: takes parameter groups and gives an optimizer, e.g. ``{class_path: torch.optim.SGD, ...}``.
        num_classes: number of training people C. Linked from the data on the command line.
        schedule: factor of the learning rate over the run; the run's length comes from the trainer.
        loss_lr_factor: factor of the learning rate of the loss's own parameters (class weights, centers).
        image_size: (height, width) of an image in pixels.
        image_mean: subtracted from pixels in [0, 1].
        image_std: what they are divided by then.
        channels_last: keep images and convolution weights with the channels innermost: the layout that convolutions in
            bfloat16 and float16 are made for. In float32 on a CPU it can be slower, see the README of benchmarks.
        max_params: refuse a backbone with more parameters than this, such as a course's limit of 30000000.
        flip_test: embed the mirror image too when evaluating: a lower error for twice the time. ``sum`` (or true) takes
            the mean of the two directions, at their mean length; ``concatenate`` puts the two embeddings side by side
            (Liu et al., CVPR 2017, section 4.1), for twice the size, and score and gallery then tell an image from its
            mirror.

    Built from the command line, the hyperparameters are names and numbers. Built in Python, the backbone, loss and
    optimizer are objects, which ``torch.load(weights_only=True)`` rightly refuses: they stay out of the checkpoint, and
    ``load_from_checkpoint`` takes them again.

    Raises:
        ValueError: if ``loss_lr_factor`` is not positive, or the backbone is above ``max_params`` or takes images of
            another size only.
    """

    def __init__(
        self,
        backbone: Backbone,
        loss: Loss,
        optimizer: OptimizerCallable,
        num_classes: int | None = None,
        schedule: WarmupCosine = WarmupCosine(),  # noqa: B008  # frozen
        loss_lr_factor: float = 1.0,
        image_size: tuple[int, int] = (112, 112),
        image_mean: float = 0.5,
        image_std: float = 0.5,
        channels_last: bool = True,
        max_params: int | None = None,
        flip_test: bool | FlipTest = False,
    ) -> None:
        super().__init__()
        if loss_lr_factor <= 0.0:
            raise ValueError(f"model.loss_lr_factor={loss_lr_factor}: must be positive")
        self.save_hyperparameters(logger=False)
        for name in [name for name, value in self.hparams.items() if not _is_plain(value)]:
            del self.hparams[name]
        self.preprocess = Preprocess(image_size, image_mean, image_std)
        backbone.build(self.preprocess.size)
        check_max_params(backbone, max_params)
        guard_narrow_convolutions(backbone)
        self.backbone = backbone
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.loss_lr_factor = loss_lr_factor
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.flip_test = _views(flip_test)
        self.backbone.to(memory_format=self.memory_format)
        self.num_classes = num_classes
        self.identities: list[str] = []
        self.calibration: Calibration | None = None
        self.calibrated_step: int | None = None  # of the training, None outside it
        self.alignment: dict[str, Any] | None = None
        self.trained_steps = 0  # of the checkpoint that the weights are from
        if num_classes is not None:
            self.loss.build(self.backbone.embedding_dim, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images.

        Args:
            images_BCHW: uint8 (B, 3, H, W), or float in [0, 1]; RGB.

        Returns:
            float32 embeddings (B, D), not normalised.
        """
        normalised = self.preprocess(images_BCHW).contiguous(memory_format=self.memory_format)
        embeddings: Tensor = self.backbone(normalised)
        return embeddings.float()

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Embed images for scores: what evaluation and every use of the checkpoint go through.

        Args:
            images_BCHW: uint8 (B, 3, H, W), or float in [0, 1]; RGB.

        Returns:
            float32 embeddings (B, D), not normalised; with ``flip_test`` those of image and mirror together, (B, 2 D)
            if they are concatenated.
        """
        embeddings_BD: Tensor = self(images_BCHW)
        if self.flip_test is None:
            return embeddings_BD
        mirrored_BD: Tensor = self(images_BCHW.flip(-1))
        if self.flip_test == "concatenate":
            return torch.cat([embeddings_BD, mirrored_BD], dim=1)
        return _mean_view(embeddings_BD, mirrored_BD)

    def class_embeddings(self, embeddings: Tensor) -> Tensor:
        """Of what :meth:`embed` gives, (B, D) for the class weights, of a length that they were trained for."""
        return _mean_view(*embeddings.chunk(2, dim=1)) if self.flip_test == "concatenate" else embeddings

    @property
    def score_dim(self) -> int:
        """Size of what :meth:`embed` gives: twice that of an embedding where image and mirror are concatenated."""
        return self.backbone.embedding_dim * (2 if self.flip_test == "concatenate" else 1)

    def setup(self, stage: str) -> None:
        """Take the names of the training people from the data, and how their images were aligned.

        Raises:
            ValueError: if training starts and the number of people was never given.
        """
        if stage != "fit":
            return
        if self.num_classes is None:
            raise ValueError("FaceRecognizer needs num_classes to train: pass data.num_classes")
        datamodule = getattr(self.trainer, "datamodule", None)
        self.identities = list(getattr(datamodule, "identities", []))
        alignment = getattr(getattr(datamodule, "train", None), "alignment", None)
        self.alignment = None if alignment is None else alignment.as_dict()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch; the loss computes in float32 whatever the trainer's precision."""
        loss: Tensor = self.loss(self(batch.images), batch.labels)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.labels))
        for name, value in self.loss.statistics().items():
            self.log(f"train/{name}", value.float(), batch_size=len(batch.labels))
        self.log("train/learning_rate", self.optimizers().param_groups[0]["lr"])  # type: ignore[union-attr]
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step the optimizer, then what the loss counts: once, however many batches were accumulated."""
        super().optimizer_step(*args, **kwargs)
        self.loss.step()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Embeddings of a batch; the callbacks measure them."""
        return self.embed(batch.images)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Embeddings of a batch; the callbacks measure them."""
        return self.validation_step(batch, batch_idx, dataloader_idx)

    def on_validation_epoch_end(self) -> None:
        """Let what is measured outside training stand at the training step of the weights, not at step 0."""
        self._log_trained_steps()

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
        """Optimizer steps behind the weights: of this trainer, or else of the checkpoint they are from."""
        return self.trainer.global_step or self.trained_steps

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimizer on all parameters, the loss's included, and the schedule, stepped with it.

        Raises:
            ValueError: for a training without an end, which a schedule cannot be a share of.
        """
        steps = self.trainer.estimated_stepping_batches
        if math.isinf(steps):
            raise ValueError("model.schedule needs the length of the training: give trainer.max_epochs or max_steps")
        optimizer = self.optimizer(parameter_groups(self.backbone, self.loss))
        scale_loss_lr(optimizer, self.loss_lr_factor)
        scheduler = self.schedule.scheduler(optimizer, int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a user of the checkpoint needs beside weights and hyperparameters.

        A threshold that was calibrated at another step of this training is one of other weights, and stays out.
        """
        step = checkpoint.get("global_step")
        of_these_weights = self.calibrated_step is None or self.calibrated_step == step
        checkpoint["facerec"] = {
            "version": __version__,
            "identities": self.identities,
            "calibration": self.calibration if of_these_weights else None,
            "alignment": self.alignment,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore it, and outside training take the class weights as they are, whatever the data at hand.

        Raises:
            ValueError: if training would go on with another number of people.
        """
        extra = checkpoint.get("facerec", {})
        trained_on = checkpoint.get("hyper_parameters", {}).get("num_classes")
        resuming = self._trainer is not None and self._trainer.state.fn == "fit"
        if trained_on is not None and trained_on != self.num_classes:
            if resuming:
                raise ValueError(
                    f"the checkpoint was trained on {trained_on} people and the data has {self.num_classes}: "
                    "training cannot go on with other people"
                )
            self.num_classes = trained_on
            self.loss.build(self.backbone.embedding_dim, trained_on)
        if not resuming:
            self.identities = list(extra.get("identities", []))
            self.alignment = extra.get("alignment")
        views = _views(checkpoint.get("hyper_parameters", {}).get("flip_test", self.flip_test))
        # A threshold of other views is one of other scores.
        self.calibration = extra.get("calibration") if views == self.flip_test else None
        self.calibrated_step = checkpoint.get("global_step") if resuming else None
        self.trained_steps = int(checkpoint.get("global_step", 0))


def _is_plain(value: object) -> bool:
    """Whether a checkpoint can hold the value without pickling a class of ours."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(entry) for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _views(flip_test: bool | FlipTest | None) -> FlipTest | None:
    """What becomes of the mirror image, None if nothing; true stands for the sum."""
    if isinstance(flip_test, bool):
        return "sum" if flip_test else None
    return flip_test


def _mean_view(embeddings_BD: Tensor, mirrored_BD: Tensor) -> Tensor:
    """The mean direction of the embeddings of image and mirror, at their mean length."""
    lengths_B = embeddings_BD.norm(dim=1) + mirrored_BD.norm(dim=1)
    mean_BD: Tensor = (F.normalize(embeddings_BD) + F.normalize(mirrored_BD)) * (0.25 * lengths_B)[:, None]
    return mean_BD

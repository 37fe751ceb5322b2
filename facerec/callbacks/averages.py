"""Averaged weights: kept beside the trained ones, measured beside them, and offered by the checkpoints."""

import copy
import math
from dataclasses import replace
from itertools import chain
from typing import Any, Literal, TypeVar

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from facerec.callbacks.batch_statistics import estimate_statistics
from facerec.callbacks.evaluation import EvaluationCallback, recognizer_of
from facerec.callbacks.pace import share_done
from facerec.checkpoints import RAW_WEIGHTS
from facerec.data.batches import Batch
from facerec.losses.sharding import sharded_parts
from facerec.recognizer import AVERAGED_WEIGHTS, FaceRecognizer
from facerec.settings import require_choice, require_within

STARTS = {"ema": 0.0, "swa": 0.75}
Kind = Literal["ema", "swa"]


class WeightAverage(WeightAveraging):
    """Averages the weights over the steps of a training.

    - ``ema``: exponential moving average. After n updates its decay is min(``decay``, (1 + n) / (10 + n)), as in
      TensorFlow and timm, so that the first weights are soon forgotten.
    - ``swa``: the plain mean over the last part of the training (Izmailov et al., UAI 2018, algorithm 1), of every
      step.

    Averaged weights need batch statistics of their own. Before each validation and at the end of the training they are
    estimated anew on training images. A checkpoint saved at another moment has the average of the running statistics,
    which lag behind, and no threshold.

    Each validation measures both. ``val/eer`` is of the raw weights, those that are trained; ``val_ema/eer`` or
    ``val_swa/eer`` is of the average. Before its first update the average is the raw weights.

    A checkpoint holds both. It offers the average, with its own threshold, to every command; ``--raw_weights`` takes
    the other ones. A resumed training goes on from the raw weights.

    Args:
        kind: ``ema`` or ``swa``; by default nothing is averaged.
        decay: largest decay of ``ema``, in (0, 1). 0.999 remembers about 1000 steps.
        start: share of the training, in [0, 1), after which the average begins. By default 0 for ``ema`` and 0.75 for
            ``swa``.
        statistics_images: largest number of training images on which batch statistics are estimated.

    Attributes:
        averaged: the averaged model, on the device of the training. None without a training, or with no ``kind``.
        updates: number of steps in the average.
        twins: what measures the average: for each evaluation callback of the trainer another one.

    Raises:
        ValueError: if a setting is outside its range.

    Example:
        >>> average = WeightAverage(kind="ema", decay=0.999)
        >>> [round(average.decay_after(updates), 3) for updates in (0, 1, 100, 100_000)]  # the first weights are taken
        [0.0, 0.182, 0.918, 0.999]
        >>> [WeightAverage(kind="swa").decay_after(updates) for updates in (0, 1, 3)]  # the mean of 1, 2 and 4
        [0.0, 0.5, 0.75]
    """

    # It takes the place of Lightning's callback, keeps its layout of a checkpoint, and overrides the rest. Lightning's
    # swaps weights in place for a validation, so what is saved or interrupted within it has the wrong ones. It measures
    # the average alone, makes a GPU wait at each step, averages counters, copies to the CPU, and begins with weights
    # that were never trained.

    def __init__(
        self,
        kind: Kind | None = None,
        decay: float = 0.999,
        start: float | None = None,
        statistics_images: int = 10_000,
    ) -> None:
        require_choice("average.", (None, *STARTS), kind=kind)
        require_within("average.", 0.0, 1.0, low_excluded=True, high_excluded=True, decay=decay)
        if start is not None:
            require_within("average.", 0.0, 1.0, high_excluded=True, start=start)
        require_within("average.", 2, math.inf, statistics_images=statistics_images)
        super().__init__()
        self.kind = kind
        self.decay = decay
        self.start = start
        self.statistics_images = statistics_images
        self.averaged: FaceRecognizer | None = None
        self.updates = 0
        self.twins: list[EvaluationCallback] = []
        self._step = 0
        self._first_step = 0
        self._completed_step: int | None = None

    @property
    def stage(self) -> str:
        """The beginning of the names that a validation of the average logs."""
        return f"val_{self.kind}"

    def decay_after(self, updates: int) -> float:
        """The share of the average that an update keeps, after a number of them."""
        if updates == 0:
            return 0.0
        return updates / (updates + 1) if self.kind == "swa" else min(self.decay, (1 + updates) / (10 + updates))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Copy the model.

        Raises:
            ValueError: for a strategy that shares the weights among the processes.
        """
        if self.kind is None or stage != "fit":
            return
        if isinstance(trainer.strategy, (FSDPStrategy, ModelParallelStrategy)):
            raise ValueError(
                f"average.kind={self.kind} needs all weights in each process: train with trainer.strategy=ddp, or "
                "leave average out"
            )
        trained = recognizer_of(pl_module)
        if sharded_parts(trained.loss) and trainer.world_size > 1:
            raise ValueError(
                f"average.kind={self.kind} with a sharded loss: the average needs all class weights in each process. "
                "Leave one of them out"
            )
        shared = {id(trained.optimizer): trained.optimizer}  # that of a command line holds on to what cannot be copied
        self.averaged = copy.deepcopy(trained, shared).eval()
        measuring = [each for each in trainer.callbacks if isinstance(each, EvaluationCallback)]  # type: ignore[attr-defined]
        self.twins = [callback.twin(f"_{self.kind}") for callback in measuring]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average where the model is now: in ``setup`` it was on the CPU."""
        if self.averaged is not None:
            self.averaged.to(pl_module.device)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find out when to begin."""
        if self.kind is not None:
            start = STARTS[self.kind] if self.start is None else self.start
            self._first_step = round(start * trainer.estimated_stepping_batches)

    # Averaging

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the new weights into the average, after each optimizer step."""
        step = trainer.global_step
        if self.averaged is None or step == self._step or (self.updates == 0 and step <= self._first_step):
            return
        update = get_ema_multi_avg_fn(self.decay_after(self.updates))  # type: ignore[no-untyped-call]
        update(_floats(self.averaged), [value.detach() for value in _floats(pl_module)], None)
        self.updates, self._step = self.updates + 1, step

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Complete the average at the end of a training that ends without a validation."""
        if self.averaged is not None and (trainer.should_stop or share_done(trainer) >= 1.0):
            self._complete(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing: the model keeps the weights that were trained."""

    def _complete(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the average its batch statistics, the same in all processes."""
        if self.averaged is not None and self.updates and self._completed_step != trainer.global_step:
            _freeze_alike(self.averaged, recognizer_of(pl_module))
            estimate_statistics(trainer, self.averaged, self.statistics_images)
            self._completed_step = trainer.global_step

    # Measuring

    def _measured(self, trainer: Trainer, pl_module: LightningModule) -> FaceRecognizer | None:
        """The model that a validation measures as the average; None if it measures none."""
        if self.averaged is None or trainer.state.fn != TrainerFn.FITTING:
            return None
        return self.averaged if self.updates else recognizer_of(pl_module)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Complete the average."""
        measured = self._measured(trainer, pl_module)
        if measured is not None:
            measured.card = recognizer_of(pl_module).card  # the names of the people, which were not known in setup
            self._complete(trainer, pl_module)
            for twin in self.twins:
                twin.on_validation_epoch_start(trainer, pl_module)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Embed the batch a second time."""
        measured = self._measured(trainer, pl_module)
        if measured is None:
            return
        if measured is not pl_module:
            with trainer.precision_plugin.val_step_context():
                outputs = measured.embed(batch.images)
        for twin in self.twins:
            twin.on_validation_batch_end(trainer, measured, outputs, batch, batch_idx, dataloader_idx)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the average, and put both thresholds onto the card."""
        measured = self._measured(trainer, pl_module)
        if measured is None:
            return
        trained = recognizer_of(pl_module)
        raw = trained.card.calibration
        measured.card = replace(measured.card, calibration=None)
        for twin in self.twins:
            twin.on_validation_epoch_end(trainer, measured)
        trained.card = replace(trained.card, calibration=measured.card.calibration, raw_calibration=raw)

    # Saving

    def state_dict(self) -> dict[str, Any]:
        """How far the average is."""
        return {} if self.kind is None else {"kind": self.kind, "updates": self.updates, "step": self._step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on averaging, unless it was averaged in another way."""
        if state_dict["kind"] == self.kind:
            self.updates, self._step = state_dict["updates"], state_dict["step"]

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Offer the average. Counters are those of the training."""
        if self.averaged is None:
            return
        raw = checkpoint["state_dict"]
        average = self.averaged.state_dict() if self.updates else raw
        checkpoint[RAW_WEIGHTS] = raw
        checkpoint["state_dict"] = {
            name: average[name] if value.is_floating_point() else value for name, value in raw.items()
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take the average of a training that goes on. The model has taken the raw weights."""
        average = checkpoint.get(AVERAGED_WEIGHTS)
        if average is None:
            return
        if self.averaged is not None:
            self.averaged.load_state_dict(average)
        else:
            trained = recognizer_of(pl_module)
            trained.card = replace(trained.card, calibration=trained.card.raw_calibration, raw_calibration=None)


def average_of(trainer: Trainer) -> WeightAverage | None:
    """The callback of a trainer that averages weights, if it has one."""
    callbacks = [each for each in trainer.callbacks if isinstance(each, WeightAverage)]  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if callback.kind is not None), None)


Measuring = TypeVar("Measuring", bound=EvaluationCallback)


def offered(trainer: Trainer, kind: type[Measuring]) -> list[Measuring]:
    """The callbacks of a kind that measure what a checkpoint offers: the average, where there is one."""
    average = average_of(trainer)
    callbacks = average.twins if average is not None else trainer.callbacks  # type: ignore[attr-defined]
    return [callback for callback in callbacks if isinstance(callback, kind)]


def _floats(model: LightningModule) -> list[Tensor]:
    """Parameters and buffers that have a mean."""
    return [value for value in chain(model.parameters(), model.buffers()) if value.is_floating_point()]


def _freeze_alike(averaged: FaceRecognizer, trained: FaceRecognizer) -> None:
    """Freeze the parts that are frozen in the training: their batch statistics are kept."""
    if averaged.frozen_parts is not None and trained.frozen_parts is not None:
        if trained.frozen_parts.is_frozen:
            averaged.frozen_parts.freeze()
        else:
            averaged.frozen_parts.thaw()

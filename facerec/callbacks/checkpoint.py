"""Which checkpoints a run keeps: the one with the lowest validation EER, and the last."""

from dataclasses import replace
from typing import Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from facerec.callbacks.accuracy import accuracy_name
from facerec.callbacks.averages import average_of
from facerec.callbacks.evaluation import data_of, recognizer_of
from facerec.callbacks.last_checkpoint import LastCheckpoint
from facerec.callbacks.pace import share_done
from facerec.data.datamodule import FaceDataModule
from facerec.optim import Plateau
from facerec.recognizer import FaceRecognizer
from facerec.settings import require_within

EER = "val/eer"
LAST = "last"
NO_PAIRS = (
    "no validation pairs: the checkpoint is chosen by dev accuracy on the training people; whether the network "
    "recognises people it has never seen is not measured, and no threshold is calibrated. `facerec split` makes "
    "validation people"
)
NOTHING_MEASURED = (
    "no validation pairs and no dev images: nothing tells which epoch is the best, so last.ckpt alone is saved, and no "
    "threshold is calibrated. `facerec split` makes dev images and validation people"
)


class BestCheckpoint(LastCheckpoint):
    """Keeps the epoch with the lowest (or highest) value of a validation metric, and the last epoch.

    Only a validation of its own weights makes an epoch the best. An epoch that ends without one is none of the best:
    ``max_steps`` in mid-epoch, or a ``val_check_interval`` that does not end with the epoch.

    Without validation pairs there is no EER. The epoch with the highest dev accuracy is then the best; without dev
    images too, none is, and only the last epoch is kept.

    Args:
        monitor: logged name that chooses. By default ``val/eer``, the mean EER over the validation sets, or where
            ``average`` averages the weights ``val_ema/eer`` or ``val_swa/eer``. Without validation pairs they become
            ``val/accuracy`` and the like, and ``mode`` becomes ``max``.
        mode: ``min`` if lower is better, ``max`` if higher is better.
        save_top_k: number of best epochs to keep.
        candidates_after: share of the training, in [0, 1), before an epoch may be kept as best. It counts epochs or
            ``max_steps``, whichever ends first. On few validation people an early epoch can look best by luck, before
            a margin has warmed up and the learning rate has fallen.
        every_n_steps: number of optimizer steps after which the last checkpoint is saved again, also within an epoch.
        every_minutes: time in minutes after which it is saved again. None saves it after epochs alone.

    Raises:
        ValueError: if ``candidates_after`` lies outside [0, 1), or an interval is not positive.

    Example:
        >>> best = BestCheckpoint(save_top_k=3, candidates_after=0.75)  # the three best epochs of the last quarter
        >>> best.monitor, best.mode
        ('val/eer', 'min')
    """

    def __init__(
        self,
        monitor: str | None = None,
        mode: Literal["min", "max"] = "min",
        save_top_k: int = 1,
        candidates_after: float = 0.0,
        every_n_steps: int | None = None,
        every_minutes: float | None = 15.0,
    ) -> None:
        require_within("checkpoint.", 0.0, 1.0, high_excluded=True, candidates_after=candidates_after)
        self.candidates_after = candidates_after
        self._validated_step: int | None = None
        self._is_default = monitor is None
        super().__init__(monitor or EER, mode, save_top_k, every_n_steps, every_minutes)
        self._key = super().state_key

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint. It is that of the settings, whatever the data make of them."""
        return self._key

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse a metric that no validation gives, to choose by or for ``Plateau``, before anything is trained.

        Raises:
            ValueError: for such a metric, naming the ones that exist. A callback or model of somebody else's may log
                more, so there nothing is refused.
        """
        super().setup(trainer, pl_module, stage)
        if stage == "fit" and _is_face_training(trainer, pl_module):
            self._follow_the_data(trainer, recognizer_of(pl_module))
        validates = bool(trainer.limit_val_batches) and self.save_top_k != 0
        if stage == "fit" and validates:
            _warn_of_no_validation(trainer)
        if stage == "fit" and validates and _all_ours(trainer, pl_module):
            _require_measured(trainer, "checkpoint.monitor", str(self.monitor))
            schedule = recognizer_of(pl_module).schedule
            if isinstance(schedule, Plateau) and schedule.monitor != EER:  # the model itself looks for pairs
                _require_measured(trainer, "model.schedule.monitor", schedule.monitor)

    def _follow_the_data(self, trainer: Trainer, recognizer: FaceRecognizer) -> None:
        """Choose by dev accuracy where there is no EER, and nothing where nothing is measured. Note it on the card."""
        data, average = data_of(trainer), average_of(trainer)
        stage = average.stage if self._is_default and average is not None else "val"
        if self._is_default:
            self.monitor = f"{stage}/eer"
        if not data.pair_sets("val"):
            rank_zero_warn(NO_PAIRS if data.dev is not None else NOTHING_MEASURED)
            if data.dev is None:
                self.save_top_k = 0
            elif self.monitor == f"{stage}/eer":
                self.monitor, self.mode = f"{stage}/{accuracy_name(recognizer)}", "max"
                self.kth_value = torch.tensor(-torch.inf)
        recognizer.card = replace(recognizer.card, chosen_by=self.monitor if self.save_top_k else LAST)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the step whose weights the metrics are of."""
        if not trainer.sanity_checking:
            self._validated_step = trainer.global_step
        super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep each epoch that was validated as the last: Lightning would only where it is among the best."""
        super().on_train_epoch_end(trainer, pl_module)
        if (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0 or self.is_due(trainer):
            self.save_last_now(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights at the end, also of epochs after the last validation.

        In place of Lightning's own, which leaves a file behind in a fast development run.
        """
        self.save_last_now(trainer)

    def before_choice(self, trainer: Trainer, measured: dict[str, Tensor]) -> None:
        """Before Lightning ends the run for a metric that is not there, keep what was trained."""
        if self.monitor not in measured:
            self.save_last_now(trainer)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether the current weights are among the best of those that may be kept."""
        measured = str(self.monitor).startswith("train/") or self._validated_step == trainer.global_step
        passed = share_done(trainer) > self.candidates_after
        return measured and passed and super().check_monitor_top_k(trainer, current)


def _warn_of_no_validation(trainer: Trainer) -> None:
    """Warn if the training ends before its first validation."""
    epochs, every = trainer.max_epochs, trainer.check_val_every_n_epoch
    if epochs is not None and every is not None and 0 < epochs < every and not trainer.fast_dev_run:  # type: ignore[attr-defined]
        rank_zero_warn(
            f"trainer.max_epochs={epochs} ends before the first validation (trainer.check_val_every_n_epoch={every}): "
            "there will be no EER, no best checkpoint and no threshold"
        )


def validation_names(trainer: Trainer) -> list[str]:
    """Names that the validation of a FaceDataModule logs; none if it has no sets."""
    data: FaceDataModule = trainer.datamodule  # type: ignore[attr-defined]
    sets = list(data.pair_sets("val"))
    values = ["eer"] if sets else []
    values += [f"{name}/{value}" for name in sets for value in ("eer", "threshold", "auc")]
    values += ["accuracy", "accuracy_nearest_mean"] if data.dev is not None else []
    average = average_of(trainer)
    stages = ["val"] if average is None else ["val", average.stage]
    return [f"{stage}/{value}" for stage in stages for value in values]


def _require_measured(trainer: Trainer, setting: str, monitor: str) -> None:
    """Refuse the name of a validation metric that no validation gives."""
    names = validation_names(trainer)
    if names and monitor.startswith("val") and monitor not in names:
        raise ValueError(f"{setting}={monitor}: the validation gives {', '.join(names)}")


def _is_face_training(trainer: Trainer, pl_module: LightningModule) -> bool:
    return isinstance(getattr(trainer, "datamodule", None), FaceDataModule) and isinstance(pl_module, FaceRecognizer)


def _all_ours(trainer: Trainer, pl_module: LightningModule) -> bool:
    """Whether model, data and callbacks are facerec's and Lightning's, so that every logged metric is known."""
    modules = [type(callback).__module__ for callback in trainer.callbacks]  # type: ignore[attr-defined]
    known = all(module.split(".")[0] in ("facerec", "lightning") for module in modules)
    return type(pl_module) is FaceRecognizer and _is_face_training(trainer, pl_module) and known

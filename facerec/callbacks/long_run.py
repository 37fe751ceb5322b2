"""A warning from the first steps on that a training takes days here: made for a GPU and started on a CPU, say."""

import time
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.utilities import rank_zero_warn

from facerec.callbacks.pace import about, epochs_of

HOUR, DAY = 3600.0, 86400.0
LONG_EPOCH, LONG_RUN = HOUR, DAY
MEASURED_SECONDS = 10.0


class LongRunNotice(Callback):
    """Warns on a CPU if an epoch takes more than an hour, or the rest of the training more than a day.

    It measures the first epoch from the end of its first step, for ten seconds or one step, whichever takes longer.

    Args:
        advice: what to do, added to the warning.
        clock: time in seconds.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> notice = LongRunNotice("a smaller network or smaller images take less")
        >>> trainer = Trainer(callbacks=[notice], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self, advice: str = "", clock: Callable[[], float] = time.perf_counter) -> None:
        self._advice = advice
        self._clock = clock
        self._first: tuple[float, int] | None = None
        self._is_done = False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measure, and warn once."""
        if self._is_done or not isinstance(trainer.accelerator, CPUAccelerator):
            return
        if self._first is None:
            self._first = (self._clock(), batch_idx)
            return
        began, first = self._first
        seconds = self._clock() - began
        if seconds >= MEASURED_SECONDS:
            self._is_done = True
            self._warn(trainer, seconds / (batch_idx - first))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An epoch that is over this soon is none to warn of."""
        self._is_done = True

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure no validation within the epoch: begin again after it."""
        self._first = None

    def _warn(self, trainer: Trainer, seconds_a_batch: float) -> None:
        epoch = seconds_a_batch * trainer.num_training_batches
        epochs = epochs_of(trainer)
        left = trainer.estimated_stepping_batches - trainer.global_step
        rest = seconds_a_batch * trainer.accumulate_grad_batches * left
        if epoch > LONG_EPOCH or rest > LONG_RUN:
            advice = f"; {self._advice}" if self._advice else ""
            rank_zero_warn(f"about {about(epoch)} an epoch here ({epochs} epochs: {about(rest)}){advice}")

"""Speed of training in images a second, without the first steps."""

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from facerec.data.batches import Batch


class Throughput(Callback):
    """Logs ``train/images_per_second`` over each epoch, of all processes together and without validation time.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[Throughput()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._started: float | None = None
        self._paused = 0.0
        self._images = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock of the last epoch."""
        self._started = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Start the clock at the second batch of an epoch, because the first waits for the loader.

        A run that is resumed in mid-epoch starts it later, an epoch of one batch at the first.
        """
        if self._started is None and batch_idx >= min(1, int(trainer.num_training_batches) - 1):
            self._started = time.perf_counter()
            self._images = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Count the images, and log at the last batch."""
        self._images += len(batch.images) * trainer.world_size
        if self._started is not None and batch_idx + 1 == trainer.num_training_batches:
            seconds = time.perf_counter() - self._started
            pl_module.log("train/images_per_second", self._images / max(seconds, 1e-9))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note when a validation within the epoch begins."""
        self._paused = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out the time that it took."""
        if self._started is not None:
            self._started += time.perf_counter() - self._paused

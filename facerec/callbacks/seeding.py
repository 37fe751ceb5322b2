"""Draws dropout and stochastic depth by (seed, epoch, step), so that a resumed run repeats the uninterrupted one."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from facerec.callbacks.evaluation import data_of
from facerec.data.training_set import SEED_STRIDE


class StepSeed(Callback):
    """Seeds torch's global generator before each training step. Each process gets its own stream.

    The order of the images and their augmentation do not use this generator: (seed, epoch, image) decides them. To seed
    once an epoch would not do, because the start of the loader draws from it too, at another moment when resuming.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[StepSeed()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed for this step and process."""
        step = (data_of(trainer).seed * SEED_STRIDE + trainer.current_epoch) * SEED_STRIDE + batch_idx
        torch.manual_seed((step * trainer.world_size + trainer.global_rank) % 2**63)

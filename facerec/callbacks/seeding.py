"""Dropout and stochastic depth, drawn by (seed, epoch, step) so that a resumed run repeats the uninterrupted one."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from facerec.callbacks.evaluation import data_of
from facerec.data.datamodule import SEED_STRIDE


class StepSeed(Callback):
    """Seeds torch's global generator before each training step; each process gets its own stream.

    The order of the images and their augmentation are addressed by (seed, epoch, image) already and do not use it. Once
    an epoch would not do: starting the loader draws from the same generator, at another moment when resuming.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed for this step and process."""
        step = (data_of(trainer).seed * SEED_STRIDE + trainer.current_epoch) * SEED_STRIDE + batch_idx
        torch.manual_seed((step * trainer.world_size + trainer.global_rank) % 2**63)

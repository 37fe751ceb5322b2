"""Dropout and stochastic depth, drawn anew from (seed, epoch) so that a resumed run repeats the uninterrupted one."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from facerec.callbacks.evaluation import data_of
from facerec.data.datamodule import SEED_STRIDE


class EpochSeed(Callback):
    """Seeds torch's global generator at the start of each training epoch; each process gets its own stream.

    The order of the images and their augmentation are addressed by (seed, epoch, image) already and do not use it.
    """

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed for this epoch and process."""
        seed = data_of(trainer).seed * SEED_STRIDE
        torch.manual_seed(seed + trainer.current_epoch * trainer.world_size + trainer.global_rank)

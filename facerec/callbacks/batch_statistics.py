"""Batch statistics of a network, estimated on training images as a training sees them."""

import numpy as np
import torch
from lightning.pytorch import Trainer
from numpy.typing import NDArray
from torch.nn.modules.batchnorm import _BatchNorm

from facerec.backbones.batch_statistics import estimating_statistics
from facerec.callbacks.evaluation import data_of
from facerec.data.training_set import SEED_STRIDE
from facerec.recognizer import FaceRecognizer


@torch.no_grad()
def estimate_statistics(trainer: Trainer, recognizer: FaceRecognizer, images: int) -> None:
    """Estimate mean and variance of each batch normalisation anew; the processes share the work.

    The images are the same each time, augmented as in the present epoch, in batches of the training's size. Nothing of
    the training changes: neither the order of its images nor its random numbers.

    Args:
        trainer: that trains.
        recognizer: the network, on the device of the training. It is left in evaluation mode.
        images: largest number of training images. None are read for a network without batch normalisation.
    """
    if not any(isinstance(layer, _BatchNorm) for layer in recognizer.backbone.modules()):
        return
    data = data_of(trainer)
    dataset = data.train_dataset(data.identities)
    assert dataset is not None
    seed = data.seed * SEED_STRIDE
    chosen_N = np.random.default_rng(seed).permutation(len(dataset))[:images]
    loader = data.sample_loader(_share(trainer, chosen_N, data.batch_size), trainer.current_epoch)
    gpus = [recognizer.device] if recognizer.device.type == "cuda" else []
    recognizer.train()
    with torch.random.fork_rng(gpus), estimating_statistics(recognizer.backbone) as layers:
        torch.manual_seed(seed + trainer.global_rank)  # of dropout
        for batch in loader:
            batch = batch._replace(images=batch.images.to(recognizer.device), labels=batch.labels.to(recognizer.device))
            batch = data.as_in_training(batch, trainer.current_epoch)  # in float32, as a training augments
            with trainer.precision_plugin.train_step_context():
                recognizer(batch.images)
    recognizer.eval()
    for layer in layers:
        for statistic in (layer.running_mean, layer.running_var):
            assert statistic is not None
            statistic.copy_(trainer.strategy.reduce(statistic, reduce_op="mean"))


def _share(trainer: Trainer, chosen_N: NDArray[np.int64], batch_size: int) -> NDArray[np.int64]:
    """The images of this process, as many as those of the others: full batches, or one that is not full."""
    mine = chosen_N[trainer.global_rank :: trainer.world_size][: len(chosen_N) // trainer.world_size]
    return mine[: max(len(mine) // batch_size, 1) * batch_size]

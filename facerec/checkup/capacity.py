"""The largest batch that fits into memory: tried on a GPU, computed on a CPU, where trying would swap or be killed."""

import gc
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from facerec.checkup.training_step import TrainingStep
from facerec.data.views import augmented
from facerec.machine import available_memory

MOST_IMAGES = 2**16
FINENESS = 8  # the answer is exact to an eighth
PEAK = 1.6  # of a step over what the forward pass keeps; 1.05 to 1.6 was seen, for four networks in two precisions
SAFE_SHARE = 0.8  # of the memory that is available


@dataclass(frozen=True)
class Capacity:
    """The largest batch.

    Attributes:
        images: number of images in it.
        explanation: how it is known, as a phrase.
    """

    images: int
    explanation: str


def largest_batch(step: TrainingStep) -> Capacity | None:
    """The largest batch of a training step that fits into its device; None where the memory is unknown.

    The batch of the step is another afterwards.
    """
    if step.device.type == "cuda":
        total = torch.cuda.get_device_properties(step.device).total_memory
        images = largest_that_fits(lambda size: fits(step, size), len(step.batch.labels))
        return Capacity(images, f"tried; the GPU has {total / 2**30:.0f} GiB")
    available = available_memory()
    if step.device.type != "cpu" or available is None:
        return None
    per_image = PEAK * memory_per_image(step)
    images = int(SAFE_SHARE * available / per_image)
    return Capacity(
        min(images, MOST_IMAGES),
        f"estimated: {available / 2**30:.1f} GiB are free, and an image takes {per_image / 2**20:.1f} MiB",
    )


def largest_that_fits(fits: Callable[[int], bool], start: int) -> int:
    """The largest number that fits, to an eighth; 0 if not even 1 does.

    Args:
        fits: whether a number fits; if one does, so do all below.
        start: first number to try.

    Example:
        >>> largest_that_fits(lambda size: size <= 1000, 32)
        960
    """
    low, high = 0, start
    while high <= MOST_IMAGES and fits(high):
        low, high = high, 2 * high
    while high - low > max(1, low // FINENESS):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def fits(step: TrainingStep, size: int) -> bool:
    """Whether a step with a batch of a size runs without running out of the device's memory."""
    try:
        step.set_batch_size(size)
        step()
    except torch.OutOfMemoryError:
        is_fitting = False
    else:
        is_fitting = True
    step.optimizer.zero_grad()
    gc.collect()
    if step.device.type == "cuda":
        torch.cuda.empty_cache()
    return is_fitting


def memory_per_image(step: TrainingStep, small: int = 4) -> float:
    """Bytes that the forward pass of an image keeps for the backward pass.

    Args:
        step: on any device.
        small: images in the smaller of two batches, of which the difference is taken.
    """
    few, many = (_kept_by_forward(step, size) for size in (small, 2 * small))
    return (many - few) / small


def _kept_by_forward(step: TrainingStep, size: int) -> int:
    """Bytes that the forward pass keeps, each tensor once, without the weights."""
    kept: dict[int, int] = {}
    weights = {weight.untyped_storage().data_ptr() for weight in step.recognizer.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    step.set_batch_size(size)
    batch = augmented(step.batch, step.data.augment, step.data.mix, step.people, range(step.data.views), epoch=0)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = step.recognizer.loss(step.embed(batch), batch.labels)
    del loss
    return sum(kept.values())

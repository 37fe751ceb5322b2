"""Augmented views of a training batch, made on the device."""

from collections.abc import Sequence

import torch

from facerec.data.batches import Batch
from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix


def augmented(
    batch: Batch, augment: Augment, mix: Mix | None, num_classes: int, seeds: Sequence[int], epoch: int
) -> Batch:
    """Augment and mix a batch, once for each seed, and join the views.

    Args:
        batch: images (B, 3, H, W), or those of all views (V B, 3, H, W) that the loader has made, and labels (B,).
        augment: augmentation of the images.
        mix: mixup and cutmix after augmentation, or None.
        num_classes: number of training people C.
        seeds: a seed for each of the V views.
        epoch: number of the epoch.

    Returns:
        Images (V B, 3, H, W), labels (V B,) or, once mixed, (V B, C), and indices (V B,).
    """
    parts = torch.split(batch.images, len(batch.labels))
    if len(parts) < len(seeds):
        parts = parts * len(seeds)
    views = [augment(part, seed, epoch, batch.indices) for part, seed in zip(parts, seeds, strict=True)]
    labels = [batch.labels] * len(views)
    if mix is not None:
        mixed = [
            mix(view, batch.labels, num_classes, seed, epoch, batch.indices)
            for view, seed in zip(views, seeds, strict=True)
        ]
        views, labels = [view for view, _ in mixed], [shares for _, shares in mixed]
    return Batch(torch.cat(views), torch.cat(labels), batch.indices.repeat(len(views)))

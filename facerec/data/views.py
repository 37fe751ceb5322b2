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


def augmented_with_shallow(
    batch: Batch, people: int, augment: Augment, seeds: Sequence[int], second_seed: int, epoch: int
) -> Batch:
    """Augment a batch that ends with an image of each of P shallow people, and another, or the same, of each.

    Args:
        batch: images (B + 2 P, 3, H, W) and labels (B + 2 P,).
        people: number P of shallow people.
        augment: augmentation of the images.
        seeds: a seed for each of the V views of the others. The first is also that of the first images of shallow
            people.
        second_seed: seed of the second images of shallow people.
        epoch: number of the epoch.

    Returns:
        Images (V B + 2 P, 3, H, W), labels (V B,) and indices (V B + 2 P,): shallow people are no classes.
    """
    sizes = [len(batch.images) - 2 * people, people, people]
    deep, first, second = (Batch(*parts) for parts in zip(*(torch.split(part, sizes) for part in batch), strict=True))
    parts = [
        augmented(deep, augment, None, 0, seeds, epoch),
        augmented(first, augment, None, 0, seeds[:1], epoch),
        augmented(second, augment, None, 0, [second_seed], epoch),
    ]
    images, indices = torch.cat([part.images for part in parts]), torch.cat([part.indices for part in parts])
    return Batch(images, parts[0].labels, indices)

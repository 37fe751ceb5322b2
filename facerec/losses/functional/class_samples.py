"""A random choice of the classes that one training step compares with.

Shapes: B batch, C classes, K classes of a step.
"""

import math

import torch
from torch import Tensor


def draw_classes(labels_B: Tensor, num_classes: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The classes of a batch, with so many of the others that they are ``count``. A GPU does not wait.

    Args:
        labels_B: class of each image, among these C; -1 for a class of another process.
        num_classes: C.
        count: K, at least the number of different classes in the batch.

    Returns:
        The classes in order (K,), the place of each image's class among them (B,), -1 again for -1, and the chance
        that another class had to be among them, a scalar; 1 if there is no other class.

    Example:
        >>> import torch
        >>> classes, places, chance = draw_classes(torch.tensor([7, -1, 2, 7]), num_classes=10, count=6)
        >>> len(classes), classes[places[[0, 2, 3]]].tolist(), places[1].item(), chance.item()
        (6, [7, 2, 7], -1, 0.5)
    """
    elsewhere_B = labels_B < 0
    order = torch.rand(num_classes, device=labels_B.device)
    order = torch.cat([order, order.new_zeros(1)]).scatter(0, torch.where(elsewhere_B, num_classes, labels_B), -1.0)
    classes_K = order[:-1].topk(count, largest=False).indices.sort().values
    places_B = torch.searchsorted(classes_K, labels_B).masked_fill(elsewhere_B, -1)
    kept = (order[:-1] < 0.0).sum()
    chance = torch.where(kept < num_classes, (count - kept) / (num_classes - kept), 1.0)
    return classes_K, places_B, chance


def sample_classes(labels_B: Tensor, num_classes: int, share: float) -> tuple[Tensor, Tensor]:
    """The classes of a batch with a random choice of the others, as in Partial FC (An et al., CVPR 2022).

    Args:
        labels_B: class of each image; -1 for a class of another process.
        num_classes: C.
        share: r, share of all classes that are kept. Those of the batch are always among them.

    Returns:
        The classes in order (K,), and the place of each image's class among them (B,). A GPU does not wait.

    Example:
        >>> import torch
        >>> classes, places = sample_classes(torch.tensor([7, 2, 7]), num_classes=10, share=0.5)
        >>> len(classes), classes[places].tolist()
        (5, [7, 2, 7])
    """
    count = max(int(share * num_classes), min(len(labels_B), num_classes))
    return draw_classes(labels_B, num_classes, count)[:2]


def count_of_sample(batch: int, num_classes: int, share: float) -> int:
    """Number of classes K of a step: all of a batch, and a share of the others that is never 0.

    So each other class has at least this chance, and a sum over the classes can be right in the mean.

    Example:
        >>> count_of_sample(batch=8, num_classes=1000, share=0.1), count_of_sample(8, num_classes=5, share=0.1)
        (108, 5)
    """
    return min(num_classes, batch + math.ceil(share * num_classes))

"""A figure of training images, as the network gets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facerec.data.batches import Batch
from facerec.recognizer import FaceRecognizer
from facerec.reports.faces import image_grid
from facerec.transforms.preprocess import Preprocess, channels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINING_IMAGES = 32
SMALLEST = 96  # pixels


def training_figure(recognizer: FaceRecognizer, batch: Batch) -> Figure:
    """Images of a training batch as the network gets them: augmented, resized, and back from the scale of its input."""
    inputs_BCHW = recognizer.preprocess(batch.images[:TRAINING_IMAGES]).cpu()
    images_BCHW = denormalised(inputs_BCHW, recognizer.preprocess)
    people = recognizer.identities
    captions = [_caption(label, people) for label in batch.labels[:TRAINING_IMAGES].cpu()]
    captions += ["no class"] * (len(images_BCHW) - len(captions))  # data.shallow
    times = max(1, SMALLEST // images_BCHW.shape[-1])  # so that small images have room for a name
    images_BCHW = (images_BCHW * 255.0).round().to(torch.uint8)
    images_BCHW = images_BCHW.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)
    return image_grid(list(images_BCHW), captions, "train/images: the first batch, as the network gets it")


def denormalised(inputs_BCHW: Tensor, preprocess: Preprocess) -> Tensor:
    """Inputs of a backbone as images again: floats in [0, 1].

    Example:
        >>> preprocess, images = Preprocess((8, 8), mean=(0.485, 0.456, 0.406), std=0.25), torch.rand(2, 3, 8, 8)
        >>> bool(torch.allclose(denormalised(preprocess(images), preprocess), images, atol=1e-6))
        True
    """
    mean_311, std_311 = (torch.tensor(channels(each))[:, None, None] for each in (preprocess.mean, preprocess.std))
    return (inputs_BCHW * std_311 + mean_311).clamp(0.0, 1.0)


def _caption(label: Tensor, people: Sequence[str]) -> str:
    """The name of a person, or the two largest shares of a mixture."""
    if not label.is_floating_point():
        return people[int(label)]
    shares, persons = label.topk(min(2, len(label)))
    mixed = [
        (float(share), people[person]) for share, person in zip(shares, persons.tolist(), strict=True) if share > 0.005
    ]
    return " + ".join(f"{share:.0%} {name}" for share, name in mixed)

"""From a source to batches of one size: what runs in the loader's workers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from facerec.data.images import UnreadableImageError
from facerec.data.sources import Images, ImageSource
from facerec.transforms.preprocess import resize

NO_LABEL = -1


class Batch(NamedTuple):
    """A batch on its way to the model.

    Attributes:
        images: uint8 (B, 3, H, W) as read; float (B, 3, H, W) in [0, 1] once augmented.
        labels: class of each image (B,), int64; -1 where it has none (images of pairs). Once mixed, the share of each
            class (B, C), float32.
        indices: place of each image in its source (B,), int64.
    """

    images: Tensor
    labels: Tensor
    indices: Tensor


class Sample(NamedTuple):
    """One image of one size, its class and its place in the source."""

    image: Tensor
    label: int
    place: int


class SourceDataset(Dataset[Sample]):
    """Reads images of a source, resized to one size.

    Args:
        source: of the images.
        size: (height, width) that every image gets.
        labels: class of each image (N,) as the model counts them; by default the source's own.
        indices: which images, by default all.
    """

    def __init__(
        self,
        source: Images,
        size: tuple[int, int],
        labels: Sequence[int] | NDArray[np.int64] | None = None,
        indices: NDArray[np.int64] | None = None,
    ) -> None:
        self.source = source
        self.size = size
        if labels is None:
            labels = source.labels if isinstance(source, ImageSource) else np.full(len(source), NO_LABEL)
        self.labels = np.asarray(labels, dtype=np.int64)
        self.indices = np.arange(len(source)) if indices is None else indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> Sample:
        index = int(self.indices[position])
        image = resize(self.source.read(index)[None], self.size)[0]
        return Sample(image, int(self.labels[index]), index)


def collate(samples: list[Sample]) -> Batch:
    """Stack samples of one size."""
    return Batch(
        torch.stack([sample.image for sample in samples]),
        torch.tensor([sample.label for sample in samples], dtype=torch.int64),
        torch.tensor([sample.place for sample in samples], dtype=torch.int64),
    )


def readable(source: Images, description: str) -> tuple[NDArray[np.int64], list[str]]:
    """Decode every image once, with a progress bar where it takes more than two seconds.

    Returns:
        Indices of those that decode, and the messages of those that do not.
    """
    good: list[int] = []
    messages: list[str] = []
    for index in tqdm(range(len(source)), desc=description, unit="image", delay=2, leave=False):
        try:
            source.read(index)
        except UnreadableImageError as error:
            messages.append(str(error))
        else:
            good.append(index)
    return np.array(good, dtype=np.int64), messages

"""From a source to batches of one size: what runs in the loader's workers."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from facerec.data.images import UnreadableImageError
from facerec.data.sources import Images, ImageSource

NO_LABEL = -1


class Batch(NamedTuple):
    """A batch on its way to the model.

    Attributes:
        images: uint8 (B, 3, H, W) as read, or when no more than mirrored; float (B, 3, H, W) in [0, 1] otherwise.
        labels: class of each image (B,), int64; -1 where it has none (images of pairs). Once mixed, the share of each
            class (B, C), float32.
        indices: place of each image in its source (B,), int64.
    """

    images: Tensor
    labels: Tensor
    indices: Tensor


Loaded = tuple[Tensor, NDArray[np.int64], NDArray[np.int64]]  # images, labels and indices, as a worker sends them


class SourceDataset(Dataset[Loaded]):
    """Reads images of a source, resized to one size, a whole batch at a time.

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

    def __getitems__(self, positions: list[int]) -> Loaded:
        """What a loader asks for: all the images of a batch at once, which lets a source read them in one go."""
        indices_B = self.indices[positions]
        return self.source.read_batch(indices_B, self.size), self.labels[indices_B], indices_B

    def __getitem__(self, position: int) -> Loaded:
        """A batch of one."""
        return self.__getitems__([position])


class BatchLoader(DataLoader[Loaded]):
    """A torch loader of a :class:`SourceDataset`, which gives a :class:`Batch` at a time.

    Its workers send labels and indices as arrays: each tensor would pass through a file descriptor of its own, with a
    handshake between the processes that costs as much as many images.
    """

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """The batches of an epoch."""
        for images_BCHW, labels_B, indices_B in super().__iter__():
            yield Batch(images_BCHW, torch.from_numpy(labels_B), torch.from_numpy(indices_B))


def as_loaded(loaded: Loaded) -> Loaded:
    """What a loader is to do with a batch, which by default it would put together from samples: nothing."""
    return loaded


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

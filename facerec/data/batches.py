"""From a source to batches of images of one size. This code runs in the workers of a loader."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from facerec.data.kept import KeptImages
from facerec.data.sources import Images, ImageSource

NO_LABEL = -1
BATCHES_AHEAD = 4  # of each worker: a slow batch does not make a GPU wait


class Batch(NamedTuple):
    """A batch on its way to the model.

    Attributes:
        images: uint8 (B, 3, H, W), as read or mirrored; float (B, 3, H, W) in [0, 1] after other augmentation. From a
            loader with ``data.transforms`` all views of the batch (V B, 3, H, W), one after another.
        labels: class of each image (B,), int64; -1 for images of pairs. After mixing, the share of each class (B, C),
            float32. After augmentation, images of people outside the classifier (``data.shallow``) are behind the
            others and have none.
        indices: index of each image in its source (B,), int64, on the CPU: augmentation draws there.
    """

    images: Tensor
    labels: Tensor
    indices: Tensor


Loaded = tuple[Tensor, NDArray[np.int64], NDArray[np.int64]]  # images, labels and indices, as a worker sends them


class SourceDataset(Dataset[Loaded]):
    """Reads images of a source, resized to one size, a whole batch at a time.

    Args:
        source: the images.
        size: (height, width) of every image in a batch.
        labels: class of each image (N,) as the model counts classes; by default those of the source.
        indices: images to use; by default all.
        keep: whether the images stay in memory once they were read.
    """

    def __init__(
        self,
        source: Images,
        size: tuple[int, int],
        labels: Sequence[int] | NDArray[np.int64] | None = None,
        indices: NDArray[np.int64] | None = None,
        keep: bool = False,
    ) -> None:
        self.source = source
        self.size = size
        if labels is None:
            labels = source.labels if isinstance(source, ImageSource) else np.full(len(source), NO_LABEL)
        self.labels = np.asarray(labels, dtype=np.int64)
        self.indices = np.arange(len(source)) if indices is None else indices
        self._kept = KeptImages(source, size) if keep else None

    def __len__(self) -> int:
        return len(self.indices)

    def __getstate__(self) -> dict[str, Any]:
        """What a spawned worker is sent: not the arrays that it has from the source, 800 MB at 50 million images."""
        state = vars(self).copy()
        if isinstance(self.source, ImageSource) and self.labels is self.source.labels:
            del state["labels"]
        if len(self.indices) == len(self.source) and np.array_equal(self.indices, np.arange(len(self.source))):
            del state["indices"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if isinstance(self.source, ImageSource) and "labels" not in state:
            self.labels = self.source.labels
        if "indices" not in state:
            self.indices = np.arange(len(self.source))

    def __getitems__(self, positions: list[int]) -> Loaded:
        """All images of a batch at once, which the source may read in one go. Loaders call this method."""
        indices_B = self.indices[positions]
        images_BCHW = self._kept.read_batch(indices_B) if self._kept else self.source.read_batch(indices_B, self.size)
        return images_BCHW, self.labels[indices_B], indices_B

    def __getitem__(self, position: int) -> Loaded:
        """A batch of one."""
        return self.__getitems__([position])


@runtime_checkable
class ChangesByEpoch(Protocol):
    """A dataset whose images are others in each epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins."""


class BatchLoader(DataLoader[Loaded]):
    """A torch loader of a :class:`SourceDataset` that gives :class:`Batch` objects.

    Its workers send labels and indices as arrays. A tensor would pass through a file descriptor of its own, with a
    handshake between the processes that costs as much as many images.

    A run that is resumed within an epoch goes on behind the batches that it has seen, without reading them again.
    """

    _given = 0  # batches of this epoch
    _skipped = 0  # batches that the next epoch leaves out

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """The batches of an epoch."""
        self._given, self._skipped = self._skipped, 0
        if isinstance(self.dataset, ChangesByEpoch):
            self.dataset.set_epoch(getattr(self.sampler, "epoch", 0))  # trainer.overfit_batches has another sampler
        loaded = self._rest(self._given) if self._given else super().__iter__()
        for images_BCHW, labels_B, indices_B in loaded:
            self._given += 1
            yield Batch(images_BCHW, torch.from_numpy(labels_B), torch.from_numpy(indices_B))

    def _rest(self, seen: int) -> Iterator[Loaded]:
        """The batches of an epoch behind the first ones."""
        assert self.batch_sampler is not None
        return iter(
            DataLoader(
                self.dataset,
                batch_sampler=_Behind(self.batch_sampler, seen),
                num_workers=self.num_workers,
                collate_fn=self.collate_fn,
                pin_memory=self.pin_memory,
                prefetch_factor=self.prefetch_factor,
            )
        )

    def state_dict(self) -> dict[str, int]:
        """How many batches of the epoch it has given."""
        return {"batches": self._given}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Let the next epoch begin behind the batches that were given."""
        self._skipped = state["batches"]


class _Behind:
    """The batches of a sampler behind the first ones."""

    def __init__(self, batches: Iterable[list[int]], seen: int) -> None:
        self.batches = batches
        self.seen = seen

    def __iter__(self) -> Iterator[list[int]]:
        return islice(self.batches, self.seen, None)


def as_loaded(loaded: Loaded) -> Loaded:
    """The batch as the dataset made it. By default a loader would put it together from samples."""
    return loaded


def batch_loader(
    dataset: Dataset[Loaded],
    batch_size: int,
    sampler: DistributedSampler[SourceDataset] | None = None,
    num_workers: int = 0,
    drop_last: bool = False,
) -> BatchLoader:
    """A loader of whole batches.

    Args:
        dataset: the images.
        batch_size: images in a batch.
        sampler: order of the images; by default their order in the dataset.
        num_workers: processes that read images; 0 reads them in this process.
        drop_last: whether to leave out a last batch that is not full.
    """
    return BatchLoader(
        dataset,
        batch_size,
        sampler=sampler,
        num_workers=num_workers,
        collate_fn=as_loaded,  # type: ignore[arg-type]  # torch knows no data sets that make whole batches
        pin_memory=torch.cuda.is_available(),
        drop_last=drop_last,
        persistent_workers=num_workers > 0,
        prefetch_factor=BATCHES_AHEAD if num_workers else None,
    )

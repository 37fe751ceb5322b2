"""Batches of two parts: images of deep people, and two views of each of some shallow people."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data.distributed import DistributedSampler

from facerec.data.batches import SourceDataset


class ShallowSampler(DistributedSampler[SourceDataset]):
    """Puts two images of each of P shallow people behind each batch of another sampler.

    A batch is the images of the other sampler, then an image of each of P different shallow people, then another image
    of each. A person of one image has it twice; augmentation makes two views of it.

    The other sampler defines the epoch. The shallow people pass by in a random order that goes on over epochs: all but
    a remainder of a batch come once before anybody comes again. The draw is a function of (seed, epoch, batch), so it
    needs no state. Processes take different people.

    Args:
        deep: order of the images of the deep people, which come first in the dataset.
        dataset: all images.
        first: position of the first image of a shallow person.
        batch: number of images of deep people in a batch.
        people: number P of shallow people in a batch.
        seed: seed of the draw.

    Raises:
        ValueError: if there are fewer shallow people than the batches of all processes take at a time.
    """

    def __init__(
        self,
        deep: DistributedSampler[SourceDataset],
        dataset: SourceDataset,
        first: int,
        batch: int,
        people: int,
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, deep.num_replicas, deep.rank, shuffle=True, seed=seed)
        self.deep = deep
        self.people = people
        labels_N = dataset.labels[dataset.indices[first:]]
        self._positions = first + np.argsort(labels_N, kind="stable")
        _, self._starts, self._counts = np.unique(np.sort(labels_N), return_index=True, return_counts=True)
        self._steps_of_pass = len(self._starts) // (people * self.num_replicas)
        if not self._steps_of_pass:
            raise ValueError(
                f"there are {len(self._starts)} shallow people, and the batches take {people * self.num_replicas} at a "
                "time: lower data.shallow.share or data.batch_size, or raise data.shallow.below"
            )
        self._batch = min(batch, len(deep))  # a small set is one batch
        self._steps = len(deep) // self._batch
        self.num_samples = self._steps * (self._batch + 2 * people)
        self.total_size = self.num_samples * self.num_replicas

    def __len__(self) -> int:
        """Images in an epoch of this process, those of shallow people included."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, here and in the other sampler."""
        super().set_epoch(epoch)
        self.deep.set_epoch(epoch)

    def __iter__(self) -> Iterator[int]:  # type: ignore[override]  # torch types it by the data set
        """Positions in the dataset, batch by batch."""
        order: Iterator[int] = iter(self.deep)  # type: ignore[arg-type]  # as above
        drawn: tuple[int, NDArray[np.int64]] | None = None  # a pass, and its pairs of images
        for step in range(self.epoch * self._steps, (self.epoch + 1) * self._steps):
            number, place = divmod(step, self._steps_of_pass)
            if drawn is None or drawn[0] != number:
                drawn = number, self._pairs_of_pass(number)
            yield from (next(order) for _ in range(self._batch))
            start = (place * self.num_replicas + self.rank) * self.people
            yield from drawn[1][start : start + self.people].T.flatten().tolist()

    def _pairs_of_pass(self, number: int) -> NDArray[np.int64]:
        """All shallow people in random order, and positions (S, 2) of two images of each."""
        random = np.random.default_rng((self.seed, number, 1))  # 1: not the stream of the other sampler
        order_S = random.permutation(len(self._starts))
        starts_S, counts_S = self._starts[order_S], self._counts[order_S]
        first_S = random.integers(counts_S)
        second_S = (first_S + 1 + random.integers(np.maximum(counts_S - 1, 1))) % counts_S
        pairs_S2: NDArray[np.int64] = self._positions[np.stack([starts_S + first_S, starts_S + second_S], axis=1)]
        return pairs_S2

"""Batches for losses that compare images: P people with K images each.

Shapes: C people, N images or batches, P people in a batch, K images of each.
"""

import math
from collections.abc import Iterator
from itertools import cycle, pairwise

import numpy as np
from numpy.typing import NDArray
from torch.utils.data.distributed import DistributedSampler

from facerec.data.batches import SourceDataset
from facerec.data.dealing import batches_needed, deal
from facerec.settings import require_within


class IdentityBalancedSampler(DistributedSampler[SourceDataset]):
    """Deals every image into groups of K of one person, and the groups into batches of P different people.

    An epoch covers the set: each image comes at least once. If a person's images do not fill the last group, images of
    that person are repeated. If too few people are left to fill a batch, groups of other people are repeated. The order
    is a function of (seed, epoch).

    The processes of a step have different people: R processes share the batch of R * P people that one process would
    have. Where the set has fewer people, they take batches of P people in turn, and a person may be in two of them.

    Args:
        dataset: the images, with the ``labels`` and ``indices`` of their people.
        people: number of people P in a batch of one process.
        images_per_person: number of images K of each.
        replicas: number of processes.
        rank: number of this process.
        seed: seed of the order.

    Raises:
        ValueError: for a size below 1, or fewer than P people.
    """

    def __init__(
        self,
        dataset: SourceDataset,
        people: int,
        images_per_person: int,
        replicas: int = 1,
        rank: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, replicas, rank, shuffle=True, seed=seed)
        require_within(self, 1, math.inf, people=people, images_per_person=images_per_person)
        self.people = people
        self.images_per_person = images_per_person
        labels_N = np.asarray(dataset.labels)[dataset.indices]
        self._positions = np.argsort(labels_N, kind="stable")  # in the dataset, person by person
        self.labels, self._starts, self._counts = np.unique(
            labels_N[self._positions], return_index=True, return_counts=True
        )  # of each person
        if len(self.labels) < people:
            raise ValueError(
                f"a batch of {people} people needs as many in the data, which has {len(self.labels)}: lower "
                "data.batch_size or raise data.images_per_person"
            )
        self._groups = -(-self._counts // images_per_person)
        self.together = replicas if len(self.labels) >= replicas * people else 1  # processes that share a batch
        self._turns = replicas // self.together
        self.batch_count = batches_needed(self._groups, self.together * people)
        self.num_samples = math.ceil(self.batch_count / self._turns) * people * images_per_person
        self.total_size = self.num_samples * replicas

    def __len__(self) -> int:
        """Images in an epoch of this process."""
        return self.num_samples

    def __iter__(self) -> Iterator[int]:  # type: ignore[override]  # torch types it by the data set
        """Positions in the dataset, each P * K of them a batch."""
        random = np.random.default_rng((self.seed, self.epoch))
        shuffled_N = self._shuffled(random)
        taken_C = np.zeros_like(self._groups)
        number, equally_many = 0, math.ceil(self.batch_count / self._turns) * self._turns
        first = self.rank % self.together * self.people
        for dealt_NP in cycle(self.batches(self._groups, random)):
            batches_NP = dealt_NP[: equally_many - number]
            groups_NP = (taken_C[batches_NP] + _times_before(batches_NP)) % self._groups[batches_NP]
            np.add.at(taken_C, batches_NP.ravel(), 1)
            mine = slice((self.rank - number) % self._turns, None, self._turns), slice(first, first + self.people)
            for batch_P, groups_P in zip(batches_NP[mine], groups_NP[mine], strict=True):
                yield from shuffled_N[self._places(batch_P, groups_P)].tolist()
            number += len(batches_NP)
            if number == equally_many:
                return

    def batches(self, groups_C: NDArray[np.int64], random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """The people of each batch: blocks (N, P), or (N, R * P) if the R processes share each batch.

        Args:
            groups_C: number of groups of images of each person.
            random: the draw of this epoch.
        """
        dealt_NP = deal(groups_C, self.together * self.people, random)
        order_N = np.arange(len(dealt_NP))
        random.shuffle(order_N)
        yield dealt_NP[order_N]

    def _shuffled(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Positions of all images, person by person, those of each person shuffled."""
        shuffled_N: NDArray[np.int64] = self._positions.copy()
        bounds = [*self._starts.tolist(), len(shuffled_N)]
        for start, end in pairwise(bounds):
            random.shuffle(shuffled_N[start:end])
        return shuffled_N

    def _places(self, people_P: NDArray[np.int64], groups_P: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of a batch among the shuffled images (P * K,).

        A person's last group is filled from the person's first images: from all others before any repeats.
        """
        images_PK = groups_P[:, None] * self.images_per_person + np.arange(self.images_per_person)
        places_PK: NDArray[np.int64] = self._starts[people_P, None] + images_PK % self._counts[people_P, None]
        return places_PK.ravel()


def _times_before(batches_NP: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each person was in the batches before (N, P)."""
    people = batches_NP.ravel()
    order = np.argsort(people, kind="stable")
    _, starts, counts = np.unique(people[order], return_index=True, return_counts=True)
    times = np.empty_like(people)
    times[order] = np.arange(len(people)) - np.repeat(starts, counts)
    return times.reshape(batches_NP.shape)

"""Hard negative class mining: batches of people whom the network takes for each other.

Shapes: C people, D embedding dimension, N people of a pool.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.batches import SourceDataset
from facerec.data.samplers import IdentityBalancedSampler
from facerec.settings import require_within


class HardClasses:
    """Where the network sees each person in an epoch, for batches of people who are alike.

    The directions are kept in float16, so that a checkpoint can hold them: a run that is resumed in mid-epoch goes on
    with the batches of that epoch.

    Args:
        among: number of random people among whom those of a batch are chosen.

    Attributes:
        epoch: epoch that the directions are of; -1 before the first.
        directions: direction of each person (C, D), float16; None before the first.

    Raises:
        ValueError: for fewer than 2 people.

    Example:
        >>> import torch
        >>> hard = HardClasses(among=64)
        >>> hard.update(torch.eye(3).half(), epoch=1)
        >>> other = HardClasses(among=64)
        >>> other.load_state_dict(hard.state_dict())
        >>> other.epoch, other.directions.shape
        (1, torch.Size([3, 3]))
    """

    def __init__(self, among: int) -> None:
        require_within("data.", 2, np.inf, mine_among=among)
        self.among = among
        self.epoch = -1
        self.directions: Tensor | None = None

    def update(self, directions_CD: Tensor, epoch: int) -> None:
        """Take the directions of an epoch (C, D), float16 on the CPU."""
        self.directions, self.epoch = directions_CD, epoch

    def state_dict(self) -> dict[str, Any]:
        """The directions and their epoch."""
        return {"directions": self.directions, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them from a checkpoint."""
        self.directions, self.epoch = state["directions"], state["epoch"]


class HardClassSampler(IdentityBalancedSampler):
    """Batches of P people who are alike, with K images each (Sohn, NIPS 2016, section 3.2.2).

    For each batch it draws a pool of people at random, by the number of groups of images that they have left. The first
    person of the pool starts the batch. Then it adds, one by one, the person of the pool whose direction has the
    largest cosine with that of anybody in the batch: in the terms of the paper, the class that violates the triplet
    constraint the most. Equal cosines go by the random order of the pool.

    Processes that share a batch have a pool each, and no person is in two of them.

    As in the base class an epoch covers the set, in as many batches. So people who must be in each batch that is left
    start it. Without directions, as in the first epoch, it is the base class.

    Args:
        dataset: the images, with the ``labels`` and ``indices`` of their people.
        people: number of people P in a batch of one process.
        images_per_person: number of images K of each.
        hard: the directions, read when an epoch begins, and the size of the pool.
        replicas: number of processes.
        rank: number of this process.
        seed: seed of the order.

    Raises:
        ValueError: for a size below 1, fewer than P people, or a pool of fewer than P.
    """

    def __init__(
        self,
        dataset: SourceDataset,
        people: int,
        images_per_person: int,
        hard: HardClasses,
        replicas: int = 1,
        rank: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, people, images_per_person, replicas, rank, seed)
        if hard.among < people:
            raise ValueError(
                f"data.mine_among={hard.among}: a batch has {people} people, who are chosen among these: set it to "
                f"{people} or more, {8 * people} say"
            )
        self.hard = hard

    def batches(self, groups_C: NDArray[np.int64], random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """The people of each batch: blocks (1, P), or (1, R * P) if the R processes share each batch."""
        if self.hard.directions is None:
            yield from super().batches(groups_C, random)
            return
        left_C, together = groups_C.copy(), self.together
        for remaining in range(self.batch_count, 0, -1):
            pool_N, forced = draw_pool(left_C, remaining, together * self.people, together * self.hard.among, random)
            batches = [
                self._alike(pool_N[share::together], max(1, len(range(share, forced, together))))
                for share in range(together)
            ]
            batch_P = np.concatenate(batches)
            left_C[batch_P] = np.maximum(left_C[batch_P] - 1, 0)
            yield batch_P[None]

    def _alike(self, pool_N: NDArray[np.int64], forced: int) -> NDArray[np.int64]:
        """The people of the batch of one process (P,)."""
        assert self.hard.directions is not None
        directions_ND = self.hard.directions[torch.from_numpy(self.labels[pool_N])].float().numpy()
        return pool_N[grow_hard_batch(directions_ND, forced, self.people)]


def draw_pool(
    left_C: NDArray[np.int64], remaining: int, people: int, size: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], int]:
    """Draw people who have groups of images left, in random order, with chances by the number of these groups.

    Args:
        left_C: number of groups that each person has left (C,).
        remaining: number of batches that are left. Nobody has more groups.
        people: number of people in a batch.
        size: number of people to draw; at least ``people``.
        random: the draw.

    Returns:
        The pool (N,), and how many of its first people the batch must hold, at least one: those with a group for each
        batch that is left, or everybody with a group left where these do not fill the batch. Then others fill it up.
    """
    has_left_C = left_C > 0
    draw_C = random.random(len(left_C))
    # the largest u^(1/w) are a weighted draw without replacement (Efraimidis and Spirakis, 2006)
    rank_C = np.where(has_left_C, draw_C ** (1.0 / np.maximum(left_C, 1)), draw_C - 1.0)
    must_C = left_C == remaining
    rank_C[must_C] += 1.0
    with_left = int(has_left_C.sum())
    if with_left < people:
        forced, size = with_left, min(size, len(left_C))
    else:
        forced, size = int(must_C.sum()), min(size, with_left)
    pool_N = np.argpartition(-rank_C, size - 1)[:size]
    return pool_N[np.argsort(-rank_C[pool_N], kind="stable")], max(forced, 1)


def grow_hard_batch(directions_ND: NDArray[np.float32], forced: int, people: int) -> NDArray[np.int64]:
    """Add to the first people of a pool, one by one, the one who is nearest to anybody chosen.

    Args:
        directions_ND: direction of each person of the pool (N, D).
        forced: number of first people to start with, at least one.
        people: number P of people to choose.

    Returns:
        Places in the pool (P,). Of people who are equally near the first in the pool is taken.

    Example:
        Person 0 starts. Person 2 is nearest to person 0, and person 3 to person 2.

        >>> import numpy as np
        >>> angles = np.radians([0.0, 180.0, 40.0, 60.0, 100.0])
        >>> grow_hard_batch(np.stack([np.cos(angles), np.sin(angles)], axis=1), forced=1, people=3).tolist()
        [0, 2, 3]
    """
    chosen = list(range(forced))
    nearest_N = (directions_ND @ directions_ND[:forced].T).max(axis=1)
    nearest_N[:forced] = -np.inf
    while len(chosen) < people:
        best = int(nearest_N.argmax())
        chosen.append(best)
        np.maximum(nearest_N, directions_ND @ directions_ND[best], out=nearest_N)
        nearest_N[chosen] = -np.inf
    return np.array(chosen)

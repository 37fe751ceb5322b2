"""People dealt into batches of different people until everybody's groups of images are used up.

Shapes: C people, N batches, P people in a batch.
"""

import heapq

import numpy as np
from numpy.typing import NDArray


def batches_needed(groups_C: NDArray[np.int64], people: int) -> int:
    """Number of batches that :func:`deal` makes: each takes P groups, and one of each person at most.

    Example:
        >>> batches_needed(np.array([5, 1, 1]), people=2), batches_needed(np.array([2, 2, 2]), people=2)
        (5, 3)
    """
    return max(int(groups_C.max()), -(-int(groups_C.sum()) // people))


def deal(groups_C: NDArray[np.int64], people: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Batches (N, P) of different people that use up all groups; people with the most groups left come first.

    Equal people come by a tie that is drawn anew with each group. Whole batches of equal people are taken at once, so
    the time hardly depends on the number of people.

    Args:
        groups_C: number of groups of each person, at least one.
        people: number P of people in a batch, at most C.
        random: breaks ties, and chooses the people who fill the last batches.

    Example:
        >>> deal(np.array([1, 3, 2]), people=2, random=np.random.default_rng(0)).tolist()
        [[1, 2], [1, 0], [2, 1]]
    """
    hand = _Hand(groups_C, random.random(len(groups_C)))
    dealt = []
    while hand.most:
        left = hand.most
        whole = len(hand.piles[left]) // people
        if whole:
            taken = hand.piles[left].pop_many(whole * people)
            hand.drop_empty(left)
            if left > 1:
                hand.pile(left - 1).put_many(random.random(len(taken)), taken)
            dealt.append(taken.reshape(whole, people))
            continue
        drawn = hand.pop(people)
        batch = [person for _, person in drawn]
        while len(batch) < people:
            filler = int(random.integers(len(groups_C)))
            if filler not in batch:
                batch.append(filler)
        for left, person in drawn:
            if left > 1:
                hand.pile(left - 1).put(random.random(), person)
        dealt.append(np.array([batch], dtype=np.int64))
    return np.concatenate(dealt)


class _Hand:
    """All people who have groups left, in piles by the number of these groups."""

    def __init__(self, groups_C: NDArray[np.int64], ties_C: NDArray[np.float64]) -> None:
        order_C = np.argsort(groups_C, kind="stable")
        numbers, starts = np.unique(groups_C[order_C], return_index=True)
        self.piles: dict[int, _Pile] = {}
        self._numbers: list[int] = []  # of groups left, negative: the most come first
        for number, people in zip(numbers.tolist(), np.split(order_C, starts[1:]), strict=True):
            self.pile(number).put_many(ties_C[people], people)

    @property
    def most(self) -> int:
        """The largest number of groups that anybody has left; 0 at the end."""
        return -self._numbers[0] if self._numbers else 0

    def pile(self, left: int) -> "_Pile":
        """The people with so many groups left."""
        if left not in self.piles:
            self.piles[left] = _Pile()
            heapq.heappush(self._numbers, -left)
        return self.piles[left]

    def drop_empty(self, left: int) -> None:
        """Forget the pile of the most groups if nobody is in it."""
        if not len(self.piles[left]):
            heapq.heappop(self._numbers)
            del self.piles[left]

    def pop(self, count: int) -> list[tuple[int, int]]:
        """Take people one by one: the number of groups that each has left, and the person."""
        drawn: list[tuple[int, int]] = []
        while len(drawn) < count and self.most:
            left = self.most
            drawn.append((left, self.piles[left].pop()))
            self.drop_empty(left)
        return drawn


class _Pile:
    """People with equally many groups left, taken by their ties.

    Those who came together stand in sorted arrays, from ``_next`` on; those who came one by one in a heap.
    """

    def __init__(self) -> None:
        self._ties = np.empty(0)
        self._people = np.empty(0, dtype=np.int64)
        self._next = 0
        self._unsorted: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []
        self._heap: list[tuple[float, int]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, tie: float, person: int) -> None:
        """Add a person."""
        heapq.heappush(self._heap, (tie, person))
        self._count += 1

    def put_many(self, ties: NDArray[np.float64], people: NDArray[np.int64]) -> None:
        """Add people."""
        self._unsorted.append((ties, people))
        self._count += len(people)

    def pop(self) -> int:
        """Take the person of the least tie."""
        self._sort()
        self._count -= 1
        if self._next == len(self._ties) or (self._heap and self._heap[0][0] < self._ties[self._next]):
            return heapq.heappop(self._heap)[1]
        self._next += 1
        return int(self._people[self._next - 1])

    def pop_many(self, count: int) -> NDArray[np.int64]:
        """Take the people of the least ties, in their order."""
        if self._heap:
            ties, people = zip(*self._heap, strict=True)
            self._unsorted.append((np.array(ties), np.array(people, dtype=np.int64)))
            self._heap = []
        self._sort()
        self._count -= count
        self._next += count
        return self._people[self._next - count : self._next]

    def _sort(self) -> None:
        if not self._unsorted:
            return
        ties = np.concatenate([self._ties[self._next :], *(ties for ties, _ in self._unsorted)])
        people = np.concatenate([self._people[self._next :], *(people for _, people in self._unsorted)])
        order = np.argsort(ties, kind="stable")  # other kinds may order equal ties by the processor
        self._ties, self._people, self._next, self._unsorted = ties[order], people[order], 0, []

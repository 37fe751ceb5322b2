"""Pairs that keep what they found in one listing, which is made when it is first asked for.

A format adds how it makes its listing (``find``) and, unless its images are files, how it reads an image.
"""

import posixpath
from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from facerec.data.formats.listings import Files
from facerec.data.paths import PathList
from facerec.data.presence import require_files
from facerec.data.sources import PairSource

FOLDS = 10


@dataclass(frozen=True)
class PairListing:
    """The image indices (P, 2) of each pair, whether it shows one person (P,), and its fold (P,)."""

    pairs: NDArray[np.int64]
    same: NDArray[np.bool_] | None
    folds: NDArray[np.int64] | None


@dataclass(frozen=True)
class FilePairListing(PairListing):
    """A listing of pairs of image files.

    Attributes:
        paths: the files (N), in the order in which the list first names them.
        lines: the line that first names each file (N,).
        people: names of the people; empty where they are unknown.
    """

    paths: PathList
    lines: NDArray[np.int64]
    people: frozenset[str]


AnyPairListing = TypeVar("AnyPairListing", bound=PairListing)


class ListedPairs(PairSource, Generic[AnyPairListing]):
    """Pairs of one listing."""

    @abstractmethod
    def find(self) -> AnyPairListing:
        """Make the listing."""

    @cached_property
    def _listing(self) -> AnyPairListing:
        return self.find()

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2)."""
        return self._listing.pairs

    @property
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None for pairs without labels."""
        return self._listing.same

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), or None without a protocol of folds."""
        return self._listing.folds


class FilePairs(Files, ListedPairs[FilePairListing]):
    """Pairs of image files that a list names.

    Args:
        images: folder that the names are relative to.
        pairs_file: the list.
    """

    def __init__(self, images: str, pairs_file: str) -> None:
        self.images = images
        self.pairs_file = pairs_file

    @property
    def paths(self) -> PathList:
        """The files (N)."""
        return self._listing.paths

    @property
    def people(self) -> frozenset[str]:
        """Names of the people; empty where they are unknown."""
        return self._listing.people

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Number of the person on each image (N,) if paths name people, which the labels of the pairs must confirm."""
        if (same_P := self.same) is None:
            return None
        return confirmed_people([self.person(path) for path in self.paths], self.pairs, same_P)

    def person(self, path: str) -> str:
        """What tells the person on the image of a path: its folder, unless a format says otherwise."""
        return posixpath.dirname(path)

    def origin(self, index: int) -> str:
        """The list and the line that first name an image; it begins a message."""
        return f"{self.pairs_file}:{self._listing.lines[index]}:"

    def check(self) -> None:
        """Read the list and look for every file.

        Raises:
            FileNotFoundError: naming the first missing file and its line.
        """
        require_files(self.paths, self.origin)


def confirmed_people(
    people: Sequence[str], pairs_P2: NDArray[np.int64], same_P: NDArray[np.bool_]
) -> NDArray[np.int64] | None:
    """Number of the person on each image (N,), or None where the labels of the pairs contradict the names of people.

    Args:
        people: who is on each image by its path, such as its folder.
        pairs_P2: image indices of each pair.
        same_P: whether each pair shows one person.

    Example:
        >>> pairs = np.array([[0, 1], [0, 2]])
        >>> confirmed_people(["a", "a", "b"], pairs, np.array([True, False])).tolist()
        [0, 0, 1]
        >>> confirmed_people(["a", "a", "b"], pairs, np.array([True, True])) is None
        True
    """
    numbers_N = np.unique(people, return_inverse=True)[1].astype(np.int64)
    one_person_P = numbers_N[pairs_P2[:, 0]] == numbers_N[pairs_P2[:, 1]]
    return numbers_N if np.array_equal(one_person_P, same_P) else None


def require_one_mark(pairs_P2: NDArray[np.int64], same_P: NDArray[np.bool_], origin: Callable[[int], str]) -> None:
    """Refuse a pair that is said to show one person in one place, and two people in another.

    Args:
        pairs_P2: indices of each pair.
        same_P: whether each pair shows one person.
        origin: gives the file and the place of a pair; it begins the message.

    Raises:
        ValueError: naming both places.

    Example:
        >>> require_one_mark(np.array([[0, 1], [1, 0]]), np.array([True, False]), lambda place: f"list.txt:{place + 1}")
        Traceback (most recent call last):
        ValueError: list.txt:2: the pair shows two people, and one person in list.txt:1
    """
    first_P, second_P = pairs_P2.T
    keys_P = np.minimum(first_P, second_P) * (int(pairs_P2.max(initial=0)) + 1) + np.maximum(first_P, second_P)
    marked_P = 2 * keys_P + same_P
    rising_P = np.sort(marked_P)
    both = np.flatnonzero((rising_P[:-1] % 2 == 0) & (rising_P[1:] == rising_P[:-1] + 1))
    if not len(both):
        return
    impostor = int(rising_P[both[0]])
    earlier, later = sorted(int(np.flatnonzero(marked_P == mark)[0]) for mark in (impostor, impostor + 1))
    kinds = ["one person" if same_P[place] else "two people" for place in (earlier, later)]
    raise ValueError(f"{origin(later)}: the pair shows {kinds[1]}, and {kinds[0]} in {origin(earlier)}")


Image = TypeVar("Image", bound=Hashable)


class PairCollector(Generic[Image]):
    """Numbers images in the order in which pairs first name them.

    Attributes:
        index_of: number of each image.
        lines: the line that first names each image.
        pairs: the two numbers of each pair.

    Example:
        >>> collector = PairCollector[str]()
        >>> collector.add("a", "b", line=1), collector.add("c", "a", line=2)
        ((0, 1), (2, 0))
        >>> list(collector.index_of), collector.lines
        (['a', 'b', 'c'], [1, 1, 2])
    """

    def __init__(self) -> None:
        self.index_of: dict[Image, int] = {}
        self.lines: list[int] = []
        self.pairs: list[tuple[int, int]] = []

    def add(self, first: Image, second: Image, line: int) -> tuple[int, int]:
        """Add the pair of a line; return the numbers of its two images."""
        pair = self._number(first), self._number(second)
        self.pairs.append(pair)
        self.lines += [line] * (len(self.index_of) - len(self.lines))
        return pair

    def _number(self, image: Image) -> int:
        return self.index_of.setdefault(image, len(self.index_of))


def equal_folds(count: int) -> NDArray[np.int64] | None:
    """Ten folds of pairs in their order, as in the LFW protocol; their sizes differ by one at most.

    Returns:
        Fold of each pair (P,), or None for fewer than ten pairs.

    Example:
        >>> equal_folds(12).tolist()
        [0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    if count < FOLDS:
        return None
    return np.repeat(np.arange(FOLDS), [len(part) for part in np.array_split(np.arange(count), FOLDS)])

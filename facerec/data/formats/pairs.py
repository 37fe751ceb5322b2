"""What sources of pairs share: image files that a list names, and the ten folds of the LFW protocol."""

import posixpath
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.images import PathList, read_image
from facerec.data.presence import first_missing
from facerec.data.sources import PairSource

FOLDS = 10


def equal_folds(count: int) -> NDArray[np.int64] | None:
    """Ten folds of pairs in their order, whose sizes differ by one at most, as the LFW protocol has them.

    Returns:
        Fold of each pair (P,), or None for fewer than ten pairs.
    """
    if count < FOLDS:
        return None
    return np.repeat(np.arange(FOLDS), [len(part) for part in np.array_split(np.arange(count), FOLDS)])


class PairListing(NamedTuple):
    """What a list of pairs was found to hold; ``lines`` are those on which each image is first named."""

    paths: PathList
    lines: NDArray[np.int64]
    pairs: NDArray[np.int64]
    same: NDArray[np.bool_] | None
    folds: NDArray[np.int64] | None
    people: frozenset[str]


class ListedPairs(PairSource):
    """Pairs of image files that a list names; how it is read is left to :meth:`find`."""

    images: str
    pairs_file: str

    def find(self) -> PairListing:
        """Read the list."""
        raise NotImplementedError

    @cached_property
    def _listing(self) -> PairListing:
        if not Path(self.images).is_dir():
            raise FileNotFoundError(f"no folder {self.images}, which holds the images of {self.pairs_file}")
        return self.find()

    def __len__(self) -> int:
        return len(self._listing.paths)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2)."""
        return self._listing.pairs

    @property
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None where the list does not say."""
        return self._listing.same

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), or None without a protocol of folds."""
        return self._listing.folds

    @property
    def people(self) -> frozenset[str]:
        """Names of the people, as far as they are known."""
        return self._listing.people

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """The folder of each image as a number (N,), if the folders are the people: as the labels of the pairs say."""
        paths, pairs_P2, same_P = self._listing.paths, self.pairs, self.same
        folders = [posixpath.dirname(paths.relative(index)) for index in range(len(paths))]
        numbers_N = np.unique(folders, return_inverse=True)[1]
        one_folder_P = numbers_N[pairs_P2[:, 0]] == numbers_N[pairs_P2[:, 1]]
        return numbers_N if same_P is not None and np.array_equal(one_folder_P, same_P) else None

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return read_image(self._listing.paths[index])

    def name(self, index: int) -> str:
        """Its path."""
        return self._listing.paths[index]

    def check(self) -> None:
        """Read the list and see that every file is there.

        Raises:
            FileNotFoundError: naming the first that is not, with its line.
        """
        missing = first_missing(self._listing.paths)
        if missing is not None:
            origin = f"{self.pairs_file}:{self._listing.lines[missing]}"
            raise FileNotFoundError(f"{origin}: names {self.name(missing)}, which is not there")

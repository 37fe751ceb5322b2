"""The two contracts of the data: labelled images, and pairs of images to verify.

A source is cheap to construct: it stores its settings. It reads folders and lists when its length, labels or pairs are
first asked for, and an image only in ``read``.
"""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.record import Alignment, find_record
from facerec.data.templates import Templates
from facerec.settings import require_within
from facerec.threads import share_out
from facerec.transforms.preprocess import resize


def folder_names(paths: Iterable[str]) -> list[str]:
    """Name of the folder of each path; empty for a path without a folder."""
    return [os.path.basename(os.path.dirname(path)) for path in paths]


@dataclass(frozen=True)
class PeopleFold:
    """One fold of the people who are not test people: it validates, and the others train.

    Attributes:
        index: the fold that validates, from 1.
        of: number of folds.

    Raises:
        ValueError: for fewer than two folds, or an index beyond them.

    Example:
        >>> PeopleFold(index=5, of=4)
        Traceback (most recent call last):
        ValueError: data.fold.index=5: must be in [1, 4]
    """

    index: int
    of: int

    def __post_init__(self) -> None:
        require_within("data.fold.", 2, math.inf, of=self.of)
        require_within("data.fold.", 1, self.of, index=self.index)


class Images(ABC):
    """Images by index: the part that both contracts share.

    Attributes:
        is_decoded: whether reading copies pixels and decodes nothing. ``data.num_workers: auto`` depends on it.
    """

    is_decoded: bool = False

    @abstractmethod
    def __len__(self) -> int:
        """Number of images N."""

    @abstractmethod
    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB. Several threads may do so at a time.

        Raises:
            FileNotFoundError: if its file is missing.
            UnreadableImageError: if it does not decode.
        """

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Decode some images, each resized to (height, width), into one batch: uint8 (B, 3, H, W).

        Raises:
            FileNotFoundError: if a file is missing.
            UnreadableImageError: if an image does not decode.
        """
        batch_B3HW = np.empty((len(indices_B), 3, *size), dtype=np.uint8)

        def read(places: range) -> None:
            for place in places:
                image_3HW = self.read(int(indices_B[place]))
                if image_3HW.shape[1:] != size:
                    image_3HW = resize(image_3HW[None], size)[0]
                batch_B3HW[place] = image_3HW.numpy()

        share_out(read, len(indices_B))
        return torch.from_numpy(batch_B3HW)

    @abstractmethod
    def name(self, index: int) -> str:
        """Name of an image in messages: its path, or its place in a file."""

    def folders(self) -> list[str]:
        """Name of the folder of each image, which may name the person; empty for an image without a folder."""
        return folder_names(self.name(index) for index in range(len(self)))

    @property
    def alignment(self) -> Alignment | None:
        """How the images were aligned: the record of `facerec align` in their folder or above; None without one.

        The first image stands for all.

        Raises:
            ValueError: if the record is broken.
        """
        return find_record(Path(self.name(0)).parent) if len(self) else None

    def unread(self) -> list[str]:
        """A sentence for each kind of file in the folder of the images that looks like an image and is not read.

        Empty for a source that does not take every image of a folder.
        """
        return []

    def check(self) -> None:
        """Read the lists and look for the files, without decoding an image.

        Raises:
            FileNotFoundError: naming the first missing file or folder.
            ValueError: naming the file and line that is malformed.
        """
        len(self)


class ImageSource(Images):
    """Images, and the person on each of them.

    Example:
        A source of your own: two colours stand for two people.

        >>> import numpy as np, torch
        >>> from facerec.data import ImageSource
        >>> class Colours(ImageSource):
        ...     identities = ["black", "white"]
        ...     labels = np.array([0, 1])
        ...     def __len__(self):
        ...         return 2
        ...     def read(self, index):
        ...         return torch.full((3, 4, 4), 255 * index, dtype=torch.uint8)
        ...     def name(self, index):
        ...         return f"colour {index}"
        >>> Colours().read_batch(np.array([1, 0, 1]), size=(2, 2)).shape
        torch.Size([3, 3, 2, 2])
    """

    def of_fold(self, fold: PeopleFold) -> "ImageSource | None":
        """This source with one fold of the people to validate, where it has folds of its own; None for most sources."""
        return None

    @property
    @abstractmethod
    def identities(self) -> Sequence[str]:
        """Names of the people, sorted; the index is the class."""

    @property
    @abstractmethod
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""


class PairSource(Images):
    """Images, each once, and pairs of them by index. An image is encoded once, however many pairs it is in.

    Example:
        A source of your own: three images, one genuine and one impostor pair.

        >>> import numpy as np, torch
        >>> from facerec.data import PairSource
        >>> class Shades(PairSource):
        ...     pairs = np.array([[0, 1], [0, 2]])
        ...     same = np.array([True, False])
        ...     def __len__(self):
        ...         return 3
        ...     def read(self, index):
        ...         return torch.full((3, 4, 4), (0, 1, 255)[index], dtype=torch.uint8)
        ...     def name(self, index):
        ...         return f"shade {index}"
        >>> Shades().folds is None, Shades().people
        (True, frozenset())
    """

    def of_fold(self, fold: PeopleFold) -> "PairSource | None":
        """These pairs with one fold of the people to validate, where it has folds of its own; None for most sources."""
        return None

    @property
    @abstractmethod
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2) of each pair."""

    @property
    @abstractmethod
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None for pairs without labels."""

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), or None without a protocol of folds."""
        return None

    @property
    def people(self) -> frozenset[str]:
        """Names of the people, to compare with those of other sets; empty where they are unknown."""
        return frozenset()

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Number of the person on each image (N,), or None unless it is known of every image.

        Resampling of people and identification need it. It is never guessed from the pairs: two images that no chain of
        genuine pairs joins may still show one person.
        """
        return None

    @property
    def templates(self) -> Templates | None:
        """How images become templates, or None where each image stands for itself.

        With templates, ``pairs``, ``subjects`` and ``galleries`` are of templates, not of images.
        """
        return None

    @property
    def galleries(self) -> NDArray[np.int64] | None:
        """Number of the gallery that each image is in (N,): -1 for a probe, -2 for neither.

        None without a protocol of identification: then every image searches all others.
        """
        return None

    @property
    def groups(self) -> Mapping[str, Mapping[str, str]]:
        """For each attribute, the group of each person by name, whose error rates ``facerec test`` adds.

        Empty where the set does not say. Names are those of ``people``.
        """
        return {}

    @property
    def qualities(self) -> str | None:
        """File of the qualities of the images that the set comes with, or None; ``facerec plot quality`` draws them."""
        return None

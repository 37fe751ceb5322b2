"""The two contracts of the data: labelled images, and pairs of images to verify.

A source is cheap to construct: it stores its settings. Folders and lists are read when its length, labels or pairs are
first asked for, and an image only when it is read.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.record import Alignment, find_record
from facerec.threads import share_out
from facerec.transforms.preprocess import resize


def folder_names(paths: Iterable[str]) -> list[str]:
    """Name of the folder that each path lies in; empty if in none."""
    return [os.path.basename(os.path.dirname(path)) for path in paths]


class Images(ABC):
    """Anything that gives faces by index: the part that both contracts share."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of images N."""

    @abstractmethod
    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB. Several threads may do so at a time.

        Raises:
            FileNotFoundError: if its file has gone.
            UnreadableImageError: if it does not decode.
        """

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Decode some images, each resized to (height, width), into one batch: uint8 (B, 3, H, W).

        Raises:
            FileNotFoundError: if a file has gone.
            UnreadableImageError: if one does not decode.
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
        """What to call an image in a message: its path, or its place in a file."""

    def folders(self) -> list[str]:
        """Name of the folder that each image is in, which may be that of the person; empty if it is in none."""
        return folder_names(self.name(index) for index in range(len(self)))

    @property
    def alignment(self) -> Alignment | None:
        """How the images were aligned, as `facerec align` noted it in their folder or one above; None if nowhere.

        The first image speaks for all of them.

        Raises:
            ValueError: if that note is broken.
        """
        return find_record(Path(self.name(0)).parent) if len(self) else None

    def check(self) -> None:
        """Read the lists and see that the files are there, without decoding them.

        Raises:
            FileNotFoundError: naming the first file or folder that is missing.
            ValueError: naming the file and line that is malformed.
        """
        len(self)


class ImageSource(Images):
    """Images with the person each of them shows.

    ``identities`` holds the names of the people, sorted (index = class); ``labels`` the class of each image.
    """

    @property
    @abstractmethod
    def identities(self) -> Sequence[str]:
        """Names of the people, sorted; the index is the class."""

    @property
    @abstractmethod
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""


class PairSource(Images):
    """Unique images, and pairs of them by index. Each image is encoded once, however many pairs it is in."""

    @property
    @abstractmethod
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2) of each pair."""

    @property
    @abstractmethod
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None where nobody knows (a submission)."""

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), or None without a protocol of folds."""
        return None

    @property
    def people(self) -> frozenset[str]:
        """Names of the people, as far as they are known: to tell that nobody is in two sets."""
        return frozenset()

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Who is on each image, as a number (N,), or None where it is not known of every image.

        Needed to resample people and to measure identification. It is never guessed from the pairs: two images that no
        chain of genuine pairs joins may still show one person.
        """
        return None


class AllPairs(PairSource):
    """Every pair of different images of a labelled source.

    Args:
        images: the labelled images. n images give n (n - 1) / 2 pairs.
        max_images: refuse more images than this; the pairs grow with the square.

    Raises:
        ValueError: when read, if there are more than ``max_images`` images.
    """

    def __init__(self, images: ImageSource, max_images: int = 10_000) -> None:
        self.images = images
        self.max_images = max_images

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return self.images.read(index)

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Decode some images into one batch: uint8 (B, 3, H, W)."""
        return self.images.read_batch(indices_B, size)

    def name(self, index: int) -> str:
        """What to call an image in a message."""
        return self.images.name(index)

    @property
    def alignment(self) -> Alignment | None:
        """How the labelled images were aligned."""
        return self.images.alignment

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """All index pairs i < j (P, 2)."""
        if len(self) > self.max_images:
            raise ValueError(
                f"AllPairs of {len(self)} images would be {len(self) * (len(self) - 1) // 2:,} pairs; "
                f"give fewer people, or raise max_images={self.max_images}"
            )
        return np.stack(np.triu_indices(len(self), k=1), axis=1).astype(np.int64)

    @property
    def same(self) -> NDArray[np.bool_]:
        """Whether both images carry one label (P,)."""
        labels_N = self.images.labels
        return np.asarray(labels_N[self.pairs[:, 0]] == labels_N[self.pairs[:, 1]])

    @property
    def subjects(self) -> NDArray[np.int64]:
        """The label of each image (N,)."""
        return self.images.labels

    @property
    def people(self) -> frozenset[str]:
        """Names of the people."""
        return frozenset(self.images.identities)

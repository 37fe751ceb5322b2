"""Pairs of labelled images, so that any labelled set is a verification set."""

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.record import Alignment
from facerec.data.sources import ImageSource, PairSource, PeopleFold
from facerec.settings import require_within


class LabelledPairs(PairSource):
    """Pairs of the images of a labelled source, whose people are known.

    Args:
        images: the labelled images.
    """

    def __init__(self, images: ImageSource) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return self.images.read(index)

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Decode some images into one batch: uint8 (B, 3, H, W)."""
        return self.images.read_batch(indices_B, size)

    def name(self, index: int) -> str:
        """Name of an image in messages."""
        return self.images.name(index)

    def check(self) -> None:
        """Check the labelled images."""
        self.images.check()

    @property
    def alignment(self) -> Alignment | None:
        """How the labelled images were aligned."""
        return self.images.alignment

    @property
    def same(self) -> NDArray[np.bool_]:
        """Whether both images have one label (P,)."""
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


class AllPairs(LabelledPairs):
    """Every pair of different images of a labelled source.

    Args:
        images: the labelled images. n images give n (n - 1) / 2 pairs.
        max_images: refuse more images than this, because the pairs grow with the square.

    Raises:
        ValueError: for ``max_images`` below 1; when read, if there are more than ``max_images`` images.

    Example:
        >>> from facerec.data import AllPairs, ORLImages
        >>> pairs = AllPairs(ORLImages("val"))  # 6 people with 10 images each
        >>> len(pairs), len(pairs.pairs), int(pairs.same.sum())
        (60, 1770, 270)
    """

    def __init__(self, images: ImageSource, max_images: int = 10_000) -> None:
        require_within(self, 1, math.inf, max_images=max_images)
        super().__init__(images)
        self.max_images = max_images

    def of_fold(self, fold: PeopleFold) -> "AllPairs | None":
        """All pairs of the images of the fold, where they have folds of their own."""
        images = self.images.of_fold(fold)
        return None if images is None else AllPairs(images, self.max_images)

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """All index pairs i < j (P, 2)."""
        if len(self) > self.max_images:
            raise ValueError(
                f"AllPairs of {len(self)} images would be {len(self) * (len(self) - 1) // 2:,} pairs; "
                f"give fewer people, or raise max_images={self.max_images}"
            )
        return np.stack(np.triu_indices(len(self), k=1), axis=1).astype(np.int64)

"""Labelled images held in memory as one array: small sets to see a loss at work on, before faces."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.formats.listings import ListedImages, Listing
from facerec.settings import require_choice, require_within

Part = Literal["train", "test"]


@dataclass(frozen=True)
class ArrayListing(Listing):
    """A listing with the pixels: uint8 (N, H, W) or (N, H, W, 3)."""

    pixels: NDArray[np.uint8]


class ArrayImages(ListedImages[ArrayListing]):
    """Labelled images of torchvision's local copy of a set. A format adds how it loads them.

    Args:
        root: folder of the local copy.
        part: ``train`` or ``test``.
        download: get the files first, if they are missing. By default nothing is downloaded.
        images_per_class: take only the first images of each class; by default all. For quick runs, and for
            ``AllPairs``, whose pairs grow with the square.

    Raises:
        ValueError: for another part, or fewer than one image per class.
    """

    is_decoded = True

    def __init__(
        self, root: str, part: Part = "train", download: bool = False, images_per_class: int | None = None
    ) -> None:
        require_choice(self, ("train", "test"), part=part)
        if images_per_class is not None:
            require_within(self, 1, math.inf, images_per_class=images_per_class)
        self.root = root
        self.part = part
        self.download = download
        self.images_per_class = images_per_class

    @abstractmethod
    def load(self) -> ArrayListing:
        """Read the local copy."""

    def find(self) -> ArrayListing:
        """Read the local copy, and keep the first images of each class."""
        content = self.load()
        if self.images_per_class is None:
            return content
        places = [np.flatnonzero(content.labels == label) for label in range(len(content.identities))]
        chosen = np.sort(np.concatenate([of_class[: self.images_per_class] for of_class in places]))
        return ArrayListing(content.identities, content.labels[chosen], content.pixels[chosen])

    def read(self, index: int) -> Tensor:
        """One image: uint8 (3, H, W); gray in three equal channels."""
        pixels = self._listing.pixels[index]
        pixels_HW3 = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        return torch.from_numpy(np.ascontiguousarray(pixels_HW3.transpose(2, 0, 1)))

    def name(self, index: int) -> str:
        """The set, and the place of the image in it."""
        return f"{self.root}: {self.part} image {index}"

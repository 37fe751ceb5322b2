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
    """A listing with the pixels: uint8 (N, H, W) or (N, H, W, 3).

    Attributes:
        pixels: of all images.
        places: place of each image in the file (N,), where only some are taken.
    """

    pixels: NDArray[np.uint8]
    places: NDArray[np.int64] | None = None


class ArrayImages(ListedImages[ArrayListing]):
    """Labelled images of torchvision's local copy of a set. A format adds how it loads them.

    Args:
        root: folder of the local copy.
        part: ``train`` or ``test``.
        download: get the files first, if they are missing. By default nothing is downloaded.
        images_per_class: take only the first images of each class; by default all. For quick runs, and for
            ``AllPairs``, whose pairs grow with the square.
        skip_per_class: leave out the first images of each class, such as those that train.

    Raises:
        ValueError: for another part, fewer than one image per class, or, when read, if a class has no image left.
    """

    is_decoded = True

    def __init__(
        self,
        root: str,
        part: Part = "train",
        download: bool = False,
        images_per_class: int | None = None,
        skip_per_class: int = 0,
    ) -> None:
        require_choice(self, ("train", "test"), part=part)
        if images_per_class is not None:
            require_within(self, 1, math.inf, images_per_class=images_per_class)
        self.root = root
        self.part = part
        self.download = download
        require_within(self, 0, math.inf, skip_per_class=skip_per_class)
        self.images_per_class = images_per_class
        self.skip_per_class = skip_per_class

    @property
    def _is_part(self) -> bool:
        """Whether only some images of each class are taken."""
        return self.images_per_class is not None or self.skip_per_class > 0

    @abstractmethod
    def load(self) -> ArrayListing:
        """Read the local copy."""

    def find(self) -> ArrayListing:
        """Read the local copy, and keep the images of each class that are asked for."""
        content = self.load()
        if not self._is_part:
            return content
        places = [np.flatnonzero(content.labels == label) for label in range(len(content.identities))]
        kept = [of_class[self.skip_per_class :][: self.images_per_class] for of_class in places]
        for name, of_class, of_kept in zip(content.identities, places, kept, strict=True):
            if len(of_class) and not len(of_kept):
                raise ValueError(
                    f"{self.root}: class {name} has {len(of_class)} {self.part} images, and skip_per_class="
                    f"{self.skip_per_class} leaves none"
                )
        chosen = np.sort(np.concatenate(kept))
        return ArrayListing(content.identities, content.labels[chosen], content.pixels[chosen], chosen)

    def read(self, index: int) -> Tensor:
        """One image: uint8 (3, H, W); gray in three equal channels."""
        pixels = self._listing.pixels[index]
        pixels_HW3 = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        return torch.from_numpy(np.ascontiguousarray(pixels_HW3.transpose(2, 0, 1)))

    def name(self, index: int) -> str:
        """The set, and the place of the image in it."""
        places = self._listing.places if self._is_part else None
        return f"{self.root}: {self.part} image {index if places is None else places[index]}"

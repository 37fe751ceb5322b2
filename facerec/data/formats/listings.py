"""Labelled images that keep what they found in one listing, which is made when it is first asked for.

A format adds how it makes its listing (``find``) and, unless its images are files, how it reads an image.
"""

import os
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.images import read_image
from facerec.data.paths import PathList
from facerec.data.sources import Images, ImageSource, folder_names


class Files(Images):
    """Images that are files of their own."""

    @property
    @abstractmethod
    def paths(self) -> PathList:
        """The files (N)."""

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return read_image(self.paths[index])

    def name(self, index: int) -> str:
        """Its path."""
        return self.paths[index]

    def folders(self) -> list[str]:
        """Name of the folder of each image."""
        return folder_names(os.path.join(self.paths.root, path) for path in self.paths)


@dataclass(frozen=True)
class Listing:
    """The people of a set, sorted (the index is the class), and the class of each image (N,)."""

    identities: list[str]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class FileListing(Listing):
    """A listing of image files."""

    paths: PathList


AnyListing = TypeVar("AnyListing", bound=Listing)
AnyFileListing = TypeVar("AnyFileListing", bound=FileListing)


class ListedImages(ImageSource, Generic[AnyListing]):
    """Labelled images of one listing."""

    @abstractmethod
    def find(self) -> AnyListing:
        """Make the listing."""

    @cached_property
    def _listing(self) -> AnyListing:
        return self.find()

    @property
    def identities(self) -> list[str]:
        """Names of the people; the index is the class."""
        return self._listing.identities

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""
        return self._listing.labels

    def __len__(self) -> int:
        return len(self._listing.labels)


class FileImages(Files, ListedImages[AnyFileListing]):
    """Labelled image files."""

    @property
    def paths(self) -> PathList:
        """The files (N)."""
        return self._listing.paths

"""One folder for each person, as VGGFace2 is handed out: ``root/<person>/<image>``."""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.images import PathList, is_image, read_image
from facerec.data.sources import ImageSource


class Listing(NamedTuple):
    """What a folder or a list was found to hold."""

    identities: list[str]
    paths: PathList
    labels: NDArray[np.int64]


class ListedImages(ImageSource):
    """Labelled image files; how they are found is left to :meth:`find`."""

    def find(self) -> Listing:
        """List the people and files."""
        raise NotImplementedError

    @cached_property
    def _listing(self) -> Listing:
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
        return len(self._listing.paths)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return read_image(self._listing.paths[index])

    def name(self, index: int) -> str:
        """Its path."""
        return str(self._listing.paths[index])


class FolderImages(ListedImages):
    """Images in one folder for each person.

    Args:
        root: the folder that holds the people's folders. Hidden files, and files that are not images, are passed over.

    Raises:
        FileNotFoundError: when read, if there is no such folder.
        ValueError: when read, if it holds no folders, or one of them no image.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def find(self) -> Listing:
        """List the people and files, both sorted by name."""
        root = Path(self.root)
        if not root.is_dir():
            raise FileNotFoundError(f"no folder {root}: expected one folder of images for each person in it")
        people = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        if not people:
            raise ValueError(f"{root} holds no folders: expected one folder of images for each person in it")
        paths: list[str] = []
        counts: list[int] = []
        for person in people:
            files = sorted(file.name for file in person.iterdir() if is_image(file))
            if not files:
                raise ValueError(f"{person} holds no images: remove the folder, or add images of this person")
            paths += [f"{person.name}/{file}" for file in files]
            counts.append(len(files))
        labels = np.repeat(np.arange(len(people)), counts)
        return Listing([person.name for person in people], PathList(root, paths), labels)

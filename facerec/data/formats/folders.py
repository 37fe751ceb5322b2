"""Images by the folder they are in: one for each person, as VGGFace2 is handed out, or one of unknown people."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.images import PathList, is_image, read_image
from facerec.data.sources import Images, ImageSource, folder_names


def image_names(folder: Path) -> list[str]:
    """Names of the image files in a folder, sorted. Links count even where they lead nowhere: reading will say so.

    Raises:
        ValueError: if the folder may not be read.
    """
    try:
        with os.scandir(folder) as entries:  # knows files from folders without asking for each
            return sorted(
                entry.name
                for entry in entries
                if is_image(Path(entry.name)) and (entry.is_file(follow_symlinks=False) or entry.is_symlink())
            )
    except PermissionError as error:
        raise ValueError(f"{folder} cannot be read: {error.strerror}") from error


def images_below(folder: Path) -> list[str]:
    """Paths of all images in a folder and the folders below, relative to it and sorted.

    Hidden files and folders are passed over; linked folders are followed, but not back to one that they lie in.

    Raises:
        ValueError: if a folder may not be read.
    """
    return sorted(_images_below(str(folder), "", frozenset()))


def _images_below(folder: str, prefix: str, above: frozenset[str]) -> Iterator[str]:
    place = os.path.realpath(folder)
    if place in above:
        return
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
    except PermissionError as error:
        raise ValueError(f"{folder} cannot be read: {error.strerror}") from error
    for entry in found:
        if entry.is_dir():
            yield from _images_below(entry.path, f"{prefix}{entry.name}/", above | {place})
        elif is_image(Path(entry.name)):
            yield prefix + entry.name


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
        return self._listing.paths[index]

    def folders(self) -> list[str]:
        """Name of the folder that each image is in."""
        return folder_names(os.path.join(self._listing.paths.root, path) for path in self._listing.paths)


def _holds_folders(folder: Path) -> bool:
    with os.scandir(folder) as entries:  # as in image_names: only links are asked what they are
        return any(os.path.isdir(entry) if entry.is_symlink() else entry.is_dir() for entry in entries)


def _warn_of_folders_within(people: list[Path]) -> None:
    """Say so where images are left out because they are one folder too deep."""
    deep = [person for person in people if _holds_folders(person)]
    left_out = [f"{person}/{name}" for person in deep for name in images_below(person) if "/" in name]
    if left_out:
        rank_zero_warn(
            f"{len(left_out)} images are not used: they are in folders within people's folders, {left_out[0]} for one. "
            "Move them up, or name each image and its person in a list"
        )


class FolderImages(ListedImages):
    """Images in one folder for each person.

    Args:
        root: the folder that holds the people's folders. Hidden files, and files that are not images, are passed over;
            images in folders within a person's folder as well, with a warning.

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
        entries = [entry for entry in root.iterdir() if not entry.name.startswith(".")]
        for entry in entries:
            if entry.is_symlink() and not entry.exists():
                raise FileNotFoundError(f"{entry} is a link that leads nowhere: remove it, or restore the folder")
        people = sorted(entry for entry in entries if entry.is_dir())
        if not people:
            raise ValueError(f"{root} holds no folders: expected one folder of images for each person in it")
        paths: list[str] = []
        counts: list[int] = []
        for person in people:
            files = image_names(person)
            if not files:
                raise ValueError(f"{person} holds no images: remove the folder, or add images of this person")
            paths += [f"{person.name}/{file}" for file in files]
            counts.append(len(files))
        _warn_of_folders_within(people)
        labels = np.repeat(np.arange(len(people)), counts)
        return Listing([person.name for person in people], PathList(root, paths), labels)


class UnlabelledImages(Images):
    """The images of one folder, of people nobody names: a test split to predict. In the order of their sorted names.

    Args:
        root: the folder. Hidden files, folders, and files that are not images are passed over.

    Raises:
        FileNotFoundError: when read, if there is no such folder.
        ValueError: when read, if it holds no image.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    @cached_property
    def _paths(self) -> PathList:
        root = Path(self.root)
        if not root.is_dir():
            raise FileNotFoundError(f"no folder {root}: expected images in it")
        names = image_names(root)
        if not names:
            raise ValueError(f"{root} holds no images")
        return PathList(root, names)

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return read_image(self._paths[index])

    def name(self, index: int) -> str:
        """Its path."""
        return self._paths[index]

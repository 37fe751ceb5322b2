"""Images by their folder: one for each person, as in VGGFace2, or one of unknown people."""

import os
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn

from facerec.data.formats.listings import FileImages, FileListing, Files
from facerec.data.formats.rows import add_once, image_folder, inside, line_number, read_rows
from facerec.data.images import is_image
from facerec.data.paths import PathList
from facerec.data.presence import require_files
from facerec.data.sources import folder_names
from facerec.data.unread import unread_hint, unread_in

LISTED_LINE = "person/image"
LEVELS = 3  # that people are looked for in: a root, and what an archive in an archive unpacks into
MOST_FOLDERS = 1000  # of a level that is looked into


def image_names(folder: Path) -> list[str]:
    """Names of the image files in a folder, sorted. A link that leads nowhere counts: reading it will fail.

    Raises:
        ValueError: for a folder without permission to read.
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

    Hidden files and folders are passed over. Linked folders are followed, but not back to a folder that they lie in.

    Raises:
        ValueError: for a folder without permission to read.
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


def people_folders(root: Path) -> list[Path]:
    """Folders that hold a folder of images for each person: the root, else folders in it, else folders in these.

    Two people make a folder of people. One alone does if there is no other: a folder of pictures may lie beside.

    Raises:
        ValueError: for a folder without permission to read.
    """
    alone: list[Path] = []
    level = [root]
    for _ in range(LEVELS):
        people = {folder: _count_to_two(folder) for folder in level}
        if several := [folder for folder in level if people[folder] == 2]:
            return several
        alone = alone or [folder for folder in level if people[folder] == 1]
        level = [below for folder in level for below in _shown_folders(folder)]
        if len(level) > MOST_FOLDERS:
            break  # no archive, but a home or a disk: to search it would take minutes
    return alone


def _count_to_two(folder: Path) -> int:
    """Number of people, folders with images, in a folder; 2 stands for more, too."""
    return sum(1 for _ in islice((person for person in _shown_folders(folder) if image_names(person)), 2))


def _shown_folders(folder: Path) -> list[Path]:
    """The folders in a folder that are not hidden, sorted."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_dir())


class FolderImages(FileImages[FileListing]):
    """Images in one folder for each person.

    Args:
        root: the folder of the people's folders. Hidden files and files that are not images are passed over. Images in
            folders within a person's folder are passed over with a warning.
        listed: list of the images to use, a line ``person/image`` for each. By default all images are used.

    Raises:
        FileNotFoundError: when read, for a missing folder or list; by ``check``, for a missing image of the list.
        ValueError: when read, for a root without folders, or a person without images; naming file and line, for a
            malformed line, or an image listed twice.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import FolderImages
        >>> with TemporaryDirectory() as root:
        ...     for person in ("ann", "bob"):
        ...         Path(root, person).mkdir()
        ...         Image.new("RGB", (8, 8)).save(f"{root}/{person}/1.png")
        ...     faces = FolderImages(root)
        ...     faces.identities, faces.labels.tolist(), faces.read(0).shape
        (['ann', 'bob'], [0, 1], torch.Size([3, 8, 8]))
    """

    def __init__(self, root: str, listed: str | None = None) -> None:
        self.root = root
        self.listed = listed

    def find(self) -> FileListing:
        """Find the people and files, both sorted by name; the files of a list keep its order."""
        return self._all_images() if self.listed is None else self._listed_images(self.listed)

    def check(self) -> None:
        """Find the images and, if a list names them, look for every file.

        Raises:
            FileNotFoundError: naming the first missing file and its line.
        """
        if self.listed is None:
            super().check()
        else:
            require_files(self.paths, self._origin)

    def unread(self) -> list[str]:
        """A sentence for each kind of file in the folder that looks like an image and is not read."""
        return unread_in(Path(self.root)) if self.listed is None else []

    def _all_images(self) -> FileListing:
        root = Path(self.root)
        people = person_folders(root)
        files = [_person_files(person) for person in people]
        _warn_of_folders_within(people)
        names = [person.name for person in people]
        paths = [f"{name}/{file}" for name, own in zip(names, files, strict=True) for file in own]
        labels = np.repeat(np.arange(len(people)), [len(own) for own in files])
        return FileListing(names, labels, PathList(root, paths))

    def _listed_images(self, listed: str) -> FileListing:
        root = image_folder(self.root, listed)
        line_of: dict[str, int] = {}
        for number, (image,) in read_rows(listed, (1,), LISTED_LINE):
            origin = f"{listed}:{number}"
            name = inside(root, image, origin)
            if name.count("/") != 1:
                raise ValueError(f"{origin}: expected '{LISTED_LINE}', got {image!r}")
            add_once(line_of, name, number, origin)
        if not line_of:
            raise ValueError(f"{listed} is empty: expected lines '{LISTED_LINE}'")
        people = folder_names(line_of)
        names = sorted(set(people))
        class_of = {name: index for index, name in enumerate(names)}
        labels = np.array([class_of[person] for person in people], dtype=np.int64)
        return FileListing(names, labels, PathList(root, line_of))

    def _origin(self, index: int) -> str:
        return f"{self.listed}:{line_number(str(self.listed), index)}:"


def person_folders(root: Path) -> list[Path]:
    """The folders in a folder, one for each person, sorted. Hidden ones are passed over.

    Raises:
        FileNotFoundError: for a missing root, or a link that leads nowhere.
        ValueError: if there are none.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no folder {root}: expected one folder of images for each person in it")
    entries = [entry for entry in root.iterdir() if not entry.name.startswith(".")]
    for entry in entries:
        if entry.is_symlink() and not entry.exists():
            raise FileNotFoundError(f"{entry} is a link that leads nowhere: remove it, or restore the folder")
    people = sorted(entry for entry in entries if entry.is_dir())
    if not people:
        raise ValueError(f"{root} holds no folders: expected one folder of images for each person in it")
    return people


def _person_files(person: Path) -> list[str]:
    files = image_names(person)
    if not files and (within := images_within(person)):
        raise ValueError(
            f"{person} holds no images, but folders with images, such as {within[0]}: if these folders are the people, "
            f"give {person}; else move the images up"
        )
    if not files:
        raise ValueError(
            f"{person} holds no images: remove the folder, or add images of this person{unread_hint(person)}"
        )
    return files


def _warn_of_folders_within(people: list[Path]) -> None:
    """Warn of images that are passed over because they are one folder too deep."""
    left_out = [f"{person}/{name}" for person in people for name in images_within(person)]
    if left_out:
        rank_zero_warn(
            f"{len(left_out)} images are not used, for example {left_out[0]}: they are in folders within people's "
            "folders. Move them up, or name each image and its person in a list"
        )


def images_within(person: Path) -> list[str]:
    """Images in folders within a person's folder, relative to it: no part of the set."""
    return [name for name in images_below(person) if "/" in name] if _holds_folders(person) else []


def _holds_folders(folder: Path) -> bool:
    with os.scandir(folder) as entries:  # as in image_names: only links are asked what they are
        return any(os.path.isdir(entry) if entry.is_symlink() else entry.is_dir() for entry in entries)


class UnlabelledImages(Files):
    """The images of one folder, of unknown people, in the order of their sorted names: a test split to predict.

    Args:
        root: the folder. Hidden files, folders, and files that are not images are passed over.

    Raises:
        FileNotFoundError: when read, for a missing folder.
        ValueError: when read, for a folder without images.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import UnlabelledImages
        >>> with TemporaryDirectory() as root:
        ...     for name in ("b.png", "a.png"):
        ...         Image.new("RGB", (8, 8)).save(f"{root}/{name}")
        ...     faces = UnlabelledImages(root)
        ...     len(faces), faces.name(0).endswith("a.png")
        (2, True)
    """

    def __init__(self, root: str) -> None:
        self.root = root

    @cached_property
    def paths(self) -> PathList:
        """The files (N)."""
        root = Path(self.root)
        if not root.is_dir():
            raise FileNotFoundError(f"no folder {root}: expected images in it")
        names = image_names(root)
        if not names:
            raise ValueError(f"{root} holds no images{unread_hint(root)}")
        return PathList(root, names)

    def unread(self) -> list[str]:
        """A sentence for each kind of file in the folder that looks like an image and is not read."""
        return unread_in(Path(self.root))

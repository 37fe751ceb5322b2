"""The record of a split set: where its images are, and how its people were divided.

`facerec split` writes lists and copies no image. So the folder of the lists says, in ``split.json``, which folder its
images are in. The path is relative where it can be, so that both folders can be moved together.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from facerec.plain_text import read_json

SPLIT_FILE = "split.json"
FORMAT = "facerec split 1"  # count up when the same settings divide people otherwise


class SplitRecord(NamedTuple):
    """What the record of a split says.

    Attributes:
        images: the folder of the people, relative to the folder of the record unless absolute.
        settings: how the people were divided, by name.
        complete: whether all lists were written.
    """

    images: str
    settings: dict[str, Any]
    complete: bool


def split_text(record: SplitRecord, counts: dict[str, Any]) -> str:
    """The text of a record.

    Args:
        record: what it says.
        counts: numbers for readers of the file.
    """
    return json.dumps({"format": FORMAT, **record._asdict(), "counts": counts}, indent=2) + "\n"


def read_split(folder: str | Path) -> SplitRecord | None:
    """The record of a folder; None if it has none, or a file of that name from another program.

    Raises:
        ValueError: naming the file, if it is ours and broken.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     text = split_text(SplitRecord("../faces", {"seed": 0}, complete=True), {})
        ...     _ = Path(folder, "split.json").write_text(text)
        ...     read_split(folder)
        SplitRecord(images='../faces', settings={'seed': 0}, complete=True)
    """
    path = Path(folder, SPLIT_FILE)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if FORMAT not in text:
        return None
    try:
        values = read_json(text, path)
        return SplitRecord(str(values["images"]), dict(values["settings"]), bool(values["complete"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is not a record of `facerec split` any more ({error}): remove it, split again"
        ) from error


def images_of_split(folder: Path) -> Path:
    """The folder of the images of a split.

    Raises:
        FileNotFoundError: if the folder holds no record, or the images are no longer where it says.
        ValueError: if the record is broken, or the split was interrupted.
    """
    record = read_split(folder)
    if record is None:
        raise FileNotFoundError(f"{folder} holds no {SPLIT_FILE} of `facerec split`")
    if not record.complete:
        raise ValueError(f"{folder} was not split to the end: give the same `facerec split` command again")
    images = Path(os.path.normpath(folder.resolve() / record.images))
    if not images.is_dir():
        raise FileNotFoundError(
            f"{folder / SPLIT_FILE} says that its images are in {images}, and there is no such folder. Move it back, "
            f"or run `facerec split PEOPLE {folder}` with its new place"
        )
    return images


def place_of_images(people: Path, folder: Path) -> str:
    """The folder of the people, as the record in another folder names it.

    The path is relative unless the two folders share nothing but the root of the file system.
    """
    absolute, base = Path(os.path.abspath(people)), folder.resolve()
    if absolute.anchor != base.anchor or os.path.commonpath([absolute, base]) == base.anchor:
        return str(absolute)
    relative = os.path.relpath(absolute, base)
    same = os.path.realpath(base / relative) == os.path.realpath(people)  # not where a link stands before a `..`
    return Path(relative).as_posix() if same else str(people.resolve())

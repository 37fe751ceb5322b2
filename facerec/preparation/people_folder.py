"""What a folder of people holds that a split can use, and what it leaves out."""

import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Literal, NamedTuple

from tqdm import tqdm

from facerec.data.formats.folders import image_names, images_within, people_folders, person_folders
from facerec.data.formats.landmarks import listable
from facerec.data.formats.split_record import read_split
from facerec.data.layouts import PAIR_FILES
from facerec.data.unread import unread_hint

Problem = Literal[
    "with an unusable name",
    "of no bytes",
    "unreadable",
    "in folders within people's folders",
    "copies of an image of the same person",
]


class PeopleFolder(NamedTuple):
    """The people of a folder and their images.

    Attributes:
        root: the folder that holds a folder for each person.
        images: names ``person/image`` of each person's images, sorted. The list of a person may be empty.
        sizes: bytes of each image.
        problems: number of images left out, for each reason.
    """

    root: Path
    images: dict[str, list[str]]
    sizes: dict[str, int]
    problems: Counter[str]

    def without(self, names: Collection[str], problem: Problem) -> "PeopleFolder":
        """The same people without some images."""
        gone = set(names)
        images = {person: [name for name in own if name not in gone] for person, own in self.images.items()}
        return self._replace(images=images, problems=self.problems + Counter({problem: len(gone)}))


def find_people(folder: Path) -> Path:
    """The folder that holds a folder of images for each person: the one given, or the only one below it that does.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if none holds people or several do, or if the folder is a set with pairs already.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: expected one folder of images for each person in it")
    found = people_folders(folder)
    if not found:
        raise ValueError(
            f"{folder} holds no folders of images, nor do the folders in it: expected one for each person"
            f"{unread_hint(folder)}"
        )
    pairs = [name for name in PAIR_FILES if (folder / name).is_file()]
    if pairs and read_split(folder) is None:
        raise ValueError(f"{folder} holds {pairs[0]}, so it is divided already: give a folder of people in it")
    if len(found) > 1:
        names = ", ".join(some.relative_to(folder).as_posix() for some in found)
        raise ValueError(f"{folder} holds several folders of people ({names}): give one of them")
    return found[0]


def list_people(root: Path) -> PeopleFolder:
    """Everything in a folder of people.

    Raises:
        FileNotFoundError: for a link in the place of a person that leads nowhere.
        ValueError: for a folder without permission to read.
    """
    listed = PeopleFolder(root, {}, {}, Counter())
    for person in tqdm(person_folders(root), desc="listing people", unit="person", delay=1, leave=False):
        names = [f"{person.name}/{image}" for image in image_names(person)]
        sizes = {name: _size(root, name) for name in names}
        usable = {name: size for name, size in sizes.items() if isinstance(size, int)}
        listed.images[person.name] = list(usable)
        listed.sizes.update(usable)
        listed.problems.update(problem for problem in sizes.values() if isinstance(problem, str))
        listed.problems.update({"in folders within people's folders": len(images_within(person))})
    return listed._replace(problems=+listed.problems)


def _size(root: Path, name: str) -> int | Problem:
    """Bytes of an image, or why it is left out."""
    if not listable(name):
        return "with an unusable name"
    try:
        return os.stat(os.path.join(root, name)).st_size or "of no bytes"
    except OSError:
        return "unreadable"

"""The person on each image of a set, from labels and folders, and the people whom two sets share."""

import unicodedata
from collections.abc import Iterable
from typing import Literal, NamedTuple

from facerec.data.all_pairs import LabelledPairs
from facerec.data.sources import Images, ImageSource, PairSource

UNKNOWN = ""


class People(NamedTuple):
    """The person on each image of a set.

    Attributes:
        names: name of the person on each image; empty where it is unknown.
        told_by: origin of the names: ``folder`` if each person has one, ``label`` if a list or record numbers people,
            None if all names are unknown. Names of different origin cannot be compared.
    """

    names: list[str]
    told_by: Literal["folder", "label"] | None


def people_of(images: Images) -> People:
    """The person on each image.

    A list may number people whose folders carry their names. If classes and folders correspond one to one, the folders
    name the people, so that people of different lists can be compared.
    """
    labelled = images.images if isinstance(images, LabelledPairs) else images
    if isinstance(labelled, ImageSource):
        return _labelled_people(labelled)
    known = images.people if isinstance(images, PairSource) else frozenset[str]()
    folders = [folder if folder in known else UNKNOWN for folder in images.folders()]
    return People(folders, "folder" if any(folders) else None)


def _labelled_people(images: ImageSource) -> People:
    identities = images.identities
    names = [identities[label] for label in images.labels]  # no list of 50 million numbers
    folders = images.folders()
    is_one_to_one = len(set(zip(names, folders, strict=True))) == len(set(names)) == len(set(folders))
    is_certain = len(set(names)) > 1 or folders == names  # the folder of one person may be that of all images
    return People(folders, "folder") if is_one_to_one and is_certain else People(names, "label")


def comparable(first: People, second: People) -> bool:
    """Whether a name stands for one person in both sets.

    Labels that merely count, from 0 or 1, are places in a list of people, and every list has those.
    """
    if first.told_by is None or first.told_by != second.told_by:
        return False
    return first.told_by == "folder" or not (are_numbers(set(first.names)) or are_numbers(set(second.names)))


def in_both(first: People, second: People) -> set[str] | None:
    """Names of the people in both sets; None if their names cannot be compared.

    Example:
        >>> in_both(People(["ann", "bob"], "folder"), People(["bob"], "folder"))
        {'bob'}
        >>> in_both(People(["ann", "bob"], "folder"), People(["0"], "label")) is None
        True
    """
    return (_composed(first.names) & _composed(second.names)) - {UNKNOWN} if comparable(first, second) else None


def _composed(names: Iterable[str]) -> set[str]:
    """Names in one of Unicode's two ways to write an accent, because file systems differ in theirs."""
    return {unicodedata.normalize("NFC", name) for name in set(names)}


def are_numbers(names: set[str]) -> bool:
    """Whether the names only count, from 0 or 1."""
    return any(names == {str(number) for number in range(start, start + len(names))} for start in (0, 1))

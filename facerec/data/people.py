"""Who is on the images of a set, and who and what is in two sets, as far as names tell."""

import unicodedata
from collections.abc import Iterable
from typing import Literal, NamedTuple

from facerec.data.sources import AllPairs, Images, ImageSource, PairSource

UNKNOWN = ""
NAMES_AT_MOST = 1_000_000  # of a larger set every second, third, ... image is looked at, which takes a second


class People(NamedTuple):
    """The person on each image of a set, as far as anything tells.

    Attributes:
        names: of the person on each image; empty where nobody knows.
        told_by: ``folder`` where each person has one, ``label`` where a list or record numbers them, None where nothing
            tells. Names of different origin cannot be compared.
    """

    names: list[str]
    told_by: Literal["folder", "label"] | None


def people_of(images: Images) -> People:
    """The person on each image.

    A list may number people whose folders carry their names; where class and folder are the same thing, the folder's
    name counts, so that people of different lists can be compared.
    """
    labelled = images.images if isinstance(images, AllPairs) else images
    if isinstance(labelled, ImageSource):
        identities = labelled.identities
        names = [identities[label] for label in labelled.labels.tolist()]
        folders = labelled.folders()
        told_by_folder = len(set(zip(names, folders, strict=True))) == len(set(names)) == len(set(folders))
        is_certain = len(set(names)) > 1 or folders == names  # the folder of one person may be that of all images
        return People(folders, "folder") if told_by_folder and is_certain else People(names, "label")
    known = images.people if isinstance(images, PairSource) else frozenset[str]()
    folders = [folder if folder in known else UNKNOWN for folder in images.folders()]
    return People(folders, "folder" if any(folders) else None)


def comparable(first: People, second: People) -> bool:
    """Whether a name stands for one person in both sets.

    Labels that merely count, from 0 or 1, are places in a list of people, and every list has those.
    """
    if first.told_by is None or first.told_by != second.told_by:
        return False
    return first.told_by == "folder" or not (are_numbers(set(first.names)) or are_numbers(set(second.names)))


def in_both(first: People, second: People) -> set[str] | None:
    """Names of the people who are in both sets; None where names do not tell."""
    return (_composed(first.names) & _composed(second.names)) - {UNKNOWN} if comparable(first, second) else None


def names_of(images: Images) -> Iterable[str]:
    """What the images of a set are called; of a very large one, of a part spread evenly over it."""
    return (images.name(index) for index in range(0, len(images), -(-len(images) // NAMES_AT_MOST) or 1))


def _composed(names: Iterable[str]) -> set[str]:
    """Names in one of the two ways in which Unicode writes an accent: file systems differ in theirs."""
    return {unicodedata.normalize("NFC", name) for name in set(names)}


def are_numbers(names: set[str]) -> bool:
    """Whether the names only count, from 0 or 1."""
    return any(names == {str(number) for number in range(start, start + len(names))} for start in (0, 1))

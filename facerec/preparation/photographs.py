"""Images that are one photograph: identical files, found cheaply, or images that look alike, found by decoding all."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from facerec.data.formats.listings import Files
from facerec.data.paths import PathList
from facerec.data.people import People
from facerec.inspection.duplicates import InspectedSet, find_duplicates, photographs
from facerec.inspection.examination import examine_all
from facerec.inspection.report import EXAMINED
from facerec.journal import Journal
from facerec.preparation.people_folder import PeopleFolder

SAMPLE = 4096  # bytes in the middle of a file; files of one size that agree there are read whole

Group = list[str]


class Alike(NamedTuple):
    """Images that are one photograph.

    Attributes:
        groups: names of the images of each photograph of which there are several, sorted.
        broken: names of the images that do not decode; empty if none was decoded.
    """

    groups: list[Group]
    broken: list[str]


def person_of(image: str) -> str:
    """The person of an image ``person/image``."""
    return image.partition("/")[0]


def identical_images(people: PeopleFolder) -> Alike:
    """Groups of files with the same bytes. Few files are read whole: most differ in size or in their middle."""

    def sample(name: str) -> bytes:
        with open(os.path.join(people.root, name), "rb") as file:
            file.seek(max(0, (people.sizes[name] - SAMPLE) // 2))
            return file.read(SAMPLE)

    def digest(name: str) -> bytes:
        return hashlib.blake2b(Path(people.root, name).read_bytes(), digest_size=16).digest()

    groups = _refined([list(people.sizes)], people.sizes.__getitem__)
    for key in (sample, digest):
        groups = _refined(groups, key)
    return Alike(sorted(groups), [])


def _refined(groups: list[Group], key: Callable[[str], Hashable]) -> list[Group]:
    """The groups, each cut into those of its images that have one key; images alone are left out."""
    cut: list[Group] = []
    with tqdm(total=sum(map(len, groups)), desc="comparing files", unit="file", delay=1, leave=False) as progress:
        for group in groups:
            same: defaultdict[Hashable, Group] = defaultdict(list)
            for name in group:
                same[_tried(key, name)].append(name)
            progress.update(len(group))
            cut += [names for names in same.values() if len(names) > 1]
    return cut


def _tried(key: Callable[[str], Hashable], name: str) -> Hashable:
    """The key of an image; the name, which no other has, for a file that cannot be read: `fit` will say so."""
    try:
        return key(name)
    except OSError:
        return name


class _ImageFiles(Files):
    def __init__(self, paths: PathList) -> None:
        self._paths = paths

    @property
    def paths(self) -> PathList:
        return self._paths


def near_images(people: PeopleFolder, distance: int, journal: Path, workers: int) -> Alike:
    """Groups of images that are identical or look alike, as ``facerec inspect`` finds them.

    Args:
        people: whose images are decoded.
        distance: largest number of bits, of 256, in which perceptual hashes differ.
        journal: file that keeps what is known of each image, for the next run if this one is interrupted.
        workers: number of decoding processes; 0 decodes in this one.
    """
    names = list(people.sizes)
    images = _ImageFiles(PathList(people.root, names))
    with Journal(journal, EXAMINED) as entries:
        facts = examine_all(images, "images", entries, workers)
    sets = [InspectedSet("people", images, People([person_of(name) for name in names], "folder"), facts)]
    number_of = photographs(sets, find_duplicates(sets, distance))["people"]
    groups: defaultdict[int, Group] = defaultdict(list)
    for name, number in zip(names, number_of.tolist(), strict=True):
        groups[number].append(name)
    broken = [name for name, found in zip(names, facts, strict=True) if found.error]
    return Alike(sorted(group for group in groups.values() if len(group) > 1), broken)


def own_copies(groups: Iterable[Sequence[str]]) -> list[str]:
    """Images of which the same person has the photograph already, under an earlier name.

    Example:
        >>> own_copies([["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"]])
        ['ann/2.jpg']
    """
    first: dict[tuple[int, str], str] = {}
    return [
        name
        for number, group in enumerate(groups)
        for name in group
        if first.setdefault((number, person_of(name)), name) != name
    ]


def linked_people(groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """For everyone who shares a photograph with others: the first of all people so linked, by name.

    Example:
        >>> linked_people([["bob/1.jpg", "cy/1.jpg"], ["ann/7.jpg", "bob/2.jpg"], ["di/1.jpg", "di/2.jpg"]])
        {'bob': 'ann', 'cy': 'ann', 'ann': 'ann'}
    """
    above: dict[str, str] = {}

    def first(person: str) -> str:
        while above.setdefault(person, person) != person:
            person = above[person]
        return person

    for group in groups:
        people = {person_of(image) for image in group}
        if len(people) > 1:
            firsts = sorted({first(person) for person in sorted(people)})
            above.update(dict.fromkeys(firsts, firsts[0]))
    return {person: first(person) for person in above}

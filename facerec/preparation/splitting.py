"""Divides a folder of people into lists to train on, to validate on and to test on. No image is copied.

The destination holds:

- ``split.json``: the folder of the images, how it was divided, and the counts;
- ``train.txt`` and ``dev.txt``: a line ``person/image`` for each image;
- ``val_pairs.txt`` and ``test_pairs.txt``: a line ``image image 1`` for a genuine pair, ``0`` for an impostor pair, by
  tabs;
- ``shared_images.txt``: on each line the images of one photograph that several people have.

Adding people and splitting again moves nobody. Their images change no genuine pair of others; impostor pairs are drawn
anew.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from facerec.data.formats.split_record import SPLIT_FILE, SplitRecord, place_of_images, read_split, split_text
from facerec.data.unread import unread_in
from facerec.files import check_writable, write_whole
from facerec.preparation.parts import PARTS, Part, divide
from facerec.preparation.people_folder import PeopleFolder, find_people, list_people
from facerec.preparation.photographs import (
    Alike,
    identical_images,
    linked_people,
    near_images,
    own_copies,
    person_of,
)
from facerec.preparation.split_lists import LIST_FILES, SplitLists, make_lists, parts_in
from facerec.preparation.split_settings import SplitSettings

SHARED_FILE = "shared_images.txt"
JOURNAL_FILE = "split.journal"


class Split(NamedTuple):
    """What a split gave.

    Attributes:
        root: the folder that holds a folder for each person.
        images: number of images in each list: ``train``, ``dev``, ``validation`` and ``test``.
        people: number of people in each part.
        pairs: number of (genuine, impostor) pairs of ``validation`` and ``test``.
        left_out_people: number of people in no list, for each reason.
        left_out_images: number of images that cannot be used, for each reason.
        shared: photographs that several people have, each as the names of its images.
        divided: people who share a photograph with somebody in another part: a leak.
        moved: people whom an earlier split had put into another part.
        unread: a sentence for each kind of file that looks like an image and is not read.

    Example:
        >>> counts = {"train": 7, "validation": 2, "test": 0}
        >>> done = Split(Path("faces"), {}, counts, {}, Counter(), Counter(), shared=[], divided=[], moved=[])
        >>> f"{done.people['train']} people to train on"
        '7 people to train on'
    """

    root: Path
    images: dict[str, int]
    people: dict[Part, int]
    pairs: dict[Part, tuple[int, int]]
    left_out_people: Counter[str]
    left_out_images: Counter[str]
    shared: list[list[str]]
    divided: list[str]
    moved: list[str]
    unread: Sequence[str] = ()

    def counts(self) -> dict[str, Any]:
        """All numbers by name, for JSON."""
        names = ("images", "people", "pairs", "left_out_people", "left_out_images")
        counts = {name: value for name, value in self._asdict().items() if name in names}
        return counts | {name: len(getattr(self, name)) for name in ("shared", "divided", "moved")}


def split(
    people: str | Path, destination: str | Path, settings: SplitSettings | None = None, workers: int = 0
) -> Split:
    """Divide a folder of people into lists and pairs that ``facerec fit --data.root DESTINATION`` reads.

    Args:
        people: folder of one folder of images for each person, or a folder that holds one such folder.
        destination: folder for the lists: new, or of an earlier split with the same settings, or ``people`` itself.
        settings: how to divide.
        workers: number of processes that decode images, which ``near_distance`` needs; 0 decodes in this one.

    Raises:
        FileNotFoundError: if there is no such folder of people.
        ValueError: if a part would have too few people, or the destination holds other lists.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import ORLImages
        >>> from facerec.preparation import SplitSettings, split
        >>> with TemporaryDirectory() as folder:
        ...     images = ORLImages("train")  # 24 people with 8 images each
        ...     for index, label in enumerate(images.labels):
        ...         Path(folder, "faces", f"s{label}").mkdir(parents=True, exist_ok=True)
        ...         Path(folder, "faces", f"s{label}", f"{index}.pgm").symlink_to(images.name(index))
        ...     done = split(f"{folder}/faces", f"{folder}/set", SplitSettings(shares=(60, 20, 20)))
        >>> done.people
        {'train': 11, 'validation': 5, 'test': 8}
        >>> done.pairs["test"]
        (160, 160)
    """
    settings = settings or SplitSettings()
    root, out = find_people(Path(people)), Path(destination)
    _check_destination(root, out, settings)
    folder = list_people(root)
    alike = _alike(folder, out / JOURNAL_FILE, settings, workers)
    folder = folder.without(alike.broken, "unreadable")
    folder = folder.without(own_copies(alike.groups), "copies of an image of the same person")
    links = linked_people(alike.groups)
    parts = divide({person: len(own) for person, own in folder.images.items() if own}, links, settings)
    lists = make_lists(folder.images, parts, links, settings)
    images, before = lists.images(), parts_in(out)
    people_in = {part: {person_of(name) for name in images[part]} for part in PARTS}
    done = Split(
        root,
        images={name: len(own) for name, own in images.items()},
        people={part: len(own) for part, own in people_in.items()},
        pairs={part: (len(own), len(lists.impostor[part])) for part, own in lists.genuine.items()},
        left_out_people=lists.left_out + Counter({"without images": len(folder.images) - len(parts)}),
        left_out_images=folder.problems,
        shared=[group for group in alike.groups if len({person_of(name) for name in group}) > 1],
        divided=_divided(people_in, links),
        moved=sorted(person for person, part in before.items() if parts.get(person, part) != part),
        unread=unread_in(root),
    )
    _write(out, settings, lists, done)
    return done


def _check_destination(root: Path, out: Path, settings: SplitSettings) -> None:
    """Refuse a destination that is no folder for this split.

    Raises:
        ValueError: if it is a folder of a person, or holds lists of something else or of other settings.
    """
    check_writable(out / SPLIT_FILE)
    if root.resolve() in out.resolve().parents:
        raise ValueError(f"{out} is in {root}, where it would be a person: give a folder elsewhere, or {root} itself")
    before = read_split(out)
    if before is None:
        others = [name for name in LIST_FILES if (out / name).exists()]
        if others:
            raise ValueError(f"{out} holds {others[0]}, which is not of `facerec split`: give another folder")
    elif before.settings != settings.as_dict():
        then, now = before.settings, settings.as_dict()
        changes = ", ".join(
            f"{name}={then.get(name)} before, {now[name]} now" for name in now if then.get(name) != now[name]
        )
        raise ValueError(f"{out} was split with other settings: {changes}. Give another folder, or the same settings")


def _alike(folder: PeopleFolder, journal: Path, settings: SplitSettings, workers: int) -> Alike:
    if settings.near_distance is None:
        return identical_images(folder)
    return near_images(folder, settings.near_distance, journal, workers)


def _divided(people_in: Mapping[Part, set[str]], links: Mapping[str, str]) -> list[str]:
    """People who share a photograph with somebody in another part."""
    linked = [(links[person], part, person) for part, people in people_in.items() for person in people & links.keys()]
    in_parts = Counter(leader for leader, _ in {(leader, part) for leader, part, _ in linked})
    return sorted(person for leader, _, person in linked if in_parts[leader] > 1)


def _write(out: Path, settings: SplitSettings, lists: SplitLists, done: Split) -> None:
    """Write the lists, then the record that says that all are there."""
    record = SplitRecord(place_of_images(done.root, out), settings.as_dict(), complete=False)
    write_whole(out / SPLIT_FILE, split_text(record, {}))
    lists.write(out)
    if done.shared:
        write_whole(out / SHARED_FILE, "".join("\t".join(group) + "\n" for group in done.shared))
    else:
        (out / SHARED_FILE).unlink(missing_ok=True)
    write_whole(out / SPLIT_FILE, split_text(record._replace(complete=True), done.counts()))
    (out / JOURNAL_FILE).unlink(missing_ok=True)

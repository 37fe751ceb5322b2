"""The lists of a split: images to train on, dev images of the same people, and pairs of the others."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from facerec.data.drawn_pairs import Pair, genuine_pairs, impostor_pairs
from facerec.data.formats.rows import read_rows
from facerec.data.lots import TICKETS, ticket
from facerec.files import write_whole
from facerec.preparation.parts import PARTS, Part
from facerec.preparation.photographs import person_of
from facerec.preparation.split_settings import SplitSettings

TRAIN_FILE, DEV_FILE = "train.txt", "dev.txt"
PAIRS_FILES: dict[Part, str] = {"validation": "val_pairs.txt", "test": "test_pairs.txt"}
LIST_FILES = (TRAIN_FILE, DEV_FILE, *PAIRS_FILES.values())
LEFT_TO_TRAIN = 2  # photographs of each person that are no dev images


class SplitLists(NamedTuple):
    """The lists of a split.

    Attributes:
        train: names of the images to train on.
        dev: names of other images of the same people.
        genuine: pairs of one person, of each part that is verified.
        impostor: pairs of two people.
        left_out: number of people in no list, for each reason.
    """

    train: list[str]
    dev: list[str]
    genuine: dict[Part, list[Pair]]
    impostor: dict[Part, list[Pair]]
    left_out: Counter[str]

    def images(self) -> dict[str, list[str]]:
        """Names of the images of each list, each once."""
        pairs = {part: self.genuine[part] + self.impostor[part] for part in self.genuine}
        once = {str(part): sorted({image for pair in some for image in pair}) for part, some in pairs.items()}
        return {"train": self.train, "dev": self.dev} | once

    def write(self, folder: Path) -> None:
        """Write a file for each list that is not empty, and remove those of empty lists."""
        _write_rows(folder / TRAIN_FILE, ([name] for name in self.train))
        _write_rows(folder / DEV_FILE, ([name] for name in self.dev))
        for part, file in PAIRS_FILES.items():
            marked = [[*pair, "1"] for pair in self.genuine[part]] + [[*pair, "0"] for pair in self.impostor[part]]
            _write_rows(folder / file, marked)


def _write_rows(path: Path, rows: Iterable[list[str]]) -> None:
    lines = ["\t".join(row) + "\n" for row in rows]
    if lines:
        write_whole(path, "".join(lines))
    else:
        path.unlink(missing_ok=True)


def make_lists(
    images: Mapping[str, list[str]], parts: Mapping[str, Part], links: Mapping[str, str], settings: SplitSettings
) -> SplitLists:
    """The lists of people in parts.

    Args:
        images: of each person.
        parts: the part of each person.
        links: people who share a photograph, who make no impostor pair.
        settings: of the split.
    """
    people = {part: {person: images[person] for person, own in parts.items() if own == part} for part in PARTS}
    enough = [own for own in people["train"].values() if len(own) >= settings.min_images]
    dev = [name for own in enough for name in _dev_images(own, settings)]
    held_back = set(dev)
    train = [name for own in enough for name in own if name not in held_back]
    lists = SplitLists(train, dev, {}, {}, Counter())
    lists.left_out[f"with fewer than {settings.min_images} images to train on"] = len(people["train"]) - len(enough)
    for part in PAIRS_FILES:
        genuine = genuine_pairs(people[part], settings.pairs_per_person, settings.seed)
        impostor = impostor_pairs(people[part], round(settings.impostor_ratio * len(genuine)), settings.seed, links)
        lists.genuine[part], lists.impostor[part] = genuine, impostor
        paired = {person_of(image) for pair in genuine + impostor for image in pair}
        lists.left_out["in no pair"] += len(people[part]) - len(paired)
    return lists._replace(left_out=+lists.left_out)


def _dev_images(images: list[str], settings: SplitSettings) -> list[str]:
    """The dev images of a person: a share by a hash of their names, and two stay to train on."""
    drawn = sorted((ticket(settings.seed, "image", name), name) for name in images)
    chosen = [name for number, name in drawn if number < round(TICKETS * settings.dev_share)]
    return sorted(chosen[: max(0, len(images) - LEFT_TO_TRAIN)])


def parts_in(folder: Path) -> dict[str, Part]:
    """The people in the lists of a folder, and their parts."""
    found: dict[str, Part] = {}
    for part, file, columns in (("train", TRAIN_FILE, 1), *((part, file, 3) for part, file in PAIRS_FILES.items())):
        rows = read_rows(folder / file, (columns,), "") if (folder / file).is_file() else ()
        found.update({person_of(name): part for _, row in rows for name in row[: max(1, columns - 1)]})
    return found

"""The inspection as a whole: examine the sets, compare them, and write the results."""

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from facerec.data.people import people_of
from facerec.data.sources import Images
from facerec.files import write_whole, written_whole
from facerec.inspection.duplicates import (
    DuplicatePair,
    InspectedSet,
    Relation,
    find_duplicates,
    leaks,
    photographs,
    shared_people,
    trivial_pairs,
)
from facerec.inspection.examination import examine_all
from facerec.inspection.figures import contact_sheet, duplicate_sheet, save_histogram
from facerec.inspection.statistics import statistics
from facerec.journal import Journal
from facerec.settings import require_within

NEAR_DISTANCE = 30
JOURNAL = "journal.jsonl"
EXAMINED = "examined images 1"  # count up when ImageFacts changes, or the way to find them
COLUMNS = ("kind", "distance", "relation", "set_a", "set_b", "person_a", "person_b", "image_a", "image_b")


class Inspection(NamedTuple):
    """What was found.

    Attributes:
        report: as it is in ``report.json``.
        sets: with the facts of each image.

    Example:
        >>> Inspection(report={"sets": {"train": {"images": 12}}}, sets=[]).report["sets"]["train"]["images"]
        12
    """

    report: dict[str, Any]
    sets: list[InspectedSet]


def inspect_sets(
    named: Mapping[str, Images], output: Path, workers: int = 0, near_distance: int = NEAR_DISTANCE
) -> Inspection:
    """Examine sets of images and write report.json, duplicates.csv, histogram.png and sheets of faces.

    An interrupted run goes on: ``journal.jsonl`` keeps what is known of an image for as long as its path, size and time
    of change stay the same.

    Args:
        named: the sets by name.
        output: folder of the results.
        workers: number of decoding processes; 0 decodes in this one.
        near_distance: largest number of bits, of 256, in which perceptual hashes of near-identical images differ.
            Compression, resizing and other light change at most 30 bits; two photographs mostly differ in more.

    Raises:
        FileNotFoundError: naming a list or folder that is missing.
        ValueError: naming the list and line that is malformed, or if all sets are empty.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.inspection import named_sets
        >>> with TemporaryDirectory() as folder:
        ...     for person in ("ada", "ben"):
        ...         Path(folder, "faces", person).mkdir(parents=True)
        ...         Image.radial_gradient("L").resize((16, 16)).save(Path(folder, "faces", person, "1.png"))
        ...     found = inspect_sets(named_sets(f"{folder}/faces"), Path(folder, "results"))
        >>> found.report["duplicates"]["identical"]
        {'one person': 0, 'two people': 1, 'unknown': 0}
    """
    require_within("inspect_sets", 0, math.inf, workers=workers)
    people = {name: people_of(images) for name, images in named.items()}  # reads the lists, before anything is written
    with Journal(output / JOURNAL, EXAMINED) as journal:
        sets = [
            InspectedSet(name, images, people[name], examine_all(images, name, journal, workers))
            for name, images in named.items()
        ]
    if not any(some.facts for some in sets):
        raise ValueError(f"no images in {', '.join(named) or 'any set'}")
    duplicates = find_duplicates(sets, near_distance)
    report = {
        "sets": {some.name: statistics(some) for some in sets},
        "duplicates": _counts(sets, duplicates, near_distance),
        "shared_people": shared_people(sets),
    }
    _write(output, report, sets, duplicates)
    return Inspection(report, sets)


def _counts(sets: Sequence[InspectedSet], duplicates: Sequence[DuplicatePair], near_distance: int) -> dict[str, Any]:
    photograph = photographs(sets, duplicates)
    return {
        "near_distance": near_distance,
        **{kind: _relations(pair for pair in duplicates if pair.kind == kind) for kind in ("identical", "near")},
        "images_beyond_the_first_of_each_photograph": {
            some.name: len(some.facts) - len(set(photograph[some.name].tolist())) for some in sets
        },
        "leaks": leaks(sets, duplicates),
        "pairs_of_one_photograph": trivial_pairs(sets, duplicates),
    }


def _relations(duplicates: Iterable[DuplicatePair]) -> dict[str, int]:
    counts = Counter(pair.relation for pair in duplicates)
    return {relation: counts[relation] for relation in get_args(Relation)}


def _write(
    output: Path, report: dict[str, Any], sets: Sequence[InspectedSet], duplicates: Sequence[DuplicatePair]
) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=True) + "\n"
    write_whole(output / "report.json", text)
    with written_whole(output / "duplicates.csv") as path:
        _write_table(sets, duplicates, path)
    with written_whole(output / "histogram.png") as path:
        save_histogram(sets, path)
    largest = max(sets, key=lambda some: len(some.facts) - sum(bool(facts.error) for facts in some.facts))
    with written_whole(output / "contact_sheet.png") as path:
        contact_sheet(largest).save(path)
    if duplicates:
        with written_whole(output / "duplicates.png") as path:
            duplicate_sheet(sets, duplicates).save(path)
    else:
        (output / "duplicates.png").unlink(missing_ok=True)  # of an earlier run


def _write_table(sets: Sequence[InspectedSet], duplicates: Sequence[DuplicatePair], path: Path) -> None:
    by_name = {some.name: some for some in sets}
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for pair in duplicates:
            both = [(by_name[name], index) for name, index in zip(pair.sets, pair.indices, strict=True)]
            people = [some.people.names[index] for some, index in both]
            images = [some.images.name(index) for some, index in both]
            writer.writerow([pair.kind, pair.distance, pair.relation, *pair.sets, *people, *images])

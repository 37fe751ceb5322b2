"""The inspection as a whole: examine the sets, compare them, and write down what was found."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from facerec.data.people import people_of
from facerec.data.sources import Images
from facerec.files import write_whole, written_whole
from facerec.inspection.duplicates import (
    InspectedSet,
    Match,
    find_matches,
    leaks,
    photographs,
    shared_people,
    trivial_pairs,
)
from facerec.inspection.examination import examine_all
from facerec.inspection.figures import contact_sheet, match_sheet, save_histogram
from facerec.inspection.statistics import statistics
from facerec.preparation.journal import Journal

NEAR_DISTANCE = 30
JOURNAL = "journal.jsonl"
COLUMNS = ("kind", "distance", "relation", "set_a", "set_b", "person_a", "person_b", "image_a", "image_b")


class Inspection(NamedTuple):
    """What was found: the report as it is in ``report.json``, and the sets."""

    report: dict[str, Any]
    sets: list[InspectedSet]


def inspect_sets(
    named: Mapping[str, Images], output: Path, workers: int = 0, near_distance: int = NEAR_DISTANCE
) -> Inspection:
    """Examine sets of images and write report.json, duplicates.csv, histogram.png and sheets of faces.

    An interrupted run goes on where it was: what is known of an image is kept in ``journal.jsonl``, for as long as its
    path, size and time of change stay the same.

    Args:
        named: the sets by name.
        output: folder of the results.
        workers: processes that decode; 0 decodes here.
        near_distance: largest number of bits, of 256, in which perceptual hashes of near-identical images differ.
            Compressing anew, resizing and other light stay within 30; different photographs, mostly, do not.

    Raises:
        FileNotFoundError: naming a list or folder that is missing.
        ValueError: naming the list and line that is malformed, or that all sets are empty.
    """
    people = {name: people_of(images) for name, images in named.items()}  # reads the lists, before anything is written
    with Journal(output / JOURNAL) as journal:
        sets = [
            InspectedSet(name, images, people[name], examine_all(images, name, journal, workers))
            for name, images in named.items()
        ]
    if not any(some.facts for some in sets):
        raise ValueError(f"no images in {', '.join(named) or 'any set'}")
    matches = find_matches(sets, near_distance)
    report = {
        "sets": {some.name: statistics(some) for some in sets},
        "duplicates": _duplicates(sets, matches, near_distance),
        "shared_people": shared_people(sets),
    }
    _write(output, report, sets, matches)
    return Inspection(report, sets)


def _duplicates(sets: Sequence[InspectedSet], matches: Sequence[Match], near_distance: int) -> dict[str, Any]:
    photograph = photographs(sets, matches)
    return {
        "near_distance": near_distance,
        **{kind: _relations(match for match in matches if match.kind == kind) for kind in ("identical", "near")},
        "images_beyond_the_first_of_each_photograph": {
            some.name: len(some.facts) - len(set(photograph[some.name].tolist())) for some in sets
        },
        "leaks": leaks(sets, matches),
        "pairs_of_one_photograph": trivial_pairs(sets, matches),
    }


def _relations(matches: Any) -> dict[str, int]:
    counts = Counter(match.relation for match in matches)
    return {relation: counts[relation] for relation in ("one person", "two people", "unknown")}


def _write(output: Path, report: dict[str, Any], sets: Sequence[InspectedSet], matches: Sequence[Match]) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=True) + "\n"
    write_whole(output / "report.json", text)
    with written_whole(output / "duplicates.csv") as path:
        _write_matches(sets, matches, path)
    with written_whole(output / "histogram.png") as path:
        save_histogram(sets, path)
    largest = max(sets, key=lambda some: len(some.facts) - sum(bool(facts.error) for facts in some.facts))
    with written_whole(output / "contact_sheet.png") as path:
        contact_sheet(largest).save(path)
    if matches:
        with written_whole(output / "duplicates.png") as path:
            match_sheet(sets, matches).save(path)
    else:
        (output / "duplicates.png").unlink(missing_ok=True)  # of an earlier run


def _write_matches(sets: Sequence[InspectedSet], matches: Sequence[Match], path: Path) -> None:
    by_name = {some.name: some for some in sets}
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for match in matches:
            pair = [(by_name[name], index) for name, index in zip(match.sets, match.indices, strict=True)]
            people = [some.people.names[index] for some, index in pair]
            images = [some.images.name(index) for some, index in pair]
            writer.writerow([match.kind, match.distance, match.relation, *match.sets, *people, *images])

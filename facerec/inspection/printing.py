"""The report as text in the terminal."""

from collections.abc import Iterator
from typing import Any

from facerec.inspection.duplicates import InspectedSet
from facerec.inspection.statistics import histogram, images_per_person

BAR = 40  # characters of the longest bar
NAMED = 5  # undecodable images by name
TO_TRAIN_ON = ("train", "images")  # sets whose pixels a network is made for; "images" is a folder that has no roles yet


def report_lines(report: dict[str, Any], sets: list[InspectedSet]) -> Iterator[str]:
    """The report, line by line."""
    for some in sets:
        yield from _set_lines(some, report["sets"][some.name])
    yield from _duplicate_lines(report["duplicates"])
    for groups, count in report["shared_people"].items():
        number = "unknown, no names to compare" if count is None else f"{count:,}"
        yield f"people in both {groups}: {number}"


def _set_lines(some: InspectedSet, numbers: dict[str, Any]) -> Iterator[str]:
    people = f"{numbers['people']:,} people" if numbers["people"] else "people unknown"
    yield f"{some.name}: {numbers['images']:,} images, {people}, {numbers['file_bytes'] / 1e6:,.1f} MB"
    sizes = [f"{size} ({count:,})" for size, count in list(numbers["sizes_width_x_height"].items())[:NAMED]]
    others = numbers["images"] - len(numbers["undecodable"])
    others -= sum(list(numbers["sizes_width_x_height"].values())[:NAMED])
    yield f"  width x height   {', '.join(sizes)}{f', others ({others:,})' if others else ''}"
    for heading in ("modes", "formats"):
        if numbers[heading]:
            yield f"  {heading:<16} {', '.join(f'{kind} ({count:,})' for kind, count in numbers[heading].items())}"
    if numbers["pixel_mean_rgb"]:
        for heading, key in (("pixel mean RGB", "pixel_mean_rgb"), ("pixel std RGB", "pixel_std_rgb")):
            yield f"  {heading:<16} {' '.join(f'{value:.4f}' for value in numbers[key])}"
        if some.name in TO_TRAIN_ON and min(numbers["pixel_std_rgb"]) > 0.0:
            yield from _normalisation_lines(numbers["pixel_mean_rgb"], numbers["pixel_std_rgb"])
    yield f"  undecodable      {len(numbers['undecodable']):,}"
    for broken in numbers["undecodable"][:NAMED]:
        yield f"    {broken['error']}"
    for line in numbers["not_read"]:
        yield f"  not read         {line}"
    yield from _bars(some)
    yield ""


def _normalisation_lines(mean_3: list[float], std_3: list[float]) -> Iterator[str]:
    """Settings to paste, and whether they are worth it."""
    yield "  to normalise by these, which changes little: batch normalisation scales what a network sees anyway"
    yield f"    model: {{image_mean: {mean_3}, image_std: {std_3}}}"


def _bars(some: InspectedSet) -> Iterator[str]:
    bars = histogram(images_per_person(some))
    if not bars:
        return
    yield "  images of a person, and how many people have as many"
    most = max(bar.people for bar in bars)
    width = max(len(bar.label) for bar in bars)
    for bar in bars:
        yield f"    {bar.label:>{width}} {'#' * -(-bar.people * BAR // most):<{BAR}} {bar.people:,}"


def _duplicate_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"duplicates (near: at most {found['near_distance']} of 256 bits of the perceptual hash differ)"
    for kind in ("identical", "near"):
        counts = ", ".join(f"{relation} {count:,}" for relation, count in found[kind].items())
        yield f"  {kind:<9} pairs: {counts}"
    for sets, counts in found["leaks"].items():
        certainty = "LEAK" if counts["identical"] else "possible leak"
        yield f"  {certainty}: {sets}: {counts['identical']:,} identical images, {counts['near']:,} near ones"
    for name, counts in found["pairs_of_one_photograph"].items():
        if any(counts.values()):
            yield (
                f"  {name}: {counts['genuine']:,} genuine and {counts['impostor']:,} impostor pairs look like one "
                "photograph twice"
            )

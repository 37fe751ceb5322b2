"""Pictures of a data set: the histogram, and sheets of faces in rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from facerec.data.people import UNKNOWN
from facerec.inspection.duplicates import DuplicatePair, InspectedSet
from facerec.inspection.statistics import histogram, images_per_person

Item = TypeVar("Item")

SIDE = 96  # pixels of a face on a sheet
CAPTION = 190
GAP = 4
SHEET_PEOPLE = 12
SHEET_IMAGES = 8
SHEET_PAIRS = 24


class Row(NamedTuple):
    """A row of a sheet: its caption, and its images, uint8 (3, H, W)."""

    caption: str
    images: list[Tensor]


def sheet(rows: Sequence[Row]) -> Image.Image:
    """Draw faces in rows, each row with its caption on the left."""
    columns = max((len(row.images) for row in rows), default=0)
    height = max(1, len(rows)) * (SIDE + GAP) + GAP
    canvas = Image.new("RGB", (CAPTION + columns * (SIDE + GAP) + GAP, height), "white")
    draw = ImageDraw.Draw(canvas)
    for line, row in enumerate(rows):
        top = GAP + line * (SIDE + GAP)
        draw.multiline_text((GAP, top + SIDE // 4), _wrapped(row.caption), fill="black")
        for column, pixels in enumerate(row.images):
            face = Image.fromarray(np.ascontiguousarray(pixels.numpy().transpose(1, 2, 0)))
            face = ImageOps.contain(face, (SIDE, SIDE))
            canvas.paste(face, (CAPTION + column * (SIDE + GAP), top))
    return canvas


def _wrapped(text: str, width: int = 28) -> str:
    printable = text.encode("ascii", "backslashreplace").decode()  # all that Pillow's built-in font has
    lines = [line[start : start + width] for line in printable.split("\n") for start in range(0, len(line), width)]
    return "\n".join(lines[:4])


def contact_sheet(some: InspectedSet) -> Image.Image:
    """Draw evenly chosen images of evenly chosen people; without people, evenly chosen images."""
    good = [index for index, facts in enumerate(some.facts) if not facts.error]
    by_person: dict[str, list[int]] = {}
    for index in good:
        by_person.setdefault(some.people.names[index], []).append(index)
    if set(by_person) <= {UNKNOWN}:
        chosen = _evenly(good, SHEET_PEOPLE * SHEET_IMAGES)
        lines = [chosen[start : start + SHEET_IMAGES] for start in range(0, len(chosen), SHEET_IMAGES)]
        return sheet([Row(some.name, _read(some, line)) for line in lines])
    people = _evenly(sorted(by_person), SHEET_PEOPLE)
    return sheet(
        [
            Row(f"{name} ({len(by_person[name])})", _read(some, _evenly(by_person[name], SHEET_IMAGES)))
            for name in people
        ]
    )


def duplicate_sheet(sets: Sequence[InspectedSet], duplicates: Sequence[DuplicatePair]) -> Image.Image:
    """Draw the first pairs, the two images of each side by side; pairs of two people come first."""
    by_name = {some.name: some for some in sets}
    order = sorted(duplicates, key=lambda pair: pair.relation != "two people")
    rows = []
    for pair in order[:SHEET_PAIRS]:
        images = [by_name[name].images.read(index) for name, index in zip(pair.sets, pair.indices, strict=True)]
        caption = f"{pair.kind}, {pair.distance} of 256 bits\n{pair.relation}\n{' / '.join(pair.sets)}"
        rows.append(Row(caption, images))
    return sheet(rows)


def _read(some: InspectedSet, indices: Sequence[int]) -> list[Tensor]:
    return [some.images.read(index) for index in indices]


def _evenly(items: Sequence[Item], count: int) -> list[Item]:
    if not items:
        return []
    return [items[place] for place in np.unique(np.linspace(0, len(items) - 1, count).round().astype(int))]


def save_histogram(sets: Sequence[InspectedSet], path: Path) -> None:
    """Draw images per person, for each set that knows its people, and save it as a PNG."""
    known = [(some.name, images_per_person(some)) for some in sets]
    known = [(name, counts) for name, counts in known if len(counts)]
    figure = Figure(figsize=(8, 3 * max(1, len(known))), layout="constrained")
    if not known:
        figure.text(0.5, 0.5, "no people are known by name", ha="center")
    for number, (name, counts) in enumerate(known, start=1):
        bars = histogram(counts)
        axes = figure.add_subplot(len(known), 1, number)
        drawn = axes.bar([bar.label for bar in bars], [bar.people for bar in bars], color="tab:blue")
        axes.bar_label(drawn)
        axes.set(
            title=f"{name}: {len(counts)} people, {counts.sum()} images", xlabel="images of a person", ylabel="people"
        )
    figure.savefig(path, format="png", dpi=100)

"""What a case of bad input is: how it is made, and what must happen to it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from facerec.data.sources import Images

Outcome = Literal["works", "error", "skip"]
WORKS, ERROR, SKIP = "works", "error", "skip"


@dataclass(frozen=True)
class Case:
    """A bad input.

    Attributes:
        name: as in the table of facerec/data/README.md.
        outcome: works; or an error; or an error that ``--data.unreadable skip`` makes a counted skip.
        expected: of the error, a pattern its message matches; of a source that works, a test of it.
        make: writes the input below a folder and gives the source that reads it.
    """

    name: str
    outcome: Outcome
    expected: str | Callable[[Images], object]
    make: Callable[[Path], Images]


class Cases(list[Case]):
    """Collects cases by decorating what makes them."""

    def __call__(self, name: str, outcome: Outcome, expected: str | Callable[[Images], object]):
        def add(make: Callable[[Path], Images]) -> Callable[[Path], Images]:
            self.append(Case(name, outcome, expected, make))
            return make

        return add


def picture(value: int = 0) -> Image.Image:
    """A small image that no other value gives: a slope of gray."""
    pixels = np.linspace(value, value + 100, 6 * 8).reshape(6, 8).astype(np.uint8)
    return Image.fromarray(np.stack([pixels, pixels + 20, 255 - pixels], axis=2))


def encoded(value: int = 0, suffix: str = ".png") -> bytes:
    """Its file."""
    from io import BytesIO

    buffer = BytesIO()
    picture(value).save(buffer, {".png": "PNG", ".jpg": "JPEG"}[suffix])
    return buffer.getvalue()


def shows(value: int, index: int = -1) -> Callable[[Images], bool]:
    """Whether an image of a source, by default the last, is the picture."""

    def test(source: Images) -> bool:
        image = source.read(index % len(source)).numpy()
        return np.array_equal(image, np.array(picture(value)).transpose(2, 0, 1))

    return test


def holds(count: int) -> Callable[[Images], bool]:
    """Whether a source has so many images."""
    return lambda source: len(source) == count

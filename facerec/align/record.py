"""What is kept with an aligned set: which detector found the points, and the template they were brought to.

A network learns the habits of the detector that cropped its training images. Testing it on images that another one
cropped costs accuracy (measured: an EER of 1.6 % becomes 2.0 %), so the record travels with the images and into the
checkpoint, and a difference is said aloud.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

RECORD_FILE = "alignment.json"
FORMAT = "facerec alignment 1"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Alignment:
    """How a set of images was aligned; equal where it was done in the same way.

    Attributes:
        detector: ``yunet``, ``mtcnn``, ``opencv``, ``center_crop``, or what a list of landmarks is said to come from.
        version: of the detector's package or model; empty where it is not known.
        template: name of the template.
        face: which face of several was taken.
        min_score: from which score a detection counted.
    """

    detector: str
    version: str
    template: str
    face: str = "largest"
    min_score: float | None = None

    def __str__(self) -> str:
        return f"{self.detector} ({self.version or 'version unknown'}) to {self.template}"

    def same_look(self, other: Alignment) -> bool:
        """Whether faces come out alike: by the detector, its version where both are known, and the template."""
        versions = {self.version, other.version} - {""}
        return (self.detector, self.template) == (other.detector, other.template) and len(versions) < 2

    def as_dict(self) -> dict[str, Any]:
        """Names and plain values, for JSON and checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any] | None) -> Alignment | None:
        """The record that :meth:`as_dict` gave, None for None; keys it does not know are passed over."""
        if values is None:
            return None
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def difference(trained_on: Alignment, measured_on: Alignment | None, what: str) -> str | None:
    """What to say where a network meets faces that were aligned otherwise than its training images; None where alike.

    Args:
        trained_on: how the training images were aligned.
        measured_on: how the others were, or None where nothing says so.
        what: the others, for the message, in the plural.
    """
    if measured_on is None:
        return (
            f"the training images were aligned by {trained_on}; nothing says how {what} were (no "
            f"{RECORD_FILE} in their folder or above). Align them alike: facerec align SRC DST --detector "
            f"{trained_on.detector} --template {trained_on.template}"
        )
    if trained_on.same_look(measured_on):
        return None
    unknown = UNKNOWN in (trained_on.detector, measured_on.detector)
    hint = "say with `detector` what found the points of a list, and " if unknown else ""
    return (
        f"the training images were aligned by {trained_on}, {what} by {measured_on}: that costs "
        f"accuracy (with another detector, an EER of 1.6 % became 2.0 %); {hint}align both alike"
    )


def record_text(alignment: Alignment, **counts: Any) -> str:
    """The text of a record.

    Args:
        alignment: how the set was aligned.
        counts: what else a reader may want to know.
    """
    return json.dumps({"format": FORMAT} | alignment.as_dict() | counts, indent=2) + "\n"


def read_record(folder: str | Path) -> Alignment | None:
    """The record of a folder, or None where there is none, or a file of that name from another program.

    Raises:
        ValueError: naming the file, if it is ours and broken.
    """
    return _read(Path(folder, RECORD_FILE))[0]


def find_record(place: str | Path) -> Alignment | None:
    """The record in a folder or the nearest one above it, or None.

    Args:
        place: a folder, or a file in it.

    Raises:
        ValueError: naming the record, if it is broken or says that the alignment was stopped before its end.
    """
    place = Path(place).absolute()
    for folder in (place, *place.parents):
        alignment, is_complete = _read(folder / RECORD_FILE)
        if not is_complete:
            raise ValueError(
                f"{folder} is not aligned to the end, says its {RECORD_FILE}: images are missing. Give the same "
                "`facerec align` command again, which goes on from there"
            )
        if alignment is not None:
            return alignment
    return None


def _read(path: Path) -> tuple[Alignment | None, bool]:
    """The record at a path, and whether all was aligned that should be."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None, True
    if FORMAT not in text:
        return None, True
    try:
        values = json.loads(text)
        return Alignment.from_dict(values), values.get("complete", True)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a record of `facerec align` any more ({error}): align the set again"
        ) from error

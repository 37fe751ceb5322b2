"""The record of an aligned set: which detector found the points, and the template they were brought to.

A network learns the habits of the detector that cropped its training images. Testing it on images that another one
cropped costs accuracy (measured: an EER of 1.6 % becomes 2.0 %). So the record travels with the images and into the
checkpoint, and facerec warns of a difference.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from facerec.plain_text import read_json

RECORD_FILE = "alignment.json"
UNALIGNED_FILE = "unaligned.txt"
FORMAT = "facerec alignment 1"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Alignment:
    """How a set of images was aligned. Two sets that were aligned in the same way have equal records.

    Attributes:
        detector: ``yunet``, ``mtcnn``, ``opencv``, ``center_crop``, or the stated origin of a list of landmarks.
        version: of the detector's package or model; empty where it is not known.
        template: name of the template.
        face: which face of several was taken.
        min_score: lowest score of a face.

    Example:
        >>> trained = Alignment("yunet", "yuface 2023.5.1", "112x112")
        >>> print(trained)
        yunet (yuface 2023.5.1) to 112x112
        >>> trained.same_look(Alignment("mtcnn", "", "112x112"))
        False
    """

    detector: str
    version: str
    template: str
    face: str = "largest"
    min_score: float | None = None

    def __str__(self) -> str:
        return f"{self.detector} ({self.version or 'version unknown'}) to {self.template}"

    def same_look(self, other: Alignment) -> bool:
        """Whether faces come out alike: the same detector, template, and version where both are known."""
        versions = {self.version, other.version} - {""}
        return (self.detector, self.template) == (other.detector, other.template) and len(versions) < 2

    def as_dict(self) -> dict[str, Any]:
        """Names and plain values, for JSON and checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any] | None) -> Alignment | None:
        """The record that :meth:`as_dict` gave; None for None. Unknown keys are passed over."""
        if values is None:
            return None
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def difference(trained_on: Alignment, measured_on: Alignment | None, what: str) -> str | None:
    """A warning for a network that meets faces aligned otherwise than its training images; None if they are alike.

    Args:
        trained_on: how the training images were aligned.
        measured_on: how the others were aligned, or None if no record says so.
        what: name of the others in the warning, in the plural.
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
        counts: further entries, for readers of the file.
    """
    return json.dumps({"format": FORMAT} | alignment.as_dict() | counts, indent=2) + "\n"


def read_record(folder: str | Path) -> Alignment | None:
    """The record of a folder; None if it has none, or a file of that name from another program.

    Raises:
        ValueError: naming the file, if it is ours and broken.
    """
    return _read(Path(folder, RECORD_FILE))[0]


def find_record(place: str | Path) -> Alignment | None:
    """The record in a folder or the nearest one above it; None if there is none.

    Args:
        place: a folder, or a file in it.

    Raises:
        ValueError: naming the record, if it is broken or says that the alignment was interrupted.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "alignment.json").write_text(record_text(Alignment("yunet", "", "112x112")))
        ...     find_record(f"{folder}/ada/1.jpg").detector
        'yunet'
    """
    folder = find_record_folder(place)
    return None if folder is None else read_record(folder)


def find_record_folder(place: str | Path) -> Path | None:
    """The folder that holds the record of a place: that place, or the nearest folder above it; None if there is none.

    Raises:
        ValueError: naming the record, if it is broken or says that the alignment was interrupted.
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
            return folder
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
        values = read_json(text, path)
        return Alignment.from_dict(values), values.get("complete", True)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a record of `facerec align` any more ({error}): align the set again"
        ) from error

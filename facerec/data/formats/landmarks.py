"""Lists of five points for each image.

- ``image x1 y1 ... x5 y5`` (lfw_landmark.txt of sphereface_pytorch), separated by tabs
- ``image label x1 y1 ... x5 y5`` (casia_landmark.txt)
- ``loose_landmark_train.csv`` and ``_test.csv`` of VGGFace2: a table whose names of images lack ``.jpg``
- ``list_landmarks_celeba.txt`` and ``list_landmarks_align_celeba.txt`` of CelebA, or the table of these on Kaggle

The points are the left eye, right eye, nose, left and right mouth corner as the viewer sees them, in pixels of the
image before alignment. ``facerec align`` writes the first kind.
"""

import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.align.landmarks import check_left_and_right
from facerec.align.record import RECORD_FILE, UNKNOWN, Alignment, read_record
from facerec.data.formats.rows import add_once, inside, read_rows, whole_number

COORDINATES = 10
LINE = "image x1 y1 x2 y2 x3 y3 x4 y4 x5 y5"
LABELLED_LINE = "image label x1 y1 x2 y2 x3 y3 x4 y4 x5 y5"


class Landmarks(NamedTuple):
    """What a list of landmarks holds.

    Attributes:
        names: of the images, in the order of the list.
        labels: of the images, or None in a list without them.
        points: five points (x, y) of each image (N, 5, 2).
    """

    names: list[str]
    labels: list[int] | None
    points: NDArray[np.float64]


def read_landmarks(path: str | Path, root: str | Path) -> Landmarks:
    """Read a list of landmarks of either kind.

    Args:
        path: the list.
        root: folder that the names are relative to; it need not exist yet.

    Raises:
        FileNotFoundError: for a missing list.
        ValueError: naming file and line, for a malformed line, an image listed twice or outside the root, a label that
            is not a whole number, a coordinate that is not a number, or points that coincide; naming the file, if it is
            empty or most left eyes are to the right of the right eyes.
    """
    line_of: dict[str, int] = {}
    labels: list[int] = []
    points: list[list[float]] = []
    columns = (1 + COORDINATES, 2 + COORDINATES)
    for number, row in read_rows(path, columns, f"{LINE}' or '{LABELLED_LINE}"):
        origin = f"{path}:{number}"
        has_label = len(row) == columns[1]
        if line_of and has_label != bool(labels):
            raise ValueError(f"{origin}: {len(row)} columns, unlike the lines before: labels in every line or in none")
        if has_label:
            labels.append(whole_number(row[1], origin, LABELLED_LINE))
        add_once(line_of, inside(Path(root), _with_suffix(row[0]), origin), number, origin)
        points.append(coordinates(row[-COORDINATES:], origin))
    if not points:
        raise ValueError(f"{path} is empty: expected lines '{LINE}'")
    points_N52 = np.array(points, dtype=np.float64).reshape(-1, 5, 2)
    check_left_and_right(points_N52, str(path))
    return Landmarks(list(line_of), labels or None, points_N52)


def _with_suffix(name: str) -> str:
    """The file of an image; VGGFace2's list leaves out ``.jpg``."""
    return name if posixpath.splitext(name)[1] else f"{name}.jpg"


def landmark_line(name: str, points_52: Sequence[Sequence[float]]) -> str:
    r"""One line of a list of landmarks, with all digits of a float32.

    Example:
        >>> landmark_line("ann/1.png", [(30, 51), (65, 51), (48, 71), (33, 92), (62, 92.5)])
        'ann/1.png\t30\t51\t65\t51\t48\t71\t33\t92\t62\t92.5\n'
    """
    return "\t".join([name, *(f"{value:.9g}" for point in points_52 for value in point)]) + "\n"


def listable(name: str) -> bool:
    """Whether a list can hold a name: UTF-8, without tabs, line breaks, and spaces at its ends."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name == name.strip() and "\t" not in name and len(name.splitlines()) == 1


def coordinates(texts: Iterable[str], origin: str) -> list[float]:
    """The coordinates of five points, as they stand in a line.

    Args:
        texts: x and y of each point.
        origin: file and line, for the message.

    Raises:
        ValueError: for what is no finite number, or points that coincide.
    """
    values: list[float] = []
    for text in texts:
        try:
            values.append(float(text))
        except ValueError:
            raise ValueError(f"{origin}: coordinate {text!r} is not a number; expected '{LINE}'") from None
    if not np.isfinite(values).all():
        raise ValueError(f"{origin}: a coordinate is not finite; expected '{LINE}'")
    if max(np.ptp(values[0::2]), np.ptp(values[1::2])) < 1.0:
        raise ValueError(f"{origin}: the five points coincide, so nothing can be aligned; remove the line")
    return values


def alignment_of(landmarks_file: str | Path, template: str, detector: str | None = None) -> Alignment:
    """How a list of landmarks aligns images.

    Args:
        landmarks_file: the list. A record of ``facerec align`` beside it names the detector.
        template: name of the template.
        detector: detector that found the points, for a list without a record.

    Raises:
        ValueError: if the record beside the list names another detector.
    """
    record = read_record(Path(landmarks_file).parent)
    if record is None and detector is None:
        return Alignment(UNKNOWN, f"points of {Path(landmarks_file).name}", template)
    if record is None:
        return Alignment(str(detector), "", template)
    if detector is not None and detector != record.detector:
        raise ValueError(
            f"detector={detector!r}, but {Path(landmarks_file).parent / RECORD_FILE} says that the points of "
            f"{landmarks_file} were found by {record.detector!r}: leave detector out"
        )
    return Alignment(record.detector, record.version, template, record.face, record.min_score)

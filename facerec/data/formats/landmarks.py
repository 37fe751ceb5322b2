"""Lists of five points for each image, as sphereface_pytorch hands them out, and sources that align as they read.

- ``image x1 y1 ... x5 y5`` (lfw_landmark.txt), separated by tabs
- ``image label x1 y1 ... x5 y5`` (casia_landmark.txt)

The points are the left eye, right eye, nose, left and right mouth corner as the viewer sees them, in pixels of the
image that is not aligned. ``facerec align`` writes the first kind.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.landmarks import Template, check_left_and_right, find_template
from facerec.align.record import RECORD_FILE, UNKNOWN, Alignment, read_record
from facerec.align.warp import align_face
from facerec.data.formats.folders import ListedImages, Listing
from facerec.data.formats.lists import inside, read_rows
from facerec.data.images import PathList
from facerec.data.presence import first_missing
from facerec.data.sources import PairSource

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
        path: of the list.
        root: folder that the names are relative to; it need not be there yet.

    Raises:
        FileNotFoundError: if there is no such list.
        ValueError: naming file and line, for a malformed line, an image listed twice or outside the root, a label that
            is not a whole number, a coordinate that is not a number, and points that coincide; naming the file, if it
            is empty or most left eyes are to the right of the right eyes.
    """
    line_of: dict[str, int] = {}
    labels: list[int] = []
    points: list[list[float]] = []
    columns = (1 + COORDINATES, 2 + COORDINATES)
    for number, row in read_rows(path, columns, f"{LINE}' or '{LABELLED_LINE}"):
        origin = f"{path}:{number}"
        if line_of and (len(row) == columns[1]) != bool(labels):
            raise ValueError(f"{origin}: {len(row)} columns, unlike the lines before: labels in every line or in none")
        if len(row) == columns[1]:
            labels.append(_label(row[1], origin))
        name = inside(Path(root), row[0], origin)
        if name in line_of:
            raise ValueError(f"{origin}: {name!r} is listed already on line {line_of[name]}")
        line_of[name] = number
        points.append(_coordinates(row[-COORDINATES:], origin))
    if not points:
        raise ValueError(f"{path} is empty: expected lines '{LINE}'")
    points_N52 = np.array(points, dtype=np.float64).reshape(-1, 5, 2)
    check_left_and_right(points_N52, str(path))
    return Landmarks(list(line_of), labels or None, points_N52)


def landmark_line(name: str, points_52: Sequence[Sequence[float]]) -> str:
    """One line of a list of landmarks, with all the digits a float32 has."""
    return "\t".join([name, *(f"{value:.9g}" for point in points_52 for value in point)]) + "\n"


def listable(name: str) -> bool:
    """Whether a list can hold a name: UTF-8, without tabs, line breaks, and spaces at its ends."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name == name.strip() and "\t" not in name and len(name.splitlines()) == 1


def _label(text: str, origin: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        raise ValueError(f"{origin}: label {text!r} is not a whole number from 0; expected '{LABELLED_LINE}'")
    return int(text)


def _coordinates(texts: Iterable[str], origin: str) -> list[float]:
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
    """How images come out that a list of landmarks aligns.

    Args:
        landmarks_file: the list. A record of ``facerec align`` beside it says where its points come from.
        template: that it is used with.
        detector: what found the points, where it is known otherwise.

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
            f"{landmarks_file} were found by {record.detector!r}"
        )
    return Alignment(record.detector, record.version, template, record.face, record.min_score)


class LandmarkImages(ListedImages):
    """Images named by a list of landmarks, aligned as they are read.

    With labels in the list, class i is the i-th smallest label and its name is the label as text; without, the person
    is the name of the image's folder.

    Args:
        images: folder that the names are relative to, of images that are not aligned.
        landmarks_file: the list, ``image label x1 y1 ... x5 y5`` or ``image x1 y1 ... x5 y5``.
        template: ``112x112`` or ``96x112``, width x height.
        detector: what found the points (``mtcnn``, ``yunet``, ...), to warn where a network is tested on images aligned
            otherwise; read from ``alignment.json`` beside the list, if ``facerec align`` wrote it.

    Raises:
        FileNotFoundError: when read, if the list or the folder is missing; by ``check`` if an image is.
        ValueError: for another template; when read, naming file and line, for a malformed line.
    """

    def __init__(
        self, images: str, landmarks_file: str, template: str = "112x112", detector: str | None = None
    ) -> None:
        self.images = images
        self.landmarks_file = landmarks_file
        self.template = find_template(template)
        self.detector = detector

    @property
    def alignment(self) -> Alignment:
        """How the images come out."""
        return alignment_of(self.landmarks_file, self.template.name, self.detector)

    @cached_property
    def _found(self) -> tuple[Listing, NDArray[np.float64]]:
        root = Path(self.images)
        if not root.is_dir():
            raise FileNotFoundError(f"no folder {root}, which holds the images of {self.landmarks_file}")
        names, labels, points_N52 = read_landmarks(self.landmarks_file, root)
        persons = _folders(names, self.landmarks_file) if labels is None else labels
        people, classes = np.unique(persons, return_inverse=True)
        return Listing([str(person) for person in people], PathList(root, names), classes.astype(np.int64)), points_N52

    def find(self) -> Listing:
        """Read the list; the images keep its order."""
        return self._found[0]

    def read(self, index: int) -> Tensor:
        """Decode and align one image: uint8 (3, height, width) of the template, RGB."""
        return _align(super().read(index), self._found[1][index], self.template, self.name(index), self.landmarks_file)

    def check(self) -> None:
        """Read the list and see that every file is there.

        Raises:
            FileNotFoundError: naming the first that is not.
        """
        missing = first_missing(self._listing.paths)
        if missing is not None:
            raise FileNotFoundError(f"{self.landmarks_file} names {self.name(missing)}, which is not there")


class LandmarkPairs(PairSource):
    """Any pairs of image files, aligned by a list of landmarks as they are read: LFW with lfw_landmark.txt.

    Args:
        pairs: the pairs, of images that are not aligned.
        images: folder that the names in the list of landmarks are relative to.
        landmarks_file: the list. A column of labels is not looked at.
        template: ``112x112`` or ``96x112``, width x height.
        detector: what found the points, see :class:`LandmarkImages`.

    Raises:
        FileNotFoundError: when read, if the list is missing; by ``check`` if an image is.
        ValueError: for another template; when read, naming file and line, for a malformed line; by ``check``, naming
            the first image of a pair that is not below ``images`` or not in the list.
    """

    def __init__(
        self,
        pairs: PairSource,
        images: str,
        landmarks_file: str,
        template: str = "112x112",
        detector: str | None = None,
    ) -> None:
        self.unaligned = pairs
        self.images = images
        self.landmarks_file = landmarks_file
        self.template = find_template(template)
        self.detector = detector

    @property
    def alignment(self) -> Alignment:
        """How the images come out."""
        return alignment_of(self.landmarks_file, self.template.name, self.detector)

    @cached_property
    def _points(self) -> NDArray[np.float64]:
        """The points (N, 5, 2) of the images, in their order in the pairs."""
        landmarks = read_landmarks(self.landmarks_file, self.images)
        row_of = {name: row for row, name in enumerate(landmarks.names)}
        names = [self._listed_name(index) for index in range(len(self.unaligned))]
        missing = [name for name in names if name not in row_of]
        if missing:
            raise ValueError(
                f"{self.landmarks_file} holds no landmarks of {missing[0]}, one of {len(missing)} images of the pairs "
                "that it leaves out"
            )
        return landmarks.points[[row_of[name] for name in names]]

    def _listed_name(self, index: int) -> str:
        try:
            return Path(self.unaligned.name(index)).relative_to(self.images).as_posix()
        except ValueError:
            raise ValueError(
                f"{self.unaligned.name(index)} is not below images={self.images!r}, the folder that the names in "
                f"{self.landmarks_file} are relative to"
            ) from None

    def __len__(self) -> int:
        return len(self.unaligned)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2)."""
        return self.unaligned.pairs

    @property
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None where nobody knows."""
        return self.unaligned.same

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), or None without folds."""
        return self.unaligned.folds

    @property
    def people(self) -> frozenset[str]:
        """Names of the people, as far as they are known."""
        return self.unaligned.people

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Who is on each image, as a number (N,), or None where it is not known of every image."""
        return self.unaligned.subjects

    def read(self, index: int) -> Tensor:
        """Decode and align one image: uint8 (3, height, width) of the template, RGB."""
        image_3HW = self.unaligned.read(index)
        return _align(image_3HW, self._points[index], self.template, self.name(index), self.landmarks_file)

    def name(self, index: int) -> str:
        """What to call an image in a message."""
        return self.unaligned.name(index)

    def check(self) -> None:
        """Read the lists, and see that every file and the landmarks of every image are there."""
        self.unaligned.check()
        assert len(self._points) == len(self)


def _folders(names: Sequence[str], landmarks_file: str) -> list[str]:
    """The folder that each image is in: its person."""
    expected = f"and the list has no labels: expected lines '{LABELLED_LINE}'"
    place_of: dict[str, Path] = {}
    persons = []
    for name in names:
        place = Path(name).parent
        if not place.name:
            raise ValueError(f"{landmarks_file}: {name!r} is in no folder of a person, {expected}")
        before = place_of.setdefault(place.name, place)
        if before != place:
            raise ValueError(f"{landmarks_file}: {before} and {place} may be one person or two, {expected}")
        persons.append(place.name)
    return persons


def _align(
    image_3HW: Tensor, points_52: NDArray[np.float64], template: Template, name: str, landmarks_file: str
) -> Tensor:
    try:
        return align_face(image_3HW, points_52, template)
    except ValueError as error:
        raise ValueError(f"{landmarks_file} does not fit {name}: {error}") from error

"""The three ways to align an image of a folder: by a detector, by a list of landmarks, by the centre alone."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.aligner import Aligner, Face
from facerec.align.landmarks import find_template
from facerec.align.record import Alignment
from facerec.align.warp import align_face, center_crop
from facerec.data.formats.landmarks import alignment_of, landmark_line, read_landmarks
from facerec.settings import require_within


class Aligned(NamedTuple):
    """An aligned face.

    Attributes:
        image: uint8 (3, h, w), in the size of the template.
        points: five points of the face in the image before (5, 2); None for a way that needs none.
        faces: number of faces to choose from.
    """

    image: Tensor
    points: NDArray[np.float64] | None
    faces: int


class Way(Protocol):
    """A way to align the images of a folder. It is sent to other processes, so it must be cheap to pickle.

    Example:
        >>> way: Way = ByCentre("96x112")
        >>> way.stands("ada.png", line="")  # a centre crop depends on no points, so what is made stays
        True
    """

    @property
    def alignment(self) -> Alignment:
        """The record to keep with the aligned images."""

    def align(self, name: str, image_3HW: Tensor) -> Aligned:
        """Align one image.

        Args:
            name: of the image, relative to its folder.
            image_3HW: uint8, RGB.

        Raises:
            NoFaceError: if it has no face.
            NotListedError: if a list of landmarks leaves it out.
            ValueError: if its points cannot be used.
        """

    def stands(self, name: str, line: str) -> bool:
        """Whether this way would note the same points as an earlier run.

        Args:
            name: of the image.
            line: its line in the list of landmarks; empty if there is none.
        """


class ByDetector:
    """Align by the five points that a detector finds; see :class:`facerec.align.Aligner` for the settings.

    Each process loads its own network when it aligns its first image.

    Example:
        >>> way = ByDetector("yunet", "112x112", face="central")
        >>> way.stands("ada.png", line="")  # no points yet: the image is to be aligned
        False
    """

    def __init__(
        self,
        detector: str | None,
        template: str,
        face: Face = "largest",
        min_score: float | None = None,
        model: str | None = None,
    ) -> None:
        self._settings = (detector, template, face, min_score, model)

    @cached_property
    def _aligner(self) -> Aligner:
        return Aligner(*self._settings)

    def __getstate__(self) -> dict[str, Any]:
        return {"_settings": self._settings}  # without the network

    @property
    def alignment(self) -> Alignment:
        """The detector with its version, and the template."""
        return self._aligner.alignment

    def align(self, name: str, image_3HW: Tensor) -> Aligned:
        """Find the face and align it."""
        points_52, faces = self._aligner.locate(image_3HW)
        return Aligned(align_face(image_3HW, points_52, self._aligner.template), points_52, faces)

    def stands(self, name: str, line: str) -> bool:
        """True if there are points: the record says that the same detector found them."""
        return bool(line)


class NotListedError(ValueError):
    """A list of landmarks leaves an image out."""


def require_listed(names: Sequence[str], way: Way, source: Path) -> None:
    """Refuse a folder of which a list of landmarks names no image: its names are relative to another folder.

    Args:
        names: of the images, relative to ``source``.
        way: how they are to be aligned.
        source: folder of the images.

    Raises:
        ValueError: naming the list and, if there is one, the folder that its names are relative to.
    """
    if not isinstance(way, ByLandmarks) or not names or any(way.names_image(name) for name in names):
        return
    fitting = next((name for name in names if way.names_end_of(name)), None)
    hint = f"it names {way.first!r}, and the folder holds {names[0]!r}"
    if fitting is not None:
        end = next(end for end in _ends(fitting) if way.names_image(end))
        hint = (
            f"its names are relative to {(source / fitting).as_posix().removesuffix(end).rstrip('/')}: give that folder"
        )
    raise ValueError(f"{way.landmarks_file} names none of the {len(names)} images in {source}: {hint}")


def _ends(name: str) -> list[str]:
    """A path without its first folder, without its first two, and so on."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


class ByLandmarks:
    """Align by the points in a list of landmarks.

    Args:
        landmarks_file: lines ``image x1 y1 ... x5 y5``, or with a label after the image.
        source: folder that the names are relative to.
        template: ``112x112`` or ``96x112``.
        detector: what found the points, where no record beside the list says so.

    Raises:
        FileNotFoundError: if there is no such list.
        ValueError: naming file and line that is malformed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     lines = Path(folder, "points.txt")
        ...     _ = lines.write_text("ada.png 30 51 65 51 48 71 33 92 62 92")
        ...     way = ByLandmarks(str(lines), folder, "96x112", detector="mtcnn")
        >>> way.alignment.detector
        'mtcnn'
    """

    def __init__(self, landmarks_file: str, source: str, template: str, detector: str | None = None) -> None:
        self.landmarks_file = landmarks_file
        self.template = find_template(template)
        self.alignment = alignment_of(landmarks_file, template, detector)
        landmarks = read_landmarks(landmarks_file, Path(source))
        self._points_of = dict(zip(landmarks.names, landmarks.points, strict=True))

    def align(self, name: str, image_3HW: Tensor) -> Aligned:
        """Align by the points of that name."""
        if name not in self._points_of:
            raise NotListedError(f"not listed in {self.landmarks_file}")
        points_52 = self._points_of[name]
        return Aligned(align_face(image_3HW, points_52, self.template), points_52, 1)

    @property
    def first(self) -> str:
        """The first image that the list names."""
        return next(iter(self._points_of))

    def names_image(self, name: str) -> bool:
        """Whether the list names an image."""
        return name in self._points_of

    def names_end_of(self, name: str) -> bool:
        """Whether the list names an image by the end of its path."""
        return any(end in self._points_of for end in _ends(name))

    def stands(self, name: str, line: str) -> bool:
        """True if the list still has these points."""
        return name in self._points_of and line == landmark_line(name, self._points_of[name].tolist())


class ByCentre:
    """Cut out the middle, without looking for a face.

    Args:
        template: ``112x112`` or ``96x112``, of which only the size matters.
        fraction: side of the part that is kept, as a fraction of the largest part with the template's aspect ratio.

    Raises:
        ValueError: for another template, or a fraction that is not in (0, 1].

    Example:
        >>> ByCentre("112x112", fraction=0.5).alignment.version
        'fraction 0.5'
    """

    def __init__(self, template: str, fraction: float = 1.0) -> None:
        require_within(self, 0.0, 1.0, low_excluded=True, fraction=fraction)
        self.template = find_template(template)
        self.fraction = fraction
        self.alignment = Alignment("center_crop", f"fraction {fraction:g}", template)

    def align(self, name: str, image_3HW: Tensor) -> Aligned:
        """Cut out the middle."""
        return Aligned(center_crop(image_3HW, self.template, self.fraction), None, 1)

    def stands(self, name: str, line: str) -> bool:
        """Always true: there are no points."""
        return True

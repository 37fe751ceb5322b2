"""The three ways to align an image of a folder: by a detector, by a list of landmarks, by the centre alone."""

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.aligner import Aligner, Face
from facerec.align.landmarks import find_template
from facerec.align.record import Alignment
from facerec.align.warp import align_face, center_crop, check_fraction
from facerec.data.formats.landmarks import alignment_of, landmark_line, read_landmarks


class Aligned(NamedTuple):
    """An aligned face.

    Attributes:
        image: uint8 (3, h, w), in the size of the template.
        points: (5, 2), where the face was in the image before, or None where nobody asked.
        faces: how many there were to choose from.
    """

    image: Tensor
    points: NDArray[np.float64] | None
    faces: int


class Way(Protocol):
    """A way to align the images of a folder. It is sent to other processes, so it must be cheap to pickle."""

    @property
    def alignment(self) -> Alignment:
        """What to keep with the aligned images."""

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
        """Whether the line of landmarks that an earlier run noted, empty if none, is what this way would note."""


class ByDetector:
    """By the five points a detector finds; see :class:`facerec.align.Aligner` for the settings."""

    def __init__(
        self,
        detector: str,
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
        return {"_settings": self._settings}  # each process has a network of its own

    @property
    def alignment(self) -> Alignment:
        """By the detector and its version."""
        return self._aligner.alignment

    def align(self, name: str, image_3HW: Tensor) -> Aligned:
        """Find the face and align it."""
        points_52, faces = self._aligner.locate(image_3HW)
        return Aligned(align_face(image_3HW, points_52, self._aligner.template), points_52, faces)

    def stands(self, name: str, line: str) -> bool:
        """If there is one, as the detector is the same."""
        return bool(line)


class NotListedError(ValueError):
    """A list of landmarks leaves an image out."""


class ByLandmarks:
    """By a list of landmarks.

    Args:
        landmarks_file: lines ``image x1 y1 ... x5 y5``, or with a label after the image.
        source: folder that the names are relative to.
        template: ``112x112`` or ``96x112``.
        detector: what found the points, where no record beside the list says so.

    Raises:
        FileNotFoundError: if there is no such list.
        ValueError: naming file and line that is malformed.
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

    def stands(self, name: str, line: str) -> bool:
        """If the list still has these points."""
        return name in self._points_of and line == landmark_line(name, self._points_of[name].tolist())


class ByCentre:
    """By cutting out the middle, without looking for a face.

    Args:
        template: ``112x112`` or ``96x112``, of which only the size matters.
        fraction: side of the part that is kept, as a fraction of the largest part with the template's aspect ratio.

    Raises:
        ValueError: for another template, or a fraction that is not in (0, 1].
    """

    def __init__(self, template: str, fraction: float = 1.0) -> None:
        check_fraction(fraction)
        self.template = find_template(template)
        self.fraction = fraction
        self.alignment = Alignment("center_crop", f"fraction {fraction:g}", template)

    def align(self, name: str, image_3HW: Tensor) -> Aligned:
        """Cut out the middle."""
        return Aligned(center_crop(image_3HW, self.template, self.fraction), None, 1)

    def stands(self, name: str, line: str) -> bool:
        """Always: there are no points."""
        return True

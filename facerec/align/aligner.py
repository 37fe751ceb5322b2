"""From a photograph to an aligned face, in one call."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.detections import Detections
from facerec.align.detectors import default_detector, make_detector
from facerec.align.landmarks import find_template
from facerec.align.record import Alignment
from facerec.align.warp import align_face
from facerec.settings import require_choice

Face = Literal["largest", "central"]
FACES: tuple[Face, ...] = ("largest", "central")


class NoFaceError(ValueError):
    """The detector finds no face in an image.

    Example:
        >>> try:
        ...     raise NoFaceError("yunet finds no face with a score of 0.6 in this image of 50 x 40 pixels")
        ... except ValueError as error:  # as every image that cannot be used
        ...     print(type(error).__name__)
        NoFaceError
    """


class Located(NamedTuple):
    """The face that is taken from an image.

    Attributes:
        points_52: left eye, right eye, nose, left and right mouth corner, (x, y) in pixels, float64.
        faces: number of faces to choose from.
    """

    points_52: NDArray[np.float64]
    faces: int


class Aligner:
    """Finds a face and brings it to a template.

    Args:
        detector: ``yunet`` or ``mtcnn`` (both of the extra ``align``), or ``opencv`` (with a ``model``). By default
            YuNet where it is installed, else MTCNN.
        template: ``112x112`` or ``96x112``, width x height.
        face: which of several faces to take: the ``largest`` by the area of its box, or the most ``central``. LFW and
            sets like it want ``central``: the person who is meant stands in the middle.
        min_score: lowest score in (0, 1) of a face; each detector has its own default.
        model: file of the network, for ``opencv``.

    Attributes:
        alignment: the record to keep with the aligned images.

    Raises:
        ValueError: for a setting that does not exist.
        FileNotFoundError: if there is no such model.
        MissingDetectorError: if the detector is not installed, saying how to (``pip install "facerec[align]"``).

    Example:
        >>> import torch
        >>> from facerec.align import Aligner, MissingDetectorError, NoFaceError
        >>> photograph = torch.zeros(3, 40, 50, dtype=torch.uint8)  # or facerec.data.read_image("photograph.jpg")
        >>> try:
        ...     face = Aligner(template="112x112")(photograph)  # uint8 (3, 112, 112)
        ... except (NoFaceError, MissingDetectorError):
        ...     print("no face in black pixels, or no detector is installed")
        no face in black pixels, or no detector is installed
    """

    def __init__(
        self,
        detector: str | None = None,
        template: str = "112x112",
        face: Face = "largest",
        min_score: float | None = None,
        model: str | None = None,
    ) -> None:
        require_choice(self, FACES, face=face)
        self.template = find_template(template)
        self.face = face
        detector = detector or default_detector()
        self.detector = make_detector(detector, min_score, model)
        self.alignment = Alignment(detector, self.detector.version, template, face, self.detector.min_score)

    def __call__(self, image_3HW: Tensor) -> Tensor:
        """The aligned face.

        Args:
            image_3HW: uint8 (3, H, W), RGB, as ``facerec.data.read_image`` gives it.

        Returns:
            uint8 (3, h, w) in the size of the template.

        Raises:
            NoFaceError: if there is no face.
        """
        return align_face(image_3HW, self.locate(image_3HW).points_52, self.template)

    def locate(self, image_3HW: Tensor) -> Located:
        """The five points of the face to take.

        Raises:
            NoFaceError: if there is no face.
        """
        found = self.detector.detect(image_3HW)
        if not len(found.boxes):
            height, width = image_3HW.shape[-2:]
            raise NoFaceError(
                f"{self.alignment.detector} finds no face with a score of {self.alignment.min_score} in this image of "
                f"{width} x {height} pixels"
            )
        index = pick_face(found, self.face, image_3HW.shape[-2:])
        return Located(found.points[index].double().numpy(), len(found.boxes))


def pick_face(found: Detections, face: Face, size: tuple[int, ...]) -> int:
    """Index of the face to take; of two alike, the one with the higher score.

    Args:
        found: at least one face, by falling score.
        face: ``largest`` or ``central``.
        size: (height, width) of the image.
    """
    corners_N22 = found.boxes.reshape(-1, 2, 2)
    if face == "largest":
        return int((corners_N22[:, 1] - corners_N22[:, 0]).prod(dim=1).argmax())
    middle_2 = corners_N22.new_tensor([size[1] / 2, size[0] / 2])
    return int((corners_N22.mean(dim=1) - middle_2).square().sum(dim=1).argmin())

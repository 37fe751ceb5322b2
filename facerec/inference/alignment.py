"""Photographs in use: the face of each, cut out as the faces were that the network was trained on."""

from typing import Protocol

from torch import Tensor

from facerec.align.record import Alignment
from facerec.data.sources import Images

DETECTORS_WITH_A_MODEL = ("yunet", "mtcnn")
DEFAULT = Alignment("yunet", "", "112x112")


class FaceAligner(Protocol):
    """Finds the face in a photograph and turns it upright: pixels (3, H, W) to pixels (3, H', W'), both uint8."""

    def __call__(self, image_3HW: Tensor) -> Tensor:
        """Cut out the face; a ValueError where there is none."""


class AlignedImages(Images):
    """The face of each photograph of another source.

    Args:
        source: of the photographs.
        aligner: cuts the face out, as :func:`make_aligner` gives it.

    Raises:
        ValueError: when read, where there is no face.
    """

    def __init__(self, source: Images, aligner: FaceAligner) -> None:
        self.source = source
        self.aligner = aligner

    def __len__(self) -> int:
        return len(self.source)

    def read(self, index: int) -> Tensor:
        """The face in one photograph: uint8 (3, H, W) in the size of the template, RGB."""
        return self.aligner(self.source.read(index))

    def name(self, index: int) -> str:
        """What to call the photograph in a message."""
        return self.source.name(index)


def alignment_for(trained_on: Alignment | None) -> Alignment:
    """How to align photographs for a network: as its training images were, as far as that can be done here.

    Args:
        trained_on: how the training images were aligned; None where nobody knows.

    Returns:
        The training's own, with YuNet in place of a detector that needs a file or is not known; YuNet to 112x112 for
        None. Its version is that of whatever is installed, so it is left open.
    """
    if trained_on is None:
        return DEFAULT
    if trained_on.detector not in DETECTORS_WITH_A_MODEL:
        return Alignment(DEFAULT.detector, "", trained_on.template, trained_on.face)
    return Alignment(trained_on.detector, "", trained_on.template, trained_on.face, trained_on.min_score)


def make_aligner(alignment: Alignment) -> FaceAligner:
    """What aligns in that way.

    Raises:
        ValueError: if the detector is not installed, saying how to.
    """
    from facerec.align.aligner import Aligner

    try:
        return Aligner(alignment.detector, alignment.template, alignment.face, alignment.min_score)  # type: ignore[arg-type]
    except ImportError as error:
        raise ValueError(f"--align needs a face detector: {error}; or give faces that are aligned") from error

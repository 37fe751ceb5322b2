"""Photographs in use: the face of each, aligned as the training images were."""

from typing import Protocol

from torch import Tensor

from facerec.align.record import Alignment
from facerec.data.sources import Images

DETECTORS_WITH_A_MODEL = ("yunet", "mtcnn")
DETECTORS_WITHOUT_A_FACE = ("center_crop",)
DEFAULT = Alignment("yunet", "", "112x112")


class FaceAligner(Protocol):
    """Finds the face in a photograph and turns it upright: pixels (3, H, W) to pixels (3, H', W'), both uint8."""

    def __call__(self, image_3HW: Tensor) -> Tensor:
        """Cut out the face, or raise ValueError if there is none."""


class AlignedImages(Images):
    """The face in each photograph of another source.

    Args:
        source: source of the photographs.
        aligner: function that cuts out the face, see :func:`make_aligner`.

    Raises:
        ValueError: when a photograph without a face is read.
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
        """Name of the photograph in a message."""
        return self.source.name(index)


def alignment_for(trained_on: Alignment | None) -> Alignment:
    """The alignment of photographs for a network: that of its training images if this machine can do it.

    Args:
        trained_on: alignment of the training images; None if unknown.

    Returns:
        The alignment of the training, with YuNet in place of a detector that needs a file or is unknown. For None it is
        YuNet to 112x112. The version is empty: it is that of the installed detector.
    """
    if trained_on is None:
        return DEFAULT
    if trained_on.detector not in DETECTORS_WITH_A_MODEL:
        return Alignment(DEFAULT.detector, "", trained_on.template, trained_on.face)
    return Alignment(trained_on.detector, "", trained_on.template, trained_on.face, trained_on.min_score)


def make_aligner(alignment: Alignment) -> FaceAligner:
    """A function that aligns in this way.

    Raises:
        ValueError: if the detector is not installed, with the command that installs it.
    """
    from facerec.align.aligner import Aligner

    try:
        return Aligner(alignment.detector, alignment.template, alignment.face, alignment.min_score)  # type: ignore[arg-type]
    except ImportError as error:
        raise ValueError(f"--align needs a face detector: {error}. Or give aligned faces") from error

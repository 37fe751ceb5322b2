"""Photographs in use: the face of each, aligned as the training images were."""

from typing import Protocol

from torch import Tensor

from facerec.align.aligner import Aligner
from facerec.align.detectors import default_detector, is_installed
from facerec.align.record import Alignment
from facerec.data.sources import Images

DETECTORS_WITHOUT_A_FACE = ("center_crop",)
TEMPLATE = "112x112"


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
        The alignment of the training if its detector is installed. Another detector, one that is not installed here or
        needs a file, gives way to the default one, and so does None, with 112x112. The version is empty: it is that of
        the installed detector.
    """
    if trained_on is None:
        return Alignment(default_detector(), "", TEMPLATE)
    if not is_installed(trained_on.detector):
        return Alignment(default_detector(), "", trained_on.template, trained_on.face)
    return Alignment(trained_on.detector, "", trained_on.template, trained_on.face, trained_on.min_score)


def make_aligner(alignment: Alignment) -> Aligner:
    """A function that aligns in this way. Its ``alignment`` has the version of the detector.

    Raises:
        ValueError: if no detector is installed, with the command that installs one.
    """
    try:
        return Aligner(alignment.detector, alignment.template, alignment.face, alignment.min_score)  # type: ignore[arg-type]
    except ImportError as error:
        raise ValueError(f"--align needs a face detector: {error}. Or give aligned faces") from error

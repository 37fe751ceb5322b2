"""Failure to acquire (FTA): the share of images in which no usable face was found, as ``facerec align`` wrote it down.

ISO/IEC 19795-1: an attempt that gives no face to compare is rejected, whoever makes it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facerec.align.record import UNALIGNED_FILE, find_record_folder


@dataclass(frozen=True)
class Acquisition:
    """Images of some people, and how many of them gave no face.

    Attributes:
        images: number of images, those without a face among them.
        without_face: number of images without a usable face.

    Example:
        >>> found = Acquisition(images=600, without_face=12)
        >>> print(found)
        no usable face in 12 of 600 images (FTA 2.00%)
    """

    images: int
    without_face: int

    @property
    def fta(self) -> float:
        """Share of the images without a usable face; 0 without images."""
        return self.without_face / self.images if self.images else 0.0

    def __str__(self) -> str:
        return f"no usable face in {self.without_face} of {self.images} images (FTA {self.fta:.2%})"


def acquisition_of(names: Sequence[str]) -> Acquisition | None:
    r"""What `facerec align` left out beside some aligned images; None if no record of it is in a folder above them.

    An image that was left out counts if some of these images are in its folder. So a folder in which no face was found
    does not count: nothing says whether it was to be used.

    Args:
        names: paths of the images.

    Raises:
        ValueError: if the record is broken or says that the alignment was interrupted.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.align.record import Alignment, record_text
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "alignment.json").write_text(record_text(Alignment("yunet", "", "112x112")))
        ...     _ = Path(folder, "unaligned.txt").write_text("ada/2.jpg\tno face\tthe reason\n")
        ...     print(acquisition_of([f"{folder}/ada/1.jpg", f"{folder}/bob/1.jpg"]))
        no usable face in 1 of 3 images (FTA 33.33%)
    """
    root = find_record_folder(Path(names[0]).parent) if names else None
    if root is None:
        return None
    folders = {os.path.dirname(os.path.abspath(name)) for name in names}
    try:
        rows = (root / UNALIGNED_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        rows = []
    left_out = {row.partition("\t")[0] for row in rows}
    without = sum(os.path.dirname(os.path.abspath(root / name)) in folders for name in left_out if name)
    return Acquisition(len(names) + without, without)

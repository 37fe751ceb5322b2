"""What a pack will hold: worked out before its images are decoded."""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.data.formats.pack_file import Header
from facerec.data.images import UnreadableImageError
from facerec.data.paths import PathList
from facerec.data.sources import Images, ImageSource

PROBED = 32  # images looked at for their common size
SPARE = 256  # bytes for numbers of the header that are longer in the end
LARGEST = 1 << 62
SHA256_HEX = "0" * 64


class PackPlan(NamedTuple):
    """What a pack will hold if every image decodes.

    Attributes:
        header: of the pack, but for what is known only in the end.
        names: of the images, relative to the root.
        labels: class of each image (N,); -1 for a source that names no people.
        stamps: bytes, time of change and number of the file of each image (N, 3); zeros for an image without a file.
    """

    header: Header
    names: PathList
    labels: NDArray[np.int64]
    stamps: NDArray[np.int64]

    def fingerprint(self, *settings: str) -> str:
        """Changes with the images, their order, people, size and files, and with the settings."""
        digest = hashlib.sha256(self.header.to_bytes())
        for array in (*self.names.arrays, self.labels, self.stamps):
            digest.update(np.ascontiguousarray(array).data)
        for setting in settings:
            digest.update(setting.encode())
        return digest.hexdigest()


def plan_pack(source: Images, root: str, size: tuple[int, int]) -> PackPlan:
    """Plan a pack.

    Args:
        source: of the images.
        root: folder that names in the pack are relative to.
        size: (height, width) of each image in the pack.
    """
    names = PathList("", (_relative(source.name(index), root) for index in range(len(source))))
    labels_N = source.labels if isinstance(source, ImageSource) else np.full(len(source), -1, dtype=np.int64)
    return PackPlan(_header(source, size), names, labels_N, _stamps(source))


def _header(source: Images, size: tuple[int, int]) -> Header:
    """The header of a pack of all images, its length that of the longest it may become."""
    identities = list(source.identities) if isinstance(source, ImageSource) else []
    aligned = source.alignment
    record: dict[str, Any] | None = None if aligned is None else aligned.as_dict()
    header = Header(len(source), *size, identities, LARGEST, LARGEST, SHA256_HEX, record)
    return header._replace(pixels_at=-(-(len(header.to_bytes()) + SPARE) // 4096) * 4096)


def _relative(name: str, root: str) -> str:
    """A name as it is below the root, with forward slashes."""
    below = Path(name)
    return below.relative_to(root).as_posix() if root and below.is_relative_to(root) else name


def _stamps(source: Images) -> NDArray[np.int64]:
    stamps_N3 = np.zeros((len(source), 3), dtype=np.int64)
    for index in range(len(source)):
        try:
            status = os.stat(source.name(index))
        except (OSError, ValueError):
            continue
        stamps_N3[index] = status.st_size, status.st_mtime_ns, status.st_ino & (2**63 - 1)
    return stamps_N3


def common_size(source: Images) -> tuple[int, int]:
    """The (height, width) that some images, spread evenly over the source, have in common.

    Raises:
        ValueError: naming two images that differ, or if none of those looked at decodes.
    """
    found: tuple[int, int] | None = None
    for index in np.unique(np.linspace(0, len(source) - 1, PROBED).astype(int)).tolist():
        try:
            height, width = source.read(index).shape[1:]
        except UnreadableImageError:
            continue  # met again, and dealt with, when it is its turn
        found = found or (height, width)
        check_size(source.name(index), (height, width), found)
    if found is None:
        raise ValueError(f"none of the {PROBED} images looked at decodes, {source.name(0)} for one")
    return found


def check_size(name: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Refuse an image of another size than the others.

    Raises:
        ValueError: naming the image and both sizes.
    """
    if size != expected:
        raise ValueError(
            f"{name} has {size[0]}x{size[1]} pixels (height x width), others {expected[0]}x{expected[1]}. "
            "The images of a pack have one size: give it with --image_size HEIGHT WIDTH"
        )

"""MNIST from its four original files, packed or not, as torchvision downloads them."""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets

from facerec.data.formats.arrays import ArrayImages, ArrayListing

MOST_BYTES = 1 << 28  # five times the largest file of MNIST
IDX_BYTES = 0x08  # the element type of an IDX file that holds uint8


class MNISTImages(ArrayImages):
    """Handwritten digits, 28 x 28: 60,000 to train, 10,000 to test.

    The local copy is torchvision's (``root/MNIST/raw``), or the original files in ``root`` itself, packed (``.gz``) or
    not. Only the two files of the part are needed. For the arguments see
    :class:`facerec.data.formats.arrays.ArrayImages`.

    Raises:
        FileNotFoundError: when read, naming the missing file.
        ValueError: when read, naming the file that is not in the IDX format, is truncated, or holds another number of
            labels than images, or labels above 9.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import MNISTImages
        >>> with TemporaryDirectory() as root:  # a copy of two digits
        ...     images, labels = Path(root, "t10k-images-idx3-ubyte"), Path(root, "t10k-labels-idx1-ubyte")
        ...     sizes = b"".join(size.to_bytes(4, "big") for size in (2, 28, 28))
        ...     _ = images.write_bytes(bytes([0, 0, 8, 3]) + sizes + bytes(2 * 28 * 28))
        ...     _ = labels.write_bytes(bytes([0, 0, 8, 1]) + sizes[:4] + bytes([7, 2]))
        ...     digits = MNISTImages(root, part="test")
        ...     digits.labels.tolist(), digits.read(0).shape
        ([7, 2], torch.Size([3, 28, 28]))
    """

    def load(self) -> ArrayListing:
        """Read the two files of the part."""
        if self.download:
            try:
                datasets.MNIST(self.root, download=True)
            except (RuntimeError, OSError) as error:
                raise FileNotFoundError(f"MNIST cannot be downloaded to {self.root}: {error}") from error
        prefix = "train" if self.part == "train" else "t10k"
        images, labels = (self._find(f"{prefix}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
        pixels_NHW, labels_N = read_idx(images, 3), read_idx(labels, 1)
        if len(pixels_NHW) != len(labels_N):
            raise ValueError(f"{images} holds {len(pixels_NHW)} images, {labels} {len(labels_N)} labels")
        if len(labels_N) == 0 or labels_N.max() > 9:
            raise ValueError(f"{labels} holds labels up to {max(labels_N, default='none')}, not digits from 0 to 9")
        return ArrayListing([str(digit) for digit in range(10)], labels_N.astype(np.int64), pixels_NHW)

    def _find(self, name: str) -> Path:
        for folder in (Path(self.root, "MNIST", "raw"), Path(self.root)):
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        raise FileNotFoundError(
            f"no {name}[.gz] in {self.root} or its MNIST/raw: put it there, or set download: true to have torchvision "
            "get it"
        )


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes: ``0 0 type dimensions``, a big-endian u32 for each dimension, then the elements.

    Args:
        path: the file; ``.gz`` is unpacked.
        dimensions: number of dimensions that it must have.

    Raises:
        ValueError: naming the file, for another format or a truncated file.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} does not unpack: {error}") from error
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path} unpacks to more than {MOST_BYTES:,} bytes: it is not of MNIST")
    header = 4 + 4 * dimensions
    if len(data) < header or data[:4] != bytes([0, 0, IDX_BYTES, dimensions]):
        raise ValueError(f"{path} is no IDX file of bytes with {dimensions} dimensions")
    shape = np.frombuffer(data, dtype=">u4", count=dimensions, offset=4).astype(np.int64)
    if len(data) != header + int(shape.prod()):
        raise ValueError(
            f"{path} has {len(data) - header:,} bytes where {'x'.join(map(str, shape))} are due: truncated?"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)

"""MNIST and CIFAR-10 as torchvision downloads them: to see a loss at work on digits and things, before faces.

Both are read from a local copy; nothing is downloaded unless ``download`` says so.
"""

import gzip
import zlib
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import datasets

from facerec.data.sources import ImageSource

Part = Literal["train", "test"]
IDX_BYTES = 0x08  # the element type of an IDX file that holds uint8


class _Content(NamedTuple):
    identities: list[str]
    pixels: NDArray[np.uint8]  # (N, H, W) or (N, H, W, 3)
    labels: NDArray[np.int64]


class ArrayImages(ImageSource):
    """Labelled images held in memory; how they get there is left to :meth:`load`.

    Args:
        root: folder of the local copy.
        part: ``train`` or ``test``.
        download: get the files first, if they are not there.
        images_per_class: only so many of each class, the first; by default all. For quick runs, and for
            ``AllPairs``, whose pairs grow with the square.

    Raises:
        ValueError: for another part, or fewer than one image per class.
    """

    def __init__(
        self, root: str, part: Part = "train", download: bool = False, images_per_class: int | None = None
    ) -> None:
        if part not in ("train", "test"):
            raise ValueError(f"part={part!r}: choose train or test")
        if images_per_class is not None and images_per_class < 1:
            raise ValueError(f"images_per_class={images_per_class}: must be at least 1")
        self.root = root
        self.part = part
        self.download = download
        self.images_per_class = images_per_class

    def load(self) -> _Content:
        """Read the local copy."""
        raise NotImplementedError

    @cached_property
    def _content(self) -> _Content:
        content = self.load()
        if self.images_per_class is None:
            return content
        places = [np.flatnonzero(content.labels == label) for label in range(len(content.identities))]
        chosen = np.sort(np.concatenate([of_class[: self.images_per_class] for of_class in places]))
        return _Content(content.identities, content.pixels[chosen], content.labels[chosen])

    @property
    def identities(self) -> list[str]:
        """Names of the classes; the index is the class."""
        return self._content.identities

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""
        return self._content.labels

    def __len__(self) -> int:
        return len(self._content.labels)

    def read(self, index: int) -> Tensor:
        """One image: uint8 (3, H, W); gray in three equal channels."""
        pixels = self._content.pixels[index]
        pixels_HW3 = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        return torch.from_numpy(np.ascontiguousarray(pixels_HW3.transpose(2, 0, 1)))

    def name(self, index: int) -> str:
        """The set and the place of the image in what is used of it."""
        return f"{self.root}: {self.part} image {index}"


class MNISTImages(ArrayImages):
    """Handwritten digits, 28 x 28: 60,000 to train, 10,000 to test. See :class:`ArrayImages`.

    The local copy is torchvision's (``root/MNIST/raw``) or the four original files in ``root`` itself, packed (``.gz``)
    or not; only those of the part are needed.

    Raises:
        FileNotFoundError: when read, naming the file that is missing.
        ValueError: when read, naming the file that is not in the IDX format, is truncated, or holds another number of
            labels than images, or labels above 9.
    """

    def load(self) -> _Content:
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
        return _Content([str(digit) for digit in range(10)], pixels_NHW, labels_N.astype(np.int64))

    def _find(self, name: str) -> Path:
        for folder in (Path(self.root, "MNIST", "raw"), Path(self.root)):
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        raise FileNotFoundError(
            f"no {name}[.gz] in {self.root} or its MNIST/raw: put it there, or set download: true to have torchvision "
            "get it"
        )


class CIFAR10Images(ArrayImages):
    """Small colour photographs of ten kinds of things, 32 x 32: 50,000 to train, 10,000 to test.

    See :class:`ArrayImages`. The local copy is torchvision's, ``root/cifar-10-batches-py``. Its files are pickles, and
    these can run code when they are opened: torchvision compares their MD5 sums with those of the published files
    first, and files that differ are refused unopened.

    Raises:
        FileNotFoundError: when read, if a file is missing or is not the published one.
    """

    def load(self) -> _Content:
        """Let torchvision check and read all the files."""
        try:
            content = datasets.CIFAR10(self.root, train=self.part == "train", download=self.download)
        except (RuntimeError, OSError) as error:
            raise FileNotFoundError(
                f"{Path(self.root, datasets.CIFAR10.base_folder)}: a file is missing, or is not the published one (MD5 "
                "sums are checked, since they are pickles): put data_batch_1 to 5, test_batch and batches.meta there, "
                f"or set download: true to have torchvision get them ({error})"
            ) from error
        return _Content(list(content.classes), content.data, np.array(content.targets, dtype=np.int64))


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes: ``0 0 type dimensions``, a big-endian u32 for each dimension, then the elements.

    Args:
        path: of the file; ``.gz`` is unpacked.
        dimensions: how many it must have.

    Raises:
        ValueError: naming the file, if it is something else or is truncated.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} does not unpack: {error}") from error
    header = 4 + 4 * dimensions
    if len(data) < header or data[:4] != bytes([0, 0, IDX_BYTES, dimensions]):
        raise ValueError(f"{path} is no IDX file of bytes with {dimensions} dimensions")
    shape = np.frombuffer(data, dtype=">u4", count=dimensions, offset=4).astype(np.int64)
    if len(data) != header + int(shape.prod()):
        raise ValueError(
            f"{path} has {len(data) - header:,} bytes where {'x'.join(map(str, shape))} are due: truncated?"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)

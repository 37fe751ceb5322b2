"""A pack: one file of decoded images, mapped into memory, so that training decodes nothing.

``facerec pack`` writes it, see :mod:`facerec.preparation.packing`. The file, little-endian:

    magic 12 bytes | version u32 | bytes of the header u64 | header, JSON | SHA-256 of all that, 32 bytes
    pixels uint8 (N, 3, H, W), from where the header says
    index, on the next multiple of 8: label of each image i64 (N,) | end of each name i64 (N,)
        | CRC-32 of the pixels of each image u32 (N,) | names, UTF-8, joined

What is checked when:

- Opening checks magic, version, size, and the checksums of header and index. It reads no pixels, and refuses a
  truncated or foreign file within milliseconds.
- ``read`` compares the pixels with their checksum. The data module uses it before training, in sets of up to 20,000.
- ``read_batch``, which training uses, compares nothing.
- ``verify`` and ``facerec pack --verify FILE`` compare the pixels of all images.
"""

import hashlib
import json
import struct
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from facerec.align.record import Alignment
from facerec.data.images import UnreadableImageError
from facerec.data.paths import PathList
from facerec.data.sources import folder_names
from facerec.plain_text import read_json
from facerec.transforms.preprocess import resize

MAGIC = b"facerec pack"
VERSION = 1
PREFIX = struct.Struct("<12sIQ")
CHECKSUM_BYTES = hashlib.sha256().digest_size


class Header(NamedTuple):
    """The beginning of a pack.

    Attributes:
        images: number of images N.
        height: height of each image in pixels.
        width: width of each image in pixels.
        identities: names of the people; empty for images of unknown people, such as those of pairs.
        pixels_at: place of the pixels in the file.
        index_bytes: length of the index.
        index_sha256: checksum of the index, hexadecimal.
        alignment: how `facerec align` aligned the faces; None without its record.
    """

    images: int
    height: int
    width: int
    identities: list[str]
    pixels_at: int
    index_bytes: int
    index_sha256: str
    alignment: dict[str, Any] | None = None

    @property
    def index_at(self) -> int:
        """Place of the index in the file."""
        return -(-(self.pixels_at + self.images * 3 * self.height * self.width) // 8) * 8

    def to_bytes(self) -> bytes:
        """The bytes of the file up to the pixels."""
        text = json.dumps(self._asdict()).encode()
        start = PREFIX.pack(MAGIC, VERSION, len(text)) + text
        return start + hashlib.sha256(start).digest()


def read_header(file: BinaryIO, path: str) -> Header:
    """The header of an open pack.

    Raises:
        ValueError: for a file that is no pack, of another version, damaged, or of another length than it says.
    """
    start = file.read(PREFIX.size)
    if len(start) < PREFIX.size or not start.startswith(MAGIC):
        raise ValueError(f"{path} is not a pack of images: make one with 'facerec pack SRC {path}'")
    _, version, length = PREFIX.unpack(start)
    if version != VERSION:
        raise ValueError(f"{path} is a pack of version {version}, this facerec reads {VERSION}: pack the images anew")
    size = Path(path).stat().st_size
    text = file.read(min(length, size))
    if hashlib.sha256(start + text).digest() != file.read(CHECKSUM_BYTES):
        raise ValueError(f"{path}: the header of the pack is damaged: pack the images anew")
    header = _as_header(read_json(text, f"the header of {path}"), path)
    expected = header.index_at + header.index_bytes
    if size != expected:
        kind = "truncated" if size < expected else "too long"
        raise ValueError(f"{path} is {kind}: {size:,} bytes instead of {expected:,}; copy it or pack the images anew")
    return header


def _as_header(values: Any, path: str) -> Header:
    """The header that JSON holds.

    Raises:
        ValueError: if another program wrote it.
    """
    try:
        header = Header(**values)
        counts = header.images, header.height, header.width, header.pixels_at, header.index_bytes
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            raise TypeError(f"its sizes are {counts}")
        if not all(isinstance(name, str) for name in header.identities):
            raise TypeError("its identities are no names")
        Alignment.from_dict(header.alignment)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise ValueError(f"{path} is not a pack of `facerec pack`: {error}") from error
    return header


class Pack:
    """An open pack: arrays on the mapped file, which all processes share. The file is opened at the first use.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: when first used, for a missing file.
        ValueError: when first used, for a file that is no pack or damaged.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        """The path alone: another process maps the file itself."""
        return {"path": self.path}

    @cached_property
    def header(self) -> Header:
        """The beginning of the file."""
        try:
            with Path(self.path).open("rb") as file:
                return read_header(file, self.path)
        except FileNotFoundError:
            raise FileNotFoundError(f"no pack {self.path}: make one with 'facerec pack SRC {self.path}'") from None

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """All images (N, 3, H, W), read from the disk on access."""
        header = self.header
        shape = (header.images, 3, header.height, header.width)
        mapped = np.memmap(self.path, np.uint8, "r", header.pixels_at, shape)
        return mapped.view(np.ndarray)  # indexing a memmap makes memmaps, which is slow

    @cached_property
    def _index(self) -> tuple[NDArray[np.int64], PathList, NDArray[np.uint32]]:
        header = self.header
        index = np.memmap(self.path, np.uint8, "r", header.index_at, (header.index_bytes,)).view(np.ndarray)
        if hashlib.sha256(index.data).hexdigest() != header.index_sha256:
            raise ValueError(f"{self.path}: the index of the pack is damaged: pack the images anew")
        labels, ends, checksums, names = np.split(index, np.cumsum([8, 8, 4]) * header.images)
        return labels.view("<i8"), PathList.of_arrays("", ends.view("<i8"), names), checksums.view("<u4")

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,); -1 without identities."""
        return self._index[0]

    @property
    def names(self) -> PathList:
        """Name of each image, relative to the packed folder."""
        return self._index[1]

    @property
    def alignment(self) -> Alignment | None:
        """How the faces were aligned before they were packed; None if it is unknown."""
        return Alignment.from_dict(self.header.alignment)

    def read(self, index: int) -> Tensor:
        """One image, uint8 (3, H, W); its checksum is compared.

        Raises:
            UnreadableImageError: if the pixels have changed since they were written.
        """
        pixels_3HW = self.pixels[index].copy()
        if zlib.crc32(pixels_3HW) != int(self._index[2][index]):
            raise UnreadableImageError(f"{self.name(index)}: its pixels are damaged: pack the images anew")
        return torch.from_numpy(pixels_3HW)

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Some images, resized to (height, width): uint8 (B, 3, H, W). Checksums are not compared."""
        return resize(torch.from_numpy(self.pixels[indices_B]), size)

    def name(self, index: int) -> str:
        """The file and the name in it."""
        return f"{self.path}:{self.names.relative(index)}"

    def folders(self) -> list[str]:
        """Name of the folder that each image was in when it was packed."""
        return folder_names(self.names)

    def verify(self) -> None:
        """Compare every image with its checksum, with a progress bar.

        Raises:
            UnreadableImageError: naming the first that differs.
        """
        for index in tqdm(range(self.header.images), desc=f"verifying {self.path}", unit="image", delay=1, leave=False):
            self.read(index)

"""One memory-mapped file of decoded images: no decoding while training, and one gather for each batch.

``facerec pack`` writes it, see :mod:`facerec.preparation.packing`. The file, little-endian:

    magic 12 bytes | version u32 | bytes of the header u64 | header, JSON | SHA-256 of all that, 32 bytes
    pixels uint8 (N, 3, H, W), from where the header says
    index, on the next multiple of 8: label of each image i64 (N,) | end of each name i64 (N,)
        | CRC-32 of the pixels of each image u32 (N,) | names, UTF-8, joined

What is checked when:

- opening reads no pixels: magic, version, checksums of header and index, and that the file has exactly the size it
  should have, so a truncated or foreign file is refused within milliseconds;
- ``read``, which the data module uses to decode each image once before training in sets of up to 20,000, compares the
  pixels with their checksum;
- ``read_batch``, which training uses, does not;
- ``verify``, and ``facerec pack --verify FILE``, compare all of them.
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
from facerec.data.formats.lists import ListPairs
from facerec.data.images import PathList, UnreadableImageError
from facerec.data.sources import ImageSource, folder_names
from facerec.transforms.preprocess import resize

MAGIC = b"facerec pack"
VERSION = 1
PREFIX = struct.Struct("<12sIQ")
CHECKSUM_BYTES = hashlib.sha256().digest_size


class Header(NamedTuple):
    """What stands at the beginning of a pack.

    Attributes:
        images: how many, N.
        height: of each, pixels.
        width: of each, pixels.
        identities: names of the people; empty where nobody is named (images of pairs).
        pixels_at: where the pixels begin.
        index_bytes: length of the index.
        index_sha256: its checksum, hexadecimal.
        alignment: how the faces were aligned, as `facerec align` noted it; None where nothing said so.
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
        """Where the index begins."""
        return -(-(self.pixels_at + self.images * 3 * self.height * self.width) // 8) * 8

    def to_bytes(self) -> bytes:
        """As it is written."""
        text = json.dumps(self._asdict()).encode()
        start = PREFIX.pack(MAGIC, VERSION, len(text)) + text
        return start + hashlib.sha256(start).digest()


def read_header(file: BinaryIO, path: str) -> Header:
    """The header of an open pack.

    Raises:
        ValueError: if the file is no pack, of another version, damaged, or not as long as it should be.
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
    header = Header(**json.loads(text))
    expected = header.index_at + header.index_bytes
    if size != expected:
        kind = "truncated" if size < expected else "too long"
        raise ValueError(f"{path} is {kind}: {size:,} bytes instead of {expected:,}; copy it or pack the images anew")
    return header


class Pack:
    """An open pack: arrays on the mapped file, shared by all processes that map it. Nothing is opened until asked.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: when first used, if it is not there.
        ValueError: when first used, if it is no pack or damaged.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        """The path alone: another process maps the file itself rather than be sent it."""
        return {"path": self.path}

    @cached_property
    def header(self) -> Header:
        """What the file says about itself."""
        try:
            with Path(self.path).open("rb") as file:
                return read_header(file, self.path)
        except FileNotFoundError:
            raise FileNotFoundError(f"no pack {self.path}: make one with 'facerec pack SRC {self.path}'") from None

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """All images (N, 3, H, W), read from the disk as they are touched."""
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
        """Name of each image, relative to what was packed."""
        return self._index[1]

    @property
    def alignment(self) -> Alignment | None:
        """How the faces were aligned before they were packed; None where nothing said so."""
        return Alignment.from_dict(self.header.alignment)

    def read(self, index: int) -> Tensor:
        """One image, uint8 (3, H, W), its checksum compared.

        Raises:
            UnreadableImageError: if the pixels are not those that were written.
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


class PackedImages(ImageSource):
    """Labelled images in one file, made by ``facerec pack``.

    Args:
        path: of the pack.

    Raises:
        FileNotFoundError: when read, if it is not there.
        ValueError: when read, if it is no pack, truncated, damaged, or names no people.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.pack = Pack(path)

    @property
    def identities(self) -> list[str]:
        """Names of the people; the index is the class."""
        if not self.pack.header.identities:
            raise ValueError(f"{self.path} names no people: it was packed for pairs (facerec.data.PackedPairs)")
        return self.pack.header.identities

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""
        return self.pack.labels

    def __len__(self) -> int:
        return self.pack.header.images

    @property
    def alignment(self) -> Alignment | None:
        """How the faces were aligned before they were packed, or as a note beside the pack says."""
        return self.pack.alignment or super().alignment

    def read(self, index: int) -> Tensor:
        """One image: uint8 (3, H, W), RGB."""
        return self.pack.read(index)

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Some images in one gather: uint8 (B, 3, H, W)."""
        return self.pack.read_batch(indices_B, size)

    def name(self, index: int) -> str:
        """The file and the name in it."""
        return self.pack.name(index)

    def folders(self) -> list[str]:
        """Name of the folder that each image was in when it was packed."""
        return self.pack.folders()

    def check(self) -> None:
        """Open the file: its length and the checksums of header and index, not the pixels."""
        _ = self.identities, self.labels


class PackedPairs(ListPairs):
    """Pairs named by a list, as in :class:`facerec.data.ListPairs`, their images in one file.

    Args:
        path: of the pack, made by ``facerec pack IMAGES PACK --pairs LIST``, or of any that holds the images under the
            names that the list uses.
        pairs_file: the list.

    Raises:
        FileNotFoundError: when read, if the pack or list is not there, or an image of the list is not in the pack.
        ValueError: when read, for a malformed list, or a file that is no pack, truncated or damaged.
    """

    def __init__(self, path: str, pairs_file: str) -> None:
        super().__init__(str(Path(path).parent), pairs_file)
        self.path = path
        self.pack = Pack(path)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Where each image of the list is in the pack (N,)."""
        place_of = {name: place for place, name in enumerate(self.pack.names)}
        wanted = list(self._listing[0])
        missing = next((name for name in wanted if name not in place_of), None)
        if missing is not None:
            raise FileNotFoundError(f"{self.pairs_file} names {missing}, which is not in {self.path}")
        return np.array([place_of[name] for name in wanted], dtype=np.int64)

    @property
    def alignment(self) -> Alignment | None:
        """How the faces were aligned before they were packed, or as a note beside the pack says."""
        return self.pack.alignment or super().alignment

    def read(self, index: int) -> Tensor:
        """One image: uint8 (3, H, W), RGB."""
        return self.pack.read(int(self._places[index]))

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Some images in one gather: uint8 (B, 3, H, W)."""
        return self.pack.read_batch(self._places[indices_B], size)

    def name(self, index: int) -> str:
        """The file and the name in it."""
        return self.pack.name(int(self._places[index]))

    def folders(self) -> list[str]:
        """Name of the folder that each image was in when it was packed."""
        folders = self.pack.folders()
        return [folders[place] for place in self._places.tolist()]

    def check(self) -> None:
        """Read the list, open the pack, and see that every image is in it."""
        _ = self._places

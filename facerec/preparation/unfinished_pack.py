"""A pack that is being written: pixels first, then the index, and at last its name."""

import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.data.formats.pack_file import Header
from facerec.data.paths import PathList
from facerec.files import held
from facerec.journal import Journal


class Chunk(NamedTuple):
    """Images that are written together.

    Attributes:
        checksums: CRC-32 of the pixels of each image; None for an image left out.
        skipped: a message for each image left out.
        pixels: of the other images, uint8, joined.
    """

    checksums: list[int | None]
    skipped: list[str]
    pixels: bytes


class UnfinishedPack:
    """The pixels so far, and a journal from which a killed packing goes on.

    An entry of the journal holds, for one chunk, the place of its first image in the source, the checksums, and the
    messages. It counts only if its pixels reached the disk, which their checksums tell; nor does what comes after it.

    Args:
        pixels: file of the pixels, open to read and write.
        journal: one of the same images in the same order, of the same size.
        header: of a pack that holds all of them.

    Attributes:
        checksums: one for each image so far; None for an image left out.
        skipped: the messages so far.
    """

    def __init__(self, pixels: BinaryIO, journal: Journal, header: Header) -> None:
        self.checksums: list[int | None] = []
        self.skipped: list[str] = []
        self._pixels, self._journal, self._header = pixels, journal, header
        self._image_bytes = 3 * header.height * header.width
        journal.keep(self._count_written())
        self._pixels.truncate(self._pixels_end if self.checksums else 0)
        self._pixels.seek(self._pixels_end)

    def _count_written(self) -> int:
        """Take over the entries whose pixels are there, and count them."""
        self._pixels.seek(self._header.pixels_at)
        for number, (first, checksums, skipped) in enumerate(self._journal.entries):
            if first != len(self.checksums) or not all(map(self._is_next, checksums)):
                return number
            self.checksums += checksums
            self.skipped += skipped
        return len(self._journal.entries)

    def _is_next(self, checksum: int | None) -> bool:
        return checksum is None or zlib.crc32(self._pixels.read(self._image_bytes)) == checksum

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which of the images so far are in the pack."""
        return np.array([checksum is not None for checksum in self.checksums], dtype=np.bool_)

    @property
    def _pixels_end(self) -> int:
        return self._header.pixels_at + int(self.kept.sum()) * self._image_bytes

    @property
    def bytes_to_write(self) -> int:
        """Space that the images still to come may take."""
        return self._header.index_at - self._pixels_end

    def add(self, chunk: Chunk) -> None:
        """Write the next images."""
        self._pixels.write(chunk.pixels)
        self._pixels.flush()
        self._journal.add(len(self.checksums), chunk.checksums, chunk.skipped)
        self.checksums += chunk.checksums
        self.skipped += chunk.skipped

    def write_index(self, names: PathList, labels_N: NDArray[np.int64]) -> None:
        """Write what stands behind the pixels, then the header in front of them.

        Args:
            names: of all images of the source.
            labels_N: of all images of the source.
        """
        kept_N = self.kept
        ends, joined = PathList("", (name for name, keep in zip(names, kept_N, strict=True) if keep)).arrays
        crc = np.array([checksum for checksum in self.checksums if checksum is not None], dtype="<u4")
        index = b"".join(part.tobytes() for part in (labels_N[kept_N].astype("<i8"), ends.astype("<i8"), crc, joined))
        header = self._header._replace(
            images=int(kept_N.sum()), index_bytes=len(index), index_sha256=hashlib.sha256(index).hexdigest()
        )
        self._pixels.seek(header.index_at)
        self._pixels.write(index)
        self._pixels.truncate()
        self._pixels.seek(0)
        self._pixels.write(header.to_bytes())
        self._pixels.flush()
        os.fsync(self._pixels.fileno())


@contextmanager
def unfinished_pack(target: Path, header: Header, subject: str) -> Iterator[UnfinishedPack]:
    """Begin a pack, or go on with one that was interrupted. When the block ends well it becomes ``target``.

    Pixels go to ``TARGET.partial``, the journal to ``TARGET.partial.journal``.

    Args:
        target: path of the pack.
        header: of a pack that holds all images.
        subject: changes with the images, their order, people, size and files.

    Raises:
        ValueError: if another process is writing this pack.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    with held(partial):  # until it has its name: another process would empty a finished pack
        partial.touch()
        with Journal(target.with_name(f"{partial.name}.journal"), subject) as journal:
            with partial.open("r+b") as pixels:
                yield UnfinishedPack(pixels, journal, header)
            os.replace(partial, target)
            journal.remove()

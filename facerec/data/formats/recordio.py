"""RecordIO, the container of MXNet and insightface: records in a ``.rec`` file, their places in an ``.idx`` file.

A record is, little-endian, ``u32 magic | u32 flag << 29 | length | payload | zeros up to a multiple of 4``. The magic
lets a reader find the next record after a gap, so a payload may not hold it at a multiple of 4. There the writer cuts
the payload in parts (flag 1 first, 2 middle, 3 last; 0 is a whole record) and drops the magic. A reader puts it back
between the parts (dmlc-core, ``include/dmlc/recordio.h``). An ``.idx`` line is ``key <tab> offset``.
"""

import mmap
import re
import struct
import warnings
from collections.abc import Iterator
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
HEADER = struct.Struct("<II")
LENGTH_BITS = 29
WHOLE, FIRST, MIDDLE, LAST = range(4)
MOST_PARTS = 1000  # of a record: a photograph of megabytes holds the magic once in a thousand
INDEX_BLOCK = 262_144  # lines that are read at a time
INDEX_LINE = re.compile(r"\s*([0-9]+[ \t]+[0-9]+\s*)?")


def _padding(length: int) -> int:
    return -length % 4


def encode_record(payload: bytes) -> bytes:
    """The bytes of a record, cut wherever the payload holds the magic at a multiple of 4.

    Raises:
        ValueError: for a payload of 2^29 bytes or more, whose length does not fit.

    Example:
        >>> encode_record(b"a").hex(" ", 4)
        '0a23d7ce 01000000 61000000'
    """
    if len(payload) >= 1 << LENGTH_BITS:
        raise ValueError(f"a record of {len(payload):,} bytes: RecordIO holds less than {1 << LENGTH_BITS:,} in one")
    cuts = list(_magic_places(payload))
    starts = [0, *(cut + 4 for cut in cuts)]
    ends = [*cuts, len(payload)]
    flags = [FIRST, *[MIDDLE] * (len(cuts) - 1), LAST] if cuts else [WHOLE]
    encoded = bytearray()
    for flag, start, end in zip(flags, starts, ends, strict=True):
        encoded += HEADER.pack(MAGIC, flag << LENGTH_BITS | end - start) + payload[start:end]
    return bytes(encoded) + bytes(_padding(len(payload)))  # all parts but the last are multiples of 4


def _magic_places(payload: bytes) -> Iterator[int]:
    """Multiples of 4 at which the payload holds the magic."""
    place = payload.find(MAGIC_BYTES)
    while place >= 0:
        if place % 4 == 0:
            yield place
        place = payload.find(MAGIC_BYTES, place + 1)


class RecordFile:
    """Reads the records of a ``.rec`` file by offset.

    Each process maps the file into memory when it first reads. The pickle of this object holds the path alone.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: when read, for a missing file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    @cached_property
    def data(self) -> memoryview:
        """The bytes of the file, which the operating system reads on access."""
        if not self.path.is_file():
            raise FileNotFoundError(f"no record file {self.path}")
        if self.path.stat().st_size == 0:
            return memoryview(b"")
        with self.path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def read(self, offset: int) -> bytes:
        """Payload of the record at an offset, its parts joined.

        Raises:
            ValueError: naming file and offset, unless a whole record is there.
        """
        payload, _ = self._read(offset)
        return payload

    def end_of(self, offset: int) -> int:
        """End of the record at an offset, padding included."""
        return self._read(offset)[1]

    def _read(self, offset: int) -> tuple[bytes, int]:
        first, length, place = self._part(offset, offset)
        if first == WHOLE:
            return bytes(self.data[place : place + length]), place + length + _padding(length)
        if first != FIRST:
            raise ValueError(
                f"{self.path}: the record at byte {offset} begins in its middle: is the index of this file?"
            )
        parts = [bytes(self.data[place : place + length])]
        flag = first
        while flag != LAST:
            flag, length, place = self._part(place + length + _padding(length), offset)
            if flag not in (MIDDLE, LAST):
                raise ValueError(f"{self.path}: the record at byte {offset} is cut in parts, and its last is missing")
            if len(parts) == MOST_PARTS:
                raise ValueError(f"{self.path}: the record at byte {offset} is cut in more than {MOST_PARTS} parts")
            parts.append(bytes(self.data[place : place + length]))
        return MAGIC_BYTES.join(parts), place + length + _padding(length)

    def _part(self, place: int, offset: int) -> tuple[int, int, int]:
        """Flag and length of a part, and the place of its bytes."""
        size = len(self.data)
        if place + HEADER.size > size:
            raise ValueError(f"{self.path}: ends at byte {size}, within the record at byte {offset}: is it truncated?")
        magic, flag_and_length = HEADER.unpack_from(self.data, place)
        if magic != MAGIC:
            raise ValueError(
                f"{self.path}: no record at byte {place} (found {magic:#010x}): is the index of this file?"
            )
        flag, length = flag_and_length >> LENGTH_BITS, flag_and_length & (1 << LENGTH_BITS) - 1
        if place + HEADER.size + length > size:
            raise ValueError(f"{self.path}: ends at byte {size}, within the record at byte {offset}: is it truncated?")
        return flag, length, place + HEADER.size


def read_index(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys (N,), sorted, and the offset (N,) of each record, from an ``.idx`` file.

    Raises:
        FileNotFoundError: for a missing file.
        ValueError: naming file and line, for a line that is not ``key <tab> offset``; naming the file, for a key that
            comes twice, or an offset that no record can have.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no index {path}: expected lines 'key <tab> offset' (MXNet's rec2idx makes one)")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: expected lines 'key <tab> offset'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns of 1.5 where a whole number is due
            keys_N, offsets_N = _read_numbers(path)
    except (ValueError, DeprecationWarning, UserWarning, OverflowError) as error:
        number, line = _bad_line(path)
        raise ValueError(f"{path}:{number}: expected 'key <tab> offset', got {line!r}") from error
    if (keys_N[1:] < keys_N[:-1]).any():
        order_N = np.argsort(keys_N, kind="stable")
        keys_N, offsets_N = keys_N[order_N], offsets_N[order_N]
    if (keys_N[1:] == keys_N[:-1]).any():
        raise ValueError(f"{path}: key {keys_N[1:][keys_N[1:] == keys_N[:-1]][0]} is there twice")
    if (offsets_N % 4).any():
        raise ValueError(f"{path}: offset {offsets_N[offsets_N % 4 != 0][0]} is not a multiple of 4, as records are")
    return keys_N, offsets_N


def _read_numbers(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The two columns (N,), with a progress bar. Lines are read in blocks: those of 50 million would take 5 GB.

    Raises:
        ValueError: unless there are lines, and all are two whole numbers from 0.
    """
    with path.open("rb") as file:
        most = 1 + sum(block.count(b"\n") + block.count(b"\r") for block in iter(partial(file.read, 1 << 20), b""))
    columns_2N = np.empty((2, most), dtype=np.int64)  # pages come with what is written
    count = 0
    with (
        path.open(encoding="utf-8", errors="replace") as lines,
        tqdm(total=most, desc=f"reading {path.name}", unit="line", unit_scale=True, delay=2, leave=False) as progress,
    ):
        while block := list(islice(lines, INDEX_BLOCK)):
            progress.update(len(block))
            if not any(map(str.strip, block)):
                continue
            rows_B2 = np.loadtxt(block, dtype=np.int64, ndmin=2, comments=None)
            if rows_B2.shape[1] != 2 or rows_B2.min() < 0:
                raise ValueError("not two whole numbers from 0")
            columns_2N[:, count : count + len(rows_B2)] = rows_B2.T
            count += len(rows_B2)
    if count == 0:
        raise ValueError("no lines")
    return columns_2N[0, :count], columns_2N[1, :count]


def _bad_line(path: Path) -> tuple[int, str]:
    """Number and text of the first line that is not two whole numbers."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        bad = ((number, line.strip()) for number, line in enumerate(lines, start=1) if not INDEX_LINE.fullmatch(line))
        return next(bad, (1, "other than numbers of 64 bits"))


class RecordWriter:
    """Appends records to an open file, and keeps the lines of its index.

    Args:
        file: file open for writing, at its beginning.

    Attributes:
        index: lines ``key <tab> offset`` of the records so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.index: list[str] = []

    def write(self, key: int, payload: bytes) -> None:
        """Append a record."""
        self.index.append(f"{key}\t{self.file.tell()}\n")
        self.file.write(encode_record(payload))

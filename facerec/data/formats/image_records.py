"""Image records: what MXNet's im2rec and insightface put into a record of RecordIO.

The payload of a record is ``u32 n | f32 label | u64 id | u64 id2``; then, for n > 0, n f32 labels that take the place
of the one; then the image file.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from facerec.data.formats.recordio import HEADER, LENGTH_BITS, MAGIC, RecordFile

ENTRY = struct.Struct("<IfQQ")
FLOAT32_EXACT = 2**24  # whole numbers from here on are rounded in a float32
LABEL_BLOCK = 65_536


class Entry(NamedTuple):
    """The labels and the image file of a record."""

    labels: NDArray[np.float32]
    image: bytes


def decode_entry(payload: bytes) -> Entry:
    """Take a payload apart.

    Raises:
        ValueError: if it is shorter than its header.

    Example:
        >>> decode_entry(encode_entry(7.0, key=1, image=b"png"))
        Entry(labels=array([7.], dtype=float32), image=b'png')
    """
    if len(payload) < ENTRY.size or len(payload) < ENTRY.size + 4 * ENTRY.unpack_from(payload)[0]:
        raise ValueError(f"{len(payload)} bytes are shorter than the header of an image record")
    count, label, _, _ = ENTRY.unpack_from(payload)
    if count == 0:
        return Entry(np.array([label], dtype=np.float32), payload[ENTRY.size :])
    return Entry(np.frombuffer(payload, "<f4", count, ENTRY.size), payload[ENTRY.size + 4 * count :])


def encode_entry(labels: float | Sequence[float], key: int, image: bytes) -> bytes:
    """Put a payload together: one label stands in the header, several behind it."""
    if isinstance(labels, Sequence):
        return ENTRY.pack(len(labels), 0.0, key, 0) + struct.pack(f"<{len(labels)}f", *labels) + image
    return ENTRY.pack(0, labels, key, 0) + image


def read_entry(file: RecordFile, offset: int) -> Entry:
    """The record at an offset.

    Raises:
        ValueError: naming the file, unless an image record is there.
    """
    payload = file.read(offset)
    try:
        return decode_entry(payload)
    except ValueError as error:
        raise ValueError(f"{file.path}, byte {offset}: {error}") from error


def read_labels(file: RecordFile, keys_N: NDArray[np.int64], offsets_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """First label of each record (N,), with a progress bar.

    Raises:
        ValueError: naming the first record whose label is not a whole number.
    """
    starts = tqdm(range(0, len(offsets_N), LABEL_BLOCK), desc="reading labels", unit="block", delay=2, leave=False)
    blocks = [_first_labels(file, offsets_N[start : start + LABEL_BLOCK]) for start in starts]
    labels_N = np.concatenate([np.zeros(0, dtype=np.float32), *blocks])
    bad_N = ~((labels_N >= 0) & (labels_N < FLOAT32_EXACT) & (np.floor(labels_N) == labels_N))
    if bad_N.any():
        raise ValueError(
            f"{file.path}: record {keys_N[bad_N][0]} has the label {labels_N[bad_N][0]}, not a whole number from 0 to "
            f"{FLOAT32_EXACT - 1}"
        )
    return labels_N.astype(np.int64)


def as_classes(labels_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Replace labels, in place, by their places among all labels that there are. Sorting would take three copies.

    Args:
        labels_N: whole numbers below 2^24 (N,), at least one.

    Returns:
        The label of each class (C,), sorted.

    Example:
        >>> labels = np.array([7, 5, 7])
        >>> as_classes(labels).tolist(), labels.tolist()
        ([5, 7], [1, 0, 1])
    """
    is_there = np.zeros(int(labels_N.max()) + 1, dtype=bool)
    is_there[labels_N] = True
    class_of = np.cumsum(is_there) - 1
    for start in range(0, len(labels_N), LABEL_BLOCK):
        labels_N[start : start + LABEL_BLOCK] = class_of[labels_N[start : start + LABEL_BLOCK]]
    return np.flatnonzero(is_there)


def _first_labels(file: RecordFile, offsets_N: NDArray[np.int64]) -> NDArray[np.float32]:
    """First label of each record (N,): of all whole records at once, of those cut in parts one by one."""
    words = np.frombuffer(file.data, dtype="<u4", count=len(file.data) // 4)
    first_words = (HEADER.size + ENTRY.size) // 4 + 1
    at_N = np.minimum(offsets_N // 4, len(words) - first_words)
    length_N = (words[at_N + 1] & (1 << LENGTH_BITS) - 1).astype(np.int64)
    count_N = words[at_N + 2].astype(np.int64)
    plain_N = (
        (at_N * 4 == offsets_N)
        & (words[at_N] == MAGIC)
        & (words[at_N + 1] >> LENGTH_BITS == 0)
        & (length_N >= ENTRY.size + 4 * count_N)
        & (offsets_N + HEADER.size + length_N <= len(file.data))
    )
    labels_N = words[np.where(count_N == 0, at_N + 3, at_N + first_words - 1)].view("<f4").astype(np.float32)
    for place in np.flatnonzero(~plain_N):
        labels_N[place] = read_entry(file, int(offsets_N[place])).labels[0]
    return labels_N

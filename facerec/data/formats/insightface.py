"""Training sets of insightface (MS1MV3, CASIA, Glint360K as ``train.rec``) and records of MXNet's im2rec.

A record's payload is ``u32 n | f32 label | u64 id | u64 id2`` and, where n > 0, n f32 labels in the place of the one;
then the image file. insightface adds to the images, of keys 1 to N: record 0 without an image, whose labels are N + 1
and the key after the last record; and one record for each person, whose labels are the range of that person's keys. Its
``property`` file says ``people,height,width``.
"""

import struct
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from facerec.data.formats.recordio import HEADER, LENGTH_BITS, MAGIC, RecordFile, RecordWriter, read_index
from facerec.data.images import UnreadableImageError, decode_image
from facerec.data.sources import ImageSource
from facerec.files import write_whole, written_whole

ENTRY = struct.Struct("<IfQQ")
FLOAT32_EXACT = 2**24  # whole numbers from here on are rounded in a float32
LABEL_BLOCK = 65_536


class Entry(NamedTuple):
    """The payload of a record, taken apart."""

    labels: NDArray[np.float32]
    image: bytes


def unpack(payload: bytes) -> Entry:
    """Take a payload apart.

    Raises:
        ValueError: if it is shorter than its header.
    """
    if len(payload) < ENTRY.size or len(payload) < ENTRY.size + 4 * ENTRY.unpack_from(payload)[0]:
        raise ValueError(f"{len(payload)} bytes are shorter than the header of an image record")
    count, label, _, _ = ENTRY.unpack_from(payload)
    if count == 0:
        return Entry(np.array([label], dtype=np.float32), payload[ENTRY.size :])
    return Entry(np.frombuffer(payload, "<f4", count, ENTRY.size), payload[ENTRY.size + 4 * count :])


def pack(labels: float | Sequence[float], key: int, image: bytes) -> bytes:
    """Put a payload together: one label stands in the header, several behind it."""
    if isinstance(labels, Sequence):
        return ENTRY.pack(len(labels), 0.0, key, 0) + struct.pack(f"<{len(labels)}f", *labels) + image
    return ENTRY.pack(0, labels, key, 0) + image


def _first_labels(file: RecordFile, offsets_N: NDArray[np.int64]) -> NDArray[np.float32]:
    """First label of each record (N,): of all whole records at once, of those cut in parts one by one."""
    words = np.frombuffer(file.data, dtype="<u4", count=len(file.data) // 4)
    first_words = (HEADER.size + ENTRY.size) // 4 + 1
    at_N = np.minimum(offsets_N // 4, len(words) - first_words)
    length_N = (words[at_N + 1] & (1 << LENGTH_BITS) - 1).astype(np.int64)
    count_N = words[at_N + 2].astype(np.int64)
    plain = (
        (at_N * 4 == offsets_N)
        & (words[at_N] == MAGIC)
        & (words[at_N + 1] >> LENGTH_BITS == 0)
        & (length_N >= ENTRY.size + 4 * count_N)
        & (offsets_N + HEADER.size + length_N <= len(file.data))
    )
    labels_N = words[np.where(count_N == 0, at_N + 3, at_N + first_words - 1)].view("<f4").astype(np.float32)
    for place in np.flatnonzero(~plain):
        labels_N[place] = unpack(file.read(int(offsets_N[place]))).labels[0]
    return labels_N


class _Listing(NamedTuple):
    identities: list[str]
    labels: NDArray[np.int64]  # class of each image
    numbers: NDArray[np.int64]  # label of each class, as the file has it
    keys: NDArray[np.int64]
    offsets: NDArray[np.int64]


class RecordImages(ImageSource):
    """Labelled images of a ``.rec`` file with its ``.idx``, read by offset: nothing is unpacked beforehand.

    Labels may have gaps: class i is the i-th smallest label, and its name is the label as text. Of several labels of an
    image the first counts.

    Args:
        root: the folder of the files.
        prefix: ``train`` stands for ``train.rec`` and ``train.idx``. If there is a file ``property`` beside them, no
            label may be beyond its number of people.

    Raises:
        FileNotFoundError: when read, if a file is missing.
        ValueError: when read, for an index that is malformed or of another file, a truncated ``.rec``, a label that is
            not a whole number or is beyond the number of people in ``property``.
    """

    def __init__(self, root: str, prefix: str = "train") -> None:
        self.root = root
        self.prefix = prefix

    def __getstate__(self) -> dict[str, Any]:
        """Without the open file; each worker maps it for itself."""
        return {key: value for key, value in self.__dict__.items() if key != "_file"}

    @cached_property
    def _file(self) -> RecordFile:
        return RecordFile(Path(self.root, f"{self.prefix}.rec"))

    @property
    def _index(self) -> Path:
        return Path(self.root, f"{self.prefix}.idx")

    @cached_property
    def _listing(self) -> _Listing:
        keys, offsets = read_index(self._index)
        self._file.end_of(int(offsets.max()))  # raises if the file ends before
        first_identity = self._first_identity(keys, offsets)
        if first_identity is None:
            numbers_N = self._scan(keys, offsets)
        else:
            is_image = (keys > 0) & (keys < first_identity)
            identity_offsets = offsets[keys >= first_identity]
            keys, offsets = keys[is_image], offsets[is_image]
            ranged = self._from_ranges(keys, offsets, identity_offsets)
            numbers_N = self._scan(keys, offsets) if ranged is None else ranged
        if len(keys) == 0:
            raise ValueError(f"{self._file.path} holds no images")
        numbers, labels_N = np.unique(numbers_N, return_inverse=True)
        self._check_count(int(numbers[-1]))
        return _Listing([str(number) for number in numbers], labels_N.astype(np.int64), numbers, keys, offsets)

    def _first_identity(self, keys: NDArray[np.int64], offsets: NDArray[np.int64]) -> int | None:
        """Key after the last image, from record 0; None for a plain file of images.

        Raises:
            ValueError: if the records do not change from images to people at that key, or images before it are not in
                the index.
        """
        header = self._entry(int(offsets[0]))
        if keys[0] != 0 or header.image:
            return None
        stated = header.labels[0]
        if not (np.isfinite(stated) and stated >= 1):
            raise ValueError(f"{self._file.path}: record 0 says the images end before key {stated}")
        # Above 2^24 the float32 has rounded the number, by half its spacing at most
        slack = int(np.spacing(stated)) if stated >= FLOAT32_EXACT else 0
        for key in range(int(stated) - slack, int(stated) + slack + 1):
            place = int(np.searchsorted(keys, key))
            last_is_image = place > 0 and bool(self._entry(int(offsets[place - 1])).image)
            if last_is_image and (place == len(keys) or not self._entry(int(offsets[place])).image):
                if place != key and not slack:
                    raise ValueError(
                        f"{self._index}: it lists {place - 1} of the images up to {key - 1} that {self._file.path} "
                        "says it has: lines are missing"
                    )
                return key
        raise ValueError(
            f"{self._file.path}: record 0 says the images end before key {int(stated)}, and the records there say "
            "otherwise: is the index of this file?"
        )

    def _from_ranges(
        self, keys: NDArray[np.int64], offsets: NDArray[np.int64], identities: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """Label of each image (N,) from the ranges of the people, if these cover the images and fit their ends.

        It saves a look at every image of a file of many gigabytes. ``read`` compares the label of each image it reads.
        """
        ranges = [self._entry(int(offset)).labels[:2].astype(np.int64) for offset in identities]
        if not ranges or any(len(pair) != 2 for pair in ranges):
            return None
        starts_P, ends_P = np.searchsorted(keys, np.array(sorted(map(tuple, ranges))).T)
        whole = starts_P[0] == 0 and ends_P[-1] == len(keys) and (starts_P[1:] == ends_P[:-1]).all()
        if not whole or (ends_P <= starts_P).any():
            return None
        numbers_P = self._scan(keys[starts_P], offsets[starts_P])
        if (numbers_P != self._scan(keys[ends_P - 1], offsets[ends_P - 1])).any():
            return None
        return np.repeat(numbers_P, ends_P - starts_P)

    def _scan(self, keys: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Label of each record (N,).

        Raises:
            ValueError: naming the first record whose label is no class.
        """
        starts = tqdm(range(0, len(offsets), LABEL_BLOCK), desc="reading labels", unit="block", delay=2, leave=False)
        blocks = [_first_labels(self._file, offsets[start : start + LABEL_BLOCK]) for start in starts]
        labels_N = np.concatenate([np.zeros(0, dtype=np.float32), *blocks])
        bad = ~((labels_N >= 0) & (labels_N < FLOAT32_EXACT) & (np.floor(labels_N) == labels_N))
        if bad.any():
            raise ValueError(
                f"{self._file.path}: record {keys[bad][0]} has the label {labels_N[bad][0]}, not a whole number from 0 "
                f"to {FLOAT32_EXACT - 1}"
            )
        return labels_N.astype(np.int64)

    def _check_count(self, largest: int) -> None:
        """See that no label is beyond the number of people that ``property`` states, if it is there."""
        path = Path(self.root, "property")
        if not path.is_file():
            return
        line = path.read_text(encoding="utf-8", errors="replace").split("\n")[0].strip()
        people = line.split(",")[0].strip()
        if not (people.isascii() and people.isdigit()):
            raise ValueError(f"{path}:1: expected 'people,height,width', got {line!r}")
        if largest >= int(people):
            raise ValueError(f"{path}:1: {people} people, and {self._file.path} has the label {largest}, beyond them")

    def _entry(self, offset: int) -> Entry:
        try:
            return unpack(self._file.read(offset))
        except ValueError as error:
            place = "" if str(self._file.path) in str(error) else f"{self._file.path}, byte {offset}: "
            raise ValueError(f"{place}{error}") from error

    @property
    def identities(self) -> list[str]:
        """The labels as text; the index is the class."""
        return self._listing.identities

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""
        return self._listing.labels

    def __len__(self) -> int:
        return len(self._listing.keys)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB.

        Raises:
            ValueError: if its record has another label than the record of its person.
        """
        listing = self._listing
        try:
            entry = self._entry(int(listing.offsets[index]))
        except ValueError as error:
            raise UnreadableImageError(str(error)) from error
        number = listing.numbers[listing.labels[index]]
        if entry.labels[0] != number:
            raise ValueError(
                f"{self.name(index)}: its label is {entry.labels[0]:g}, and in the range of its person it is {number}"
            )
        return decode_image(entry.image, self.name(index))

    def name(self, index: int) -> str:
        """The file and the key of the record."""
        return f"{self._file.path}, record {self._listing.keys[index]}"


def write_records(
    root: str | Path,
    images: Sequence[bytes | Path],
    labels: Sequence[int] | NDArray[np.int64],
    image_size: tuple[int, int] = (112, 112),
    prefix: str = "train",
) -> None:
    """Write ``<prefix>.rec``, ``<prefix>.idx`` and ``property`` as insightface does, for this and for its own training.

    The images of a person follow one another. Each file appears whole; the index, without which nothing is read, last.

    Args:
        root: folder of the files.
        images: image files (N), as their bytes or as paths.
        labels: class of each image (N,), from 0.
        image_size: (height, width), told to other readers in ``property``.
        prefix: name of the files.

    Raises:
        ValueError: if there are no images, not as many as labels, or a label is negative or not exact in a float32.
    """
    numbers_N = np.asarray(labels)
    if len(images) == 0 or numbers_N.shape != (len(images),):
        raise ValueError(f"{len(images)} images and labels of shape {numbers_N.shape}: give one label for each image")
    if numbers_N.dtype.kind not in "iu" or numbers_N.min() < 0 or numbers_N.max() >= FLOAT32_EXACT:
        raise ValueError(f"labels are whole numbers from 0 to {FLOAT32_EXACT - 1}, a record holds no others exactly")
    order = np.argsort(numbers_N, kind="stable")
    people, starts = np.unique(numbers_N[order], return_index=True)
    bounds = [*(starts + 1).tolist(), len(images) + 1]
    index_path = Path(root, f"{prefix}.idx")
    with written_whole(Path(root, f"{prefix}.rec")) as unfinished, unfinished.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(0, pack([bounds[-1], bounds[-1] + len(people)], 0, b""))
        for key, place in enumerate(tqdm(order, desc="writing records", unit="image", delay=1, leave=False), start=1):
            image = images[place]
            content = image.read_bytes() if isinstance(image, Path) else image
            writer.write(key, pack(float(numbers_N[place]), key, content))
        for person, span in enumerate(pairwise(bounds)):
            writer.write(bounds[-1] + person, pack(span, bounds[-1] + person, b""))
        index_path.unlink(missing_ok=True)  # an old index must never meet the new records
    write_whole(Path(root, "property"), f"{int(people[-1]) + 1},{image_size[0]},{image_size[1]}\n")
    write_whole(index_path, "".join(writer.index))

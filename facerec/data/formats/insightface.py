"""Training sets of insightface (MS1MV3, CASIA, Glint360K as ``train.rec``) and records of MXNet's im2rec.

The images have keys 1 to N. Around these insightface adds record 0, without an image, whose labels are N + 1 and the
key after the last record; and one record for each person, whose labels are the range of that person's keys. Its file
``property`` says ``people,height,width``. :mod:`facerec.data.formats.insightface_writer` writes the same.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.formats import record_cache
from facerec.data.formats.image_records import FLOAT32_EXACT, as_classes, read_entry, read_labels
from facerec.data.formats.listings import ListedImages, Listing
from facerec.data.formats.record_cache import RecordArrays
from facerec.data.formats.recordio import RecordFile, read_index
from facerec.data.images import UnreadableImageError, decode_image


@dataclass(frozen=True)
class RecordListing(Listing):
    """A listing of image records.

    Attributes:
        numbers: label of each class, as the records have it.
        keys: key of the record of each image (N,).
        offsets: its place in the file (N,).
        is_mapped: whether the arrays lie in a file that each process opens for itself.
    """

    numbers: NDArray[np.int64]
    keys: NDArray[np.int64]
    offsets: NDArray[np.int64]
    is_mapped: bool = False


class RecordImages(ListedImages[RecordListing]):
    """Labelled images of a ``.rec`` file with its ``.idx``, read by offset: nothing is unpacked beforehand.

    Labels may have gaps: class i is the i-th smallest label, and its name is the label as text. If an image has several
    labels, the first counts.

    What a large index tells is kept in ``<prefix>.facerec.npy`` beside it, if the folder may be written: see
    :mod:`facerec.data.formats.record_cache`. The next start, and each worker, maps that file into memory.

    Args:
        root: the folder of the files.
        prefix: ``train`` stands for ``train.rec`` and ``train.idx``. No label may exceed the number of people in the
            file ``property``, if it is beside them.

    Raises:
        FileNotFoundError: when read, for a missing file.
        ValueError: when read, for an index that is malformed or of another file, a truncated ``.rec``, a label that is
            not a whole number or exceeds the number of people in ``property``.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import RecordImages, write_records
        >>> with TemporaryDirectory() as root:
        ...     Image.new("RGB", (8, 8)).save(f"{root}/face.png")
        ...     write_records(root, [Path(root, "face.png")] * 3, labels=[7, 5, 7])
        ...     faces = RecordImages(root)
        ...     faces.identities, faces.labels.tolist(), faces.read(0).shape
        (['5', '7'], [0, 1, 1], torch.Size([3, 8, 8]))
    """

    def __init__(self, root: str, prefix: str = "train") -> None:
        self.root = root
        self.prefix = prefix

    @cached_property
    def _file(self) -> RecordFile:
        return RecordFile(Path(self.root, f"{self.prefix}.rec"))

    @property
    def _index(self) -> Path:
        return Path(self.root, f"{self.prefix}.idx")

    def __getstate__(self) -> dict[str, Any]:
        """What a spawned worker is sent. It opens the files itself, the cache of the index too."""
        state = vars(self).copy()
        if "_listing" in state and state["_listing"].is_mapped:
            del state["_listing"]
        return state

    def find(self) -> RecordListing:
        """Read the index and the labels, or what is kept of them."""
        if not (self._index.is_file() and self._index.stat().st_size >= record_cache.WORTH_KEEPING):
            return self._listing_of(self._read())
        cache = record_cache.RecordCache(self._file.path, self._index)
        arrays = cache.load()
        if arrays is None:
            cache.save(self._read())
            arrays = cache.load()
        return self._listing_of(arrays or self._read(), is_mapped=arrays is not None)

    def _listing_of(self, arrays: RecordArrays, is_mapped: bool = False) -> RecordListing:
        self._check_property(int(arrays.numbers[-1]))
        names = [str(number) for number in arrays.numbers]
        return RecordListing(names, arrays.labels, arrays.numbers, arrays.keys, arrays.offsets, is_mapped)

    def _read(self) -> RecordArrays:
        """Read the index, and the labels from the records."""
        keys, offsets = read_index(self._index)
        self._file.end_of(int(offsets.max()))  # raises if the file ends before
        first_person = self._first_person(keys, offsets)
        ranged: NDArray[np.int64] | None = None
        if first_person is not None:
            images = slice(1, int(np.searchsorted(keys, first_person)))  # no copy: key 0 is the first
            person_offsets = offsets[images.stop :]
            keys, offsets = keys[images], offsets[images]
            ranged = self._labels_of_ranges(keys, offsets, person_offsets)
        labels_N = read_labels(self._file, keys, offsets) if ranged is None else ranged
        if len(keys) == 0:
            raise ValueError(f"{self._file.path} holds no images")
        return RecordArrays(keys, offsets, labels_N, as_classes(labels_N))

    def _first_person(self, keys: NDArray[np.int64], offsets: NDArray[np.int64]) -> int | None:
        """Key after the last image, from record 0; None for a plain file of images.

        Raises:
            ValueError: unless the records change from images to people at that key, and the index lists all the images
                before it.
        """
        header = read_entry(self._file, int(offsets[0]))
        if keys[0] != 0 or header.image:
            return None
        stated = header.labels[0]
        if not (np.isfinite(stated) and stated >= 1):
            raise ValueError(f"{self._file.path}: record 0 says the images end before key {stated}")
        # Above 2^24 the float32 has rounded the number, by half its spacing at most
        slack = int(np.spacing(stated)) if stated >= FLOAT32_EXACT else 0
        for key in range(int(stated) - slack, int(stated) + slack + 1):
            place = int(np.searchsorted(keys, key))
            if place > 0 and self._has_image(offsets, place - 1) and not self._has_image(offsets, place):
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

    def _has_image(self, offsets: NDArray[np.int64], place: int) -> bool:
        return place < len(offsets) and bool(read_entry(self._file, int(offsets[place])).image)

    def _labels_of_ranges(
        self, keys: NDArray[np.int64], offsets: NDArray[np.int64], person_offsets: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """Label of each image (N,) from the ranges of the people; None unless the ranges cover and fit the images.

        It saves a look at every image of a file of many gigabytes. ``read`` compares the label of each image it reads.
        """
        ranges = [read_entry(self._file, int(offset)).labels[:2].astype(np.int64) for offset in person_offsets]
        if not ranges or any(len(pair) != 2 for pair in ranges):
            return None
        starts_P, ends_P = np.searchsorted(keys, np.array(sorted(map(tuple, ranges))).T)
        whole = starts_P[0] == 0 and ends_P[-1] == len(keys) and (starts_P[1:] == ends_P[:-1]).all()
        if not whole or (ends_P <= starts_P).any():
            return None
        numbers_P = read_labels(self._file, keys[starts_P], offsets[starts_P])
        if (numbers_P != read_labels(self._file, keys[ends_P - 1], offsets[ends_P - 1])).any():
            return None
        return np.repeat(numbers_P, ends_P - starts_P)

    def _check_property(self, largest: int) -> None:
        """Refuse labels that exceed the number of people in ``property``, if it is there."""
        path = Path(self.root, "property")
        if not path.is_file():
            return
        line = path.read_text(encoding="utf-8", errors="replace").split("\n")[0].strip()
        people = line.split(",")[0].strip()
        if not (people.isascii() and people.isdigit()):
            raise ValueError(f"{path}:1: expected 'people,height,width', got {line!r}")
        if largest >= int(people):
            raise ValueError(f"{path}:1: {people} people, and {self._file.path} has the label {largest}, beyond them")

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB.

        Raises:
            UnreadableImageError: if its record is damaged, or its image does not decode.
            ValueError: if its record has another label than the record of its person.
        """
        listing = self._listing
        try:
            entry = read_entry(self._file, int(listing.offsets[index]))
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

"""The index of a large ``.rec`` file as a file that processes map into memory instead of reading lines of text.

``train.facerec.npy`` beside ``train.rec`` is an array of int64, which ``numpy.load`` opens:

    magic | sizes and times of the .rec and the .idx that it was made of, 4 numbers | images N | people C
    key of each image (N,) | its place in the .rec (N,) | its class (N,) | label of each class (C,)

It is made anew when the ``.rec`` or the ``.idx`` has another size or time than it says. Delete it at any time.
"""

import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.files import written_whole

MAGIC = int.from_bytes(b"facerec1", "little")
HEAD = 7
WORTH_KEEPING = 16 * 2**20  # bytes of the .idx: a million lines, which take a second to read


class RecordArrays(NamedTuple):
    """What is known of the images of a ``.rec`` file.

    Attributes:
        keys: key of the record of each image (N,).
        offsets: its place in the file (N,).
        labels: class of each image (N,).
        numbers: label of each class, as the records have it (C,).
    """

    keys: NDArray[np.int64]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]


class RecordCache:
    """The cache of one ``.rec`` file, as the files are when this is made.

    Args:
        records: the ``.rec`` file.
        index: its ``.idx`` file.

    Raises:
        FileNotFoundError: if one of them is missing.
    """

    def __init__(self, records: Path, index: Path) -> None:
        self.path = records.with_suffix(".facerec.npy")
        self._made_of = [number for file in (records, index) for number in _size_and_time(file)]

    def load(self) -> RecordArrays | None:
        """The arrays, mapped; None unless a whole cache of these very files is there."""
        try:
            # "c": who writes into them changes a copy of the page, not the file
            mapped = np.lib.format.open_memmap(self.path, mode="c").view(np.ndarray)
        except (OSError, ValueError, EOFError):
            return None
        if mapped.dtype != np.int64 or mapped.ndim != 1 or mapped[: HEAD - 2].tolist() != [MAGIC, *self._made_of]:
            return None
        images, people = mapped[HEAD - 2 : HEAD].tolist()
        if images < 1 or people < 1 or len(mapped) != HEAD + 3 * images + people:
            return None
        return RecordArrays(*np.split(mapped[HEAD:], np.arange(1, 4) * images))

    def save(self, arrays: RecordArrays) -> None:
        """Write the arrays. Where nothing can be written they are read from the ``.idx`` each time."""
        head = [MAGIC, *self._made_of, len(arrays.keys), len(arrays.numbers)]
        sections = [np.array(head, dtype=np.int64), *arrays]
        shape = (sum(map(len, sections)),)
        try:
            with written_whole(self.path) as unfinished, unfinished.open("wb") as file:
                header = {"descr": "<i8", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for section in sections:
                    section.astype("<i8", copy=False).tofile(file)
                file.flush()
                os.fsync(file.fileno())  # before the rename, or a power cut could leave an empty file
        except ValueError:  # a folder to read from only
            return
        except OSError as error:
            reason = error.strerror or error
            warnings.warn(f"{self.path} could not be written: {reason}. Each start reads the .idx", stacklevel=2)


def _size_and_time(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns

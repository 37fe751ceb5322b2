"""Verification sets of insightface: ``lfw.bin``, ``cfp_fp.bin``, ``agedb_30.bin`` and one's own.

Such a file is a pickle of ``(images, same)``: 2 P encoded images, of which 2 i and 2 i + 1 are pair i, and P booleans.
"""

import pickle
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.formats.pairs import equal_folds
from facerec.data.formats.unpickle import ForbiddenPickleError, PickledArray, load_bytes_and_booleans
from facerec.data.images import decode_image
from facerec.data.sources import PairSource
from facerec.files import written_whole

EXPECTED = "a pickle of (images, same) as insightface writes it: 2 P encoded images, then P booleans"


class _Content(NamedTuple):
    data: NDArray[np.uint8]  # all images, one after another: an array is shared with workers, a list would be copied
    ends: NDArray[np.int64]
    first_places: NDArray[np.int64]
    pairs: NDArray[np.int64]
    same: NDArray[np.bool_]


class BinPairs(PairSource):
    """Pairs of a ``.bin`` file, in ten folds in their order. An image that is in several pairs is encoded once.

    The pickle is read without running code: see :mod:`facerec.data.formats.unpickle`.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: when read, if there is no such file.
        ForbiddenPickleError: when read, naming what the file asks for beyond bytes and booleans.
        ValueError: when read, if it is truncated or holds something else than pairs of images.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    @cached_property
    def _content(self) -> _Content:
        images, same = self._load()
        place_of: dict[bytes, int] = {}
        first_places: list[int] = []
        indices: list[int] = []
        for place, image in enumerate(images):
            if image not in place_of:
                place_of[image] = len(place_of)
                first_places.append(place)
            indices.append(place_of[image])
        return _Content(
            np.frombuffer(b"".join(place_of), dtype=np.uint8),
            np.cumsum([len(image) for image in place_of], dtype=np.int64),
            np.array(first_places, dtype=np.int64),
            np.array(indices, dtype=np.int64).reshape(-1, 2),
            same,
        )

    def _load(self) -> tuple[list[bytes], NDArray[np.bool_]]:
        """The encoded images (2 P) and whether each pair is of one person (P,)."""
        if not Path(self.path).is_file():
            raise FileNotFoundError(f"no set of pairs {self.path}: expected {EXPECTED}")
        with Path(self.path).open("rb") as file:
            try:
                content = load_bytes_and_booleans(file)
            except ForbiddenPickleError as error:
                raise ForbiddenPickleError(f"{self.path}: {error}") from error
            except ValueError as error:
                raise ValueError(f"{self.path}: {error}; expected {EXPECTED}") from error
        if not (isinstance(content, (tuple, list)) and len(content) == 2 and isinstance(content[0], (list, tuple))):
            raise ValueError(f"{self.path}: holds something else; expected {EXPECTED}")
        images = [self._image(place, image) for place, image in enumerate(content[0])]
        same = self._same(content[1])
        if not images or len(images) != 2 * len(same):
            raise ValueError(f"{self.path}: {len(images)} images and {len(same)} booleans; expected {EXPECTED}")
        return images, same

    def _image(self, place: int, image: object) -> bytes:
        if isinstance(image, PickledArray):
            return image.data
        if not isinstance(image, bytes):
            raise ValueError(f"{self.path}: image {place} is a {type(image).__name__}; expected {EXPECTED}")
        return image

    def _same(self, same: object) -> NDArray[np.bool_]:
        values = same.array().tolist() if isinstance(same, PickledArray) else same
        if not isinstance(values, (list, tuple)):
            raise ValueError(f"{self.path}: the booleans are a {type(values).__name__}; expected {EXPECTED}")
        for pair, value in enumerate(values):
            if not isinstance(value, int) or value not in (0, 1):
                raise ValueError(
                    f"{self.path}: pair {pair} is marked {value!r}, not True or False; expected {EXPECTED}"
                )
        return np.array(values, dtype=np.bool_)

    def __len__(self) -> int:
        return len(self._content.ends)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2)."""
        return self._content.pairs

    @property
    def same(self) -> NDArray[np.bool_]:
        """Whether each pair shows one person (P,)."""
        return self._content.same

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), ten in their order; None for fewer than ten pairs."""
        return equal_folds(len(self.pairs))

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        start = int(self._content.ends[index - 1]) if index else 0
        return decode_image(self._content.data[start : int(self._content.ends[index])].tobytes(), self.name(index))

    def name(self, index: int) -> str:
        """The file and the place of the image's first occurrence in it."""
        return f"{self.path}, image {self._content.first_places[index]}"


def write_bin(path: str | Path, images: Iterable[bytes | Path], same: Sequence[bool]) -> None:
    """Write a ``.bin`` that this and insightface's own evaluation read.

    Args:
        path: of the file to write, atomically.
        images: 2 P image files, as their bytes or as paths; 2 i and 2 i + 1 are pair i.
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: if there are not two images for each of at least one pair.
    """
    encoded = [image.read_bytes() if isinstance(image, Path) else bytes(image) for image in images]
    if not encoded or len(encoded) != 2 * len(same):
        raise ValueError(f"{len(encoded)} images for {len(same)} pairs: give two images for each pair")
    with written_whole(path) as unfinished, unfinished.open("wb") as file:
        pickle.dump((encoded, [bool(value) for value in same]), file, protocol=4)

"""Verification sets of insightface: ``lfw.bin``, ``cfp_fp.bin``, ``agedb_30.bin`` and your own.

Such a file is a pickle of ``(images, same)``: 2 P encoded images, of which 2 i and 2 i + 1 are pair i, and P booleans.
"""

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.formats.pairs import ListedPairs, PairListing, equal_folds
from facerec.data.formats.unpickle import ForbiddenPickleError, PickledArray, load_bytes_and_booleans
from facerec.data.images import decode_image
from facerec.files import written_whole

EXPECTED = "a pickle of (images, same) as insightface writes it: 2 P encoded images, then P booleans"


@dataclass(frozen=True)
class BinListing(PairListing):
    """The content of a ``.bin`` file.

    Attributes:
        data: all image files, one after another: workers share an array, and would copy a list.
        ends: end of each image file in ``data`` (N,).
        places: place of the first occurrence of each image in the file (N,).
    """

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]
    places: NDArray[np.int64]


class BinPairs(ListedPairs[BinListing]):
    """Pairs of a ``.bin`` file, in ten folds in their order. An image that is in several pairs is encoded once.

    The pickle is read without running code: see :mod:`facerec.data.formats.unpickle`.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: when read, for a missing file.
        ForbiddenPickleError: when read, naming what the file asks for beyond bytes and booleans.
        ValueError: when read, for a file that is truncated or holds something else than pairs of images.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import BinPairs, write_bin
        >>> with TemporaryDirectory() as root:
        ...     for shade in (0, 1, 255):
        ...         Image.new("L", (8, 8), shade).save(f"{root}/{shade}.png")
        ...     a, b, c = (Path(root, f"{shade}.png") for shade in (0, 1, 255))
        ...     write_bin(f"{root}/set.bin", [a, b, a, c], same=[True, False])
        ...     pairs = BinPairs(f"{root}/set.bin")
        ...     len(pairs), pairs.pairs.tolist(), pairs.same.tolist(), pairs.read(2).shape
        (3, [[0, 1], [0, 2]], [True, False], torch.Size([3, 8, 8]))
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        """The path alone: another process reads the file itself."""
        return {"path": self.path}

    def find(self) -> BinListing:
        """Read the file."""
        images, same = self._load()
        index_of: dict[bytes, int] = {}
        places: list[int] = []
        indices: list[int] = []
        for place, image in enumerate(images):
            if image not in index_of:
                index_of[image] = len(index_of)
                places.append(place)
            indices.append(index_of[image])
        return BinListing(
            np.array(indices, dtype=np.int64).reshape(-1, 2),
            same,
            equal_folds(len(same)),
            np.frombuffer(b"".join(index_of), dtype=np.uint8),
            np.cumsum([len(image) for image in index_of], dtype=np.int64),
            np.array(places, dtype=np.int64),
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
        return len(self._listing.ends)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        listing = self._listing
        start = int(listing.ends[index - 1]) if index else 0
        return decode_image(listing.data[start : int(listing.ends[index])].tobytes(), self.name(index))

    def name(self, index: int) -> str:
        """The file and the place of the image's first occurrence in it."""
        return f"{self.path}, image {self._listing.places[index]}"


def write_bin(path: str | Path, images: Iterable[bytes | Path], same: Sequence[bool]) -> None:
    """Write a ``.bin`` that :class:`BinPairs` and insightface's own evaluation read.

    Args:
        path: file to write; it appears whole.
        images: 2 P image files, as bytes or paths; 2 i and 2 i + 1 are pair i.
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: without pairs, or for another number of images than two for each pair.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import BinPairs, ORLImages, write_bin
        >>> faces = ORLImages("val")
        >>> images = [Path(faces.name(index)) for index in (0, 1, 0, 10)]  # two images of a person, then two people
        >>> with TemporaryDirectory() as root:
        ...     write_bin(f"{root}/two.bin", images, same=[True, False])
        ...     BinPairs(f"{root}/two.bin").same.tolist()
        [True, False]
    """
    encoded = [image.read_bytes() if isinstance(image, Path) else bytes(image) for image in images]
    if not encoded or len(encoded) != 2 * len(same):
        raise ValueError(f"{len(encoded)} images for {len(same)} pairs: give two images for each pair")
    with written_whole(path) as unfinished, unfinished.open("wb") as file:
        pickle.dump((encoded, [bool(value) for value in same]), file, protocol=4)

"""Sources of images in a pack: one gather for each batch instead of decoding."""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.record import Alignment
from facerec.data.formats.lists import ListPairs
from facerec.data.formats.pack_file import Pack
from facerec.data.sources import Images, ImageSource


class ImagesInPack(Images):
    """Some of the images of a pack."""

    is_decoded = True
    pack: Pack

    def places(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of images in the pack; the same as their indices unless a source says otherwise."""
        return indices

    def _place(self, index: int) -> int:
        return int(self.places(np.asarray(index)))

    @property
    def alignment(self) -> Alignment | None:
        """How the faces were aligned, from the pack, or else from a record beside the pack."""
        return self.pack.alignment or super().alignment

    def read(self, index: int) -> Tensor:
        """One image: uint8 (3, H, W), RGB."""
        return self.pack.read(self._place(index))

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Some images in one gather: uint8 (B, 3, H, W)."""
        return self.pack.read_batch(self.places(indices_B), size)

    def name(self, index: int) -> str:
        """The file and the name in it."""
        return self.pack.name(self._place(index))

    def folders(self) -> list[str]:
        """Name of the folder of each image before it was packed."""
        folders = self.pack.folders()
        return [folders[place] for place in self.places(np.arange(len(self))).tolist()]


class PackedImages(ImagesInPack, ImageSource):
    """Labelled images in one file, made by ``facerec pack``.

    Args:
        path: the pack.

    Raises:
        FileNotFoundError: when read, for a missing file.
        ValueError: when read, for a file that is no pack, truncated, damaged, or without names of people.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import FolderImages, PackedImages
        >>> from facerec.preparation.packing import pack  # what `facerec pack` calls
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "faces", "ann").mkdir(parents=True)
        ...     Image.new("RGB", (8, 8)).save(f"{root}/faces/ann/1.png")
        ...     _ = pack(FolderImages(f"{root}/faces"), f"{root}/faces.pack")
        ...     faces = PackedImages(f"{root}/faces.pack")
        ...     faces.identities, faces.read(0).shape
        (['ann'], torch.Size([3, 8, 8]))
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

    def check(self) -> None:
        """Open the file, which checks its length and the checksums of header and index, not the pixels."""
        _ = self.identities, self.labels


class PackedPairs(ImagesInPack, ListPairs):
    r"""Pairs of a list, as in :class:`facerec.data.ListPairs`, with their images in one file.

    Args:
        path: the pack, made by ``facerec pack IMAGES PACK --pairs LIST``, or any pack that holds the images under the
            names of the list.
        pairs_file: the list.

    Raises:
        FileNotFoundError: when read, for a missing pack or list, or an image of the list that is not in the pack.
        ValueError: when read, for a malformed list, or a file that is no pack, truncated or damaged.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import PackedPairs, UnlabelledImages
        >>> from facerec.preparation.packing import pack  # what `facerec pack` calls
        >>> with TemporaryDirectory() as root:
        ...     for name in ("a.png", "b.png"):
        ...         Image.new("RGB", (8, 8)).save(f"{root}/{name}")
        ...     _ = Path(root, "pairs.txt").write_text("a.png b.png 1\n")
        ...     _ = pack(UnlabelledImages(root), f"{root}/faces.pack", root)
        ...     pairs = PackedPairs(f"{root}/faces.pack", f"{root}/pairs.txt")
        ...     pairs.same.tolist(), pairs.read(1).shape
        ([True], torch.Size([3, 8, 8]))
    """

    def __init__(self, path: str, pairs_file: str) -> None:
        super().__init__(str(Path(path).parent), pairs_file)
        self.path = path
        self.pack = Pack(path)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Place of each image of the list in the pack (N,)."""
        place_of = {name: place for place, name in enumerate(self.pack.names)}
        missing = next((name for name in self.paths if name not in place_of), None)
        if missing is not None:
            raise FileNotFoundError(f"{self.pairs_file} names {missing}, which is not in {self.path}")
        return np.array([place_of[name] for name in self.paths], dtype=np.int64)

    def places(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of images of the list in the pack."""
        return self._places[indices]

    def check(self) -> None:
        """Read the list, open the pack, and look for every image in it."""
        _ = self._places

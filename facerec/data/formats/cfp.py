"""Celebrities in Frontal-Profile (Sengupta et al., WACV 2016), from the folder as distributed.

``Protocol/Pair_list_F.txt`` and ``Pair_list_P.txt`` number the 5,000 frontal and 2,000 profile images from 1, a line
``number ../Data/Images/001/frontal/01.jpg`` each. ``Protocol/Split/FF`` and ``FP`` hold ten folders ``01`` to ``10``.
In each, ``same.txt`` and ``diff.txt`` are 350 lines ``i,j`` (Readme.txt of the set). Of FP, ``i`` is a frontal image
and ``j`` a profile one.
"""

import posixpath
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from facerec.data.formats.pairs import FilePairListing, FilePairs, PairCollector, require_one_mark
from facerec.data.formats.rows import add_once, read_rows, whole_number
from facerec.data.paths import PathList
from facerec.settings import require_choice

LIST_LINE = "number ../Data/Images/001/frontal/01.jpg"
PAIR_LINE = "i,j"
PROTOCOLS = ("FP", "FF")


class _Numbered(NamedTuple):
    """An image of a list: its path below the root, and the line that names it."""

    path: str
    line: int


class CFPPairs(FilePairs):
    r"""The ten folds of CFP. The people of a fold are in no other.

    Args:
        root: folder with ``Protocol`` and ``Data``.
        protocol: ``FP``, frontal with profile faces, or ``FF``, frontal faces.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: for another protocol; when read, naming file and line, for a malformed line, an unknown number, a
            number or an image listed twice, or a pair of both kinds; naming the file, for an empty list.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import CFPPairs
        >>> with TemporaryDirectory() as root:
        ...     fold = Path(root, "Protocol", "Split", "FP", "01")
        ...     fold.mkdir(parents=True)
        ...     _ = Path(root, "Protocol", "Pair_list_F.txt").write_text("1 ../Data/Images/001/frontal/01.jpg\n")
        ...     profiles = "1 ../Data/Images/001/profile/01.jpg\n2 ../Data/Images/002/profile/01.jpg\n"
        ...     _ = Path(root, "Protocol", "Pair_list_P.txt").write_text(profiles)
        ...     _, _ = (fold / "same.txt").write_text("1,1\n"), (fold / "diff.txt").write_text("1,2\n")
        ...     pairs = CFPPairs(root)
        ...     pairs.pairs.tolist(), pairs.same.tolist(), pairs.folds.tolist(), pairs.subjects.tolist()
        ([[0, 1], [0, 2]], [True, False], [0, 0], [0, 0, 1])
    """

    def __init__(self, root: str, protocol: Literal["FP", "FF"] = "FP") -> None:
        require_choice("CFPPairs.", PROTOCOLS, protocol=protocol)
        super().__init__(root, str(Path(root, "Protocol", "Pair_list_F.txt")))
        self.protocol = protocol

    def find(self) -> FilePairListing:
        """Read the lists; each image is held once, in the order of first use."""
        folders = self._folders()
        frontal = self._images("F")
        others = frontal if self.protocol == "FF" else self._images("P")
        collector = PairCollector[_Numbered]()
        same: list[bool] = []
        folds: list[int] = []
        origins: list[str] = []
        for fold, folder in enumerate(folders):
            for name in ("same", "diff"):
                for line, (first, second) in _rows(folder / f"{name}.txt", PAIR_LINE):
                    origin = f"{folder / name}.txt:{line}"
                    origins.append(origin)
                    images = _image(frontal, first, origin), _image(others, second, origin)
                    if images[0] == images[1]:
                        raise ValueError(f"{origin}: image {first} is paired with itself")
                    collector.add(*images, line)
                    same.append(name == "same")
                    folds.append(fold)
        pairs_P2, same_P = np.array(collector.pairs, dtype=np.int64), np.array(same, dtype=np.bool_)
        require_one_mark(pairs_P2, same_P, origins.__getitem__)
        return FilePairListing(
            pairs_P2,
            same_P,
            np.array(folds, dtype=np.int64),
            PathList(self.images, [image.path for image in collector.index_of]),
            np.array([image.line for image in collector.index_of], dtype=np.int64),
            frozenset(),  # people are numbers, which say nothing beside those of another set
        )

    def _folders(self) -> list[Path]:
        split = Path(self.images, "Protocol", "Split", self.protocol)
        folders = sorted(folder for folder in split.glob("[0-9]*") if folder.is_dir())
        if not folders:
            raise FileNotFoundError(f"no folders 01 to 10 in {split}: give root=, the folder with Protocol and Data")
        return folders

    def _list_file(self, kind: str) -> Path:
        return Path(self.images, "Protocol", f"Pair_list_{kind}.txt")

    def _images(self, kind: str) -> dict[int, _Numbered]:
        """The images of a list by number."""
        images: dict[int, _Numbered] = {}
        line_of: dict[str, int] = {}
        for line, (number, path) in _rows(self._list_file(kind), LIST_LINE):
            origin = f"{self._list_file(kind)}:{line}"
            relative = posixpath.normpath(posixpath.join("Protocol", path))
            if relative.startswith(("/", "..")):
                raise ValueError(f"{origin}: {path!r} leaves the folder {self.images}; expected '{LIST_LINE}'")
            place = whole_number(number, origin, LIST_LINE)
            if place in images:
                raise ValueError(f"{origin}: number {number} is listed already on line {images[place].line}")
            add_once(line_of, relative, line, origin)
            images[place] = _Numbered(relative, line)
        return images

    def person(self, path: str) -> str:
        """The folder above ``frontal`` or ``profile``."""
        return posixpath.dirname(posixpath.dirname(path))

    def origin(self, index: int) -> str:
        """The list and the line that name an image."""
        kind = "P" if posixpath.basename(posixpath.dirname(self.paths.relative(index))) == "profile" else "F"
        return f"{self._list_file(kind)}:{self._listing.lines[index]}:"


def _rows(path: Path, expected: str) -> list[tuple[int, list[str]]]:
    """Lines of two columns, at least one."""
    rows = list(read_rows(path, (2,), expected))
    if not rows:
        raise ValueError(f"{path} is empty: expected lines '{expected}'")
    return rows


def _image(images: dict[int, _Numbered], number: str, origin: str) -> _Numbered:
    image = images.get(whole_number(number, origin, PAIR_LINE))
    if image is None:
        raise ValueError(f"{origin}: no image has the number {number}; expected '{PAIR_LINE}', from 1")
    return image

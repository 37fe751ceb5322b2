"""Text files that name images: ``image label`` (HW2P2's labels.txt) and ``image image [0|1]`` (verification pairs)."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.folders import ListedImages, Listing
from facerec.data.images import PathList, read_image
from facerec.data.presence import first_missing
from facerec.data.sources import PairSource


def read_rows(path: str | Path, columns: tuple[int, ...], expected: str) -> Iterator[tuple[int, list[str]]]:
    """Lines of a list, split into columns: at tabs where there are any, else at spaces; blank lines are passed over.

    Args:
        path: of the text file, UTF-8, with or without byte order mark, any line ends.
        columns: allowed numbers of columns.
        expected: what a line looks like, for the message.

    Yields:
        Line number from 1, and the columns.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file and line that has another number of columns, or is not UTF-8.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(f"no list {path}: expected lines '{expected}'") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}): expected lines '{expected}'") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = line.split("\t") if "\t" in line else line.split()
        row = [column.strip() for column in row]
        if len(row) not in columns or not all(row):
            raise ValueError(f"{path}:{number}: expected '{expected}', got {line!r}")
        yield number, row


def inside(root: Path, relative: str, origin: str) -> str:
    """The path as given, if it stays inside the root.

    Raises:
        ValueError: for an absolute path or one that climbs out with ``..``; a list from elsewhere is not trusted.
    """
    # half a million paths: take apart only those that could
    suspicious = relative.startswith(("/", "\\")) or ".." in relative or ":" in relative
    if suspicious and (Path(relative).is_absolute() or ".." in Path(relative).parts):
        raise ValueError(f"{origin}: {relative!r} leaves the folder of images {root}: give a path below it")
    return relative


class ListImages(ListedImages):
    """Images named by a list with a whole-number label on each line: ``image label``.

    Labels may have gaps: class i is the i-th smallest label, and its name is the label as text.

    Args:
        images: folder that the names are relative to.
        labels_file: the list.

    Raises:
        FileNotFoundError: when read, if the list or the folder is missing; by ``check`` if an image is.
        ValueError: when read, naming file and line, for a malformed line, a label that is not a whole number or is
            negative, or an image listed twice.
    """

    def __init__(self, images: str, labels_file: str) -> None:
        self.images = images
        self.labels_file = labels_file

    def find(self) -> Listing:
        """Read the list; the images keep its order."""
        root = Path(self.images)
        if not root.is_dir():
            raise FileNotFoundError(f"no folder {root}, which holds the images of {self.labels_file}")
        line_of: dict[str, int] = {}
        labels: list[int] = []
        for number, (image, label) in read_rows(self.labels_file, (2,), "image label"):
            origin = f"{self.labels_file}:{number}"
            if not label.isascii() or not label.isdigit() or int(label) >= 2**63:
                raise ValueError(f"{origin}: label {label!r} is not a whole number from 0; expected 'image label'")
            if image in line_of:
                raise ValueError(f"{origin}: {image!r} is listed already on line {line_of[image]}")
            line_of[inside(root, image, origin)] = number
            labels.append(int(label))
        if not labels:
            raise ValueError(f"{self.labels_file} is empty: expected lines 'image label'")
        names, classes = np.unique(np.array(labels, dtype=np.int64), return_inverse=True)
        return Listing([str(name) for name in names], PathList(root, line_of), classes.astype(np.int64))

    def check(self) -> None:
        """Read the list and see that every file is there.

        Raises:
            FileNotFoundError: naming the first that is not, with its line.
        """
        missing = first_missing(self._listing.paths)
        if missing is not None:
            raise FileNotFoundError(f"{self.labels_file} names {self.name(missing)}, which is not there")


class ListPairs(PairSource):
    """Pairs named by a list: ``image image`` and, where it is known, 1 (one person) or 0 (two people).

    Args:
        images: folder that the names are relative to.
        pairs_file: the list. Either every line has the third column or none has.

    Raises:
        FileNotFoundError: when read, if the list or the folder is missing; by ``check`` if an image is.
        ValueError: when read, naming file and line, for a malformed line, or a third column that is not 0 or 1 or is
            missing in some lines.
    """

    def __init__(self, images: str, pairs_file: str) -> None:
        self.images = images
        self.pairs_file = pairs_file

    @cached_property
    def _listing(self) -> tuple[PathList, NDArray[np.int64], NDArray[np.bool_] | None]:
        root = Path(self.images)
        if not root.is_dir():
            raise FileNotFoundError(f"no folder {root}, which holds the images of {self.pairs_file}")
        index_of: dict[str, int] = {}
        pairs: list[tuple[int, int]] = []
        same: list[bool] = []
        expected = "image image 1, or 0 for two people (the third column in every line or in none)"
        for number, row in read_rows(self.pairs_file, (2, 3), expected):
            origin = f"{self.pairs_file}:{number}"
            if len(row) == 3 and row[2] not in ("0", "1"):
                raise ValueError(f"{origin}: third column {row[2]!r}; expected '{expected}'")
            if pairs and (len(row) == 3) != bool(same):
                raise ValueError(f"{origin}: {len(row)} columns, unlike the lines before; expected '{expected}'")
            first, second = (index_of.setdefault(inside(root, name, origin), len(index_of)) for name in row[:2])
            pairs.append((first, second))
            if len(row) == 3:
                same.append(row[2] == "1")
        if not pairs:
            raise ValueError(f"{self.pairs_file} is empty: expected lines '{expected}'")
        return PathList(root, index_of), np.array(pairs, dtype=np.int64), np.array(same) if same else None

    def __len__(self) -> int:
        return len(self._listing[0])

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2)."""
        return self._listing[1]

    @property
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None without a third column."""
        return self._listing[2]

    @property
    def people(self) -> frozenset[str]:
        """Names of the folders the images are in, where each person has one; empty for a flat folder."""
        paths = self._listing[0]
        parents = {Path(paths.relative(index)).parent.name for index in range(len(paths))}
        return frozenset(parents) if len(parents) > 1 else frozenset()

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return read_image(self._listing[0][index])

    def name(self, index: int) -> str:
        """Its path."""
        return str(self._listing[0][index])

    def check(self) -> None:
        """Read the list and see that every file is there.

        Raises:
            FileNotFoundError: naming the first that is not.
        """
        missing = first_missing(self._listing[0])
        if missing is not None:
            raise FileNotFoundError(f"{self.pairs_file} names {self.name(missing)}, which is not there")

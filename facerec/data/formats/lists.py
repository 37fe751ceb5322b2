"""Text files that name images: ``image label`` (HW2P2's labels.txt) and ``image image [0|1]`` (verification pairs)."""

import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from facerec.data.formats.folders import ListedImages, Listing
from facerec.data.formats.pairs import ListedPairs, PairListing
from facerec.data.images import PathList
from facerec.data.presence import first_missing


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
        ValueError: naming the file and line that has another number of columns, or is not UTF-8 or may not be read.
    """
    try:
        # Not splitlines(), for which a line ends at characters that a file's name may hold
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise FileNotFoundError(f"no list {path}: expected lines '{expected}'") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}): expected lines '{expected}'") from error
    yield from split_rows(lines, str(path), columns, expected)


def split_rows(
    lines: Iterable[str], origin: str, columns: tuple[int, ...], expected: str
) -> Iterator[tuple[int, list[str]]]:
    """Lines from anywhere, split as :func:`read_rows` does; ``origin`` is what a message calls the place.

    Raises:
        ValueError: naming the origin and line that has another number of columns.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = line.split("\t") if "\t" in line else line.split()
        row = [column.strip() for column in row]
        if len(row) not in columns or not all(row):
            hint = "; names with spaces need tabs between the columns" if len(row) > max(columns) else ""
            raise ValueError(f"{origin}:{number}: expected '{expected}', got {line!r}{hint}")
        yield number, row


def inside(root: Path, relative: str, origin: str) -> str:
    """The path without detours (``a//./b``), by which one file has one name, if it stays inside the root.

    Raises:
        ValueError: for an absolute path or one that climbs out with ``..``; a list from elsewhere is not trusted.
    """
    # half a million paths: take apart only those that could
    suspicious = relative.startswith(("/", "\\")) or ".." in relative or ":" in relative
    if suspicious and (Path(relative).is_absolute() or ".." in Path(relative).parts):
        raise ValueError(f"{origin}: {relative!r} leaves the folder of images {root}: give a path below it")
    return posixpath.normpath(relative) if "./" in relative or "//" in relative else relative


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
            image = inside(root, image, origin)
            if image in line_of:
                raise ValueError(f"{origin}: {image!r} is listed already on line {line_of[image]}")
            line_of[image] = number
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
            rows = read_rows(self.labels_file, (2,), "image label")  # one image on each
            line = next(number for place, (number, _) in enumerate(rows) if place == missing)
            raise FileNotFoundError(f"{self.labels_file}:{line}: names {self.name(missing)}, which is not there")


class ListPairs(ListedPairs):
    """Pairs named by a list: ``image image`` and, where it is known, 1 (one person) or 0 (two people).

    Args:
        images: folder that the names are relative to. Where each person has a folder in it, these name the people.
        pairs_file: the list. Either every line has the third column or none has.

    Raises:
        FileNotFoundError: when read, if the list or the folder is missing; by ``check`` if an image is.
        ValueError: when read, naming file and line, for a malformed line, a third column that is not 0 or 1 or is
            missing in some lines, or a pair marked 0 that is one image or is marked 1 elsewhere.
    """

    def __init__(self, images: str, pairs_file: str) -> None:
        self.images = images
        self.pairs_file = pairs_file

    def find(self) -> PairListing:
        """Read the list; each image is held once, in the order of first use."""
        index_of: dict[str, int] = {}
        lines: list[int] = []
        pairs: list[tuple[int, int]] = []
        same: list[bool] = []
        first_line: dict[tuple[int, int], tuple[int, str]] = {}
        expected = "image image 1, or 0 for two people (the third column in every line or in none)"
        for number, row in read_rows(self.pairs_file, (2, 3), expected):
            origin = f"{self.pairs_file}:{number}"
            if len(row) == 3 and row[2] not in ("0", "1"):
                raise ValueError(f"{origin}: third column {row[2]!r}; expected '{expected}'")
            if pairs and (len(row) == 3) != bool(same):
                raise ValueError(f"{origin}: {len(row)} columns, unlike the lines before; expected '{expected}'")
            names = [inside(Path(self.images), name, origin) for name in row[:2]]
            first, second = (index_of.setdefault(name, len(index_of)) for name in names)
            lines += [number] * (len(index_of) - len(lines))
            pairs.append((first, second))
            if len(row) == 3:
                same.append(row[2] == "1")
                line, mark = first_line.setdefault((min(first, second), max(first, second)), (number, row[2]))
                if mark != row[2] or (first == second and row[2] == "0"):
                    why = "one image" if first == second else f"marked {mark} on line {line}"
                    raise ValueError(f"{origin}: {names[0]!r} and {names[1]!r} are marked {row[2]}, and are {why}")
        if not pairs:
            raise ValueError(f"{self.pairs_file} is empty: expected lines '{expected}'")
        parents = frozenset(posixpath.basename(posixpath.dirname(name)) for name in index_of)
        return PairListing(
            PathList(self.images, index_of),
            np.array(lines, dtype=np.int64),
            np.array(pairs, dtype=np.int64),
            np.array(same) if same else None,
            None,
            parents if len(parents) > 1 else frozenset(),
        )

"""The lists of pairs of Labeled Faces in the Wild, and lists in the same format.

``pairs.txt`` (View 2): a line ``10 <tab> 300``, then ten folds of 300 lines ``person i j`` (two images of one person)
and 300 lines ``person i person j``. ``pairsDevTrain.txt`` and ``pairsDevTest.txt`` (View 1): a line with one number N,
then N and N lines. RFW: the lines alone. Image i of a person is ``<person>/<person>_%04d.jpg``.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.data.formats.pairs import FilePairListing, FilePairs, PairCollector, equal_folds
from facerec.data.formats.rows import image_folder, inside, read_rows
from facerec.data.images import has_image_suffix
from facerec.data.paths import PathList

EXPECTED = "person i j, or person i person j for two people"


class _Header(NamedTuple):
    """Blocks of as many genuine pairs, then as many impostor pairs."""

    folds: int
    pairs_of_each_kind: int


class _Row(NamedTuple):
    """Two images, each a person and a number, and the line they are on."""

    first: tuple[str, int]
    second: tuple[str, int]
    line: int

    @property
    def same(self) -> bool:
        return self.first[0] == self.second[0]


class LFWPairs(FilePairs):
    r"""Pairs of LFW, by its own list, with the folds that the list states.

    Without a first line of numbers, there are ten folds if each of ten equal parts holds as many genuine as impostor
    pairs, as in the lists of RFW.

    Args:
        images: folder with one folder for each person.
        pairs_file: ``pairs.txt``, ``pairsDevTrain.txt``, ``pairsDevTest.txt`` or a list in their format.
        extension: of the image files, such as ``.png``; by default that of the first person's.

    Raises:
        FileNotFoundError: when read, for a missing list, folder or first person's folder; by ``check``, for a missing
            image.
        ValueError: when read, naming file and line, for a malformed line, a line of the wrong kind for its place, an
            image paired with itself, or another number of lines than the first line says.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import LFWPairs
        >>> with TemporaryDirectory() as root:
        ...     _ = Path(root, "pairs.txt").write_text("Ann\t1\t2\nAnn\t1\tBob\t1\n")
        ...     pairs = LFWPairs(root, f"{root}/pairs.txt", extension=".jpg")
        ...     pairs.pairs.tolist(), pairs.same.tolist(), sorted(pairs.people)
        ([[0, 1], [0, 2]], [True, False], ['Ann', 'Bob'])
    """

    def __init__(self, images: str, pairs_file: str, extension: str | None = None) -> None:
        super().__init__(images, pairs_file)
        self.extension = extension

    def find(self) -> FilePairListing:
        """Read the list; each image is held once, in the order of first use."""
        image_folder(self.images, self.pairs_file)
        header, rows = self._rows()
        if header is not None:
            self._check_order(header, rows)
        extension = self.extension or self._found_extension(rows[0].first[0])
        collector = PairCollector[tuple[str, int]]()
        for row in rows:
            collector.add(row.first, row.second, row.line)
        same_P = np.array([row.same for row in rows])
        names = [f"{person}/{person}_{number:04d}{extension}" for person, number in collector.index_of]
        return FilePairListing(
            np.array(collector.pairs, dtype=np.int64),
            same_P,
            _folds(header, same_P),
            PathList(self.images, names),
            np.array(collector.lines, dtype=np.int64),
            frozenset(person for person, _ in collector.index_of),
        )

    def _rows(self) -> tuple[_Header | None, list[_Row]]:
        header: _Header | None = None
        rows: list[_Row] = []
        for line, columns in read_rows(self.pairs_file, (1, 2, 3, 4), EXPECTED):
            if len(columns) > 2:
                rows.append(self._row(line, columns))
            elif rows or header is not None:
                raise ValueError(f"{self.pairs_file}:{line}: expected '{EXPECTED}', got {' '.join(columns)!r}")
            else:
                numbers = [self._number(line, column) for column in columns]
                header = _Header(numbers[0] if len(numbers) == 2 else 1, numbers[-1])
        if not rows:
            raise ValueError(f"{self.pairs_file} holds no pairs: expected lines '{EXPECTED}'")
        return header, rows

    def _row(self, line: int, columns: list[str]) -> _Row:
        origin = f"{self.pairs_file}:{line}"
        person = inside(Path(self.images), columns[0], origin)
        if len(columns) == 3:
            row = _Row((person, self._number(line, columns[1])), (person, self._number(line, columns[2])), line)
        else:
            other = inside(Path(self.images), columns[2], origin)
            row = _Row((person, self._number(line, columns[1])), (other, self._number(line, columns[3])), line)
            if person == other:
                raise ValueError(f"{origin}: {person!r} twice, where a line of four columns names two people")
        if row.first == row.second:
            raise ValueError(f"{origin}: image {row.first[1]} of {person!r} is paired with itself")
        return row

    def _number(self, line: int, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
            raise ValueError(f"{self.pairs_file}:{line}: {text!r} is not a number from 1; expected '{EXPECTED}'")
        return int(text)

    def _check_order(self, header: _Header, rows: list[_Row]) -> None:
        """Refuse pairs of another number or kind than the first line says."""
        kind = header.pairs_of_each_kind
        due = 2 * header.folds * kind
        if len(rows) != due:
            raise ValueError(
                f"{self.pairs_file}: {len(rows)} pairs, and its first line says {header.folds} x ({kind} of one person "
                f"+ {kind} of two) = {due}: is it cut short?"
            )
        for place, row in enumerate(rows):
            if row.same != (place % (2 * kind) < kind):
                found, expected = ("one person", "two people") if row.same else ("two people", "one person")
                raise ValueError(
                    f"{self.pairs_file}:{row.line}: a pair of {found} where the first line makes it one of {expected}"
                )

    def _found_extension(self, person: str) -> str:
        """The extension of a person's images."""
        folder = Path(self.images, person)
        if not folder.is_dir():
            raise FileNotFoundError(f"{self.pairs_file} names {person!r}, and there is no folder {folder}")
        found = {file.suffix for file in folder.glob(f"{_escaped(person)}_*") if has_image_suffix(file.suffix)}
        if len(found) != 1:
            several = f"images ending in {', '.join(sorted(found))}: give extension=" if found else "no such image"
            raise FileNotFoundError(f"{folder}: expected images {person}_0001.jpg and so on, found {several}")
        return found.pop()


def _escaped(name: str) -> str:
    """The pattern of file names that matches this name alone."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def _folds(header: _Header | None, same_P: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    if header is not None:
        return None if header.folds == 1 else np.arange(len(same_P)) // (2 * header.pairs_of_each_kind)
    folds_P = equal_folds(len(same_P))
    balanced = folds_P is not None and all(2 * part.sum() == len(part) for part in np.array_split(same_P, 10))
    return folds_P if balanced else None

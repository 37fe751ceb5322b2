"""Text files that name images: ``image label`` (HW2P2's labels.txt) and ``image image [0|1]`` (verification pairs).

Columns are separated by tabs, spaces or commas. A table may begin with the names of its columns. Pairs may also take
two lines each, as CALFW's and CPLFW's do: ``image mark``, with the same mark twice. A mark from 1 says that they show
one person, 0 that they show two.
"""

import posixpath

import numpy as np
from numpy.typing import NDArray

from facerec.data.formats.listings import FileImages, FileListing
from facerec.data.formats.pairs import FOLDS, FilePairListing, FilePairs, PairCollector, equal_folds
from facerec.data.formats.rows import add_once, image_folder, inside, line_number, read_rows, whole_number
from facerec.data.paths import PathList
from facerec.data.presence import require_files

LABEL_LINE = "image label"
PAIR_LINE = "image image 1, or 0 for two people (the third column in every line or in none)"


class ListImages(FileImages[FileListing]):
    r"""Images of a list with a whole-number label on each line: ``image label``.

    Labels may have gaps: class i is the i-th smallest label, and its name is the label as text.

    Args:
        images: folder that the names are relative to.
        labels_file: the list.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: when read, naming file and line, for a malformed line, a label that is not a whole number or is
            negative, or an image listed twice.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import ListImages
        >>> with TemporaryDirectory() as root:
        ...     for name in ("a.png", "b.png"):
        ...         Image.new("RGB", (8, 8)).save(f"{root}/{name}")
        ...     _ = Path(root, "labels.txt").write_text("a.png 70\nb.png 9\n")
        ...     faces = ListImages(root, f"{root}/labels.txt")
        ...     faces.identities, faces.labels.tolist(), faces.read(0).shape
        (['9', '70'], [1, 0], torch.Size([3, 8, 8]))
    """

    def __init__(self, images: str, labels_file: str) -> None:
        self.images = images
        self.labels_file = labels_file

    def find(self) -> FileListing:
        """Read the list; the images keep its order."""
        root = image_folder(self.images, self.labels_file)
        line_of: dict[str, int] = {}
        labels: list[int] = []
        for number, (image, label) in read_rows(self.labels_file, (2,), LABEL_LINE):
            origin = f"{self.labels_file}:{number}"
            labels.append(whole_number(label, origin, LABEL_LINE))
            add_once(line_of, inside(root, image, origin), number, origin)
        if not labels:
            raise ValueError(f"{self.labels_file} is empty: expected lines '{LABEL_LINE}'")
        numbers, classes = np.unique(np.array(labels, dtype=np.int64), return_inverse=True)
        return FileListing([str(number) for number in numbers], classes.astype(np.int64), PathList(root, line_of))

    def check(self) -> None:
        """Read the list and look for every file.

        Raises:
            FileNotFoundError: naming the first missing file and its line.
        """
        require_files(self.paths, self._origin)

    def _origin(self, index: int) -> str:
        return f"{self.labels_file}:{line_number(self.labels_file, index)}:"


class ListPairs(FilePairs):
    r"""Pairs of a list: ``image image`` and, if it is known, 1 (one person) or 0 (two people).

    Or two lines for each pair, ``image mark``, as in the lists of CALFW and CPLFW.

    Args:
        images: folder that the names are relative to. If each person has a folder in it, the folders name the people.
        pairs_file: the list. Every line has the third column, or none has.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: when read, naming file and line, for a malformed line, a third column that is not 0 or 1 or that
            some lines lack, or a pair marked 0 that is one image or that is marked 1 elsewhere.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import ListPairs
        >>> with TemporaryDirectory() as root:
        ...     _ = Path(root, "pairs.txt").write_text("a.png b.png 1\na.png c.png 0\n")
        ...     pairs = ListPairs(root, f"{root}/pairs.txt")
        ...     len(pairs), pairs.pairs.tolist(), pairs.same.tolist()
        (3, [[0, 1], [0, 2]], [True, False])
    """

    def find(self) -> FilePairListing:
        """Read the list; each image is held once, in the order of first use."""
        root = image_folder(self.images, self.pairs_file)
        collector = PairCollector[str]()
        marks = _Marks(self.pairs_file)
        rows, folds = _one_line_a_pair(self.pairs_file, list(read_rows(self.pairs_file, (2, 3), PAIR_LINE)))
        for line, row in rows:
            origin = f"{self.pairs_file}:{line}"
            if collector.pairs and (len(row) == 3) != bool(marks.same):
                raise ValueError(f"{origin}: {len(row)} columns, unlike the lines before; expected '{PAIR_LINE}'")
            names = inside(root, row[0], origin), inside(root, row[1], origin)
            pair = collector.add(*names, line)
            if len(row) == 3:
                marks.add(row[2], pair, names, line)
        if not collector.pairs:
            raise ValueError(f"{self.pairs_file} is empty: expected lines '{PAIR_LINE}'")
        parents = frozenset(posixpath.basename(posixpath.dirname(name)) for name in collector.index_of)
        return FilePairListing(
            np.array(collector.pairs, dtype=np.int64),
            np.array(marks.same) if marks.same else None,
            folds,
            PathList(self.images, collector.index_of),
            np.array(collector.lines, dtype=np.int64),
            parents if len(parents) > 1 else frozenset(),
        )


Row = tuple[int, list[str]]  # the number of a line, and its columns


def _one_line_a_pair(pairs_file: str, rows: list[Row]) -> tuple[list[Row], NDArray[np.int64] | None]:
    """Rows ``image image 1`` or ``0`` of a list in which each pair takes two lines, and the folds that its marks state.

    Raises:
        ValueError: naming file and line, for a pair of which a line is missing or the marks differ.
    """
    if not rows or not all(len(row) == 2 and row[1].isascii() and row[1].isdigit() for _, row in rows):
        return rows, None
    pairs: list[Row] = []
    for (line, (first, mark)), (_, (second, other)) in zip(rows[::2], rows[1::2], strict=False):
        if mark != other:
            raise ValueError(
                f"{pairs_file}:{line}: {first!r} and {second!r} are a pair by their place, and are marked {mark} and "
                f"{other}: expected 'image mark' twice, of one mark"
            )
        pairs.append((line, [first, second, "0" if int(mark) == 0 else "1"]))
    if len(rows) % 2:
        raise ValueError(f"{pairs_file}:{rows[-1][0]}: {rows[-1][1][0]!r} is alone: each pair takes two lines")
    return pairs, _folds([int(row[1]) for _, row in rows[::2]])


def _folds(marks: list[int]) -> NDArray[np.int64] | None:
    """CALFW's folds: marks 1 to 10 of its genuine pairs. Its impostor pairs, all marked 0, are cut in their order."""
    marks_P = np.array(marks, dtype=np.int64)
    genuine_P = marks_P > 0
    each, counts = np.unique(marks_P[genuine_P], return_counts=True)
    impostor_folds = equal_folds(int((~genuine_P).sum()))
    if each.tolist() != list(range(1, FOLDS + 1)) or len(set(counts.tolist())) != 1 or impostor_folds is None:
        return None
    folds_P = marks_P - 1
    folds_P[~genuine_P] = impostor_folds
    return folds_P


class _Marks:
    """The marks of the pairs so far. None may contradict another."""

    def __init__(self, pairs_file: str) -> None:
        self.same: list[bool] = []
        self._pairs_file = pairs_file
        self._first: dict[tuple[int, int], tuple[str, int]] = {}  # mark and line of each pair

    def add(self, mark: str, pair: tuple[int, int], names: tuple[str, str], line: int) -> None:
        """Add the mark of a pair.

        Raises:
            ValueError: unless it is 0 or 1, and agrees with an earlier mark of the pair.
        """
        origin = f"{self._pairs_file}:{line}"
        if mark not in ("0", "1"):
            raise ValueError(f"{origin}: third column {mark!r}; expected '{PAIR_LINE}'")
        first_mark, first_line = self._first.setdefault((min(pair), max(pair)), (mark, line))
        is_one_image = pair[0] == pair[1]
        if mark != first_mark or (is_one_image and mark == "0"):
            why = "one image" if is_one_image else f"marked {first_mark} on line {first_line}"
            raise ValueError(f"{origin}: {names[0]!r} and {names[1]!r} are marked {mark}, and are {why}")
        self.same.append(mark == "1")

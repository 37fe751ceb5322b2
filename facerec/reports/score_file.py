"""Scores that a CSV holds: those of another program, or those that ``facerec test`` keeps.

The first line names the columns. ``score`` (or ``distance``) and ``same`` are due. Known are also the two images, the
two people and the fold of each pair, and groups of the two people: any two columns ``NAME_1`` and ``NAME_2``.

Shapes: P pairs, N images.
"""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from facerec.data.formats.pairs import confirmed_people
from facerec.data.sources import PairSource
from facerec.reports.score_columns import (
    DISTANCE,
    FOLD,
    IMAGES,
    KNOWN,
    PEOPLE,
    SAME,
    SCORE,
    find_columns,
    folds,
    labels,
    numbers,
)


class ScoredPairs(PairSource):
    """Pairs of a score file. Their images are known by name at most, so none can be read.

    Attributes:
        path: the file.
        scores: score of each pair (P,), or its distance.
        is_distance: whether the file calls them distances.
        groups: for each attribute the group of each person.
        knows_images: whether the file names the images.
    """

    def __init__(self, path: str, columns: Mapping[str, list[str]]) -> None:
        self.path = path
        self.is_distance = DISTANCE in columns
        self.scores = numbers(path, columns[DISTANCE if self.is_distance else SCORE])
        self._same = labels(path, columns[SAME]) if SAME in columns else None
        self._folds = folds(path, columns[FOLD]) if FOLD in columns else None
        self.knows_images = IMAGES[0] in columns
        count = len(self.scores)
        place: dict[str, int] = {}
        self._pairs = np.arange(2 * count, dtype=np.int64).reshape(-1, 2)
        for side, name in enumerate(IMAGES if self.knows_images else ()):
            numbers_P = (place.setdefault(image, len(place)) for image in columns[name])
            self._pairs[:, side] = np.fromiter(numbers_P, np.int64, count)
        self._names = list(place)
        self._people = self._of_images(columns, PEOPLE) if PEOPLE[0] in columns else None
        self._groups = self._read_groups(columns)

    @property
    def groups(self) -> Mapping[str, Mapping[str, str]]:
        """For each attribute the group of each person; empty where the file has none."""
        return self._groups

    def __len__(self) -> int:
        return int(self._pairs.max(initial=-1)) + 1

    def read(self, index: int) -> Tensor:
        """No image.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self.path} holds scores, and no images")

    def name(self, index: int) -> str:
        """Its name in the file, or its place."""
        return self._names[index] if self.knows_images else f"pair {index // 2 + 1}, image {index % 2 + 1}"

    def folders(self) -> list[str]:
        """The person on each image, as of a source whose folders are people."""
        return super().folders() if self._people is None else self._people

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2)."""
        return self._pairs

    @property
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None where the file does not say."""
        return self._same

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), or None where the file does not say."""
        return self._folds

    @property
    def people(self) -> frozenset[str]:
        """Names of the people; empty where they are unknown."""
        return frozenset(self._people or ())

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Number of the person on each image (N,); by the folders of the images where the labels confirm them."""
        if self._people is not None:
            return np.unique(self._people, return_inverse=True)[1].astype(np.int64)
        if not self.knows_images or self._same is None:
            return None
        return confirmed_people([posixpath.dirname(name) for name in self._names], self._pairs, self._same)

    def _of_images(self, columns: Mapping[str, list[str]], names: tuple[str, str]) -> list[str]:
        """What two columns say of each image.

        Raises:
            ValueError: if they say two things of one image, or of some images nothing.
        """
        found = [""] * len(self)
        for side, name in enumerate(names):
            images = self._pairs[:, side].tolist()
            for line, (image, value) in enumerate(zip(images, columns[name], strict=True), start=2):
                if not value:
                    raise ValueError(
                        f"{self.path}:{line}: {names[0]} or {names[1]} is empty. Fill both, or leave both out"
                    )
                if found[image] not in ("", value):
                    raise ValueError(
                        f"{self.path}:{line}: {self.name(image)!r} is of {value!r} here and of {found[image]!r} "
                        "elsewhere. An image shows one person"
                    )
                found[image] = value
        return found

    def _read_groups(self, columns: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
        attributes = [name.removesuffix("_1") for name in columns if name.endswith("_1") and name not in KNOWN]
        if attributes and self._people is None:
            raise ValueError(
                f"{self.path} has groups ({', '.join(attributes)}) and no people: add {' and '.join(PEOPLE)}"
            )
        return {attribute: self._group_of(attribute, columns) for attribute in attributes}

    def _group_of(self, attribute: str, columns: Mapping[str, list[str]]) -> dict[str, str]:
        group_of: dict[str, str] = {}
        for place in (0, 1):
            people, groups = columns[PEOPLE[place]], columns[f"{attribute}_{place + 1}"]
            for line, (person, group) in enumerate(zip(people, groups, strict=True), start=2):
                if group and group_of.setdefault(person, group) != group:
                    raise ValueError(
                        f"{self.path}:{line}: {person!r} has the {attribute} {group!r} here and {group_of[person]!r} "
                        "elsewhere. A person is in one group"
                    )
        return group_of


def read_score_file(path: str, columns: Mapping[str, str] | None = None) -> ScoredPairs:
    r"""Read a score file.

    Args:
        path: of the CSV.
        columns: the file's own name of a column, by the name here. Other columns are then passed over.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file: for a column that is unknown or missing, and with the line for a cell that is
            missing or cannot be read.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "s.csv").write_text("score,same,person_1,person_2\n0.9,1,ann,ann\n0.2,0,ann,bob\n")
        ...     _ = Path(folder, "d.csv").write_text("dist,label,model\n0.4,1,x\n1.2,0,x\n")
        ...     found = read_score_file(f"{folder}/s.csv")
        ...     other = read_score_file(f"{folder}/d.csv", {"distance": "dist", "same": "label"})
        >>> found.scores.tolist(), found.subjects.tolist(), sorted(found.people)
        ([0.9, 0.2], [0, 0, 0, 1], ['ann', 'bob'])
        >>> other.is_distance, other.scores.tolist(), other.same.tolist()
        (True, [0.4, 1.2], [True, False])
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no score file {path}: a CSV with the columns {SCORE},{SAME} and, where known, others")
    try:
        with Path(path).open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.reader(file)
            heading = [name.strip() for name in next(rows, [])]
            places = find_columns(path, heading, columns or {})
            shown = tqdm(rows, desc=f"reading {Path(path).name}", unit="pair", delay=1, leave=False)
            return ScoredPairs(path, _cells(path, shown, len(heading), places))
    except (OSError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV that can be read: {error}") from error


def _cells(path: str, rows: Iterable[list[str]], width: int, places: Mapping[str, int]) -> dict[str, list[str]]:
    """The cells of each column that is used. Blank lines may stand at the end."""
    # Column by column: a million lists of cells would keep Python's garbage collector busy.
    cells: dict[str, list[str]] = {name: [] for name in places}
    wanted = [(cells[name], place) for name, place in places.items()]
    blank = 0
    for line, row in enumerate(rows, start=2):
        if not row:
            blank += 1
            continue
        if len(row) != width or blank:
            found = f"{len(row)} cells" if len(row) != width else "a line after a blank one"
            raise ValueError(f"{path}:{line}: {found}, and the first line names {width} columns")
        for column, place in wanted:
            column.append(row[place].strip())
    if not wanted[0][0]:
        raise ValueError(f"{path} holds no pairs: one line for each, after the names of the columns")
    return cells

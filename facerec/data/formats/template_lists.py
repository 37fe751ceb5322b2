r"""A table of templates: several images, such as the frames of a video or all photographs of a person, count as one.

``templates.csv`` names the columns in its first line: ``image,template,media``, and if known ``score`` and ``person``.
Pairs of templates are lines ``template template 1``, or ``0`` for two people.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facerec.data.formats.listings import Files
from facerec.data.formats.pairs import ListedPairs, PairListing, require_one_mark
from facerec.data.formats.rows import image_folder, inside, read_rows
from facerec.data.formats.tables import read_table
from facerec.data.paths import PathList
from facerec.data.presence import require_files
from facerec.data.templates import Pooling, Templates

COLUMNS = ("image", "template", "media")
PAIR_LINE = "template template 1, or 0 for two people"
MOST_TEMPLATES = 10_000  # of which all pairs are made


@dataclass(frozen=True)
class _Table:
    """What a table of templates holds.

    Attributes:
        paths: the images (N), each once.
        lines: the line that first names each image (N,).
        templates: which images are in which template.
        people: name of the person of each template (T,), or None where some have none.
    """

    paths: PathList
    lines: NDArray[np.int64]
    templates: Templates
    people: list[str] | None


class TemplatePairs(Files, ListedPairs[PairListing]):
    r"""Pairs of templates. Each image is encoded once, however many templates it is in.

    Args:
        images: folder that the names of the images are relative to.
        templates_file: a CSV with the columns ``image,template,media``: which image is in which template, and of which
            video, photograph or other medium. A column ``score`` holds the score of the face detector; ``person`` names
            the person of a template.
        pairs_file: lines ``template template 1`` for one person, ``0`` for two. By default every two templates are a
            pair, and the column ``person`` must be there.
        pooling: how the images of a template become one embedding.

    Raises:
        FileNotFoundError: when read, for a missing table, list or folder; by ``check``, for a missing image.
        ValueError: when read, naming file and line, for a malformed line, a score that is no number from 0, scores or
            people in some rows alone, an image twice in a template, a template of two people, a pair of a template
            that the table lacks, or a pair marked 0 and 1.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import TemplatePairs
        >>> with TemporaryDirectory() as root:
        ...     rows = ["image,template,media,person", "a1.jpg,a,film,ann", "a2.jpg,a,film,ann", "b.jpg,b,photo,bob"]
        ...     _ = Path(root, "templates.csv").write_text("\n".join([*rows, "c.jpg,c,photo,bob"]))
        ...     pairs = TemplatePairs(root, f"{root}/templates.csv")
        ...     len(pairs), pairs.templates.names, pairs.pairs.tolist(), pairs.same.tolist()
        (4, ['a', 'b', 'c'], [[0, 1], [0, 2], [1, 2]], [False, False, True])
    """

    def __init__(
        self, images: str, templates_file: str, pairs_file: str | None = None, pooling: Pooling | None = None
    ) -> None:
        self.images = images
        self.templates_file = templates_file
        self.pairs_file = pairs_file
        self.pooling = pooling or Pooling()

    @cached_property
    def _table(self) -> _Table:
        root = image_folder(self.images, self.templates_file)
        lines: dict[str, int] = {}
        index_of: dict[str, int] = {}
        owner_of: dict[str, int] = {}
        medium_of: dict[str, int] = {}
        members: list[tuple[int, int, int]] = []
        line_of: dict[tuple[int, int], int] = {}
        scores: list[float] = []
        people: dict[str, str] = {}
        for line, (image, template, medium, score, person) in read_table(
            self.templates_file, COLUMNS, ("score", "person")
        ):
            origin = f"{self.templates_file}:{line}"
            name = inside(root, image, origin)
            lines.setdefault(name, line)
            places = ((index_of, name), (owner_of, template), (medium_of, medium))
            index, owner, number = (numbers.setdefault(text, len(numbers)) for numbers, text in places)
            earlier = line_of.setdefault((index, owner), line)
            if earlier != line:
                raise ValueError(f"{origin}: {name!r} is in template {template!r} already on line {earlier}")
            if members and bool(score) != bool(scores):
                raise ValueError(f"{origin}: a score in every row or in none")
            if members and bool(person) != bool(people):
                raise ValueError(f"{origin}: a person in every row or in none")
            members.append((index, owner, number))
            if score:
                scores.append(_score(score, origin))
            if person and people.setdefault(template, person) != person:
                raise ValueError(f"{origin}: template {template!r} is of {people[template]!r} and of {person!r}")
        if not members:
            raise ValueError(f"{self.templates_file} holds no templates: expected rows of {','.join(COLUMNS)}")
        images_M, owners_M, media_M = np.array(members, dtype=np.int64).T
        scores_M = np.array(scores) if scores else None
        return _Table(
            PathList(self.images, index_of),
            np.array(list(lines.values()), dtype=np.int64),
            Templates(list(owner_of), images_M, owners_M, media_M, scores_M, self.pooling),
            [people[template] for template in owner_of] if people else None,
        )

    @property
    def paths(self) -> PathList:
        """The images (N), each once."""
        return self._table.paths

    @property
    def templates(self) -> Templates:
        """Which images are in which template."""
        return self._table.templates

    def find(self) -> PairListing:
        """Read the list of pairs, or make all."""
        return self._listed(self.pairs_file) if self.pairs_file is not None else self._all()

    def _listed(self, pairs_file: str) -> PairListing:
        place_of = {name: place for place, name in enumerate(self.templates.names)}
        pairs: list[tuple[int, int]] = []
        same: list[bool] = []
        lines: list[int] = []
        for line, (first, second, mark) in read_rows(pairs_file, (3,), PAIR_LINE):
            missing = [name for name in (first, second) if name not in place_of]
            if missing:
                raise ValueError(f"{pairs_file}:{line}: {self.templates_file} has no template {missing[0]!r}")
            if mark not in ("0", "1") or first == second:
                raise ValueError(f"{pairs_file}:{line}: {first} {second} {mark}: expected '{PAIR_LINE}'")
            pairs.append((place_of[first], place_of[second]))
            same.append(mark == "1")
            lines.append(line)
        if not pairs:
            raise ValueError(f"{pairs_file} is empty: expected lines '{PAIR_LINE}'")
        listing = PairListing(np.array(pairs, dtype=np.int64), np.array(same, dtype=np.bool_), None)
        require_one_mark(listing.pairs, np.array(same, dtype=np.bool_), lambda place: f"{pairs_file}:{lines[place]}")
        return listing

    def _all(self) -> PairListing:
        numbers = self._numbers
        if numbers is None or len(numbers) > MOST_TEMPLATES:
            why = "no column person" if numbers is None else f"{len(numbers):,} templates, too many for all pairs"
            raise ValueError(f"{self.templates_file}: {why}: give pairs_file=, a list of '{PAIR_LINE}'")
        pairs = np.stack(np.triu_indices(len(numbers), k=1), axis=1).astype(np.int64)
        return PairListing(pairs, numbers[pairs[:, 0]] == numbers[pairs[:, 1]], None)

    @property
    def _numbers(self) -> NDArray[np.int64] | None:
        people = self._table.people
        return None if people is None else np.unique(people, return_inverse=True)[1].astype(np.int64)

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Number of the person of each template (T,), or None without people or where the pairs contradict them."""
        numbers, pairs_P2, same_P = self._numbers, self.pairs, self.same
        if numbers is None or same_P is None:
            return None
        one_person_P = numbers[pairs_P2[:, 0]] == numbers[pairs_P2[:, 1]]
        return numbers if np.array_equal(one_person_P, same_P) else None

    @property
    def people(self) -> frozenset[str]:
        """Names of the people; empty without the column."""
        return frozenset(self._table.people or ())

    def folders(self) -> list[str]:
        """Name of the person on each image, or of its folder without the column."""
        people = self._table.people
        if people is None:
            return super().folders()
        names = [""] * len(self)
        for image, owner in zip(self.templates.images.tolist(), self.templates.owners.tolist(), strict=True):
            names[image] = people[owner]
        return names

    def check(self) -> None:
        """Read the table and the pairs, and look for every image.

        Raises:
            FileNotFoundError: naming the first missing file and its line.
        """
        _ = self.pairs
        require_files(self.paths, lambda index: f"{self.templates_file}:{self._table.lines[index]}:")


def _score(text: str, origin: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0.0 <= score < float("inf"):
        raise ValueError(f"{origin}: score {text!r}: expected a number from 0, the score of the face detector")
    return score

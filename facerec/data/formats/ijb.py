"""IJB-B and IJB-C (IARPA Janus), as insightface distributes their images and lists.

``loose_crop/`` holds the faces before alignment. With the prefix ``ijbb`` or ``ijbc``, ``meta/`` holds:

- ``ijbc_face_tid_mid.txt``: ``1.jpg 1 69544``, the image, its template and its medium
- ``ijbc_name_5pts_score.txt``: ``1.jpg x1 y1 ... x5 y5 score``, the same images in the same order
- ``ijbc_template_pair_label.txt``: ``1 11065 1``, two templates and 1 for one person, 0 for two
- ``ijbc_1N_gallery_G1.csv``, ``_G2.csv`` (``_S1``, ``_S2`` in IJB-B) and ``ijbc_1N_probe_mixed.csv``: a heading, then
  the template and its person in the first two columns

(The layout: recognition/_evaluation_/ijb of insightface, and its README in forks with the files listed.)
"""

import csv
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.formats.aligned import AlignedImages
from facerec.data.formats.landmarks import COORDINATES
from facerec.data.formats.listings import Files
from facerec.data.formats.pairs import ListedPairs, PairListing, require_one_mark
from facerec.data.formats.rows import inside, line_number, read_rows, whole_number
from facerec.data.images import read_image
from facerec.data.paths import PathList
from facerec.data.presence import require_files
from facerec.data.templates import Pooling, Templates

FACE_LINE = "image template media"
POINTS_LINE = "image x1 y1 x2 y2 x3 y3 x4 y4 x5 y5 score"
PAIR_LINE = "template template 1, or 0 for two people"
PREFIXES = ("ijbb", "ijbc")
PROBE, NEITHER = -1, -2


@dataclass(frozen=True)
class _Faces:
    """The images (N), their five points (N, 5, 2), and the templates, by rising id (T,)."""

    paths: PathList
    points: NDArray[np.float64]
    templates: Templates
    ids: NDArray[np.int64]


class IJBPairs(AlignedImages, Files, ListedPairs[PairListing]):
    r"""The 1:1 pairs of templates of IJB-B or IJB-C, and their galleries for 1:N.

    Each image is encoded once, aligned by the five points of the set. With the CSV files, people are known: there are
    intervals by person, and the probes search the galleries. A probe whose person is in one gallery is a stranger to
    the other.

    Args:
        root: folder with ``loose_crop`` and ``meta``.
        pooling: how the images of a template become one embedding.
        template: size that faces are aligned to, ``112x112`` or ``96x112``, width x height.
        one_gallery: whether all people make one gallery, as in insightface's ``IJB_1N``; then nobody is a stranger.

    Raises:
        FileNotFoundError: when read, for a missing list; by ``check``, for a missing image.
        ValueError: when read, naming file and line, for a malformed line, lists of other images, a pair or a person of
            a template without images, an image twice in a template, a pair marked 0 and 1, or a template of two people.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import IJBPairs
        >>> points = "30 50 65 50 48 70 33 92 62 92"
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "meta").mkdir()
        ...     _ = Path(root, "meta", "ijbc_face_tid_mid.txt").write_text("1.jpg 7 5\n2.jpg 7 5\n3.jpg 9 6\n")
        ...     lines = "".join(f"{image}.jpg {points} 0.9\n" for image in (1, 2, 3))
        ...     _ = Path(root, "meta", "ijbc_name_5pts_score.txt").write_text(lines)
        ...     _ = Path(root, "meta", "ijbc_template_pair_label.txt").write_text("7 9 0\n")
        ...     pairs = IJBPairs(root)
        ...     len(pairs), pairs.templates.names, pairs.pairs.tolist(), pairs.same.tolist()
        (3, ['7', '9'], [[0, 1]], [False])
    """

    def __init__(
        self, root: str, pooling: Pooling | None = None, template: str = "112x112", one_gallery: bool = False
    ) -> None:
        meta = Path(root, "meta")
        found = [prefix for prefix in PREFIXES if (meta / f"{prefix}_face_tid_mid.txt").is_file()]
        self._start = str(meta / (found[0] if found else PREFIXES[-1]))
        super().__init__(str(Path(root, "loose_crop")), f"{self._start}_name_5pts_score.txt", template, None)
        self.root = root
        self.pooling = pooling or Pooling()
        self.one_gallery = one_gallery

    @cached_property
    def _faces(self) -> _Faces:
        faces_file = f"{self._start}_face_tid_mid.txt"
        names: list[str] = []
        numbers: list[tuple[int, int]] = []
        line_of: dict[tuple[str, int], int] = {}
        for line, (name, template, medium) in read_rows(faces_file, (3,), FACE_LINE):
            origin = f"{faces_file}:{line}"
            names.append(inside(Path(self.images), name, origin))
            numbers.append((whole_number(template, origin, FACE_LINE), whole_number(medium, origin, FACE_LINE)))
            earlier = line_of.setdefault((names[-1], numbers[-1][0]), line)
            if earlier != line:
                raise ValueError(f"{origin}: {name!r} is in template {template} already on line {earlier}")
        if not names:
            raise ValueError(f"{faces_file} is empty: expected lines '{FACE_LINE}'")
        values: list[list[str]] = []
        for line, (name, *columns) in read_rows(self.landmarks_file, (2 + COORDINATES,), POINTS_LINE):
            if len(values) >= len(names) or name != names[len(values)]:
                due = names[len(values)] if len(values) < len(names) else "no more images"
                raise ValueError(f"{self.landmarks_file}:{line}: {name!r}, and {faces_file} has {due!r} there")
            values.append(columns)
        if len(values) < len(names):
            raise ValueError(f"{self.landmarks_file} has {len(values)} images, and {faces_file} has {len(names)}")
        points, scores_N = self._numbers(values)
        templates_N, media_N = np.array(numbers, dtype=np.int64).T
        ids, owners_N = np.unique(templates_N, return_inverse=True)
        templates = Templates(
            [str(number) for number in ids.tolist()],
            np.arange(len(names)),
            owners_N.astype(np.int64),
            media_N,
            scores_N,
            self.pooling,
        )
        return _Faces(PathList(self.images, names), points, templates, ids)

    def _numbers(self, values: list[list[str]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Five points and the score of each image."""
        try:
            numbers = np.array(values, dtype=np.float64)
        except ValueError:
            numbers = np.array([[_number(text) for text in row] for row in values])
        wrong = np.flatnonzero(~np.isfinite(numbers).all(axis=1) | (numbers[:, -1] < 0))
        if len(wrong):
            row = int(wrong[0])
            raise ValueError(
                f"{self.landmarks_file}:{line_number(self.landmarks_file, row)}: {' '.join(values[row])!r}: expected "
                f"finite numbers and a score from 0, '{POINTS_LINE}'"
            )
        return numbers[:, :-1].reshape(-1, 5, 2), numbers[:, -1]

    @property
    def paths(self) -> PathList:
        """The images (N)."""
        return self._faces.paths

    @property
    def points(self) -> NDArray[np.float64]:
        """The five points of each image before alignment (N, 5, 2)."""
        return self._faces.points

    @property
    def templates(self) -> Templates:
        """Which images are in which template."""
        return self._faces.templates

    def read_unaligned(self, index: int) -> Tensor:
        """Decode one image before alignment: uint8 (3, H, W), RGB."""
        return read_image(self.paths[index])

    def find(self) -> PairListing:
        """Read the pairs."""
        path = f"{self._start}_template_pair_label.txt"
        rows_P3 = _read_whole_numbers(path)
        places_P2 = np.searchsorted(self._faces.ids, rows_P3[:, :2]).clip(max=len(self._faces.ids) - 1)
        known_P = (self._faces.ids[places_P2] == rows_P3[:, :2]).all(axis=1)
        marked_P = (rows_P3[:, 2] == 0) | (rows_P3[:, 2] == 1)
        if len(wrong := np.flatnonzero(~(known_P & marked_P))):
            what = "a template without images" if marked_P[wrong[0]] else "a mark that is not 0 or 1"
            row = " ".join(map(str, rows_P3[wrong[0]].tolist()))
            raise ValueError(f"{path}: pair {wrong[0] + 1}, {row!r}, has {what}; expected '{PAIR_LINE}'")
        require_one_mark(places_P2, rows_P3[:, 2] == 1, lambda place: f"{path}, pair {place + 1}")
        return PairListing(places_P2.astype(np.int64), rows_P3[:, 2] == 1, None)

    @cached_property
    def _roles(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Person and gallery of each template (T,), or None where no CSV tells the people of all."""
        start = Path(self._start)
        galleries = sorted(start.parent.glob(f"{start.name}_1N_gallery_*.csv"))
        probes = start.parent / f"{start.name}_1N_probe_mixed.csv"
        if not galleries or not probes.is_file():
            return None
        people_T = np.full(len(self._faces.ids), -1)
        roles_T = np.full(len(self._faces.ids), NEITHER)
        for number, path in [(PROBE, probes), *enumerate(galleries)]:
            for line, template, person in _read_people(path):
                place = int(np.searchsorted(self._faces.ids, template))
                if place == len(self._faces.ids) or self._faces.ids[place] != template:
                    raise ValueError(
                        f"{path}:{line}: template {template} has no images in {self._start}_face_tid_mid.txt"
                    )
                if people_T[place] not in (-1, person):
                    raise ValueError(f"{path}:{line}: template {template} is of {people_T[place]} and of {person}")
                people_T[place] = person
                roles_T[place] = min(number, 0) if self.one_gallery else number
        return None if (people_T < 0).any() else (people_T.astype(np.int64), roles_T.astype(np.int64))

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Number of the person of each template (T,), or None where the CSV files do not tell, or the pairs deny it."""
        if self._roles is None or self.same is None:
            return None
        people_P2 = self._roles[0][self.pairs]
        return self._roles[0] if np.array_equal(people_P2[:, 0] == people_P2[:, 1], self.same) else None

    @property
    def galleries(self) -> NDArray[np.int64] | None:
        """Number of the gallery of each template (T,): -1 for a probe, -2 for neither; None without the CSV files."""
        return None if self._roles is None else self._roles[1]

    def check(self) -> None:
        """Read the lists and look for every image.

        Raises:
            FileNotFoundError: naming the first missing file and its line.
        """
        _ = self._faces, self.pairs, self._roles
        faces_file = f"{self._start}_face_tid_mid.txt"
        require_files(self.paths, lambda index: f"{faces_file}:{line_number(faces_file, index)}:")


def _read_whole_numbers(path: str) -> NDArray[np.int64]:
    """Rows of three whole numbers (P, 3). Sixteen million take seconds."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no list {path}: expected lines '{PAIR_LINE}'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty file is an error below
            rows: NDArray[np.int64] = np.loadtxt(path, dtype=np.int64, ndmin=2)
    except ValueError:
        rows = np.empty((0, 0), dtype=np.int64)
    if rows.shape[1] == 3 and len(rows):
        return rows
    for line, columns in read_rows(path, (3,), PAIR_LINE):
        for text in columns:
            whole_number(text, f"{path}:{line}", PAIR_LINE)
    raise ValueError(f"{path} holds no pairs: expected lines '{PAIR_LINE}'")


def _number(text: str) -> float:
    """A number; NaN for what is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _read_people(path: Path) -> list[tuple[int, int, int]]:
    """Line, template and person of each row of a CSV of 1:N, whose first line names the columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            cells = list(enumerate(csv.reader(file), start=1))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV in UTF-8: {error}") from error
    rows = []
    for line, row in cells:
        if row and (line > 1 or row[0].strip().isdigit()):
            if len(row) < 2 or not (row[0].strip().isdigit() and row[1].strip().isdigit()):
                raise ValueError(f"{path}:{line}: expected a template and its person, whole numbers, got {row[:2]}")
            rows.append((line, int(row[0]), int(row[1])))
    return rows

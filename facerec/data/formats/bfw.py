"""Balanced Faces in the Wild (Robinson et al., CVPR Workshops 2020), from its CSV as distributed.

The columns of ``bfw-<version>-datatable.csv`` are those of the data page of github.com/visionjo/facerec-bias-bfw:
``fold`` (1 to 5), ``p1,p2`` (``asian_females/n000009/0010_01.jpg``), ``label`` (1 or 0), ``att1,att2``
(``asian_females``), ``g1,g2`` (F or M), ``e1,e2`` (A, B, I or W), and others that are not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facerec.data.formats.pairs import FilePairListing, FilePairs, PairCollector, require_one_mark
from facerec.data.formats.rfw import one_group_each
from facerec.data.formats.rows import image_folder, inside, whole_number
from facerec.data.formats.tables import read_table
from facerec.data.paths import PathList

COLUMNS = ("fold", "p1", "p2", "label")
ATTRIBUTES = {"subgroup": "att", "gender": "g", "ethnicity": "e"}
SIDES = [f"{column}{side}" for column in ATTRIBUTES.values() for side in (1, 2)]


@dataclass(frozen=True)
class _BFWListing(FilePairListing):
    """The pairs, and the group of each person for each attribute."""

    groups: dict[str, dict[str, str]]


class BFWPairs(FilePairs):
    r"""The 923,898 pairs of BFW, in five folds.

    ``facerec test`` adds the error rates of each subgroup, gender and ethnicity at the model's threshold.

    Args:
        images: folder that the paths in the table start from.
        pairs_file: the table, as CSV.

    Raises:
        FileNotFoundError: when read, for a missing table or folder; by ``check``, for a missing image.
        ValueError: when read, naming file and line, for a missing column, a label that is not 0 or 1, a fold that is
            not a whole number, an image paired with itself, or a pair of both labels.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import BFWPairs
        >>> with TemporaryDirectory() as root:
        ...     rows = ["fold,p1,p2,label,g1,g2", "1,af/n1/1.jpg,af/n1/2.jpg,1,F,F", "2,af/n1/1.jpg,af/n2/1.jpg,0,F,F"]
        ...     _ = Path(root, "bfw.csv").write_text("\n".join(rows))
        ...     pairs = BFWPairs(root, f"{root}/bfw.csv")
        ...     pairs.same.tolist(), pairs.folds.tolist(), pairs.groups
        ([True, False], [1, 2], {'gender': {'n1': 'F', 'n2': 'F'}})
    """

    def find(self) -> _BFWListing:
        """Read the table; each image is held once, in the order of first use."""
        root = image_folder(self.images, self.pairs_file)
        collector = PairCollector[str]()
        same: list[bool] = []
        folds: list[int] = []
        lines: list[int] = []
        members: dict[str, set[tuple[str, str]]] = {name: set() for name in ATTRIBUTES}
        for line, (fold, first, second, label, *sides) in read_table(self.pairs_file, COLUMNS, SIDES):
            origin = f"{self.pairs_file}:{line}"
            if label not in ("0", "1"):
                raise ValueError(f"{origin}: label {label!r}: expected 1 for one person, 0 for two")
            if first == second:
                raise ValueError(f"{origin}: {first!r} is paired with itself")
            images = inside(root, first, origin), inside(root, second, origin)
            collector.add(*images, line)
            same.append(label == "1")
            lines.append(line)
            folds.append(whole_number(fold, origin, ",".join(COLUMNS)))
            for place, groups in enumerate(members.values()):
                for image, group in zip(images, sides[2 * place : 2 * place + 2], strict=True):
                    if group:
                        groups.add((_person(image), group))
        if not same:
            raise ValueError(f"{self.pairs_file} holds no pairs: expected rows of {','.join(COLUMNS)}")
        pairs_P2, same_P = np.array(collector.pairs, dtype=np.int64), np.array(same, dtype=np.bool_)
        require_one_mark(pairs_P2, same_P, lambda place: f"{self.pairs_file}:{lines[place]}")
        return _BFWListing(
            pairs_P2,
            same_P,
            np.array(folds, dtype=np.int64) if len(set(folds)) > 1 else None,
            PathList(self.images, collector.index_of),
            np.array(collector.lines, dtype=np.int64),
            frozenset(map(_person, collector.index_of)),
            {name: one_group_each(groups) for name, groups in members.items() if groups},
        )

    @property
    def groups(self) -> Mapping[str, Mapping[str, str]]:
        """Subgroup, gender and ethnicity of each person. Who is in two groups of an attribute is in none."""
        listing = self._listing
        assert isinstance(listing, _BFWListing)  # which find gives
        return listing.groups


def _person(image: str) -> str:
    """The folder of an image, such as n000009."""
    return image.rpartition("/")[0].rpartition("/")[2]

"""Racial Faces in the Wild (Wang et al., ICCV 2019), from the folder as distributed.

``test/txts/<Race>/<Race>_pairs.txt`` is a list in LFW's format without a first line: 6,000 pairs in ten folds, each
``id i j`` or ``id i id j`` separated by tabs. Image i is ``test/data/<Race>/<id>/<id>_000i.jpg``. Twelve people of the
set are under two races (bob.bio.face, RFWDatabase).
"""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from facerec.data.formats.lfw import LFWPairs
from facerec.data.formats.pairs import FilePairListing, FilePairs
from facerec.data.paths import PathList
from facerec.settings import require_choice

RACES = ("African", "Asian", "Caucasian", "Indian")
RACE = "race"


class RFWPairs(FilePairs):
    r"""The pairs of RFW, of all races or some. All pairs are within one race.

    ``facerec test`` adds the error rates of each race at the model's threshold.

    Args:
        root: folder with ``test``, or the folder with ``txts`` and ``data``.
        races: the races to read, by default all four. With one race, the accuracy over folds is that race's.
        images: folder with one folder for each race, by default ``data``; give another for aligned images.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: for another race; when read, naming file and line, see :class:`LFWPairs`.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import RFWPairs
        >>> with TemporaryDirectory() as root:
        ...     for race, person in (("Asian", "m.01"), ("Indian", "m.02")):
        ...         Path(root, "test", "txts", race).mkdir(parents=True)
        ...         Path(root, "test", "data", race, person).mkdir(parents=True)
        ...         Path(root, "test", "data", race, person, f"{person}_0001.jpg").touch()
        ...         lines = f"{person}\t1\t2\n{person}\t1\tm.03\t1\n"
        ...         _ = Path(root, "test", "txts", race, f"{race}_pairs.txt").write_text(lines)
        ...     pairs = RFWPairs(root, races=["Asian", "Indian"])
        ...     pairs.same.tolist(), pairs.groups  # m.03 is under two races, so in no group
        ([True, False, True, False], {'race': {'m.01': 'Asian', 'm.02': 'Indian'}})
    """

    def __init__(self, root: str, races: Sequence[str] | None = None, images: str | None = None) -> None:
        for race in races or ():
            require_choice("RFWPairs.", RACES, races=race)
        self.root = root
        self.races = list(RACES if races is None else races)
        test = Path(root, "test") if Path(root, "test").is_dir() else Path(root)
        super().__init__(images or str(test / "data"), str(test / "txts"))

    @cached_property
    def _lists(self) -> list[LFWPairs]:
        """The pairs of each race."""
        return [
            LFWPairs(str(Path(self.images, race)), str(Path(self.pairs_file, race, f"{race}_pairs.txt")))
            for race in self.races
        ]

    def find(self) -> FilePairListing:
        """Read the lists, one race after another."""
        found = [pairs.find() for pairs in self._lists]
        starts = np.cumsum([0, *(len(listing.paths) for listing in found)])
        folds = [listing.folds for listing in found if listing.folds is not None]
        return FilePairListing(
            np.concatenate([listing.pairs + start for listing, start in zip(found, starts, strict=False)]),
            np.concatenate([np.asarray(listing.same) for listing in found]),
            np.concatenate(folds) if len(folds) == len(found) else None,
            PathList(
                self.images,
                [f"{race}/{path}" for race, listing in zip(self.races, found, strict=True) for path in listing.paths],
            ),
            np.concatenate([listing.lines for listing in found]),
            frozenset[str]().union(*(listing.people for listing in found)),
        )

    def person(self, path: str) -> str:
        """The folder of an image, whatever its race."""
        return posixpath.basename(posixpath.dirname(path))

    def origin(self, index: int) -> str:
        """The list and the line that first name an image."""
        race = self.paths.relative(index).partition("/")[0]
        return f"{Path(self.pairs_file, race, f'{race}_pairs.txt')}:{self._listing.lines[index]}:"

    @property
    def groups(self) -> Mapping[str, Mapping[str, str]]:
        """The race of each person. Who is under two races is in no group."""
        return {RACE: one_group_each((self.person(path), path.partition("/")[0]) for path in self.paths)}


def one_group_each(members: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The group of each person, without the people who are said to be in two.

    Example:
        >>> one_group_each([("ann", "f"), ("bob", "m"), ("ann", "f"), ("kim", "f"), ("kim", "m")])
        {'ann': 'f', 'bob': 'm'}
    """
    groups: dict[str, set[str]] = {}
    for person, group in members:
        groups.setdefault(person, set()).add(group)
    return {person: next(iter(some)) for person, some in sorted(groups.items()) if len(some) == 1}

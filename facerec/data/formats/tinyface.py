"""TinyFace (Cheng, Zhu and Gong, ACCV 2018): faces of about 20 pixels, from the folder as distributed.

``Testing_Set/Probe`` and ``Gallery_Match`` hold ``<person>_<number>.jpg``, and ``Gallery_Distractor`` faces of unknown
people. The names of the images carry what ``probe_img_ID_pairs.mat`` and ``gallery_match_img_ID_pairs.mat`` say, as in
AdaFace's ``validate_tinyface.py``; the ``.mat`` files are not read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facerec.data.drawn_pairs import impostor_pairs
from facerec.data.formats.listings import Files
from facerec.data.formats.pairs import ListedPairs, PairListing
from facerec.data.images import has_image_suffix
from facerec.data.paths import PathList

PROBE, MATCH, DISTRACTOR = FOLDERS = ("Probe", "Gallery_Match", "Gallery_Distractor")
IMPOSTORS_PER_GENUINE = 10
NUMBER = re.compile(r"([0-9]+)_")


@dataclass(frozen=True)
class _TinyFaceListing(PairListing):
    """The images (N), the person of each and its gallery (N,), and the pairs."""

    paths: PathList
    subjects: NDArray[np.int64]
    galleries: NDArray[np.int64]


class TinyFacePairs(Files, ListedPairs[_TinyFaceListing]):
    """The probes of TinyFace and their gallery, with distractors: rank k and mAP.

    The set has no pairs. For the error rates of verification, each probe is a genuine pair with each entry of its
    person, and facerec draws ten times as many impostor pairs, spread evenly over the people.

    Args:
        root: folder with ``Testing_Set``, or with ``Probe``, ``Gallery_Match`` and ``Gallery_Distractor``.
        distractors: whether the 153,428 distractors are in the gallery, as the protocol says.

    Raises:
        FileNotFoundError: when read, for a missing folder.
        ValueError: when read, for an empty folder, an image whose name does not begin with the number of a person, or
            people of whom no probe is in the gallery.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import TinyFacePairs
        >>> with TemporaryDirectory() as root:
        ...     entries = ["Gallery_Match/1_2", "Gallery_Match/2_2", "Gallery_Distractor/9"]
        ...     for image in ("Probe/1_1", "Probe/2_1", *entries):
        ...         Path(root, image).parent.mkdir(exist_ok=True)
        ...         Path(root, f"{image}.jpg").touch()
        ...     faces = TinyFacePairs(root)
        ...     faces.galleries.tolist(), faces.subjects.tolist(), faces.pairs[faces.same].tolist()
        ([-1, -1, 0, 0, 0], [1, 2, 1, 2, 3], [[0, 2], [1, 3]])
    """

    def __init__(self, root: str, distractors: bool = True) -> None:
        self.root = str(Path(root, "Testing_Set")) if Path(root, "Testing_Set").is_dir() else root
        self.distractors = distractors

    def find(self) -> _TinyFaceListing:
        """List the folders, and pair the probes."""
        probes, entries = self._files(PROBE), self._files(MATCH)
        others = self._files(DISTRACTOR) if self.distractors else []
        people = [_person(path, self.root) for path in (*probes, *entries)]
        subjects_N = np.array([*people, *range(max(people) + 1, max(people) + 1 + len(others))], dtype=np.int64)
        galleries_N = np.zeros(len(subjects_N), dtype=np.int64)
        galleries_N[: len(probes)] = -1
        pairs, same = _pairs(people, len(probes), self.root)
        return _TinyFaceListing(
            pairs, same, None, PathList(self.root, [*probes, *entries, *others]), subjects_N, galleries_N
        )

    def _files(self, folder: str) -> list[str]:
        """The images of a folder, sorted, relative to the root."""
        place = Path(self.root, folder)
        if not place.is_dir():
            raise FileNotFoundError(f"no folder {place}: give root=, the folder with {', '.join(FOLDERS)}")
        names = sorted(path.name for path in place.iterdir() if has_image_suffix(path.suffix))
        if not names:
            raise ValueError(f"{place} holds no images")
        return [f"{folder}/{name}" for name in names]

    @property
    def paths(self) -> PathList:
        """The images (N): probes, entries of their people, distractors."""
        return self._listing.paths

    @property
    def subjects(self) -> NDArray[np.int64]:
        """Number of the person on each image (N,). Each distractor has its own."""
        return self._listing.subjects

    @property
    def galleries(self) -> NDArray[np.int64]:
        """0 for an entry of the gallery, -1 for a probe (N,)."""
        return self._listing.galleries


def _person(path: str, root: str) -> int:
    found = NUMBER.match(path.rpartition("/")[2])
    if found is None:
        raise ValueError(f"{Path(root, path)}: expected the number of a person before '_', such as 12_3.jpg")
    return int(found[1])


def _pairs(people: Sequence[int], probes: int, root: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All genuine pairs of a probe and an entry, then impostor pairs of any two people (P, 2)."""
    entries: dict[int, list[int]] = {}
    images: dict[str, list[int]] = {}
    for index, person in enumerate(people):
        images.setdefault(str(person), []).append(index)
        if index >= probes:
            entries.setdefault(person, []).append(index)
    genuine = [(probe, entry) for probe in range(probes) for entry in entries.get(people[probe], [])]
    impostor = impostor_pairs(images, IMPOSTORS_PER_GENUINE * len(genuine), seed=0)
    if not genuine or not impostor:
        raise ValueError(f"{root}: no person has a probe and an entry of the gallery, or there is one person")
    return np.array(genuine + impostor, dtype=np.int64), np.arange(len(genuine) + len(impostor)) < len(genuine)

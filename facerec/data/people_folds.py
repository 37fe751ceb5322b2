"""Folds of people: others of the training people validate each time, so that a choice hangs less on who they are.

A source with folds of its own (ORL's groups) gives them. Of any other, the people of the training images are shuffled
by a hash of their names and dealt out to the folds, so each fold has as many, give or take one. The people of one fold
leave training and dev images, and pairs of their training images take the place of the validation pairs. Test people
are never touched.
"""

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.record import Alignment
from facerec.data.all_pairs import LabelledPairs
from facerec.data.drawn_pairs import genuine_pairs, impostor_pairs
from facerec.data.layouts import Sources
from facerec.data.lots import lot
from facerec.data.sources import ImageSource, PeopleFold

NAME = "fold"
IMAGES_PER_PERSON = 10
IMPOSTORS_PER_GENUINE = 10
MOST_IMPOSTORS = 100_000


def in_fold(sources: Sources, fold: PeopleFold) -> Sources:
    """The sources with one fold of the people to validate, and the others to train.

    Args:
        sources: as they are given. Without training images nothing changes.
        fold: the fold that validates.

    Example:
        >>> from facerec.data import ORLImages, ORLPairs
        >>> given = Sources(ORLImages("train"), None, {"orl": ORLPairs("val")}, {"orl": ORLPairs("test")})
        >>> folded = in_fold(given, PeopleFold(index=1, of=5))
        >>> sorted(folded.val_pairs["orl"].people), folded.train.identities[0]
        (['s01', 's02', 's03', 's04', 's05', 's06'], 's07')
    """
    train, dev = sources.train, sources.dev
    if train is None:
        return sources
    own = train.of_fold(fold)
    if own is not None:
        own_dev = None if dev is None else dev.of_fold(fold)
        pairs = {name: (some, some.of_fold(fold)) for name, some in sources.val_pairs.items()}
        val_pairs = {name: some if folded is None else folded for name, (some, folded) in pairs.items()}
        return sources._replace(train=own, dev=dev if own_dev is None else own_dev, val_pairs=val_pairs)
    division = Division(train, fold)
    return sources._replace(
        train=FoldImages(train, division, validates=False),
        dev=None if dev is None else FoldImages(dev, division, validates=False),
        val_pairs={NAME: FoldPairs(FoldImages(train, division, validates=True, at_most=IMAGES_PER_PERSON))},
    )


class Division:
    """The people of one fold among those of some images. Nothing is read before it is asked for.

    Args:
        images: whose people are divided.
        fold: the fold that validates.
    """

    def __init__(self, images: ImageSource, fold: PeopleFold) -> None:
        self._images = images
        self._fold = fold

    @cached_property
    def validating(self) -> frozenset[str]:
        """Names of the people of the fold.

        Raises:
            ValueError: if there are too few people for so many folds.
        """
        people = sorted(self._images.identities, key=lambda name: lot(NAME, name))
        if len(people) < 2 * self._fold.of:
            raise ValueError(
                f"data.fold.of={self._fold.of}: {len(people)} training people are too few for so many folds of two "
                "people or more, which an impostor pair needs. Give a smaller data.fold.of"
            )
        return frozenset(people[self._fold.index - 1 :: self._fold.of])


class FoldImages(ImageSource):
    """The images of the people of a fold, or of all others.

    Args:
        images: of all people.
        division: who is in the fold.
        validates: whether the people of the fold are wanted, and not the others.
        at_most: most images of a person, chosen by a hash of their names; by default all.
    """

    def __init__(self, images: ImageSource, division: Division, *, validates: bool, at_most: int | None = None) -> None:
        self._images = images
        self._division = division
        self._validates = validates
        self._at_most = at_most
        self.is_decoded = images.is_decoded

    @cached_property
    def _wanted(self) -> NDArray[np.bool_]:
        """Whether each person of all is wanted (C,)."""
        names = self._images.identities
        return np.array([(name in self._division.validating) == self._validates for name in names], dtype=bool)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Index of each image among all (N,)."""
        labels_N = self._images.labels
        places = np.flatnonzero(self._wanted[labels_N])
        if self._at_most is None:
            return places
        drawn: dict[int, list[tuple[int, int]]] = {}
        for place in places.tolist():
            drawn.setdefault(int(labels_N[place]), []).append((lot(NAME, self._images.name(place)), place))
        return np.array(sorted(place for some in drawn.values() for _, place in sorted(some)[: self._at_most]))

    def __len__(self) -> int:
        return len(self._places)

    @cached_property
    def identities(self) -> list[str]:
        """Names of the people, sorted as among all."""
        return [name for name, wanted in zip(self._images.identities, self._wanted, strict=True) if wanted]

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""
        class_of = np.cumsum(self._wanted) - 1
        return np.asarray(class_of[self._images.labels[self._places]], dtype=np.int64)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return self._images.read(int(self._places[index]))

    def read_batch(self, indices_B: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
        """Decode some images into one batch: uint8 (B, 3, H, W)."""
        return self._images.read_batch(self._places[indices_B], size)

    def name(self, index: int) -> str:
        """Name of an image in messages."""
        return self._images.name(int(self._places[index]))

    def folders(self) -> list[str]:
        """Name of the folder of each image."""
        folders = self._images.folders()
        return [folders[place] for place in self._places.tolist()]

    @property
    def alignment(self) -> Alignment | None:
        """How the images were aligned."""
        return self._images.alignment

    def unread(self) -> list[str]:
        """Of all people."""
        return self._images.unread()

    def check(self) -> None:
        """Check the images of all people."""
        self._images.check()
        len(self)


class FoldPairs(LabelledPairs):
    """Genuine pairs of a few images of each person, and impostor pairs spread evenly over the people.

    Each person's images make all their pairs. There are ten times as many impostor pairs, at most 100,000, or all.

    Args:
        images: a few of each person.
    """

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2), the genuine pairs first."""
        images: dict[str, list[int]] = {name: [] for name in self.images.identities}
        for index, label in enumerate(self.images.labels.tolist()):
            images[self.images.identities[label]].append(index)
        genuine = genuine_pairs(images, math.comb(IMAGES_PER_PERSON, 2), seed=0)
        impostor = impostor_pairs(images, min(IMPOSTORS_PER_GENUINE * len(genuine), MOST_IMPOSTORS), seed=0)
        return np.array(genuine + impostor, dtype=np.int64).reshape(-1, 2)

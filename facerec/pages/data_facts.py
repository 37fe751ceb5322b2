"""The people and images that a run was trained and measured on, without decoding an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facerec.data import FaceDataModule, leaks
from facerec.data.people import UNKNOWN, People, comparable, people_of
from facerec.data.sources import Images, ImageSource, PairSource

CANNOT_COMPARE = "cannot compare"  # beginning of what leaks says where names are no help


@dataclass(frozen=True)
class Group:
    """A set of images.

    Attributes:
        name: what it is for, such as ``training``.
        source: class that reads it.
        people: number of people; None where they are unknown.
        images: number of images.
        pairs: numbers of genuine and impostor pairs; None where there are no labelled pairs.
    """

    name: str
    source: str
    people: int | None
    images: int
    pairs: tuple[int, int] | None = None


@dataclass(frozen=True)
class DataFacts:
    """What the data of a run are.

    Attributes:
        groups: sets of images.
        overlaps: sentences about people and images in two groups that should be apart.
        compared: whether names tell if test people are training or validation people.
        left_out: sentences about files that are not read.
        skips_unreadable: whether images that do not decode were left out of the training.
    """

    groups: list[Group]
    overlaps: list[str]
    compared: bool
    left_out: list[str]
    skips_unreadable: bool


def data_facts(data: FaceDataModule, identities: Sequence[str] = ()) -> DataFacts:
    """Count people, images and pairs, and look for people and images in two groups.

    Args:
        data: of the training. Its lists are read; no image is decoded.
        identities: names of the people whom the model was trained on, for data without training images.

    Raises:
        FileNotFoundError: if a folder or list is missing.
        ValueError: if a list is malformed.

    Example:
        >>> from facerec.data import FaceDataModule, ORLImages, ORLPairs
        >>> facts = data_facts(FaceDataModule(train=ORLImages("train"), test_pairs={"orl": ORLPairs("test")}))
        >>> [(group.name, group.people, group.images, group.pairs) for group in facts.groups]
        [('training', 24, 192, None), ('test pairs orl', 10, 100, (450, 4500))]
        >>> facts.overlaps, facts.compared
        ([], True)
    """
    sets = {stage: data.pair_sets(stage) for stage in ("val", "test")}
    pairs = {f"{stage} pairs": list(found.values()) for stage, found in sets.items()}
    overlaps = leaks.shared_people(data.train, pairs) + leaks.shared_images(data.train, data.dev, pairs)
    if data.train is None:
        overlaps += leaks.seen_people(identities, "test pairs", pairs["test pairs"])
    return DataFacts(
        groups=list(_groups(data)),
        overlaps=[message for message in overlaps if not message.startswith(CANNOT_COMPARE)],
        compared=_are_comparable([data.train, *pairs["val pairs"]], pairs["test pairs"]),
        left_out=list(dict.fromkeys(line for source in _sources(data) for line in source.unread())),
        skips_unreadable=data.unreadable == "skip",
    )


def _groups(data: FaceDataModule) -> Iterator[Group]:
    for name, images in (("training", data.train), ("dev", data.dev)):
        if images is not None:
            yield Group(name, type(images).__name__, len(np.unique(images.labels)), len(images))
    for stage, name in (("val", "validation"), ("test", "test")):
        for of, pairs in data.pair_sets(stage).items():  # type: ignore[arg-type]
            people = len(set(people_of(pairs).names) - {UNKNOWN}) or None
            yield Group(f"{name} pairs {of}", type(pairs).__name__, people, len(pairs), _counts(pairs))


def _counts(pairs: PairSource) -> tuple[int, int] | None:
    same_P = pairs.same
    return None if same_P is None else (int(same_P.sum()), int((~same_P).sum()))


def _sources(data: FaceDataModule) -> Iterator[Images]:
    yield from (images for images in (data.train, data.dev) if images is not None)
    yield from data.pair_sets("val").values()
    yield from data.pair_sets("test").values()


def _are_comparable(seen: Sequence[ImageSource | PairSource | None], tested: Sequence[PairSource]) -> bool:
    """Whether a name stands for one person in what the model has seen and in all that it is tested on."""
    known: list[People] = [people_of(source) for source in seen if source is not None]
    return bool(known) and all(comparable(some, people_of(pairs)) for some in known for pairs in tested)

"""Leaks: people and images in two groups that should be apart. Each function returns messages, none if all is well.

These functions compare names of people and of images; ``facerec inspect`` compares pixels.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain, combinations, product
from typing import TypeVar

from facerec.data.people import People, are_numbers, in_both, people_of
from facerec.data.sources import Images, ImageSource, PairSource

NAMES_AT_MOST = 1_000_000  # of a larger set every second, third, ... image is compared, which takes a second
NAMED = 3  # people that a message names; of images, whose paths are long, the first

PairGroups = Mapping[str, Sequence[PairSource]]
Found = TypeVar("Found")


def shared_people(train: ImageSource | None, groups: PairGroups) -> list[str]:
    """Find people who are in two groups.

    Args:
        train: the training images, or None to compare only the groups of pairs.
        groups: the sets of pairs of each group, by its name in messages.

    Example:
        >>> from facerec.data import ORLImages, ORLPairs
        >>> shared_people(ORLImages("train"), {"val pairs": [ORLPairs("val")], "test pairs": [ORLPairs("test")]})
        []
        >>> shared_people(None, {"val pairs": [ORLPairs("val")], "test pairs": [ORLPairs("val")]})
        ["6 people are in both the val pairs and the test pairs ('s25', 's26', 's27', ...): error rates are too low ...
    """
    people = _of_readable(groups, people_of)
    if train is not None and any(some.told_by for some in chain(*people.values())):
        people = {"training people": [people_of(train)]} | people  # millions of images: only if there are others
    messages = []
    for (first, some), (second, others) in combinations(people.items(), 2):
        compared = list(product(some, others))
        if any({one.told_by, other.told_by} == {"folder", "label"} for one, other in compared):
            messages.append(
                f"cannot compare the {first} with the {second}: one set has numeric labels, the other folder names. "
                "`facerec inspect` compares the images themselves"
            )
        shared = set[str]().union(*(in_both(one, other) or () for one, other in compared))
        messages += _people_in_both(shared, first, second)
    return messages


def shared_images(train: ImageSource | None, dev: ImageSource | None, groups: PairGroups) -> list[str]:
    """Find images that are in two groups.

    Args:
        train: the training images, or None to leave them out.
        dev: the dev images, or None to leave them out.
        groups: the sets of pairs of each group, by its name in messages.

    Example:
        >>> from facerec.data import ORLPairs
        >>> shared_images(None, None, {"val pairs": [ORLPairs("val")], "test pairs": [ORLPairs("val")]})
        ["60 images are in both the val pairs and the test pairs ('/...', ...): results are too good ...
    """
    names = {"dev images": set(_names_of(dev))} if dev is not None else {}
    for group, sets in _of_readable(groups, lambda pairs: set(_names_of(pairs))).items():
        names[group] = set[str]().union(*sets)
    others = set[str]().union(*names.values())
    if train is not None and others:
        names = {"training images": others.intersection(_names_of(train))} | names
    return [
        f"{_counted(shared, 'image is', 'images are')} in both the {first} and the {second} {_some(shared, 1)}: "
        "results are too good on images that training or the choice of checkpoint has seen"
        for (first, some), (second, more) in combinations(names.items(), 2)
        if (shared := some & more)
    ]


def seen_people(identities: Sequence[str], group: str, sets: Iterable[PairSource]) -> list[str]:
    """Find people of the pairs whom the model was trained on.

    Args:
        identities: names of the people that the model was trained on.
        group: name of the group of the pairs in the message.
        sets: the sets of pairs.

    Example:
        >>> from facerec.data import ORLPairs
        >>> seen_people(["s01", "s40"], "test pairs", [ORLPairs("test")])
        ["1 person is in both the training people of the model and the test pairs ('s40'): error rates are too low ...
    """
    if are_numbers(set(identities)):
        return []
    measured = [people_of(pairs) for pairs in sets]
    trained_on = list(identities)
    seen = set[str]().union(*(in_both(People(trained_on, some.told_by), some) or () for some in measured))
    return _people_in_both(seen, "training people of the model", group)


def fingerprint(pairs: PairSource) -> str:
    """16 hexadecimal digits that tell sets of pairs apart, by the names of their images and the counts of their pairs.

    A copy of the list, in another order or folder, has the same fingerprint.

    Example:
        >>> from facerec.data import ORLPairs
        >>> fingerprint(ORLPairs("val")) == fingerprint(ORLPairs("val"))
        True
        >>> fingerprint(ORLPairs("val")) == fingerprint(ORLPairs("test"))
        False
    """
    same_P = pairs.same
    names = sorted("/".join(name.replace("\\", "/").split("/")[-2:]) for name in _names_of(pairs))
    counts = (len(pairs), len(pairs.pairs), None if same_P is None else int(same_P.sum()))
    text = "\n".join([repr(counts), *names])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def validated_on(sets: Mapping[str, PairSource], fingerprints: Collection[str]) -> list[str]:
    """Find test pairs on which the threshold of the checkpoint was chosen.

    Args:
        sets: the test pairs by name.
        fingerprints: of the pairs that the threshold was chosen on.

    Example:
        >>> from facerec.data import ORLPairs
        >>> validated_on({"orl": ORLPairs("val")}, [fingerprint(ORLPairs("val"))])
        ["the test pairs 'orl' are validation pairs of the checkpoint, ...
    """
    return [
        f"the test pairs {name!r} are validation pairs of the checkpoint, which chose it and its threshold: the "
        "numbers are too good. Test on pairs of other people"
        for name, pairs in sets.items()
        if fingerprints and fingerprint(pairs) in fingerprints
    ]


def _people_in_both(names: Collection[str], first: str, second: str) -> list[str]:
    if not names:
        return []
    return [
        f"{_counted(names, 'person is', 'people are')} in both the {first} and the {second} {_some(names)}: error "
        "rates are too low on people that training or the choice of checkpoint has seen"
    ]


def _of_readable(groups: PairGroups, found: Callable[[PairSource], Found]) -> dict[str, list[Found]]:
    """What was found in the sets of each group.

    A group with a broken list is left out: `facerec test` reports its lists, which must not stop a training.
    """
    read = {}
    for group, sets in groups.items():
        try:
            read[group] = [found(pairs) for pairs in sets]
        except (OSError, ValueError):
            continue
    return read


def _names_of(images: Images) -> Iterable[str]:
    """Names of the images of a set; of a very large set, of a part spread evenly over it."""
    return (images.name(index) for index in range(0, len(images), -(-len(images) // NAMES_AT_MOST) or 1))


def _counted(names: Collection[str], one: str, many: str) -> str:
    return f"{len(names)} {one if len(names) == 1 else many}"


def _some(names: Collection[str], most: int = NAMED) -> str:
    first = [repr(name) for name in sorted(names)[:most]]
    return f"({', '.join(first + ['...'] * (len(names) > most))})"

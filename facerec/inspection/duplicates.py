"""Images that are one photograph: inside a person, across people, and across sets, where they are leaks.

Shapes: N images of all sets together, P pairs.
"""

from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.data.people import UNKNOWN, People, comparable, in_both
from facerec.data.sources import Images, PairSource
from facerec.inspection.examination import ImageFacts
from facerec.inspection.hashing import distances, near_pairs
from facerec.inspection.sets import TRAINING_PEOPLE_TEST

Kind = Literal["identical", "near"]
Relation = Literal["one person", "two people", "unknown"]
OF_TRAINING_PEOPLE = ("train", "dev", TRAINING_PEOPLE_TEST)  # sets whose labels are the same classes


class InspectedSet(NamedTuple):
    """A set of images and what is known of each.

    Attributes:
        name: of the set.
        images: the set.
        people: the person on each image.
        facts: of each image, as :func:`examine` gives them.

    Example:
        >>> from facerec.data import ORLImages
        >>> from facerec.data.people import people_of
        >>> from facerec.inspection import examine
        >>> images = ORLImages("dev")
        >>> some = InspectedSet("dev", images, people_of(images), [examine(images, 0)])
        >>> some.people.names[0], some.facts[0].width
        ('s1', 92)
    """

    name: str
    images: Images
    people: People
    facts: list[ImageFacts]


class DuplicatePair(NamedTuple):
    """Two images that are, or look like, one photograph.

    Attributes:
        kind: ``identical`` byte by byte, or ``near`` by perceptual hash.
        distance: number of bits, of 256, in which the perceptual hashes differ.
        sets: names of the sets that the two are in.
        indices: places of the two in their sets.
        relation: whether both show one person; ``unknown`` if their names cannot be compared.

    Example:
        >>> pair = DuplicatePair("near", 12, sets=("train", "val/lfw"), indices=(7, 40), relation="unknown")
        >>> f"image {pair.indices[1]} of {pair.sets[1]} leaks from {pair.sets[0]}"
        'image 40 of val/lfw leaks from train'
    """

    kind: Kind
    distance: int
    sets: tuple[str, str]
    indices: tuple[int, int]
    relation: Relation


def find_duplicates(sets: Sequence[InspectedSet], distance: int) -> list[DuplicatePair]:
    """Pairs of identical images, then pairs of near ones, the nearest first.

    Each copy is listed once, beside the first of its kind. Of images with one hash, the first is compared with others.

    Args:
        sets: the sets, each compared with itself and the others.
        distance: largest number of bits, of 256, in which perceptual hashes of near images differ.

    Example:
        >>> from facerec.data.people import People
        >>> from facerec.data import ORLImages
        >>> from facerec.inspection import InspectedSet, examine
        >>> images = ORLImages("dev")
        >>> facts = [examine(images, index) for index in (0, 1, 0)]
        >>> some = InspectedSet("dev", images, People(["ada", "ada", "ben"], "folder"), facts)
        >>> [(pair.kind, pair.indices, pair.relation) for pair in find_duplicates([some], distance=30)]
        [('identical', (0, 2), 'two people')]
    """
    places = [(number, index) for number, some in enumerate(sets) for index in _decoded(some)]
    digests = [sets[number].facts[index].digest for number, index in places]
    hashes = b"".join(bytes.fromhex(sets[number].facts[index].perceptual_hash) for number, index in places)
    hashes_N4 = np.frombuffer(hashes, dtype=np.uint64).reshape(-1, 4)
    identical = _chains(digests)
    alike = _chains([row.tobytes() for row in hashes_N4])
    copies = {second for _, second in identical}
    near = [(first, second) for first, second in alike if second not in copies]
    firsts = np.array(sorted(set(range(len(places))) - {second for _, second in alike}), dtype=np.int64)
    pairs_P2, bits_P = near_pairs(hashes_N4[firsts], distance)
    near += [(int(firsts[a]), int(firsts[b])) for a, b in pairs_P2[np.argsort(bits_P, kind="stable")]]

    can_compare = [[_can_compare_names(first, second) for second in sets] for first in sets]

    def describe(kind: Kind, pair: tuple[int, int]) -> DuplicatePair:
        (set_a, a), (set_b, b) = (places[place] for place in pair)
        bits = int(distances(hashes_N4[[pair[0]]], hashes_N4[[pair[1]]])[0])
        people = (sets[set_a].people.names[a], sets[set_b].people.names[b])
        relation = _relation(*people) if can_compare[set_a][set_b] else "unknown"
        return DuplicatePair(kind, bits, (sets[set_a].name, sets[set_b].name), (a, b), relation)

    return [describe("identical", pair) for pair in identical] + [describe("near", pair) for pair in near]


def _decoded(some: InspectedSet) -> Iterable[int]:
    return (index for index, facts in enumerate(some.facts) if not facts.error)


def _chains(keys: Iterable[Hashable]) -> list[tuple[int, int]]:
    """The first place of each key with each later one."""
    first_of: dict[Hashable, int] = {}
    return [(first_of[key], place) for place, key in enumerate(keys) if first_of.setdefault(key, place) != place]


def _can_compare_names(first: InspectedSet, second: InspectedSet) -> bool:
    if first is second:
        return True
    if first.name in OF_TRAINING_PEOPLE and second.name in OF_TRAINING_PEOPLE:
        return first.people.told_by == second.people.told_by
    return comparable(first.people, second.people)


def _relation(first: str, second: str) -> Relation:
    if UNKNOWN in (first, second):
        return "unknown"
    return "one person" if first == second else "two people"


def photographs(sets: Sequence[InspectedSet], duplicates: Iterable[DuplicatePair]) -> dict[str, NDArray[np.int64]]:
    """Number of the photograph that each image of each set is; the two images of a pair are one photograph."""
    starts = dict(zip([some.name for some in sets], np.cumsum([0] + [len(some.facts) for some in sets]), strict=False))
    parents = list(range(sum(len(some.facts) for some in sets)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for pair in duplicates:
        first, second = (int(starts[name]) + index for name, index in zip(pair.sets, pair.indices, strict=True))
        parents[root(second)] = root(first)
    roots = np.array([root(place) for place in range(len(parents))], dtype=np.int64)
    return {some.name: roots[starts[some.name] : starts[some.name] + len(some.facts)] for some in sets}


def leaks(sets: Sequence[InspectedSet], duplicates: Sequence[DuplicatePair]) -> dict[str, dict[str, int]]:
    """For each two sets that share photographs: number of images of the second that are in the first, by kind."""
    identical = photographs(sets, [pair for pair in duplicates if pair.kind == "identical"])
    alike = photographs(sets, duplicates)
    found = {}
    for first, second in combinations([some.name for some in sets], 2):
        same = int(np.isin(identical[second], identical[first]).sum())
        either = int(np.isin(alike[second], alike[first]).sum())
        if either:
            found[f"{second} in {first}"] = {"identical": same, "near": either - same}
    return found


def trivial_pairs(sets: Sequence[InspectedSet], duplicates: Sequence[DuplicatePair]) -> dict[str, dict[str, int]]:
    """For each set of pairs: number of its genuine and impostor pairs that look like one photograph twice."""
    photograph = photographs(sets, duplicates)
    found = {}
    for name, images in ((some.name, some.images) for some in sets):
        if isinstance(images, PairSource) and images.same is not None and images.templates is None:
            twice_P = photograph[name][images.pairs[:, 0]] == photograph[name][images.pairs[:, 1]]
            found[name] = {"genuine": int(twice_P[images.same].sum()), "impostor": int(twice_P[~images.same].sum())}
    return found


def shared_people(sets: Sequence[InspectedSet]) -> dict[str, int | None]:
    """For each two groups of people that should be apart: number of people in both; None if names do not tell."""
    found: dict[str, int | None] = {}
    has_train = any(some.name == "train" for some in sets)
    # dev people, and those of a test of classification, are training people
    groups = [some for some in sets if not (has_train and some.name in OF_TRAINING_PEOPLE[1:])]
    for first, second in combinations(groups, 2):
        if first.name.partition("/")[0] == second.name.partition("/")[0]:
            continue
        both = in_both(first.people, second.people)
        found[f"{first.name} and {second.name}"] = None if both is None else len(both)
    return found

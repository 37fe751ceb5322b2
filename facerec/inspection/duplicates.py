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
    """A set of images and what is known of each."""

    name: str
    images: Images
    people: People
    facts: list[ImageFacts]


class Match(NamedTuple):
    """Two images that are, or look like, one photograph.

    Attributes:
        kind: ``identical`` byte by byte, or ``near`` by perceptual hash.
        distance: number of bits, of 256, in which the perceptual hashes differ.
        sets: names of the sets that the two are in.
        indices: places of the two in their sets.
        relation: whether both show one person, as far as anything tells.
    """

    kind: Kind
    distance: int
    sets: tuple[str, str]
    indices: tuple[int, int]
    relation: Relation


def find_matches(sets: Sequence[InspectedSet], distance: int) -> list[Match]:
    """Identical images first, then near ones, the nearest first.

    Of several copies each is listed once, beside the first of them; near images are compared by the first of each hash.

    Args:
        sets: the sets, each against itself and the others.
        distance: largest number of bits, of 256, in which perceptual hashes of near images differ.
    """
    places = [(number, index) for number, some in enumerate(sets) for index in _decoded(some)]
    digests = [sets[number].facts[index].digest for number, index in places]
    hashes = b"".join(bytes.fromhex(sets[number].facts[index].fingerprint) for number, index in places)
    hashes_N4 = np.frombuffer(hashes, dtype=np.uint64).reshape(-1, 4)
    identical = _chains(digests)
    alike = _chains([row.tobytes() for row in hashes_N4])
    copies = {second for _, second in identical}
    near = [(first, second) for first, second in alike if second not in copies]
    firsts = np.array(sorted(set(range(len(places))) - {second for _, second in alike}), dtype=np.int64)
    pairs_P2, bits_P = near_pairs(hashes_N4[firsts], distance)
    near += [(int(firsts[a]), int(firsts[b])) for a, b in pairs_P2[np.argsort(bits_P, kind="stable")]]

    names_tell = [[_names_tell(first, second) for second in sets] for first in sets]

    def match(kind: Kind, pair: tuple[int, int]) -> Match:
        (set_a, a), (set_b, b) = (places[place] for place in pair)
        bits = int(distances(hashes_N4[[pair[0]]], hashes_N4[[pair[1]]])[0])
        people = (sets[set_a].people.names[a], sets[set_b].people.names[b])
        relation = _relation(*people) if names_tell[set_a][set_b] else "unknown"
        return Match(kind, bits, (sets[set_a].name, sets[set_b].name), (a, b), relation)

    return [match("identical", pair) for pair in identical] + [match("near", pair) for pair in near]


def _decoded(some: InspectedSet) -> Iterable[int]:
    return (index for index, facts in enumerate(some.facts) if not facts.error)


def _chains(keys: Iterable[Hashable]) -> list[tuple[int, int]]:
    """The first place of each key with each later one."""
    first_of: dict[Hashable, int] = {}
    return [(first_of[key], place) for place, key in enumerate(keys) if first_of.setdefault(key, place) != place]


def _names_tell(first: InspectedSet, second: InspectedSet) -> bool:
    if first is second:
        return True
    if first.name in OF_TRAINING_PEOPLE and second.name in OF_TRAINING_PEOPLE:
        return first.people.told_by == second.people.told_by
    return comparable(first.people, second.people)


def _relation(first: str, second: str) -> Relation:
    if UNKNOWN in (first, second):
        return "unknown"
    return "one person" if first == second else "two people"


def photographs(sets: Sequence[InspectedSet], matches: Iterable[Match]) -> dict[str, NDArray[np.int64]]:
    """Number of the photograph that each image of each set is, counting matched images as one."""
    starts = dict(zip([some.name for some in sets], np.cumsum([0] + [len(some.facts) for some in sets]), strict=False))
    parents = list(range(sum(len(some.facts) for some in sets)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for match in matches:
        first, second = (int(starts[name]) + index for name, index in zip(match.sets, match.indices, strict=True))
        parents[root(second)] = root(first)
    roots = np.array([root(place) for place in range(len(parents))], dtype=np.int64)
    return {some.name: roots[starts[some.name] : starts[some.name] + len(some.facts)] for some in sets}


def leaks(sets: Sequence[InspectedSet], matches: Sequence[Match]) -> dict[str, dict[str, int]]:
    """For each two sets that share photographs: how many images of the second are in the first, by kind."""
    identical = photographs(sets, [match for match in matches if match.kind == "identical"])
    alike = photographs(sets, matches)
    found = {}
    for first, second in combinations([some.name for some in sets], 2):
        same = int(np.isin(identical[second], identical[first]).sum())
        either = int(np.isin(alike[second], alike[first]).sum())
        if either:
            found[f"{second} in {first}"] = {"identical": same, "near": either - same}
    return found


def trivial_pairs(sets: Sequence[InspectedSet], matches: Sequence[Match]) -> dict[str, dict[str, int]]:
    """For each set of pairs: how many of its genuine and impostor pairs look like one photograph twice."""
    photograph = photographs(sets, matches)
    found = {}
    for name, images in ((some.name, some.images) for some in sets):
        if isinstance(images, PairSource) and images.same is not None:
            twice_P = photograph[name][images.pairs[:, 0]] == photograph[name][images.pairs[:, 1]]
            found[name] = {"genuine": int(twice_P[images.same].sum()), "impostor": int(twice_P[~images.same].sum())}
    return found


def shared_people(sets: Sequence[InspectedSet]) -> dict[str, int | None]:
    """For each two groups of people that should be apart: how many are in both; None where names do not tell."""
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

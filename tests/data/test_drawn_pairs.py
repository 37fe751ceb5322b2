"""Pairs: every one possible and different, spread evenly, the same for the same seed."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facerec.data.drawn_pairs import genuine_pairs, impostor_pairs


def people_of(*counts: int) -> dict[str, list[str]]:
    return {
        f"p{number:03d}": [f"p{number:03d}/{image}" for image in range(count)] for number, count in enumerate(counts)
    }


def person(image: str) -> str:
    return image.partition("/")[0]


def unordered(pairs):
    return {frozenset(pair) for pair in pairs}


SETS = st.lists(st.integers(0, 6), min_size=0, max_size=9).map(lambda counts: people_of(*counts))


@given(SETS, st.integers(1, 20), st.integers(0, 3))
def test_genuine_pairs_are_of_one_person_and_different(people, per_person, seed):
    pairs = genuine_pairs(people, per_person, seed)
    assert all(first != second and person(first) == person(second) for first, second in pairs)
    assert len(unordered(pairs)) == len(pairs)
    counts = Counter(person(first) for first, _ in pairs)
    for name, images in people.items():
        assert counts[name] == min(per_person, len(images) * (len(images) - 1) // 2)


@given(SETS, st.integers(0, 200), st.integers(0, 3))
def test_impostor_pairs_are_of_two_people_and_different(people, count, seed):
    pairs = impostor_pairs(people, count, seed)
    assert all(person(first) != person(second) for first, second in pairs)
    assert len(unordered(pairs)) == len(pairs)
    possible = sum(len(some) * len(others) for some, others in combinations(people.values(), 2))
    assert len(pairs) == min(count, possible)


@pytest.mark.parametrize("number", [2, 3, 7, 8, 51])
@pytest.mark.parametrize("count", [10, 60, 500])
def test_impostor_pairs_are_spread_evenly(number, count):
    people = people_of(*[40] * number)
    pairs = impostor_pairs(people, count, seed=1)
    of_person = Counter(person(image) for pair in pairs for image in pair)
    counts = [of_person[name] for name in people]
    assert max(counts) - min(counts) <= 2
    of_two = Counter(frozenset(map(person, pair)) for pair in pairs)
    all_two = [of_two[frozenset(two)] for two in combinations(people, 2)]
    assert max(all_two) - min(all_two) <= 1


def test_impostor_pairs_use_many_images():
    pairs = impostor_pairs(people_of(*[10] * 20), 400, seed=0)
    assert len({image for pair in pairs for image in pair}) > 190


def test_linked_people_make_no_impostor_pair():
    people = people_of(3, 3, 3, 3)
    pairs = impostor_pairs(people, 99, seed=0, links={"p000": "p000", "p003": "p000"})
    assert len(pairs) == 5 * 9
    assert not any({person(first), person(second)} == {"p000", "p003"} for first, second in pairs)


def test_the_pairs_of_a_person_depend_on_no_other_and_on_the_seed():
    people = people_of(9, 9, 9)
    alone = {"p001": people["p001"]}
    assert set(genuine_pairs(alone, 5, seed=0)) <= set(genuine_pairs(people, 5, seed=0))
    assert genuine_pairs(people, 5, seed=0) != genuine_pairs(people, 5, seed=1)
    assert (
        impostor_pairs(people, 30, seed=0) == impostor_pairs(people, 30, seed=0) != impostor_pairs(people, 30, seed=1)
    )

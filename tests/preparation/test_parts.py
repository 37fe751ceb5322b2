"""Who is in which part: by name and seed alone, and said where there are too few people."""

import hashlib
import re
from collections import Counter

import pytest

from facerec.data.lots import draws, lot
from facerec.preparation import SplitSettings
from facerec.preparation.parts import divide, part_of
from facerec.preparation.photographs import linked_people

PEOPLE = {f"person {number}": 5 for number in range(2000)}


def test_the_parts_have_their_shares():
    counts = Counter(divide(PEOPLE, {}, SplitSettings(shares=(0.5, 0.3, 0.2))).values())
    assert counts["train"] == pytest.approx(1000, abs=90)  # four standard deviations
    assert counts["validation"] == pytest.approx(600, abs=82)
    assert counts["test"] == pytest.approx(400, abs=72)


def test_adding_people_moves_nobody():
    few = {name: PEOPLE[name] for name in list(PEOPLE)[:100]}
    assert divide(PEOPLE, {}, SplitSettings()).items() >= divide(few, {}, SplitSettings()).items()


def test_another_seed_divides_otherwise():
    parts = [divide(PEOPLE, {}, SplitSettings(seed=seed)) for seed in (0, 1)]
    alike = sum(parts[0][name] == parts[1][name] for name in PEOPLE)
    assert alike == pytest.approx(2000 * (0.7**2 + 2 * 0.15**2), abs=90)


def test_the_parts_of_a_seed_never_change():
    """A model trained on an earlier split has seen its people: another version must not move them."""
    for name in PEOPLE:
        digest = hashlib.blake2b(f"7\0person\0{name}".encode(), digest_size=8).hexdigest()
        number = int(digest, 16) % 10_000
        expected = "train" if number < 7000 else "validation" if number < 8500 else "test"
        assert part_of(name, 7, (0.7, 0.15, 0.15)) == expected


@pytest.mark.parametrize("shares", [(85, 15, 0), (0.1, 0.2, 0), (2, 1, 0), (1, 1e-3, 0)])
def test_a_share_of_nothing_gets_nobody(shares):
    fractions = SplitSettings(shares=shares).fractions
    assert {part_of(name, seed, fractions) for name in PEOPLE for seed in range(10)} <= {"train", "validation"}


def test_one_name_in_two_ways_of_unicode_is_in_one_part():
    assert lot("Zo\u00eb") == lot("Zoe\u0308")


@pytest.mark.parametrize("total", [0, 1, 2, 3, 17])
def test_draws_give_each_number_once_in_an_order_of_their_address(total):
    assert sorted(draws(total, "a")) == list(range(total))


def test_draws_are_uniform():
    counts = Counter(tuple(draws(3, number)) for number in range(6000))
    assert len(counts) == 6
    assert all(count == pytest.approx(1000, abs=116) for count in counts.values())


def test_people_who_share_a_photograph_are_linked():
    groups = [["b/1", "d/1"], ["c/1", "e/1"], ["e/2", "a/1", "a/2"], ["f/1", "f/2"]]
    assert linked_people(groups) == {"b": "b", "d": "b", "c": "a", "e": "a", "a": "a"}
    assert set(linked_people([*groups, ["a/3", "d/2"]]).values()) == {"a"}


def test_linked_people_are_kept_together_only_when_asked():
    links = dict.fromkeys(list(PEOPLE)[:50], "person 0")
    apart = divide(PEOPLE, links, SplitSettings())
    together = divide(PEOPLE, links, SplitSettings(keep_together=True))
    assert len({apart[name] for name in links}) == 3
    assert {together[name] for name in links} == {apart["person 0"]}
    others = PEOPLE.keys() - links.keys()
    assert {name: apart[name] for name in others} == {name: together[name] for name in others}


@pytest.mark.parametrize("count", [4, 6, 7, 9, 12])
def test_few_people_get_a_seed_that_divides_them(count):
    """Where seed 0 does not do, the message names one that does."""
    people = {f"p{number}": 2 for number in range(count)}
    shares = (70.0, 15.0, 15.0) if count >= 6 else (50.0, 50.0, 0.0)
    bad = next(seed for seed in range(100) if refused(people, SplitSettings(shares=shares, seed=seed)))
    message = refused(people, SplitSettings(shares=shares, seed=bad))
    assert re.search(rf"--seed {bad} puts \d+ of {count} people", message)
    seed = int(re.search(r"--seed (\d+) gives", message)[1])
    parts = Counter(divide(people, {}, SplitSettings(shares=shares, seed=seed)).values())
    assert min(parts.values()) >= 2
    assert f"gives {parts['train']} to train, {parts['validation']} to validation" in message


def refused(people, settings):
    try:
        divide(people, {}, settings)
    except ValueError as error:
        return str(error)
    return ""


def test_too_few_people_are_said():
    message = refused({"a": 3, "b": 3, "c": 3}, SplitSettings())
    assert "No seed helps" in message
    assert "At least six people of two images (four with --shares 60 40 0, without test people) are needed" in message
    assert "At least four people are needed" in refused({"a": 3, "b": 3, "c": 3}, SplitSettings(shares=(1, 1, 0)))
    of_one_image = {f"p{number}": 1 for number in range(500)}
    assert "0 of 500 people with at least 2 images into train" in refused(of_one_image, SplitSettings())
    assert "into validation, which needs two different" in refused(of_one_image, SplitSettings(min_images=1))
    assert "No seed helps" in refused(dict.fromkeys(PEOPLE, 1), SplitSettings())


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"split train_share=0: must be positive"):
        SplitSettings(shares=(0, 1, 1))
    with pytest.raises(ValueError, match=r"split validation_share=0: must be positive"):
        SplitSettings(shares=(1, 0, 1))
    with pytest.raises(ValueError, match=r"split test_share=-1: must be at least 0"):
        SplitSettings(shares=(1, 1, -1))
    with pytest.raises(ValueError, match=r"split dev_share=1: must be in \[0, 1\)"):
        SplitSettings(dev_share=1)
    with pytest.raises(ValueError, match=r"split near_distance=64: must be in \[0, 63\]"):
        SplitSettings(near_distance=64)
    with pytest.raises(ValueError, match=r"split min_images=0: must be at least 1"):
        SplitSettings(min_images=0)
    with pytest.raises(ValueError, match=r"split pairs_per_person=0"):
        SplitSettings(pairs_per_person=0)
    with pytest.raises(ValueError, match=r"split impostor_ratio=0"):
        SplitSettings(impostor_ratio=0)

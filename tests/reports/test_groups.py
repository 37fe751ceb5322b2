"""Error rates of groups, against a count pair by pair, and groups that cannot be read."""

import math

import numpy as np
import pytest

from facerec.reports import groups_table, rates_of_groups, read_groups

NAMES = {number: f"p{number:02d}" for number in range(24)}
SEXES = {f"p{number:02d}": "f" if number < 12 else "m" for number in range(22)}  # two people are in no group


@pytest.fixture
def pairs():
    """Three images of each of 24 people; people below 12 score higher with each other."""
    generator = np.random.default_rng(0)
    subjects = np.repeat(np.arange(24), 3)
    people = subjects[np.stack(np.triu_indices(72, 1), axis=1)]
    same = people[:, 0] == people[:, 1]
    return generator.normal(2.0 * same + 0.8 * (people < 12).all(1), 1.0), same, people


def test_rates_are_those_of_a_count_pair_by_pair(pairs):
    scores, same, people = pairs
    [found] = rates_of_groups(*pairs, NAMES, {"sex": SEXES}, 1.0)
    for group in found.groups:
        frr, far, across = [], [], []
        for score, is_one, (first, second) in zip(scores, same, people, strict=True):
            groups = [SEXES.get(NAMES[person]) for person in (first, second)]
            if None in groups or group.name not in groups:
                continue
            if groups[0] != groups[1]:
                across.append(score >= 1.0)
            elif is_one:
                frr.append(score < 1.0)
            else:
                far.append(score >= 1.0)
        for rate, expected in ((group.frr, frr), (group.far, far), (group.far_across, across)):
            assert (rate.rate, rate.errors, rate.pairs) == (np.mean(expected), sum(expected), len(expected))
    f, m = found.groups
    assert (f.people, m.people, found.without) == (12, 10, 2)
    assert found.far_ratio == f.far.rate / m.far.rate > 2.0
    assert found.frr_ratio == pytest.approx(max(f.frr.rate, m.frr.rate) / min(f.frr.rate, m.frr.rate))
    assert 0.0 < found.garbe < 1.0
    assert f"{f.far.rate:.2%} (" in groups_table(found)


def test_groups_of_few_people_are_not_compared(pairs):
    few = {f"p{number:02d}": "young" if number < 4 else "old" for number in range(24)} | {"zed": "nobody"}
    [found] = rates_of_groups(*pairs, NAMES, {"age": few}, 1.0)
    assert [group.name for group in found.groups] == ["nobody", "old", "young"]
    assert all(map(math.isnan, (found.frr_ratio, found.far_ratio, found.garbe)))
    table = groups_table(found)
    assert "too few people (4)" in table
    assert "too few people (0)" in table
    assert "largest over smallest" in table


def test_a_file_gives_the_groups_of_each_attribute(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text('\ufeffperson, sex ,origin\nAnn,f,"Oslo, Norway"\n\nBob,m,\n', encoding="utf-8")
    assert read_groups(file) == {"sex": {"Ann": "f", "Bob": "m"}, "origin": {"Ann": "Oslo, Norway"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with ''"),
        ("name,sex\nann,f\n", "begins with 'name,sex': its first line must be person,ATTRIBUTE"),
        ("person\nann\n", "begins with 'person'"),
        ("person,sex,sex\nann,f,f\n", "two columns of one name"),
        ("person,sex\nann,f\nbob\n", "line 3: 2 cells are due, person,sex"),
        ("person,sex\n,f\n", "line 2: 2 cells are due"),
        ("person,sex\nann,f\nbob,m\nann,f\n", "names 'ann' in lines 2 and 4"),
        ("person,sex\n", "names nobody"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_line(text, message, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_groups(file)


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "people.csv").write_bytes(b"person,sex\n\xff\xfe,f\n")
    with pytest.raises(ValueError, match="is no CSV in UTF-8"):
        read_groups(tmp_path / "people.csv")
    with pytest.raises(FileNotFoundError, match="person,ATTRIBUTE"):
        read_groups(tmp_path / "none.csv")

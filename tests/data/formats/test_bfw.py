"""BFW: its table as distributed, with an index, scores of others and groups."""

import numpy as np
import pytest

from facerec.data import BFWPairs
from tests.data.cases import encoded, shows

HEADING = "fold,p1,p2,label,id1,id2,att1,att2,vgg16,resnet50,senet50,a1,a2,g1,g2,e1,e2,sphereface"
GROUPS = {"asian_females": ("AF", "F", "A"), "white_males": ("WM", "M", "W")}
PEOPLE = {"n000009": "asian_females", "n000010": "asian_females", "n000021": "white_males", "n000022": "white_males"}


def row(fold, first, second):
    (one, image), (other, another) = first, second
    tags = [GROUPS[PEOPLE[person]] for person in (one, other)]
    cells = [fold, f"{PEOPLE[one]}/{one}/{image}.jpg", f"{PEOPLE[other]}/{other}/{another}.jpg", int(one == other)]
    cells += [list(PEOPLE).index(one), list(PEOPLE).index(other), PEOPLE[one], PEOPLE[other], 0.82, 0.7, 0.68]
    cells += [tag for pair in zip(*tags, strict=True) for tag in pair]
    return ",".join(map(str, [*cells, -0.009]))


@pytest.fixture
def bfw(tmp_path):
    for place, (person, group) in enumerate(PEOPLE.items()):
        (tmp_path / "faces" / group / person).mkdir(parents=True)
        for image in (1, 2):
            (tmp_path / "faces" / group / person / f"{image}.jpg").write_bytes(encoded(20 * place + image))
    rows = [row(fold, (one, 1), (one, 2)) for fold, one in enumerate(PEOPLE, 1)]
    rows += [row(1, ("n000009", 1), ("n000010", 2)), row(5, ("n000021", 1), ("n000022", 2))]
    (tmp_path / "bfw.csv").write_text("\n".join([HEADING, *rows]) + "\n")
    return tmp_path


def test_folds_people_and_groups_are_those_of_the_table(bfw):
    source = BFWPairs(str(bfw / "faces"), str(bfw / "bfw.csv"))
    source.check()
    assert source.same.tolist() == [True] * 4 + [False] * 2
    assert source.folds.tolist() == [1, 2, 3, 4, 1, 5]
    assert source.people == frozenset(PEOPLE)
    assert source.groups["subgroup"] == PEOPLE
    assert source.groups["gender"] == {person: GROUPS[group][1] for person, group in PEOPLE.items()}
    assert source.groups["ethnicity"]["n000022"] == "W"
    np.testing.assert_array_equal(source.subjects, np.repeat(np.arange(4), 2))
    assert shows(22, int(source.pairs[4, 1]))(source)


def test_an_index_and_other_columns_do_not_matter(bfw):
    lines = (bfw / "bfw.csv").read_text().splitlines()
    lines = ["," + lines[0].upper(), "", *(f"{place},{line}" for place, line in enumerate(lines[1:]))]
    (bfw / "bfw.csv").write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    assert BFWPairs(str(bfw / "faces"), str(bfw / "bfw.csv")).folds.tolist() == [1, 2, 3, 4, 1, 5]


def test_who_is_in_two_groups_is_in_none(bfw):
    text = (bfw / "bfw.csv").read_text()
    (bfw / "bfw.csv").write_text(text.replace("AF,AF,F,F,A,A", "AF,AF,F,M,A,A", 1))
    groups = BFWPairs(str(bfw / "faces"), str(bfw / "bfw.csv")).groups
    assert "n000009" not in groups["gender"]
    assert groups["ethnicity"]["n000009"] == "A"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",label,", ",same,", "bfw.csv:1: no column 'label'"),
        ("2.jpg,1,0,0", "2.jpg,yes,0,0", "bfw.csv:2: label 'yes'"),
        ("\n2,asian", "\nsecond,asian", "bfw.csv:3: label 'second' is not a whole number"),
        (
            "n000009/1.jpg,asian_females/n000009/2.jpg",
            "n000009/1.jpg,asian_females/n000009/1.jpg",
            "is paired with itself",
        ),
        ("asian_females/n000009/2.jpg", "../n000009/2.jpg", "bfw.csv:2: .*leaves the folder"),
        ("asian_females/n000009/2.jpg", "", "bfw.csv:2: 'p2' is empty"),
        (",-0.009", "", "bfw.csv:2: 17 cells, and 18 columns are named"),
    ],
)
def test_a_malformed_row_is_named(bfw, old, new, message):
    text = (bfw / "bfw.csv").read_text()
    assert old in text
    (bfw / "bfw.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        BFWPairs(str(bfw / "faces"), str(bfw / "bfw.csv")).check()


def test_what_is_no_table_is_refused(bfw):
    (bfw / "bfw.csv").write_text(HEADING + "\n")
    with pytest.raises(ValueError, match="holds no pairs"):
        BFWPairs(str(bfw / "faces"), str(bfw / "bfw.csv")).check()
    (bfw / "bfw.csv").write_bytes(b"fold,p1,p2,label\n1,\xff,b,1\n")
    with pytest.raises(ValueError, match="is no CSV in UTF-8"):
        BFWPairs(str(bfw / "faces"), str(bfw / "bfw.csv")).check()
    with pytest.raises(FileNotFoundError, match="columns fold,p1,p2,label"):
        BFWPairs(str(bfw / "faces"), str(bfw / "none.csv")).check()

"""All pairs of labelled images."""

import pytest

from facerec.data import AllPairs, ListImages, ORLImages


def test_its_check_is_that_of_the_images(tmp_path):
    (tmp_path / "labels.txt").write_text("1.png 0\n2.png 1\n")
    with pytest.raises(FileNotFoundError, match=r"labels.txt:1: names .*1.png, which is not there"):
        AllPairs(ListImages(str(tmp_path), str(tmp_path / "labels.txt"))).check()


def test_subjects_and_people_are_those_of_the_labels():
    pairs = AllPairs(ORLImages("val"))
    same = pairs.subjects[pairs.pairs[:, 0]] == pairs.subjects[pairs.pairs[:, 1]]
    assert (same == pairs.same).all()
    assert pairs.people == {f"s{number}" for number in range(25, 31)}


def test_a_setting_that_cannot_work_says_so():
    with pytest.raises(ValueError, match="AllPairs max_images=0: must be at least 1"):
        AllPairs(ORLImages("val"), max_images=0)

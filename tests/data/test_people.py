"""The person on each image, and the people in two sets."""

import unicodedata

import pytest

from facerec.data import ListImages
from facerec.data.people import People, are_numbers, in_both, people_of
from tests.conftest import save_face


def test_an_accent_written_in_two_ways_is_one_name():
    first, second = (People([unicodedata.normalize(form, "José")], "folder") for form in ("NFC", "NFD"))
    assert len(in_both(first, second)) == 1


@pytest.mark.parametrize(
    ("names", "counts"),
    [({"0", "1", "2"}, True), ({"1", "2"}, True), ({"2", "3"}, False), ({"0", "2"}, False), ({"00", "01"}, False)],
)
def test_numbers_that_only_count(names, counts):
    assert are_numbers(names) is counts


def test_folders_name_people_where_they_are_the_classes(tmp_path):
    """Else the labels do."""
    for name in ("ann/1.png", "ann/2.png", "bob/1.png"):
        save_face(1, 1, tmp_path / name)

    def people(lines):
        (tmp_path / "labels.txt").write_text(lines)
        return people_of(ListImages(str(tmp_path), str(tmp_path / "labels.txt")))

    assert people("ann/1.png 7\nann/2.png 7\nbob/1.png 9\n") == (["ann", "ann", "bob"], "folder")
    assert people("ann/1.png 7\nann/2.png 9\nbob/1.png 9\n") == (["7", "9", "9"], "label")
    assert people("ann/1.png 7\nann/2.png 7\n") == (["7", "7"], "label")  # one folder may be that of all images

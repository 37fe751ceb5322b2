"""A list of paths in two arrays."""

import pytest

from facerec.data.paths import PathList


def test_path_list_keeps_any_name(tmp_path):
    names = ["a.jpg", "", "folder/b c.jpg", "ünï/çödé\n.png", "\udcff.jpg"]
    paths = PathList("/faces", names)
    assert len(paths) == 5
    assert [paths.relative(index) for index in range(5)] == names
    assert paths[2] == "/faces/folder/b c.jpg"
    with pytest.raises(IndexError):
        paths.relative(5)


def test_a_list_of_arrays_is_the_list_they_are_from():
    paths = PathList("/faces", ["ann/1.png", "bob/ü.png"])
    again = PathList.of_arrays("/faces", *paths.arrays)
    assert list(again) == list(paths)
    assert again[1] == "/faces/bob/ü.png"

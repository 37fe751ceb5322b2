"""Half a million files are looked for by listing folders, and kept in arrays."""

import os
from pathlib import Path

import pytest

from facerec.data import ListImages, presence
from facerec.data.paths import PathList
from facerec.data.presence import first_missing


@pytest.fixture
def many(tmp_path):
    """Two large folders, a small one, and a file beside them."""
    names = [f"{folder}/{number}.jpg" for folder in ("a", "b c") for number in range(40)] + ["d/e/0.jpg", "top.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return PathList(tmp_path, names)


def test_all_there_and_each_that_is_not(many):
    assert first_missing(many) is None
    for index in (0, 39, 40, 80, 81):
        os.unlink(many[index])
        assert first_missing(many) == index
        Path(many[index]).touch()
    os.unlink(many[3])
    os.mkdir(many[3])  # a folder is no file
    assert first_missing(many) == 3


def test_large_folders_are_listed_and_their_files_not_asked_for(many, monkeypatch):
    asked = []
    monkeypatch.setattr(presence.os.path, "isfile", lambda path: asked.append(path) or Path(path).exists())
    assert first_missing(many) is None
    assert asked == [many[80], many[81]]


def test_what_a_listing_hides_is_asked_for(many, monkeypatch):
    """As on a file system that folds case, or where a folder may be entered but not listed."""
    monkeypatch.setattr(presence, "_files", lambda folder: set())
    assert first_missing(many) is None
    os.unlink(many[7])
    assert first_missing(many) == 7


def test_links_are_followed(tmp_path):
    names = [f"{number}.jpg" for number in range(20)]
    (tmp_path / "real").touch()
    for name in names:
        (tmp_path / name).symlink_to(tmp_path / "real")
    paths = PathList(tmp_path, names)
    assert first_missing(paths) is None
    (tmp_path / "5.jpg").unlink()
    (tmp_path / "5.jpg").symlink_to(tmp_path / "5.jpg")  # a loop
    assert first_missing(paths) == 5


def test_a_list_is_held_in_arrays_whatever_its_length(tmp_path):
    """What goes to a worker is a few arrays: bytes grow with the paths, objects do not."""
    names = [f"n{number // 50:06d}/{number:08d}_01.jpg" for number in range(5000)]
    (tmp_path / "labels.txt").write_text("".join(f"{name} {number // 50}\n" for number, name in enumerate(names)))
    source = ListImages(str(tmp_path), str(tmp_path / "labels.txt"))
    listing = source.find()
    ends, joined = listing.paths.arrays
    assert ends.nbytes + joined.nbytes + listing.labels.nbytes == 5000 * (8 + 8 + len(names[0]))
    assert not any(isinstance(value, (list, tuple, dict)) for value in vars(listing.paths).values())
    assert list(listing.paths) == names
    assert len(listing.identities) == 100


def test_missing_image_of_a_long_list_is_named(tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.jpg").touch()
    (tmp_path / "labels.txt").write_text("".join(f"{number}.jpg 0\n" for number in range(31)))
    with pytest.raises(FileNotFoundError, match=r"labels.txt:31: names .*30.jpg, which is not there"):
        ListImages(str(tmp_path), str(tmp_path / "labels.txt")).check()

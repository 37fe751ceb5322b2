"""Folders aligned from Python, without a detector; tests/cli/test_align.py has the command and the detectors."""

import json
import os

import numpy as np
import pytest

from facerec.align import TEMPLATES, align_face
from facerec.data import read_image
from facerec.data.formats.landmarks import landmark_line, read_landmarks
from facerec.preparation import ByCentre, ByLandmarks, align_folder, one_image
from facerec.preparation.one_image import FolderWork
from tests.conftest import save_face

NAMES = ["a/1.png", "a/2.png", "b.png"]
POINTS = np.array([(29, 47), (61, 47), (45, 68), (32, 85), (58, 85)], dtype=float)


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate(NAMES, start=1):
        save_face(number, 1, tmp_path / "photos" / name)
    return tmp_path / "photos"


def by_points(photos, shift=0.0):
    """The way of a list of the same points, moved by so many pixels, in every image."""
    listed = photos.parent / "points.txt"
    listed.write_text("".join(landmark_line(name, (POINTS + shift).tolist()) for name in NAMES))
    return ByLandmarks(str(listed), str(photos), "112x112", detector="mtcnn")


class Killed(BaseException):
    """As sudden as a signal."""


def kill_after(name, monkeypatch):
    """Die when this image is there, and nothing says so yet."""
    work = FolderWork.__getitem__

    def align_and_die(self, index):
        outcome = work(self, index)
        if outcome.name == name:
            raise Killed
        return outcome

    monkeypatch.setattr(FolderWork, "__getitem__", align_and_die)


def test_what_became_of_a_folder(photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"<html>")
    (photos / "c.png").write_bytes((photos / "b.png").read_bytes())
    out = tmp_path / "out"
    done = align_folder(photos, out, by_points(photos))
    assert done == (3, 0, 0, {"unreadable": 1, "not listed": 1}, [], [])
    assert (read_image(out / "b.png") == align_face(read_image(photos / "b.png"), POINTS, TEMPLATES["112x112"])).all()
    assert read_landmarks(out / "landmarks.txt", out).names == NAMES
    (out / "stray.png").write_bytes((out / "b.png").read_bytes())
    assert align_folder(photos, out, by_points(photos)) == (
        0,
        3,
        0,
        {"unreadable": 1, "not listed": 1},
        ["stray.png"],
        [],
    )
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == [
        "alignment.json", "b.png", "landmarks.txt", "stray.png", "unaligned.txt",
    ]  # fmt: skip


@pytest.mark.parametrize("killed_at", NAMES)
def test_a_killed_run_goes_on(photos, tmp_path, monkeypatch, killed_at):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        kill_after(killed_at, patch)
        with pytest.raises(Killed):
            align_folder(photos, out, by_points(photos))
    assert json.loads((out / "alignment.json").read_text())["complete"] is False
    assert not (out / "landmarks.txt").exists()
    noted = NAMES.index(killed_at)  # the image that is there without its points is made again
    assert align_folder(photos, out, by_points(photos)) == (3 - noted, noted, 0, {}, [], [])
    assert read_landmarks(out / "landmarks.txt", out).names == NAMES
    assert not (out / "alignment.journal").exists()


def test_old_points_are_not_taken_for_those_of_a_new_image(photos, tmp_path, monkeypatch):
    """Killed when the image is made by the new points and the list still has the old ones; then the old ones again."""
    out = tmp_path / "out"
    align_folder(photos, out, by_points(photos))
    before = {name: (out / name).read_bytes() for name in NAMES}
    with monkeypatch.context() as patch:
        kill_after(NAMES[0], patch)
        with pytest.raises(Killed):
            align_folder(photos, out, by_points(photos, shift=4))
    assert (out / NAMES[0]).read_bytes() != before[NAMES[0]]
    assert align_folder(photos, out, by_points(photos)).made == 1 + 2
    assert {name: (out / name).read_bytes() for name in NAMES} == before
    np.testing.assert_array_equal(read_landmarks(out / "landmarks.txt", out).points, np.stack([POINTS] * 3))


def test_points_of_another_way_are_not_taken_from_the_journal(photos, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        kill_after(NAMES[2], patch)
        with pytest.raises(Killed):
            align_folder(photos, out, by_points(photos))
    record = json.loads((out / "alignment.json").read_text())
    (out / "alignment.json").write_text(json.dumps(record | {"version": "2"}))
    with pytest.raises(ValueError, match="was begun with other settings: version='2' before, '' now"):
        align_folder(photos, out, by_points(photos))


def test_a_centre_crop_leaves_a_list_of_landmarks_alone(photos, tmp_path):
    out = tmp_path / "out"
    assert align_folder(photos, out, ByCentre("96x112")).made == 3
    listed = "".join(landmark_line(name, POINTS.tolist()) for name in NAMES[:2])
    (out / "landmarks.txt").write_text(listed)
    assert align_folder(photos, out, ByCentre("96x112")).kept == 3
    assert (out / "landmarks.txt").read_text() == listed


def test_a_photograph_that_changed_is_aligned_again(photos, tmp_path):
    out = tmp_path / "out"
    align_folder(photos, out, ByCentre("112x112"))
    save_face(9, 9, photos / "b.png")
    os.utime(photos / "b.png", ns=(10**18, 10**18))
    assert align_folder(photos, out, ByCentre("112x112"))[:2] == (1, 2)
    assert (out / "b.png").stat().st_mtime_ns == 10**18


def test_workers_below_zero_are_refused(photos, tmp_path):
    with pytest.raises(ValueError, match="align_folder workers=-1: must be at least 0"):
        align_folder(photos, tmp_path / "out", ByCentre("112x112"), workers=-1)
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_half_written(photos, tmp_path, monkeypatch):
    def fail(path, content):
        if path.name in ("b.png", "unaligned.txt"):
            raise OSError("disk full")
        write(path, content)

    write = one_image.write_whole
    monkeypatch.setattr(one_image, "write_whole", fail)
    with pytest.raises(OSError, match="disk full"):
        align_folder(photos, tmp_path / "out", by_points(photos))
    assert not (tmp_path / "out" / "b.png").exists()
    monkeypatch.undo()
    assert align_folder(photos, tmp_path / "out", by_points(photos))[:2] == (1, 2)


def test_a_folder_of_which_the_list_names_nothing_is_refused_with_the_folder_that_is_meant(photos, tmp_path):
    way = by_points(photos)
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / "images").symlink_to(photos)
    with pytest.raises(
        ValueError, match=r"names none of the \d+ images in .*outer: its names are relative to .*outer/images: "
    ):
        align_folder(outer, tmp_path / "out", way)
    assert not (tmp_path / "out").exists()
    inner = next(folder for folder in photos.rglob("*") if folder.is_dir())
    with pytest.raises(ValueError, match=r"it names '.*', and the folder holds '.*'"):
        align_folder(inner, tmp_path / "out", way)

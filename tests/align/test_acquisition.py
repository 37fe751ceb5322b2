"""Failure to acquire, counted from what a real alignment left behind."""

import pytest
from PIL import Image

from facerec.align import Acquisition, acquisition_of
from facerec.align.record import Alignment, record_text
from facerec.preparation import ByLandmarks, align_folder

POINTS = "\t".join(map(str, (38, 52, 74, 52, 56, 72, 42, 92, 71, 92)))


def test_images_without_points_count_in_the_folders_of_the_images(tmp_path):
    for name in ("ann/1.png", "ann/2.png", "ann/3.png", "bob/1.png", "eve/1.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (112, 112)).save(path)
    (tmp_path / "photos" / "bob" / "2.png").write_text("no image")
    listed = ("ann/1.png", "ann/2.png", "bob/1.png", "bob/2.png")
    (tmp_path / "points.txt").write_text("".join(f"{name}\t{POINTS}\n" for name in listed))
    faces = tmp_path / "faces"
    done = align_folder(
        tmp_path / "photos", faces, ByLandmarks(tmp_path / "points.txt", tmp_path / "photos", "112x112")
    )
    assert dict(done.problems) == {"not listed": 2, "unreadable": 1}
    names = [str(faces / name) for name in ("ann/1.png", "ann/2.png", "bob/1.png")]
    assert acquisition_of(names) == Acquisition(images=5, without_face=2)
    assert acquisition_of(names[:2]) == Acquisition(images=3, without_face=1)
    assert str(acquisition_of(names[2:])) == "no usable face in 1 of 2 images (FTA 50.00%)"


def test_images_without_a_record_or_without_any_left_out(tmp_path):
    assert acquisition_of([]) is None
    assert acquisition_of([str(tmp_path / "a.png")]) is None
    (tmp_path / "alignment.json").write_text(record_text(Alignment("yunet", "", "112x112")))
    assert acquisition_of([str(tmp_path / "a.png")]) == Acquisition(1, 0)
    assert Acquisition(0, 0).fta == 0.0
    (tmp_path / "alignment.json").write_text(record_text(Alignment("yunet", "", "112x112"), complete=False))
    with pytest.raises(ValueError, match="not aligned to the end"):
        acquisition_of([str(tmp_path / "a.png")])

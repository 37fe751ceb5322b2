"""`facerec identify`: the people of a gallery, and strangers."""

import csv
from pathlib import Path

import numpy as np
import pytest

from facerec.align import Alignment, default_detector
from facerec.align.record import RECORD_FILE, record_text
from facerec.inference import Embedder
from facerec.inference.gallery import Gallery
from tests.cli.conftest import assert_refused, run
from tests.conftest import face, save_face


def test_enroll_and_identify(model, people, tmp_path, capsys) -> None:
    gallery = tmp_path / "gallery.npz"
    assert run("enroll", people, *model, "--output", gallery) == 1  # an image is broken; the rest is done
    captured = capsys.readouterr()
    assert "3 people from 8 images" in captured.out
    assert "1 of 9 images could not be used" in captured.err
    with np.load(gallery) as stored:
        assert stored["names"].tolist() == ["s1", "s2", "s3"]
        assert stored["counts"].tolist() == [3, 3, 2]
    probes = [people / "s1" / "1.png", people / "s2" / "2.png"]
    search = ["--gallery", gallery, *model]
    assert run("identify", *probes, *search, "--threshold", -1) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[1:3]] == [str(probe) for probe in probes]
    assert all(row[1] in ("s1", "s2", "s3") and row[1] != row[3] for row in rows[1:3])
    assert all(float(row[2]) >= float(row[4]) for row in rows[1:3])
    assert run("identify", *probes, *search, "--threshold", 1.0) == 1
    assert capsys.readouterr().out.count("no correspondence") == 2
    assert run("identify", people, *search) == 2
    assert "3.png does not decode" in capsys.readouterr().err


def test_a_gallery_knows_how_its_faces_were_aligned_before(model, people, tmp_path, capsys) -> None:
    (people / "s3" / "3.png").unlink()
    gallery = tmp_path / "gallery.npz"
    (people / RECORD_FILE).write_text(record_text(Alignment("opencv", "", "112x112")))
    assert run("enroll", people, *model, "--output", gallery) == 0
    assert Gallery.load(gallery).alignment == "opencv 112x112"
    search = ("--gallery", gallery, *model, "--threshold", -1)
    assert run("identify", people / "s1" / "1.png", *search) == 0
    with pytest.warns(UserWarning, match="by opencv 112x112 and these by unknown"):
        assert run("identify", face(1, 1), *search) == 0
    capsys.readouterr()
    assert run("identify", face(1, 1), *search, "--align") == 2
    assert f"by opencv 112x112 and these by {default_detector()} 112x112" in capsys.readouterr().err


def test_a_bad_gallery_is_an_error_and_no_answer(model, tmp_path, capsys) -> None:
    (tmp_path / "empty.npz").touch()
    known = {"names": ["ada"], "templates": np.full((1, 16), np.nan), "mean_norms": [1.0], "counts": [1]}
    np.savez(tmp_path / "nan.npz", **known, fingerprint=Embedder.from_checkpoint(model[1]).fingerprint, alignment="")
    for name, message in (("nan.npz", "embeddings contain NaN or inf: 1 of 1"), ("empty.npz", "is not a gallery")):
        assert_refused(message, capsys, "identify", face(1, 1), "--gallery", tmp_path / name, *model)


@pytest.fixture
def gallery(model, tmp_path) -> Path:
    """Five people with two images each."""
    for person in range(1, 6):
        for image in (1, 2):
            save_face(person, image, tmp_path / "enrolled" / f"s{person}" / f"{image}.png")
    assert run("enroll", tmp_path / "enrolled", *model, "--output", tmp_path / "g.npz") == 0
    return tmp_path / "g.npz"


@pytest.fixture
def probes(tmp_path) -> Path:
    """A folder of six probes, four of them of enrolled people."""
    for place, person in enumerate((1, 2, 3, 4, 11, 12)):
        save_face(person, 5, tmp_path / "probes" / f"{place:04d}.png")
    return tmp_path / "probes"


def test_answers_to_a_file(model, gallery, probes, tmp_path, capsys) -> None:
    """The CSV holds what is printed, and the cosine of each answer by hand."""
    capsys.readouterr()
    command = ("identify", probes, *model, "--gallery", gallery, "--threshold", 0.99)
    for match in ("mean", "image"):
        output = tmp_path / f"{match}.csv"
        assert run(*command, "--match", match, "--output", output) == 1
        printed = [line.split("\t") for line in capsys.readouterr().out.splitlines() if line.startswith(str(probes))]
        with output.open() as file:
            rows = list(csv.DictReader(file))
        assert [(row["probe"], row["identity"]) for row in rows] == [(line[0], line[1]) for line in printed]
        embedder = Embedder.from_checkpoint(model[1])
        known = Gallery.load(gallery)
        enrolled = known.images.embeddings if match == "image" else known.templates_PD
        for row in rows:
            direction = embedder(row["probe"])[0].double()
            best = (enrolled.double() @ (direction / direction.norm())).max()
            assert float(row["score"]) == pytest.approx(float(best), abs=1e-4)
            assert (row["identity"] == "no correspondence") == (float(row["score"]) < 0.99)


def test_a_submission_of_the_course(model, gallery, probes, tmp_path, capsys) -> None:
    (probes / "0003.png").write_text("no image")
    capsys.readouterr()
    out = tmp_path / "submission.csv"
    command = ("identify", probes, *model, "--gallery", gallery, "--submission", out, "--nobody", "n000000")
    assert run(*command, "--threshold", 1.0, "--fill", "?") == 2  # an image cannot be used
    assert out.read_text().splitlines() == ["id,label", *(f"{n},{'?' if n == 3 else 'n000000'}" for n in range(6))]
    assert "1 of images that cannot be used hold '?'" in capsys.readouterr().out
    sample = tmp_path / "sample.csv"
    sample.write_text("Image,Label\n" + "".join(f"{n:04d}.png,x\n" for n in reversed(range(6))))
    assert run(*command, "--threshold", -1, "--sample", sample) == 2
    lines = out.read_text().splitlines()
    assert lines[0] == "Image,Label"
    assert [line.split(",")[0] for line in lines[1:]] == [f"{n:04d}.png" for n in reversed(range(6))]
    assert all(line.split(",")[1] in ("", "s1", "s2", "s3", "s4", "s5") for line in lines[1:])
    sample.write_text("id,label\n0,x\n")
    assert run(*command, "--threshold", -1, "--sample", sample) == 2
    assert "6 predictions and 1 rows in" in capsys.readouterr().err


def test_validation_probes_choose_the_threshold(model, gallery, probes, tmp_path, capsys) -> None:
    """Against a loop over the thresholds; the probes that are answered are others."""
    people = {"s1": 6, "s2": 6, "s3": 6, "s20": 1, "s21": 1, "s22": 1}
    lines = []
    for person, image in people.items():
        save_face(int(person[1:]), image, tmp_path / "val" / f"{person}.png")
        lines.append(f"{tmp_path}/val/{person}.png {person}\n")
    listed = tmp_path / "val.txt"
    listed.write_text("".join(lines))
    capsys.readouterr()
    search = (*model, "--gallery", gallery, "--val_probes", listed)
    assert run("identify", *search) == 0
    told = capsys.readouterr().out.splitlines()
    known, embedder = Gallery.load(gallery), Embedder.from_checkpoint(model[1])
    found = {person: known.search(embedder(f"{tmp_path}/val/{person}.png"))[0] for person in people}
    accuracies = {}
    for threshold in np.arange(-1.0, 1.0, 0.005):
        right = [
            match.score < threshold if person not in known.names else match.name == person and match.score >= threshold
            for person, match in found.items()
        ]
        accuracies[threshold] = np.mean(right)
    best = max(accuracies, key=lambda threshold: (accuracies[threshold], threshold))
    assert told[0].startswith(f"# threshold {best:.4f}, the best of 400 on 6 validation probes: {accuracies[best]:.2%}")
    assert "these probes chose the threshold" in told[2]
    assert "the model's own threshold" in told[3]
    assert run("identify", probes, *search, "--grid", 0.5, 1, 0.1) in (0, 1)
    assert "the best of 5 on 6 validation probes" in capsys.readouterr().out
    with pytest.warns(UserWarning, match="6 of the images are validation probes too"):
        run("identify", tmp_path / "val", *search)
    capsys.readouterr()
    listed.write_text("".join(lines[:3]))
    assert_refused("3 probes of enrolled people and 0 of strangers", capsys, "identify", *search)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give images, or --val_probes"),
        (("a.png", "--val_probes", "b", "--threshold", 0.5), "both give the threshold"),
        (("a.png", "--grid", 0, 1, 0.1), "--grid needs --val_probes"),
        (("a.png", "--sample", "a.csv"), "--sample belongs to --submission"),
        (("--val_probes", "b", "--output", "c.csv"), "c.csv needs images to identify"),
    ],
)
def test_options_that_do_not_go_together(options, message, capsys) -> None:
    assert_refused(message, capsys, "identify", *options, "--gallery", "g.npz", "--ckpt_path", "x.ckpt")


@pytest.mark.parametrize("grid", [(1, 0, 0.1), (-2, 1, 0.1), (0, 1, 0), (0, 1, 1e-9)])
def test_a_grid_is_one_of_cosines(grid, capsys) -> None:
    command = ("identify", "--val_probes", "v.txt", "--gallery", "g.npz", "--ckpt_path", "x.ckpt", "--grid", *grid)
    assert_refused("give LOW HIGH STEP, cosines in [-1, 1]", capsys, *command)


def test_copies_and_look_alikes_are_told_when_people_are_enrolled(model, tmp_path, capsys) -> None:
    for person in (1, 2, 3):
        for image in (1, 2):
            save_face(person, image, tmp_path / "people" / f"s{person}" / f"{image}.png")
    save_face(1, 1, tmp_path / "people" / "s1" / "again.png")
    save_face(2, 1, tmp_path / "people" / "s3" / "wrong.png")
    with pytest.warns(UserWarning, match="there twice") as caught:
        assert run("enroll", tmp_path / "people", *model, "--output", tmp_path / "g.npz") == 0
    said = "\n".join(str(one.message) for one in caught)
    assert "again.png (s1)" in said
    assert "1 image is there under two names" in said
    assert "wrong.png (s3)" in said
    assert run("enroll", tmp_path / "people", *model, "--output", tmp_path / "m.npz", "--means_only") == 0
    assert Gallery.load(tmp_path / "m.npz").images is None
    capsys.readouterr()
    search = (face(1, 1), "--gallery", tmp_path / "m.npz", *model)
    assert_refused("keeps means alone", capsys, "identify", *search, "--match", "image", "--threshold", 0)
    with pytest.warns(UserWarning, match="so the new images are not kept either"):
        assert run("enroll", tmp_path / "people", *model, "--output", tmp_path / "m.npz", "--add") == 0

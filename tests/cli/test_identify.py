"""`facerec identify`: the people of a gallery, and strangers."""

import numpy as np
import pytest

from facerec.align import Alignment
from facerec.align.record import RECORD_FILE, record_text
from facerec.inference import Embedder
from facerec.inference.gallery import Gallery
from tests.cli.conftest import assert_refused, run
from tests.conftest import face


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
    (people / RECORD_FILE).write_text(record_text(Alignment("mtcnn", "", "112x112")))
    assert run("enroll", people, *model, "--output", gallery) == 0
    assert Gallery.load(gallery).alignment == "mtcnn 112x112"
    search = ("--gallery", gallery, *model, "--threshold", -1)
    assert run("identify", people / "s1" / "1.png", *search) == 0
    with pytest.warns(UserWarning, match="by mtcnn 112x112 and these by unknown"):
        assert run("identify", face(1, 1), *search) == 0
    capsys.readouterr()
    assert run("identify", face(1, 1), *search, "--align") == 2
    assert "by mtcnn 112x112 and these by yunet 112x112" in capsys.readouterr().err


def test_a_bad_gallery_is_an_error_and_no_answer(model, tmp_path, capsys) -> None:
    (tmp_path / "empty.npz").touch()
    known = {"names": ["ada"], "templates": np.full((1, 16), np.nan), "mean_norms": [1.0], "counts": [1]}
    np.savez(tmp_path / "nan.npz", **known, fingerprint=Embedder.from_checkpoint(model[1]).fingerprint, alignment="")
    for name, message in (("nan.npz", "embeddings contain NaN or inf: 1 of 1"), ("empty.npz", "is not a gallery")):
        assert_refused(message, capsys, "identify", face(1, 1), "--gallery", tmp_path / name, *model)

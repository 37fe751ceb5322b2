"""`facerec verify` on a checkpoint of `facerec fit`: scores, decisions, and what goes wrong."""

import re
import sys

import pytest
import torch

from facerec.align import Alignment
from facerec.align.record import RECORD_FILE, record_text
from tests.cli.conftest import assert_refused, cosine, run
from tests.conftest import face, save_face


def test_verify_says_yes_no_and_error_by_its_exit_status(model, capsys) -> None:
    score = cosine(model, face(1, 1), face(2, 1))
    assert run("verify", face(1, 1), face(2, 1), *model, "--threshold", score - 0.01) == 0
    text = capsys.readouterr().out
    assert float(re.search(r"score +(-?[\d.]+)", text)[1]) == pytest.approx(score, abs=1e-3)
    assert "decision   same person" in text
    assert run("verify", face(1, 1), face(2, 1), *model, "--threshold", 0.5 * (score + 1.0)) == 1
    assert "different people" in capsys.readouterr().out
    assert run("verify", face(1, 1), "nothing.jpg", *model) == 2
    captured = capsys.readouterr()
    assert "no image at nothing.jpg" in captured.err
    assert "decision" not in captured.out
    assert run("verify", face(1, 1), *model) == 2
    assert "give two images" in capsys.readouterr().err


def test_verify_takes_the_calibrated_threshold_and_pairs_of_a_file(model, tmp_path, monkeypatch, capsys) -> None:
    for person, image in ((1, 1), (1, 2), (2, 1)):
        save_face(person, image, tmp_path / f"{person}_{image}.png")
    (tmp_path / "broken.png").write_text("no image")
    (tmp_path / "pairs.txt").write_text("1_1.png 1_1.png\n1_1.png 2_1.png\nbroken.png 1_2.png\n")
    assert run("verify", "--pairs", tmp_path / "pairs.txt", "--images", tmp_path, *model) == 2
    captured = capsys.readouterr()
    rows = [line.split("\t") for line in captured.out.splitlines()]
    assert rows[1][2:] == ["1.000000", "same person"]
    assert rows[2][2] != "nan"
    assert rows[3][2:] == ["nan", "unknown"]
    assert "1 of 4 images could not be used" in captured.err
    calibration = torch.load(model[1], weights_only=True)["facerec"]["calibration"]
    assert f"# threshold {calibration['threshold']:.4f}" in captured.out
    assert f"FAR {calibration['far']:.2%}, FRR {calibration['frr']:.2%}" in captured.out
    (tmp_path / "same.txt").write_text(f"{face(1, 1)} {face(1, 1)}\n")
    monkeypatch.setattr("sys.stdin", (tmp_path / "same.txt").open())
    assert run("verify", "--pairs", "-", *model) == 0


def test_align_without_the_extra_says_what_to_install(model, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "yuface", None)  # as Python does with a package that is not there
    assert run("verify", face(1, 1), face(1, 2), *model, "--align") == 2
    assert 'pip install "facerec[align]"' in capsys.readouterr().err


def test_images_aligned_otherwise_than_the_training_ones_are_told(orl_run, tmp_path, capsys) -> None:
    checkpoint = torch.load(next(orl_run.rglob("last.ckpt")), weights_only=True)
    checkpoint["facerec"]["alignment"] = Alignment("mtcnn", "", "112x112").as_dict()
    torch.save(checkpoint, tmp_path / "of_aligned_faces.ckpt")
    of_aligned = ("--ckpt_path", tmp_path / "of_aligned_faces.ckpt")
    for name in ("a.png", "b.png"):
        save_face(1, 1, tmp_path / name)
    pair = (tmp_path / "a.png", tmp_path / "b.png", *of_aligned)
    assert run("verify", *pair) == 0
    assert "a.png is 92x112, and the model was trained on faces aligned to 112x112" in capsys.readouterr().err
    (tmp_path / RECORD_FILE).write_text(record_text(Alignment("mtcnn", "", "112x112")))
    assert run("verify", *pair) == 0
    assert "aligned by" not in capsys.readouterr().err
    (tmp_path / RECORD_FILE).write_text(record_text(Alignment("yunet", "", "112x112")))
    assert run("verify", *pair) == 0
    assert "these images by yunet" in capsys.readouterr().err
    exported = tmp_path / "model.onnx"
    assert run("export", *of_aligned, "--output", exported) == 0
    capsys.readouterr()
    assert run("verify", *pair[:2], "--ckpt_path", exported) == 0
    assert "these images by yunet" in capsys.readouterr().err


def test_what_cannot_be_read_is_an_error_and_no_answer(model, people, tmp_path, capsys) -> None:
    assert_refused("cannot be read", capsys, "verify", "--pairs", people, *model)
    assert_refused("no file, folder or list none.txt", capsys, "verify", "--pairs", "none.txt", *model)

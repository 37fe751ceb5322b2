"""`facerec export`: the file of a model, in use."""

import re

import pytest
import torch

from facerec.data.images import read_image
from facerec.inference import Embedder, load_model
from tests.cli.conftest import assert_refused, cosine, run
from tests.conftest import face


def test_an_exported_onnx_model_verifies_and_identifies(model, people, tmp_path, capsys) -> None:
    exported, gallery = tmp_path / "model.onnx", tmp_path / "gallery.npz"
    assert run("export", *model, "--output", exported) == 0
    report = capsys.readouterr().out
    assert float(re.search(r"largest difference ([\d.e-]+)", report)[1]) < 1e-4
    expected = cosine(model, face(1, 1), face(2, 1))
    run("verify", face(1, 1), face(2, 1), "--ckpt_path", exported)
    text = capsys.readouterr().out
    assert float(re.search(r"score +(-?[\d.]+)", text)[1]) == pytest.approx(expected, abs=1e-3)
    assert "on the validation pairs: FAR" in text
    inside, embedder = load_model(exported), Embedder.from_checkpoint(model[1])
    forms = [face(1, 1), read_image(face(2, 1)) / 255.0]
    torch.testing.assert_close(inside(forms), embedder(forms), rtol=1e-2, atol=1e-2)  # it rounds floats to bytes
    run("enroll", people, *model, "--output", gallery)
    assert run("identify", face(1, 1), "--gallery", gallery, "--ckpt_path", exported, "--threshold", -1) == 0


def test_what_cannot_be_exported_is_an_error(model, tmp_path, capsys) -> None:
    assert_refused("no checkpoint none.ckpt", capsys, "export", "--ckpt_path", "none.ckpt", "--output", "model.onnx")
    assert_refused("model.txt", capsys, "export", *model, "--output", tmp_path / "model.txt")

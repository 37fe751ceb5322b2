"""`facerec export`: the file of a model, in use."""

import re

import pytest
import torch

from facerec.data.images import read_image
from facerec.inference import Embedder, load_model
from tests.cli.conftest import assert_refused, cosine, run
from tests.conftest import SMALL, face


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


def test_a_model_folder_takes_the_place_of_its_checkpoint(model, tmp_path, capsys, caplog) -> None:
    folder = tmp_path / "given"
    assert run("export", *model, "--output", folder, "--licence", "mit") == 0
    assert "README.md" in capsys.readouterr().out
    shared = ["--ckpt_path", str(folder)]
    assert cosine(shared, face(1, 1), face(2, 1)) == cosine(model, face(1, 1), face(2, 1))
    capsys.readouterr()
    assert_refused("test needs the checkpoint", capsys, "test", *shared, "--data.root", tmp_path)
    classify = ["--classify", face(1, 1).parent, "--output", tmp_path / "classes.csv"]
    assert_refused("no class weights", capsys, "predict", *classify, *shared)
    small = [*SMALL, "--trainer.max_epochs=1", f"--trainer.default_root_dir={tmp_path}"]
    with caplog.at_level("INFO"):
        assert run("fit", *small, "--trainer.logger=false", "--init_from", folder) == 0
    taken, present = re.search(
        r"model.safetensors, step \d+\n +taken: (\d+) of (\d+) of the backbone", caplog.text
    ).groups()
    assert taken == present


def test_what_cannot_be_exported_is_an_error(model, tmp_path, capsys) -> None:
    assert_refused("no checkpoint none.ckpt", capsys, "export", "--ckpt_path", "none.ckpt", "--output", "model.onnx")
    assert_refused("model.txt", capsys, "export", *model, "--output", tmp_path / "model.txt")

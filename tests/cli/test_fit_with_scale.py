"""`facerec fit` with a mean and a deviation for each channel: the checkpoint says them, and every use follows."""

from pathlib import Path

import pytest
import torch
import yaml

from facerec.inference import Embedder
from tests.cli.conftest import assert_refused, run
from tests.conftest import SMALL

MEAN, STD = [0.6, 0.45, 0.4], [0.25, 0.22, 0.2]
SCALED = [*SMALL, "--trainer.max_epochs=1", "--trainer.limit_train_batches=1"]
RUN = Path("runs", "orl_resnet18_arcface", "version_0")


def test_a_run_keeps_its_scale_and_its_model_uses_it(tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SCALED, f"--model.image_mean={MEAN}", f"--model.image_std={STD}") == 0
    saved = yaml.safe_load((RUN / "config.yaml").read_text())["model"]
    assert (saved["image_mean"], saved["image_std"]) == (MEAN, STD)
    path = RUN / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    assert list(checkpoint["hyper_parameters"]["image_mean"]) == MEAN
    assert not [name for name in checkpoint["state_dict"] if "preprocess" in name]
    embedder = Embedder.from_checkpoint(path)
    pixels = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    expected = (pixels / 255.0 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(embedder.recognizer.preprocess(pixels), expected, atol=1e-5, rtol=0)
    assert run("test", "--ckpt_path", path) == 0

    said = "was trained with model.image_mean=[0.6, 0.45, 0.4], and this training has 0.5"
    same = [f"--model.image_mean={MEAN}", "--model.image_std=[0.25,0.22,0.2]"]
    assert run("fit", *SCALED, "--init_from", path, *same) == 0
    assert not [warning for warning in recwarn if "was trained with model.image" in str(warning.message)]
    assert run("fit", *SCALED, "--init_from", path) == 0
    assert [warning for warning in recwarn if said in str(warning.message)]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--model.image_std=[0.5,0.5]", "image_std"),
        ("--model.image_std=[0.5,0.0,0.5]", "model.image_std=0.0: must be positive and finite"),
        ("--model.image_mean=120", "model.image_mean=120.0: must be in [0, 1]"),
    ],
)
def test_a_scale_that_cannot_be_is_refused_before_a_run_is_made(option, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(message, capsys, "fit", *SCALED, option)
    assert not Path("runs").exists()

"""`facerec fit` with augmentation and mixing."""

from pathlib import Path

import pytest
import torch

from facerec.cli import main
from tests.conftest import SMALL

MIXED = [
    "--data.mix.mixup=0.2",
    "--data.mix.cutmix=1.0",
    "--data.augment.rand_augment.num_ops=1",
    "--data.augment.rand_augment.magnitude_std=1.5",
    "--data.augment.perspective=0.1",
    "--data.augment.resized_crop=[0.9,1.0]",
    "--trainer.max_epochs=1",
]


def test_softmax_trains_with_mixup_cutmix_and_rand_augment(tmp_path, monkeypatch):
    """Two batches of 32 make a step, and its gradient is clipped."""
    monkeypatch.chdir(tmp_path)
    steps = ["--trainer.accumulate_grad_batches=2", "--trainer.gradient_clip_val=1.0"]
    main(["fit", *SMALL, "--model.loss=Softmax", *MIXED, *steps])
    checkpoint = next(Path("runs").rglob("last.ckpt"))
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    assert "mixup: 0.2" in saved["facerec"]["configuration"]
    assert "gradient_clip_val: 1.0" in saved["facerec"]["configuration"]
    assert saved["global_step"] == 3
    assert "num_ops: 1" in saved["facerec"]["configuration"]
    assert all(torch.isfinite(value).all() for value in saved["state_dict"].values())


def test_a_margin_with_mixup_stops_before_training_and_names_both(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["fit", *SMALL, *MIXED])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "data.mix=Mix(mixup=0.2, cutmix=1.0)" in message
    assert "model.loss=ArcFace" in message
    assert not list(tmp_path.rglob("*.ckpt"))

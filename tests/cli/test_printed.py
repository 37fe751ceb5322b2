"""Everything that a training prints, in a process of its own: each line earns its place."""

import os
import subprocess
import sys

from tests.conftest import SMALL


def test_a_training_prints_what_one_needs(tmp_path):
    """With a warning of Lightning's, which formats those of its own files itself."""
    shown = [option for option in SMALL if "enable_" not in option]
    overfit = ["--trainer.overfit_batches=1", "--checkpoint.candidates_after=0"]
    done = subprocess.run(
        [sys.executable, "-m", "facerec", "fit", *shown, *overfit],
        cwd=tmp_path,
        env={**os.environ, "FACEREC_TRACEBACK": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    starts = [
        "No --config: the embedded default",
        "`Trainer(overfit_batches=1)` was configured so 1 batch will be used.",
        "warning: You requested to overfit but enabled train dataloader shuffling. We are turning off",
        "ResNet: 45.3 K parameters, 286 K multiply-adds at 32x32; ArcFace: 384 parameters; on ",
        "warning: You requested to overfit but enabled val dataloader shuffling. We are turning off",
        "This run is kept in runs/orl_resnet18_arcface/version_0",
        "epoch 1/2  loss ",
        "epoch 2/2  loss ",
    ]
    said = [line for line in done.stderr.splitlines() if line.strip()]
    assert [line[: len(start)] for line, start in zip(said, starts, strict=True)] == starts
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert rows == ["trained", "best", "EER", "accuracy", "threshold", "checkpoint", "next", "tensorboard"]

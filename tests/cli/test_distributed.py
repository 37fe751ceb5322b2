"""Two gloo processes measure what one measures, and train."""

import os
import re
import subprocess
import sys
from pathlib import Path

import torch

from tests.conftest import SMALL

TWO = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.accelerator=cpu"]


def facerec(*arguments: str, folder) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "facerec", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_two_processes_train_and_measure_what_one_measures(tmp_path):
    facerec("fit", *SMALL, *TWO, "--data.batch_size=32", folder=tmp_path)
    best = next(tmp_path.glob("runs/*/version_0/checkpoints/best-*.ckpt"))
    assert torch.load(best, weights_only=True)["facerec"]["calibration"]
    # An odd batch size leaves the processes with repeated images, which must not count twice.
    alone = facerec("test", "--ckpt_path", str(best), "--trainer.devices=1", "--trainer.strategy=auto", folder=tmp_path)
    both = facerec("test", "--ckpt_path", str(best), *TWO, "--data.eval_batch_size=33", folder=tmp_path)
    tables = [re.search(r"genuine pairs.*?FRR [\d.]+%\n", out, re.DOTALL)[0] for out in (alone, both)]
    assert tables[0] == tables[1]

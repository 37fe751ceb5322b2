"""`facerec fit` and `test` in two gloo processes: they train, and measure what one process measures.

Each process draws its own dropout, classes and synthetic people.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facerec import losses
from tests.cli.processes import shared_batch
from tests.conftest import SMALL

NOTE = "--trainer.callbacks+=tests.cli.processes.NoteShared"
MLP = '{"class_path": "Softmax", "init_args": {"hidden_dim": 8, "dropout": 0.2}}'
UCE = '{"class_path": "UCE", "init_args": {"scale": 16.0, "negative_share": 0.8, "synthesis": {"alpha": 0.4}}}'
LOSS = '--model.loss={"class_path": "Joint", "init_args": {"losses": {"arc": "ArcFace", "mlp": ' + MLP
LOSS += ', "uce": ' + UCE + "}}}"
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.accelerator=cpu"]


def facerec(*arguments: str, folder) -> str:
    done = start(*arguments, folder=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def start(*arguments: str, folder) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "facerec", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_two_processes_train_and_measure_what_one_measures(tmp_path):
    options = [NOTE, LOSS, "--data.batch_size=32", "--model.schedule=Plateau", "--average.kind=ema"]
    facerec("fit", *SMALL, *TWO, *options, folder=tmp_path)
    best = next(tmp_path.glob("runs/*/version_0/checkpoints/best-*.ckpt"))
    assert torch.load(best, weights_only=True)["facerec"]["calibration"]
    # An odd batch size leaves the processes with repeated images, which must not count twice.
    evaluate = ["test", "--ckpt_path", str(best), NOTE]  # a measurement takes no callbacks from the checkpoint
    alone = facerec(*evaluate, "--trainer.devices=1", "--trainer.strategy=auto", folder=tmp_path)
    both = facerec(*evaluate, *TWO, "--data.eval_batch_size=33", folder=tmp_path)
    tables = [re.search(r"genuine pairs.*?by bootstrap: [^\n]+\n", out, re.DOTALL)[0] for out in (alone, both)]
    assert tables[0] == tables[1]
    assert_what_was_noted(tmp_path)


def assert_what_was_noted(folder):
    """Centres move by the batches of both processes; class means and batch statistics are over the images of both."""
    one, other = (torch.load(folder / f"average_{rank}.pt") for rank in range(2))
    for name, value in one.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, other[name], rtol=0.0, atol=0.0)
    first = [torch.load(folder / f"first_{rank}.pt") for rank in range(2)]
    assert not set(first[0]["indices"].tolist()) & set(first[1]["indices"].tolist())
    for name in set(first[0]) - {"indices"}:
        assert first[0][name] == first[1][name], f"{name} is that of the images of both"
    loss = losses.Center(0.5)
    loss.build(5, 4)
    for _ in range(3):
        loss(*shared_batch())
    for rank in range(2):
        torch.testing.assert_close(torch.load(folder / f"centers_{rank}.pt"), loss.centers)
    alone = torch.load(folder / "means_0_of_1.pt")
    assert alone.shape == (24, 16)
    assert alone.norm(dim=1).tolist() == pytest.approx([1.0] * 24, abs=1e-5)
    for rank in range(2):
        both = torch.load(folder / f"means_{rank}_of_2.pt")
        assert (both * alone).sum(1).min() > 1 - 1e-5


FACES = """
data: {train: {class_path: FolderImages, init_args: {root: faces}}, batch_size: 8, augment: {brightness: 0.1}}
model:
  backbone: {class_path: ResNet, init_args: {depth: 18, stem: face}}
  loss: {class_path: ArcFace}
  optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.05}}
"""


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("SpoilImage", r"facerec fit: faces/\d/\d+.png does not decode as an image: image file is truncated"),
        ("SpoilBatch", r"facerec fit: loss or gradient is not finite at step 1, loss nan"),
    ],
)
def test_what_ends_one_process_ends_both_in_a_line(fault, told, tmp_path):
    """It is the second process that fails, and the first that the user waits for."""
    (tmp_path / "faces.yaml").write_text(FACES)
    for number in range(64):
        path = tmp_path / "faces" / str(number % 4) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    options = [*TWO, f"--trainer.callbacks+=tests.cli.processes.{fault}", "--trainer.callbacks.rank=1"]
    done = start("fit", "--config=faces.yaml", *SMALL, *options, folder=tmp_path)  # within its timeout
    assert done.returncode not in (0, None)
    assert re.search(told, done.stderr), done.stderr[-3000:]
    assert "Traceback" not in done.stderr

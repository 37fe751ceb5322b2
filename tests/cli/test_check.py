"""`facerec check` on this machine, and on one that computes wrong."""

import os
import re
import subprocess
import sys

import torch
from torch import nn

from facerec.machine import choose_precision
from tests.cli.conftest import run

CONVOLUTION = nn.Conv2d._conv_forward


def test_the_check_of_this_machine(capsys):
    assert run("check", "--quick", "--people", "7") == 0
    said = capsys.readouterr().out
    assert f"torch {torch.__version__.partition('+')[0]}" in said
    assert re.search(rf"  trainer.precision  {choose_precision().value} +\w+", said)
    assert re.search(r"  data.num_workers   0 +as the configuration says", said)
    assert re.search(r"  narrow ResNet-18 gradients +\de-0\d \(1e-03\)", said)
    assert re.search(r"  all \d+ agree\n", said)
    assert re.search(r"training step on cpu in \S+: 32 images, 7 people, median of 1", said)
    for phase in ("augment", "forward", "loss", "backward", "optimizer", "step"):
        assert re.search(rf"\n  {phase} +[\d.]+ +\d+ % +[\d,]+\n", said), phase
    assert re.search(r"largest batch: [\d,]+ images", said)
    assert re.search(r"The \w+ limits: it takes \d+ % of the time", said)


def test_a_machine_that_computes_wrong_has_status_2(capsys, monkeypatch):
    def off(self, images, weight, bias):
        maps = CONVOLUTION(self, images, weight, bias)
        return 1.01 * maps if maps.dtype == torch.float32 else maps

    monkeypatch.setattr(nn.Conv2d, "_conv_forward", off)
    assert run("check", "--quick") == 2
    said = capsys.readouterr().out
    assert re.search(r"narrow ResNet-18 embeddings +\S+ \(1e-04\) WRONG", said)
    assert re.search(r"\d+ of \d+ deviate by more than rounding", said)


def test_a_configuration_without_its_data(tmp_path, capsys):
    """A GPU's configuration is checked where the data is not there yet; what it would cost here is said."""
    config = tmp_path / "own.yaml"
    config.write_text(
        "trainer: {precision: 16-mixed}\n"
        "data: {batch_size: 64, num_workers: 3, images_per_person: 4, transforms: [RandomEqualize]}\n"
        "model:\n"
        "  image_size: [32, 32]\n"
        "  backbone: {class_path: ResNet, init_args: {depth: 18, width: 8, embedding_dim: 16}}\n"
        "  loss: {class_path: Triplet}\n"
        "  optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 0.001}}\n"
    )
    assert run("check", "--quick", "--config", config) == 0
    said = capsys.readouterr().out
    assert re.search(r"trainer.precision  16-mixed +(as the configuration|trainer.precision=16-mixed: this CPU)", said)
    assert "in bf16-mixed: 64 images, 1,000 people" in said
    assert "workers: 3" in said
    assert "not counted: data.transforms" in said


def test_what_cannot_be_checked_is_said(tmp_path, capsys):
    assert run("check", "--config", tmp_path / "none.yaml") == 2
    assert "none.yaml" in capsys.readouterr().err
    assert run("check", "--people", "0") == 2
    assert "--people=0: must be at least 1" in capsys.readouterr().err
    (tmp_path / "tpu.yaml").write_text("trainer: {accelerator: tpu}\ndata: {}\nmodel: {}\n")
    assert run("check", "--quick", "--config", tmp_path / "tpu.yaml") == 2
    assert "facerec check" in capsys.readouterr().err


def test_a_processor_without_bfloat16(tmp_path):
    """As on a laptop: no bfloat16 in the table, and narrow convolutions are guarded."""
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    command = [sys.executable, "-m", "facerec", "check", "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no fast bfloat16" in done.stdout
    assert "trainer.precision  32-true" in done.stdout
    assert "(5e-01)" not in done.stdout

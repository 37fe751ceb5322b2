"""`facerec fit` with class weights split over two gloo processes, gone on with in three, and tested in one."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from lightning.pytorch.strategies import DDPStrategy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.processes import require_split_can_train
from tests.conftest import SMALL

INIT = '{"scale": 16.0, "sharded": SHARDED}'
LOSS = '--model.loss={"class_path": "SubCenterArcFace", "init_args": ' + INIT + "}"
OPTIONS = [
    *SMALL,
    "--trainer.strategy=ddp",
    "--trainer.accelerator=cpu",
    "--trainer.devices=2",
    "--trainer.max_epochs=1",
    "--trainer.gradient_clip_val=1",
    "--model.optimizer.init_args.lr=0.001",  # so that rounding stays rounding
    "--model.schedule=Constant",  # the others end at a rate of 0, and a training that goes on would not move
]
PEOPLE, SUBCENTERS, DIM = 24, 3, 16


def start(*arguments, folder, **environment):
    """The command in a process of its own, which starts the others."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    command = [sys.executable, "-m", "facerec", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def facerec(*arguments, folder, succeeds=True):
    """What the command prints."""
    command = start(*arguments, folder=folder)
    printed = command.communicate(timeout=900)[0]
    assert (command.returncode == 0) == succeeds, printed[-3000:]
    return printed


def facerec_on_nodes(count, *arguments, folder):
    """The command on several machines, here one: facerec refuses more processes of a command than there are cores."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    options = [*arguments, "--trainer.devices=1", f"--trainer.num_nodes={count}"]
    nodes = [start(*options, folder=folder, NODE_RANK=str(rank), RANK=str(rank), **meeting) for rank in range(count)]
    printed = [node.communicate(timeout=900)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0] * count, "\n".join(printed)[-6000:]


def class_weights(path):
    """Class weights and their momentum in a checkpoint."""
    checkpoint = torch.load(path, weights_only=True)
    group = next(group for group in checkpoint["optimizer_states"][0]["param_groups"] if group["name"] == "loss")
    momentum = checkpoint["optimizer_states"][0]["state"][group["params"][0]]["momentum_buffer"]
    return checkpoint["state_dict"]["loss.weight"], momentum


def dev_accuracy(folder):
    """The logged dev accuracy."""
    scalars = EventAccumulator(str(folder))
    scalars.Reload()
    return [event.value for event in scalars.Scalars("val/accuracy")]


def test_two_processes_train_three_go_on_and_one_measures(tmp_path):
    for sharded in ("false", "true"):
        facerec("fit", LOSS.replace("SHARDED", sharded), *OPTIONS, folder=tmp_path)
    whole, split = (tmp_path / f"runs/orl_resnet18_arcface/version_{i}" for i in range(2))
    last = split / "checkpoints/last.ckpt"
    before = assert_same_training(whole, split)

    facerec_on_nodes(3, "fit", f"--ckpt_path={last}", "--trainer.max_epochs=2", folder=tmp_path)
    after, momentum = class_weights(last)
    assert after.shape == momentum.shape == before.shape
    moved = (after - before).norm(dim=1)
    assert moved.min() > 0.0
    assert moved.max() < 0.1 * before.norm(dim=1).mean()
    alone = facerec("test", f"--ckpt_path={last}", folder=tmp_path)
    assert re.search(r"TAR at FAR 0.1 +[\d.]+%", alone)
    assert re.search(r"dev accuracy \(training people, other images\): [\d.]+%", alone)


def assert_same_training(whole, split):
    """All weights, momentum and dev accuracy are those of a training that did not split; the class weights."""
    one, other = (class_weights(run / "checkpoints/last.ckpt") for run in (whole, split))
    assert other[0].shape == (PEOPLE * SUBCENTERS, DIM)
    for expected, found in zip(one, other, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    states = [torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for run in (whole, split)]
    for name, expected in states[0].items():
        torch.testing.assert_close(states[1][name], expected, rtol=1e-3, atol=1e-4)
    assert dev_accuracy(split) == pytest.approx(dev_accuracy(whole), abs=0.05)
    return other[0]


def test_averaged_weights_are_refused_in_a_line(tmp_path):
    loss = LOSS.replace("SHARDED", "true")
    out = facerec("fit", loss, *OPTIONS, "--average.kind=ema", folder=tmp_path, succeeds=False)
    assert "average.kind=ema with a sharded loss" in out
    assert "Traceback" not in out


def test_a_gradient_scaler_is_refused():
    class Scaled:
        strategy = DDPStrategy()
        precision_plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))

    with pytest.raises(ValueError, match="precision=16-mixed with a sharded loss"):
        require_split_can_train(Scaled())

"""`facerec fit` with people of few images outside the classifier, alone, in two processes, and after a kill."""

import signal
from pathlib import Path

import pytest
import torch
import yaml

from tests.cli.conftest import run
from tests.cli.kill import Kill
from tests.cli.server import run_apart
from tests.cli.test_resume import assert_equal
from tests.conftest import SMALL

SETTINGS = """
trainer: {log_every_n_steps: 1}
data: {batch_size: 8, shallow: {below: 3, share: 0.5}, augment: {brightness: 0.3}}
model:
  backbone: {class_path: ResNet, init_args: {depth: 18}}
  loss:
    class_path: DeepAndShallow
    init_args:
      deep: {class_path: ArcFace, init_args: {scale: 16.0}}
      shallow: {class_path: SupCon, init_args: {temperature: 0.2}}
      weight: {start: 0.0, end: 1.0, steps: 6}
  optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.05, momentum: 0.9}}
"""
RUN = Path("runs", "few", "version_0")


def options(root: Path, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "few.yaml").write_text(SETTINGS)
    return ["fit", "--config", "few.yaml", "--data.root", str(root), *SMALL, "--checkpoint.candidates_after=0"]


def last(folder: Path) -> dict:
    return torch.load(folder / RUN / "checkpoints" / "last.ckpt", weights_only=True)


def test_shallow_people_train_the_network_and_are_no_classes(shallow_root, tmp_path, monkeypatch, capsys, caplog):
    arguments = options(shallow_root, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 0
    assert "shallow people (fewer than 3 images): 3, with 4 images" in caplog.text
    checkpoint = last(tmp_path)
    assert checkpoint["facerec"]["identities"] == [f"n{person:06d}" for person in range(1, 5)]
    assert checkpoint["state_dict"]["loss.losses.deep.weight"].shape == (4, 16)
    saved = yaml.safe_load((tmp_path / RUN / "config.yaml").read_text())
    assert saved["data"]["shallow"] == {"below": 3, "share": 0.5}
    assert run("test", "--ckpt_path", RUN) == 0
    assert "accuracy" in capsys.readouterr().out  # of the dev images of the four classes
    assert run("inspect", "few.yaml") == 2  # names no data
    (tmp_path / "data.yaml").write_text(SETTINGS.replace("data: {", f"data: {{root: {shallow_root}, "))
    assert run("inspect", "data.yaml", "--workers", "0") == 0
    assert "shallow people (fewer than 3 images): 3, with 4 images" in capsys.readouterr().out


@pytest.mark.parametrize("moment", [("batch", 2), ("epoch_end", 1)])
def test_a_killed_training_ends_as_the_one_that_was_not(shallow_root, tmp_path, moment):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        arguments = [*options(shallow_root, folder), "--checkpoint.every_n_steps=1"]
    assert run_apart(whole, *arguments) == 0
    assert run_apart(killed, *arguments, callbacks=[Kill(*moment)]) == -signal.SIGKILL
    assert run_apart(killed, "fit", "--ckpt_path", "last") == 0
    for part in ("state_dict", "optimizer_states"):
        assert_equal(last(killed)[part], last(whole)[part])


def test_a_loss_without_use_for_them_stops_before_training(shallow_root, tmp_path, monkeypatch, capsys):
    arguments = options(shallow_root, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(*arguments, "--model.loss=ArcFace") == 2
    assert "model.loss=ArcFace has no use for them" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ckpt"))

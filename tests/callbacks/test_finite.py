"""A training whose loss or gradient is not finite ends, says where, and keeps good weights."""

import re
from pathlib import Path

import pytest
from lightning.pytorch import Callback

from facerec.callbacks import FiniteSteps
from tests.cli.conftest import events, last, run
from tests.conftest import SMALL

RUN = Path("runs", "orl_resnet18_arcface", "version_0")
SPOIL = "tests.callbacks.test_finite.Spoil"


class Spoil(Callback):
    """Makes the loss of some steps infinite or NaN, as an overflow would.

    Args:
        steps: numbers of the steps.
        factor: of the loss.
    """

    def __init__(self, steps: list[int], factor: float = float("nan")) -> None:
        self.steps = steps
        self.factor = factor

    def on_before_backward(self, trainer, pl_module, loss):
        if trainer.global_step in self.steps:
            loss.data.mul_(self.factor)
            loss.register_hook(lambda gradient: gradient * self.factor)


def spoiled(*steps: int) -> list[str]:
    return [f"--trainer.callbacks+={SPOIL}", f"--trainer.callbacks.steps={list(steps)}"]


def test_it_ends_at_once_names_the_batch_and_keeps_the_weights_before(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SMALL, *spoiled(3)) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    line = next(line for line in said.splitlines() if line.startswith("facerec fit: "))
    assert re.search(r"not finite at step 3, loss .*, gradient norm nan, learning rate 0\.\d+", line)
    assert re.search(r"Largest weights: backbone\S+ \d", line)
    assert re.search(r"Images: \S+s\d+/\d+\.pgm, .* and 29 more", line)
    checkpoint = last(RUN)
    assert checkpoint["global_step"] == 3
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


def test_the_running_statistics_do_not_know_the_bad_batch(tmp_path, monkeypatch):
    """Its forward pass had changed them: a run that resumes has seen no batch twice."""
    monkeypatch.chdir(tmp_path)
    run("fit", *SMALL, *spoiled(3))
    state = last(RUN)["state_dict"]
    assert {int(state[name]) for name in state if name.endswith("num_batches_tracked")} == {3}


def test_weights_before_the_first_batch_of_an_epoch_are_kept_too(tmp_path, monkeypatch):
    """A training goes on from them."""
    monkeypatch.chdir(tmp_path)
    seldom = ["--checkpoint.every_minutes=null", "--trainer.check_val_every_n_epoch=2"]
    run("fit", *SMALL, *spoiled(6), *seldom)
    assert last(RUN)["global_step"] == 6
    assert run("fit", "--ckpt_path", "last", "--trainer.callbacks=[]") == 0
    assert last(RUN)["global_step"] == 12


def test_skip_leaves_such_steps_out_and_counts_them(tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    once = ["--trainer.log_every_n_steps=1", "--finite.non_finite=skip"]
    assert run("fit", *SMALL, *spoiled(2, 3, 7), *once) == 0
    counts = [event.value for event in events(RUN).Scalars("train/skipped_steps")]
    assert sorted(set(counts)) == [1.0, 2.0, 3.0]
    assert counts == sorted(counts)
    assert all(value.isfinite().all() for value in last(RUN)["state_dict"].values())
    assert len([warning for warning in recwarn if "step 2 is left out" in str(warning.message)]) == 1


def test_on_a_device_that_would_wait_it_looks_seldom_and_saves_nothing_bad(tmp_path, monkeypatch, capsys):
    """A GPU is stood for by a CPU that it must not look at for 4 steps. The last checkpoint is of before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("facerec.callbacks.finite.looks_at_once", lambda trainer: False)
    seldom = ["--trainer.log_every_n_steps=4", "--checkpoint.every_n_steps=2"]
    assert run("fit", *SMALL, *spoiled(4), *seldom) == 2
    assert "not finite at step 4" in capsys.readouterr().err
    checkpoint = last(RUN)
    assert checkpoint["global_step"] == 4
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


def test_another_choice_is_refused():
    with pytest.raises(ValueError, match="non_finite='ignore': choose one of stop, skip"):
        FiniteSteps(non_finite="ignore")

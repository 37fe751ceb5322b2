"""The trainer takes `auto` beside the precisions of Lightning's that keep float32 weights."""

import inspect
from typing import get_args

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelSummary, ProgressBar, TQDMProgressBar
from lightning.pytorch.plugins import MixedPrecision

from facerec.callbacks import ModelFacts, ProgressLog, RunProgress
from facerec.cli.trainer import FaceTrainer, Precision
from facerec.machine import choose_precision
from tests.cli.conftest import assert_refused

QUIET = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}


def leaves(annotation: object) -> set[object]:
    """The values of nested unions and literals."""
    parts = get_args(annotation)
    return {annotation} if not parts else set().union(*map(leaves, parts))


def test_it_takes_auto_and_what_keeps_float32_weights():
    theirs = leaves(inspect.signature(Trainer.__init__).parameters["precision"].annotation)
    others = {name for name in theirs if "true" in str(name) and name != "32-true"} | {64, "64"}
    others |= {name for name in theirs if str(name).startswith("transformer-engine")}
    assert leaves(Precision) == theirs - others | {"auto"}


@pytest.mark.parametrize("precision", ["16-true", "bf16-true", "64-true"])
def test_another_is_refused_in_a_line(precision, capsys):
    assert_refused("expected 'auto', '32-true', 'bf16-mixed'", capsys, "fit", f"--trainer.precision={precision}")


def test_auto_is_the_default_and_is_resolved():
    assert FaceTrainer(**QUIET).precision == choose_precision("cpu").value


@pytest.mark.parametrize(("given", "used"), [("bf16-mixed", "bf16-mixed"), (None, "32-true"), (32, "32-true")])
def test_an_explicit_precision_stays(given, used):
    assert FaceTrainer(precision=given, **QUIET).precision == used


def test_a_plugin_may_hold_the_precision():
    plugin = MixedPrecision("bf16-mixed", "cpu")
    assert FaceTrainer(precision=None, plugins=[plugin], **QUIET).precision_plugin is plugin


def test_a_log_gets_lines_and_a_users_own_bar_and_summary_stay():
    ours = FaceTrainer(**QUIET)
    assert {ProgressLog, ModelFacts} <= set(map(type, ours.callbacks))
    assert not [callback for callback in ours.callbacks if isinstance(callback, (ProgressBar, ModelSummary))]
    settings = {**QUIET, "enable_progress_bar": True}
    own = FaceTrainer(callbacks=[TQDMProgressBar(), ModelSummary()], **settings)
    assert not {ProgressLog, RunProgress, ModelFacts} & set(map(type, own.callbacks))
    assert {TQDMProgressBar, ModelSummary} <= set(map(type, own.callbacks))


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    settings = {**QUIET, "enable_progress_bar": None}
    assert RunProgress in map(type, FaceTrainer(**settings).callbacks)
    assert RunProgress not in map(type, FaceTrainer(**QUIET).callbacks)


def test_bare_bones_stay_bare():
    trainer = FaceTrainer(barebones=True, accelerator="cpu")
    assert not {ProgressLog, RunProgress, ModelFacts} & set(map(type, trainer.callbacks))

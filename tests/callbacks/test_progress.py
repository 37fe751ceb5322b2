"""What one sees while a training goes on, on a terminal of 80 columns and in a log file."""

import logging
from io import StringIO

import pytest
import torch

from facerec.callbacks import DevAccuracy, ProgressLog, RunProgress, Verification, progress
from facerec.callbacks.progress import Line, describe
from tests.callbacks.conftest import orl_faces, quiet_trainer

MEASURED = (DevAccuracy, Verification)


@pytest.fixture
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def drawn(text: str) -> list[str]:
    return [line.rstrip() for line in text.replace("\n", "\r").split("\r") if line.strip()]


def fit(recognizer, callback, **settings):
    trainer = quiet_trainer(
        callback, *(measure() for measure in MEASURED), **{"max_epochs": 2, "enable_progress_bar": None, **settings}
    )
    data = orl_faces()
    data.batch_size = 16  # 12 steps an epoch
    trainer.fit(recognizer, datamodule=data)
    return trainer


def test_the_line_says_how_far_how_long_and_how_good(recognizer, columns, capsys):
    trainer = fit(recognizer, RunProgress())
    lines = drawn(capsys.readouterr().out)
    eer, accuracy = (trainer.callback_metrics[f"val/{name}"] for name in ("eer", "accuracy"))
    batches = trainer.num_training_batches
    assert lines[-1].startswith(f"epoch 2/2 {batches}/{batches} |")
    assert f"0:00 left  loss {trainer.callback_metrics['train/loss']:#.3g}  " in lines[-1]
    assert lines[-1].endswith(f"EER {eer:.1%}  acc {accuracy:.1%}")
    assert max(map(len, lines)) < 80


def test_nothing_is_cut_off_a_long_training_at_80_columns():
    line = Line(total=99999, ncols=80, bar_format=RunProgress.TRAINING, file=StringIO(), desc="epoch 123/200")
    line.n = 12034
    line.text = "12:34:56 left  " + describe({"train/loss": 13.641, "val/eer": 0.1889, "val/accuracy": 1.0})
    assert str(line).endswith("| 12:34:56 left  loss 13.6  EER 18.9%  acc 100.0%")
    assert str(line).startswith("epoch 123/200 12034/99999 |")
    assert len(str(line)) <= 80


def test_the_loss_is_not_read_from_the_device_at_each_step(recognizer, columns, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 1e9)
    reads = []
    original = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: reads.append(tensor) or original(tensor))
    trainer = fit(recognizer, RunProgress(), max_epochs=1, limit_val_batches=0)
    assert trainer.num_training_batches == 12
    assert len(reads) < 6


def test_the_bar_of_a_test_is_gone_before_anything_else_is_printed(recognizer, columns, capsys):
    trainer = quiet_trainer(RunProgress(), Verification(), enable_progress_bar=None)
    trainer.test(recognizer, datamodule=orl_faces(), verbose=False)
    printed = capsys.readouterr().out
    assert "testing 0/2 |" in printed
    assert not printed.replace("\n", "\r").split("\r")[-1].strip()
    assert not printed.rstrip("\r").rpartition("\r")[2].strip()


def test_a_log_gets_a_line_for_each_validation(recognizer, caplog):
    caplog.set_level(logging.INFO)
    trainer = fit(recognizer, ProgressLog(), max_epochs=4, check_val_every_n_epoch=2, enable_progress_bar=False)
    lines = [message for message in caplog.messages if message.startswith("epoch")]
    assert [line.split("  ")[0] for line in lines] == ["epoch 2/4", "epoch 4/4"]
    assert f"EER {trainer.callback_metrics['val/eer']:.1%}" in lines[-1]
    assert lines[-1].endswith("0:00 left)")


def test_a_log_hears_of_long_epochs_without_a_validation(recognizer, caplog, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    caplog.set_level(logging.INFO)
    fit(recognizer, ProgressLog(), limit_val_batches=0, enable_progress_bar=False)
    assert [message.split("  ")[0] for message in caplog.messages if message.startswith("epoch")] == [
        "epoch 1/2",
        "epoch 2/2",
    ]

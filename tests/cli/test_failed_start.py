"""A training that fails before its first step leaves nothing behind; one that has trained leaves its run."""

from pathlib import Path

import pytest

from facerec.data import FaceDataModule
from facerec.recognizer import FaceRecognizer
from tests.cli.conftest import run
from tests.conftest import SMALL

RUN = Path("runs", "orl_resnet18_arcface", "version_0")


@pytest.mark.parametrize("option", ["--checkpoint.monitor=val/err", "--data.root=missing", "--trainer.max_epochs=-1"])
def test_a_start_that_fails_leaves_no_folder(option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SMALL, option) == 2
    assert "kept in" not in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_other_runs_and_empty_folders_of_the_users_own_stay(run_copy, capsys):
    Path("runs", "mine").mkdir()
    assert run("fit", *SMALL, "--checkpoint.monitor=val/err") == 2
    assert run_copy.is_dir()
    assert sorted(path.name for path in run_copy.parent.iterdir()) == ["version_0"]
    assert Path("runs", "mine").is_dir()


def test_a_batch_that_cannot_be_made_is_a_failed_start(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def broken(self, *args):
        raise ValueError("no such image")

    monkeypatch.setattr(FaceDataModule, "on_after_batch_transfer", broken)
    assert run("fit", *SMALL, "--trainer.limit_val_batches=0") == 2
    assert not list(tmp_path.iterdir())


def test_a_training_that_fails_later_leaves_its_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    original = FaceRecognizer.training_step

    def fails_at_the_third(self, batch, batch_idx):
        if batch_idx == 2:
            raise ValueError("the loss is not finite")
        return original(self, batch, batch_idx)

    monkeypatch.setattr(FaceRecognizer, "training_step", fails_at_the_third)
    assert run("fit", *SMALL) == 2
    assert {"config.yaml", "hparams.yaml"} <= {path.name for path in RUN.iterdir()}


def test_a_folder_with_anything_else_stays(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def notes(self):
        (RUN / "notes.txt").write_text("mine")
        raise ValueError("stop")

    monkeypatch.setattr(FaceRecognizer, "configure_optimizers", notes)
    assert run("fit", *SMALL) == 2
    assert (RUN / "notes.txt").read_text() == "mine"

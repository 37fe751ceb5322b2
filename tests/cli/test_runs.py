"""Which run a configuration, a checkpoint and a logger belong to."""

from pathlib import Path

import pytest

from facerec.cli.runs import config_name, run_logger, run_name, run_of


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("runs", "mine", "version_2", "checkpoints", "last.ckpt")
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_names_of_experiments():
    assert config_name("deep/er/mine.yaml") == "mine"
    assert config_name("runs/mine/version_0/config.yaml") == "mine"
    assert run_name("runs/mine/version_0/checkpoints/best-epoch=003.ckpt") == "mine"
    assert run_name("checkpoints/last.ckpt") == "last"
    assert run_name("theirs.ckpt") == "theirs"


def test_a_checkpoint_belongs_to_the_run_that_it_lies_in(checkpoint, tmp_path, monkeypatch):
    run = Path("runs", "mine", "version_2")
    assert run_of(str(checkpoint)) == run
    monkeypatch.chdir(tmp_path / "runs")
    assert run_of(str(tmp_path / checkpoint)) == tmp_path / run  # too short from here to be three folders


@pytest.mark.parametrize("path", ["last.ckpt", "runs/mine/version_2/last.ckpt", "downloads/theirs/checkpoints/a.ckpt"])
def test_a_checkpoint_elsewhere_belongs_to_no_run(path, checkpoint):
    assert run_of(path) is None


def test_a_run_may_have_another_name_if_it_holds_its_configuration(checkpoint):
    renamed = Path("runs", "mine", "final")
    checkpoint.parents[1].rename(renamed)
    moved = str(renamed / "checkpoints" / "last.ckpt")
    assert run_of(moved) is None
    (renamed / "config.yaml").touch()
    assert run_of(moved) == renamed


def test_what_is_measured_is_logged_with_its_run_and_a_training_anew(checkpoint):
    assert Path(run_logger("other", run_of(str(checkpoint))).log_dir) == checkpoint.parents[1]
    assert Path(run_logger("mine", None).log_dir) == Path("runs", "mine", "version_3")

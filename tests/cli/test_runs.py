"""Which run a configuration, a checkpoint and a logger belong to."""

from pathlib import Path

import pytest

from facerec.cli.runs import config_name, run_logger, run_name, run_of
from facerec.inference import Embedder
from tests.cli.conftest import assert_refused, best_file, last, run
from tests.cli.test_status import MISSING, MODEL
from tests.conftest import SMALL, face


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


@pytest.mark.parametrize("command", ["validate", "test", "embed", "export", "verify"])
def test_commands_that_take_a_checkpoint_look_into_a_folder(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("runs", "mine", "version_0", "checkpoints").mkdir(parents=True)
    options = ["runs/mine" if option == MODEL[1] else option for option in MISSING[command]]
    assert_refused("no run in runs/mine has checkpoints/best-*.ckpt", capsys, command, *options)


def test_a_folder_means_the_best_checkpoint_of_its_newest_run_and_a_line_names_it(run_copy, capsys):
    images = ("verify", face(1, 1), face(1, 1))
    experiment = run_copy.parent
    assert run(*images, "--ckpt_path", experiment) == 0
    said = capsys.readouterr()
    assert said.err == f"--ckpt_path {experiment}: taking {best_file(run_copy)}\n"
    assert run(*images, "--ckpt_path", best_file(run_copy)) == 0
    assert capsys.readouterr() == (said.out, "")
    assert Embedder.from_checkpoint(experiment).fingerprint == Embedder.from_checkpoint(best_file(run_copy)).fingerprint


def test_fit_resumes_from_the_last_checkpoint_of_a_folder(run_copy, capsys):
    best_file(run_copy).unlink()
    trained = last(run_copy)["global_step"]
    assert run("fit", "--ckpt_path", run_copy.parent, "--trainer.max_epochs=3", "--trainer.callbacks=[]") == 0
    taken = run_copy / "checkpoints" / "last.ckpt"
    assert f"--ckpt_path {run_copy.parent}: taking {taken}\n" in capsys.readouterr().err
    assert last(run_copy)["global_step"] == trained * 3 // 2
    assert not run_copy.with_name("version_1").exists()


def test_a_folder_may_stand_in_a_configuration(run_copy, capsys):
    Path("mine.yaml").write_text(f"ckpt_path: {run_copy.parent}\n")
    nothing = ["--data.test_pairs=null", "--data.dev=null"]
    status = run("test", "--config", run_copy / "config.yaml", "--config", "mine.yaml", *nothing)
    said = capsys.readouterr().err
    assert f"taking {best_file(run_copy)}" in said
    assert status == 2
    assert "data.test_pairs" in said  # refused for this alone, after the checkpoint was found


def test_new_runs_go_where_the_trainer_has_its_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("fit", "--trainer.default_root_dir=scratch", *SMALL, "--trainer.max_epochs=1") == 0
    assert Path("scratch", "orl_resnet18_arcface", "version_0", "config.yaml").is_file()
    assert not Path("runs").exists()

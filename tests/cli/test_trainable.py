"""Settings and callbacks that cannot train are refused in a line, and others that users reach for work."""

from pathlib import Path

import pytest
import torch

from tests.cli.conftest import assert_refused, best_file, last, run
from tests.conftest import SMALL

RUN = Path("runs", "orl_resnet18_arcface", "version_0")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data.batch_size=1"], "data.batch_size=1: batch normalisation has no statistics of one image"),
        (["--trainer.devices=99", "--trainer.accelerator=cpu"], "trainer.devices=99: this machine has"),
        (["--trainer.sync_batchnorm=true", "--trainer.accelerator=cpu"], "sync_batchnorm=true works on GPUs only"),
        (["--trainer.callbacks+=LearningRateFinder"], "LearningRateFinder cannot be used: it looks for model.lr"),
        (["--model.optimizer=torch.optim.LBFGS"], "model.optimizer=torch.optim.LBFGS: it takes one group of param"),
        (["--model.optimizer=timm.optim.Adahessian"], "model.optimizer=timm.optim.Adahessian: it needs second deri"),
        (["--trainer.callbacks+=BackboneFinetuning"], "BackboneFinetuning cannot be used: it adds the backbone"),
    ],
)
def test_what_cannot_train_is_refused_before_the_run_has_a_folder(options, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(said, capsys, "fit", *SMALL, *options)
    assert not list(tmp_path.iterdir())


def test_two_views_make_a_batch_of_one_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SMALL, "--data.batch_size=1", "--data.views=2", "--trainer.fast_dev_run=true") == 0


def test_early_stopping_ends_a_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stop = ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/eer"]
    stop += ["--trainer.callbacks.patience=1", "--trainer.callbacks.min_delta=1.0", "--trainer.max_epochs=9"]
    assert run("fit", *SMALL, *stop) == 0
    assert last(RUN)["epoch"] == 1


def test_no_checkpoints_are_saved_where_none_are_wanted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SMALL, "--trainer.enable_checkpointing=false") == 0
    assert not list(tmp_path.rglob("*.ckpt"))


def test_lightnings_own_averaging_is_refused_with_ours_in_its_place(tmp_path, monkeypatch, capsys):
    """Lightning measures, chooses and saves the weights that the network began with, where it begins late."""
    monkeypatch.chdir(tmp_path)
    late = ["--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.update_starting_at_step=1000"]
    assert_refused("Set average.kind to ema or swa", capsys, "fit", *SMALL, *late)


def test_an_average_that_begins_late_is_of_trained_weights_until_then(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [*SMALL, "--checkpoint.candidates_after=0"]
    assert run("fit", *options) == 0
    assert run("fit", *options, "--average.kind=swa", "--average.start=0.99") == 0
    other = RUN.with_name("version_1")
    for path, same in (
        (best_file(RUN), best_file(other)),
        (RUN / "checkpoints/last.ckpt", other / "checkpoints/last.ckpt"),
    ):
        one, two = (torch.load(each, weights_only=True) for each in (path, same))
        assert one["facerec"]["calibration"] == two["facerec"]["calibration"]
        for name, weights in one["state_dict"].items():
            assert torch.equal(weights, two["state_dict"][name])


def test_averaging_over_the_last_epochs_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    averaging = ["--trainer.callbacks+=StochasticWeightAveraging", "--trainer.callbacks.swa_lrs=0.01"]
    assert run("fit", *SMALL, *averaging, "--trainer.max_epochs=4") == 0
    assert all(weights.isfinite().all() for weights in last(RUN)["state_dict"].values())


def test_a_freeze_in_several_processes_names_the_strategy_for_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shared = ["--trainer.devices=2", "--trainer.accelerator=cpu", "--trainer.strategy=ddp"]
    said = "Set trainer.strategy to ddp_find_unused_parameters_true"
    assert_refused(said, capsys, "fit", *SMALL, *shared, "--model.freeze={until: stage1}")
    assert not Path("runs").exists()

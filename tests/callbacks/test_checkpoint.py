"""Which epochs are kept: by the value of their own weights, and not too early."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from facerec.callbacks.checkpoint import BestCheckpoint, share_done


def test_checkpoint_settings():
    callback = BestCheckpoint()
    assert (callback.monitor, callback.mode, callback.save_last) == ("val/eer", "min", True)
    with pytest.raises(ValueError, match="candidates_after=1.0"):
        BestCheckpoint(candidates_after=1.0)


QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "limit_val_batches": 1,
}


class Measured(BoringModel):
    """Gives the monitored value at each validation."""

    def on_validation_epoch_end(self):
        self.log("val/eer", 0.3)


def steps_of(folder: Path) -> dict[str, int]:
    """The optimizer steps behind each checkpoint."""
    return {path.name: torch.load(path, weights_only=True)["global_step"] for path in folder.rglob("*.ckpt")}


def test_an_epoch_cut_off_before_its_validation_is_not_kept_on_the_value_of_another(tmp_path):
    """By max_steps here: the value at step 6 is that of step 4, which came too early for a candidate."""
    checkpoint = BestCheckpoint(candidates_after=0.7)
    Trainer(default_root_dir=tmp_path, max_steps=6, limit_train_batches=4, callbacks=[checkpoint], **QUIET).fit(
        Measured()
    )
    assert steps_of(tmp_path) == {"previous.ckpt": 4, "last.ckpt": 6}


def test_the_last_epochs_are_kept_though_no_validation_follows_them(tmp_path):
    settings = {"default_root_dir": tmp_path, "limit_train_batches": 2, "check_val_every_n_epoch": 2, **QUIET}
    Trainer(max_epochs=3, callbacks=[BestCheckpoint()], **settings).fit(Measured())
    assert steps_of(tmp_path) == {"best-epoch=001.ckpt": 4, "previous.ckpt": 4, "last.ckpt": 6}
    last = next(tmp_path.rglob("last.ckpt"))
    resumed = Trainer(max_epochs=5, callbacks=[BestCheckpoint()], **settings)
    resumed.fit(Measured(), ckpt_path=last)
    assert (resumed.current_epoch, resumed.global_step) == (5, 10)


def test_a_fast_development_run_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Trainer(fast_dev_run=True, callbacks=[BestCheckpoint()], **QUIET).fit(Measured())
    assert list(tmp_path.iterdir()) == []


def test_what_was_trained_is_kept_where_the_metric_turns_out_missing(tmp_path):
    checkpoint = BestCheckpoint(monitor="val/err")
    trainer = Trainer(default_root_dir=tmp_path, max_epochs=2, limit_train_batches=2, callbacks=[checkpoint], **QUIET)
    with pytest.raises(MisconfigurationException, match="could not find the monitored key"):
        trainer.fit(Measured())
    assert steps_of(tmp_path) == {"last.ckpt": 2}


@pytest.mark.parametrize(
    ("max_epochs", "max_steps", "share"), [(10, -1, 0.3), (-1, 100, 0.5), (10, 100, 0.5), (4, 100, 0.75), (-1, -1, 1.0)]
)
def test_the_share_that_is_over_is_of_what_ends_first(max_epochs, max_steps, share):
    trainer = SimpleNamespace(max_epochs=max_epochs, max_steps=max_steps, current_epoch=2, global_step=50)
    assert share_done(trainer) == share


@pytest.mark.parametrize(("after", "kept"), [(0.0, "best-epoch=000.ckpt"), (0.5, "best-epoch=003.ckpt")])
def test_an_early_epoch_is_no_candidate(tmp_path, after, kept):
    class Lucky(BoringModel):
        def on_validation_epoch_end(self):
            self.log("val/eer", (0.1, 0.4, 0.2, 0.3, 0.5, 0.6)[self.current_epoch])

    checkpoint = BestCheckpoint(candidates_after=after)
    trainer = Trainer(default_root_dir=tmp_path, max_epochs=6, limit_train_batches=1, callbacks=[checkpoint], **QUIET)
    trainer.fit(Lucky())
    assert Path(checkpoint.best_model_path).name == kept
    assert torch.load(checkpoint.last_model_path, weights_only=True)["epoch"] == 5  # not one of the best, and the last

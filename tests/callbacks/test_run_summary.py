"""The summary at the end of a training: the numbers of the best epoch, not those of the last."""

from datetime import timedelta

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.loggers import TensorBoardLogger

from facerec.callbacks import BestCheckpoint, DevAccuracy, RunSummary, Verification
from facerec.metrics import equal_error_rate
from tests.callbacks.conftest import orl_faces, quiet_trainer


class Prefer(Callback):
    """Lets the second epoch be the best, and notes what each validation found."""

    def __init__(self):
        self.found = []

    def on_validation_epoch_end(self, trainer, pl_module):
        pl_module.log("val/preferred", float(trainer.current_epoch == 1))

    def on_validation_end(self, trainer, pl_module):
        [verification] = [callback for callback in trainer.callbacks if isinstance(callback, Verification)]
        scored = verification.scores["orl"]
        self.found.append((equal_error_rate(scored.scores, scored.same)[0], pl_module.calibration["threshold"]))


def ended(recognizer, tmp_path, capsys, *more, data=None, **settings) -> dict[str, str]:
    """The rows of the summary."""
    monitored = {"monitor": "val/preferred", "mode": "max"} if any(isinstance(one, Prefer) for one in more) else {}
    callbacks = [RunSummary(), Verification(), *more, DevAccuracy(), BestCheckpoint(**monitored)]
    settings = {"max_epochs": 3, "default_root_dir": tmp_path, "enable_checkpointing": True, **settings}
    quiet_trainer(*callbacks, **settings).fit(recognizer, datamodule=data or orl_faces())
    rows = [line for line in capsys.readouterr().out.splitlines() if line]
    return {row[:11].strip(): row[12:] for row in rows}


def test_it_tells_of_the_best_epoch(recognizer, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prefer = Prefer()
    rows = ended(recognizer, tmp_path, capsys, prefer)
    eer, threshold = prefer.found[1]
    assert len(set(prefer.found)) == 3
    assert rows["trained"].startswith("3 of 3 steps in ")
    assert rows["best epoch"] == "2 of 3 (001 in file names, which count from 0)"
    assert rows["EER"].startswith(f"{eer:.2%} (95% by person ")
    low, high = (float(end) for end in rows["EER"].split("person ")[1].split("%)")[0].split("% - "))
    assert low < 100 * eer < high
    assert rows["threshold"].startswith(f"{threshold:.4f} (FAR ")
    assert (tmp_path / rows["checkpoint"]).name == "best-epoch=001.ckpt"
    assert (tmp_path / rows["checkpoint"]).is_file()
    assert rows["next"] == f"facerec test --ckpt_path {rows['checkpoint']}"


def test_without_test_pairs_it_goes_on_with_verify_and_a_limit_of_time_ends_as_well(recognizer, tmp_path, capsys):
    data = orl_faces()
    data._sources.test_pairs.clear()
    rows = ended(recognizer, tmp_path, capsys, data=data, max_epochs=1000, max_time=timedelta(seconds=0.2))
    steps, _, total = rows["trained"].split()[:3]
    assert int(steps) < int(total.replace(",", ""))
    assert rows["next"].startswith("facerec verify A.jpg B.jpg --ckpt_path ")


def test_without_a_validation_it_says_so(recognizer, tmp_path, capsys):
    rows = ended(recognizer, tmp_path, capsys, limit_val_batches=0)
    assert rows["best epoch"].startswith("none")
    assert "EER" not in rows
    assert rows["checkpoint"].endswith("last.ckpt")


class Interrupt(Callback):
    def on_train_batch_end(self, *args):
        raise KeyboardInterrupt


def test_an_interrupted_training_has_no_summary(recognizer, tmp_path, capsys):
    with pytest.raises(SystemExit):
        ended(recognizer, tmp_path, capsys, Interrupt())
    assert "trained" not in capsys.readouterr().out


def test_a_run_without_a_best_epoch_is_tested_by_its_last_file(recognizer, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logger = TensorBoardLogger("runs", name="mine")
    rows = ended(recognizer, tmp_path, capsys, logger=logger, check_val_every_n_epoch=2, max_epochs=1)
    assert rows["best epoch"].startswith("none: ")
    assert rows["next"] == f"facerec test --ckpt_path {rows['checkpoint']}"
    assert (tmp_path / rows["checkpoint"]).name == "last.ckpt"


def test_a_run_stands_for_its_best_epoch(recognizer, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ended(recognizer, tmp_path, capsys, logger=TensorBoardLogger("runs", name="mine"), max_epochs=1)
    assert rows["next"] == "facerec test --ckpt_path runs/mine/version_0"

"""A training in a process of its own: what it logs, how it is stopped, and why it failed."""

import pytest

from facerec.cli import main
from facerec.reports import find_runs, read_run
from facerec.reports.events import read_events
from facerec.sweeps import process
from facerec.sweeps.course import RunningRates
from facerec.sweeps.process import StoppedEarly, error_of, train
from tests.conftest import SMALL


def test_the_rates_of_a_run_are_those_that_it_logged(orl_run):
    rates = RunningRates()
    logged = [event.value for event in read_events(orl_run)[0]["val/eer"]]
    assert len(logged) == 2
    assert rates.read(orl_run) == rates.read(orl_run) == logged
    assert rates.read(None) == []


def test_the_rates_of_averaged_weights_are_those_that_choose_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", *SMALL, "--average.kind=ema", "--checkpoint.candidates_after=0"])
    [run] = find_runs(["runs"])
    scalars = read_events(run)[0]
    logged = {stage: [event.value for event in scalars[f"{stage}/eer"]] for stage in ("val", "val_ema")}
    assert logged["val"] != logged["val_ema"]
    assert RunningRates().read(run) == logged["val_ema"]
    assert min(logged["val_ema"]) == pytest.approx(read_run(run).results["validation EER"])


def test_a_hopeless_training_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "SECONDS_BETWEEN_LOOKS", 0.05)
    looks = []

    def is_hopeless():
        looks.append(len(looks))
        return len(looks) == 2

    with pytest.raises(StoppedEarly):
        train([], tmp_path / "log", None, is_hopeless)
    assert looks == [0, 1]


def test_the_error_of_a_training_is_in_its_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train(["--config", "missing.yaml"], tmp_path / "log", None, None) == 2
    assert error_of(tmp_path / "log", 2) == "no configuration file missing.yaml"


def test_the_error_of_a_traceback_is_its_last_line(tmp_path):
    (tmp_path / "log").write_text("epoch 1\nTraceback (most recent call last):\n  File x\nKeyError: 'scale'\n")
    assert error_of(tmp_path / "log", 2) == "KeyError: 'scale'"
    (tmp_path / "log").write_text("")
    assert error_of(tmp_path / "log", 1) == "status 1"

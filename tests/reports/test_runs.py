"""A run is read from what it left behind: its settings, events, checkpoint and measurements."""

import pytest
import torch
import yaml
from torch.utils.tensorboard import SummaryWriter

from facerec.recognizer import FaceRecognizer
from facerec.reports import find_runs, read_run
from tests.reports.runs import BY_PERSON, copy_of, measured, numbers, run_with_events, store_best


def test_a_run_is_read_from_its_events_and_checkpoint(orl_run) -> None:
    results = read_run(orl_run).results
    best = next((orl_run / "checkpoints").glob("best-*.ckpt"))
    states = torch.load(best, weights_only=True)["callbacks"].values()
    score = next(float(state["current_score"]) for state in states if "current_score" in state)
    assert results["validation EER"] == pytest.approx(score)
    assert 0.0 <= results["dev accuracy"] <= 1.0
    assert 0.0 < results["minutes"] < 10.0
    backbone = FaceRecognizer.load_from_checkpoint(best, weights_only=True).backbone
    assert results["parameters"] == sum(parameter.numel() for parameter in backbone.parameters())
    assert "test EER" not in results


def test_what_is_no_run_is_named(tmp_path, runs) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        find_runs([str(tmp_path / "none")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no run in"):
        find_runs([str(tmp_path / "empty")])
    broken = runs / "plain" / "version_0"
    (broken / "test").mkdir()
    (broken / "test" / "metrics.json").write_text("{")
    with pytest.raises(ValueError, match=r"metrics\.json is not JSON"):
        read_run(broken)
    (broken / "config.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"config\.yaml is not YAML"):
        read_run(broken)


def test_a_later_validation_does_not_change_what_a_run_gave(orl_run, tmp_path) -> None:
    """`facerec validate` logs into the run that its checkpoint is from, whatever the data."""
    run = copy_of(orl_run, tmp_path / "runs" / "plain" / "version_0")
    before = read_run(run).results
    with SummaryWriter(str(run)) as later:
        later.add_scalar("val/eer", 0.001, 0, walltime=2e9)
        later.add_scalar("val/accuracy", 0.999, 0, walltime=2e9 + 7200)
    assert read_run(run).results == before


def test_a_broken_checkpoint_is_named_and_the_rest_is_read(orl_run, tmp_path) -> None:
    run = copy_of(orl_run, tmp_path / "runs" / "plain" / "version_0")
    for path in (run / "checkpoints").glob("*.ckpt"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.warns(UserWarning, match=r"\.ckpt does not load as a checkpoint"):
        results = read_run(run).results
    assert "parameters" not in results
    assert results["validation EER"] == read_run(orl_run).results["validation EER"]


def test_the_validation_numbers_are_those_of_the_checkpoint_kept_not_of_an_early_epoch(tmp_path) -> None:
    settings = {"checkpoint": {"candidates_after": 0.5}, "trainer": {"max_epochs": 4}}
    rates = {"val/eer": [0.05, 0.20, 0.12, 0.14], "val/accuracy": [0.1, 0.2, 0.3, 0.4]}
    run = run_with_events(tmp_path / "a" / "version_0", rates, settings)
    without = read_run(run).results
    assert without["validation EER"] == pytest.approx(0.12)
    assert without["dev accuracy"] == pytest.approx(0.3)
    store_best(run, 1, 0.20)
    store_best(run, 3, 0.14)  # with save_top_k=2
    results = read_run(run).results
    assert results["validation EER"] == pytest.approx(0.14)
    assert results["dev accuracy"] == pytest.approx(0.4)


def test_the_eer_over_several_sets_is_their_mean_without_an_interval(orl_run, tmp_path) -> None:
    several = measured(numbers(0.1, BY_PERSON), numbers(0.3, BY_PERSON, impostor=1200))
    results = read_run(copy_of(orl_run, tmp_path / "runs" / "a" / "version_0", several)).results
    assert results["test EER"] == pytest.approx(0.2)
    assert results["tested pairs"] == "600 + 1,500"
    assert "95% interval" not in results
    assert "tested precision" not in results  # unknown


def test_a_run_without_a_checkpoint_or_measurement_has_its_settings(tmp_path) -> None:
    run = tmp_path / "orl" / "version_3"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("model: {loss: {scale: 64.0}}")
    assert read_run(run) == ("orl/version_3", {"model.loss.scale": 64.0}, {})
    (run / "config.yaml").write_text("- 1")
    with pytest.raises(ValueError, match=r"config\.yaml holds no settings"):
        read_run(run)


def test_the_schedule_of_an_old_run_has_the_names_of_today(tmp_path) -> None:
    """Before schedules had classes it was the cosine; the table compares it with that of a new run."""
    for name, schedule in {
        "old": {"warmup": 0.1, "final_factor": 0.0},
        "new": {"class_path": "facerec.optim.WarmupCosine", "init_args": {"warmup": 0.1, "final_factor": 0.0}},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(yaml.safe_dump({"model": {"schedule": schedule}}))
    assert read_run(tmp_path / "old").settings == read_run(tmp_path / "new").settings

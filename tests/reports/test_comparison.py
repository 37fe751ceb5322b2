"""A run that was made here, and copies of it with other settings and measurements."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from torch.utils.tensorboard import SummaryWriter

from facerec.recognizer import FaceRecognizer
from facerec.reports.comparison import as_csv, as_markdown, compare_runs, find_runs, read_run

BY_PAIR = {"equal_error_rate": [0.1, 0.2], "resamples": 1000}
BY_PERSON = {"equal_error_rate": [0.05, 0.25], "resamples": 1000}


def copy_of(run: Path, folder: Path, metrics: dict | None = None, **model: object) -> Path:
    shutil.copytree(run, folder)
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    settings["model"] |= model
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    if metrics:
        (folder / "test").mkdir(exist_ok=True)
        (folder / "test" / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture
def runs(orl_run: Path, tmp_path: Path) -> Path:
    """Three runs: not tested, EER 15 % with both intervals, EER 12 % with an interval by pair."""
    folder = tmp_path / "runs"
    copy_of(orl_run, folder / "plain" / "version_0")
    sets = {"sets": {"lfw": {"eer": 0.15, "interval_by_pair": BY_PAIR, "interval_by_person": BY_PERSON}}}
    copy_of(orl_run, folder / "wide" / "version_1", sets, loss_lr_factor=2.0)
    one = {"lfw": {"eer": 0.12, "interval_by_pair": BY_PAIR, "interval_by_person": None}}
    copy_of(orl_run, folder / "wide" / "version_0", one, loss_lr_factor=3.0, flip_test=False)
    return folder


def test_the_table_shows_what_differs_sorted_by_the_test_eer(runs, orl_run) -> None:
    rows = compare_runs([read_run(folder) for folder in find_runs([str(runs)])])
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [row["run"] for row in table] == ["wide/version_0", "wide/version_1", "plain/version_0"]
    assert rows[0][1:3] == ["flip_test", "loss_lr_factor"]  # nothing else differs
    assert [row["loss_lr_factor"] for row in table] == ["3.0", "2.0", "1.0"]
    assert [row["flip_test"] for row in table] == ["False", "True", "True"]
    assert [row["test EER"] for row in table] == ["12.00%", "15.00%", ""]
    intervals = [row["95% interval"] for row in table]
    assert intervals == ["10.00% - 20.00% by pair", "5.00% - 25.00% by person", ""]


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


def test_the_order_can_be_another_and_unknown_columns_are_named(runs) -> None:
    found = [read_run(folder) for folder in find_runs([str(runs)])]
    assert [row[0] for row in compare_runs(found, "loss_lr_factor")[1:]] == [
        "plain/version_0",
        "wide/version_1",
        "wide/version_0",
    ]
    with pytest.raises(ValueError, match="no column 'speed' to sort by: choose one of run, flip_test, loss_lr_factor"):
        compare_runs(found, "speed")
    accuracies = [run._replace(results={"dev accuracy": value}) for run, value in zip(found, (0.2, 0.9), strict=False)]
    assert [row[-6] for row in compare_runs(accuracies, "dev accuracy")[1:]] == ["90.00%", "20.00%"]


def test_settings_of_one_name_are_told_apart_and_holders_left_out(orl_run) -> None:
    run = read_run(orl_run)
    first = run._replace(settings={"model.backbone.init_args.width": 4, "model.loss.class_path": "a.ArcFace"})
    second = run._replace(
        settings={
            "model.backbone.init_args.width": 8,
            "model.loss.class_path": "a.SupCon",
            "data.width": 3,
            "data.augment": None,
        }
    )
    first.settings["data.augment.blur"] = 0.1
    rows = compare_runs([first, second])
    assert rows[0][1:5] == ["backbone.width", "loss.class_path", "blur", "data.width"]
    assert {row[2] for row in rows[1:]} == {"ArcFace", "SupCon"}


def test_csv_and_markdown_hold_the_table() -> None:
    rows = [["run", "train"], ["a/version_0", "x, y|z"]]
    assert list(csv.reader(io.StringIO(as_csv(rows)))) == rows
    assert as_markdown(rows) == "| run | train |\n|---|---|\n| a/version_0 | x, y\\|z |\n"


def test_what_is_no_run_is_named(tmp_path, runs) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        find_runs([str(tmp_path / "none")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no run in"):
        find_runs([str(tmp_path / "empty")])
    broken = runs / "plain" / "version_0"
    (broken / "metrics.json").write_text("{")
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


def run_with_events(folder: Path, rates: dict[str, list[float]], settings: dict[str, dict]) -> Path:
    """A run whose epochs, of ten steps each, logged those values."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    with SummaryWriter(str(folder)) as events:
        events.add_scalar("train/loss", 1.0, 0)
        for name, values in rates.items():
            for epoch, value in enumerate(values):
                events.add_scalar(name, value, 10 * epoch + 9)
                events.add_scalar("epoch", epoch, 10 * epoch + 9)
    return folder


def store_best(run: Path, epoch: int, score: float) -> None:
    path = run / "checkpoints" / f"best-epoch={epoch:03d}.ckpt"
    state = {
        "monitor": "val/eer",
        "best_model_path": f"elsewhere/{path.name}",
        "best_model_score": torch.tensor(score),
        "current_score": torch.tensor(score),
    }
    path.parent.mkdir(exist_ok=True)
    weights = {"backbone.weight": torch.zeros(3)}
    torch.save({"state_dict": weights, "global_step": 10 * (epoch + 1), "callbacks": {"BestCheckpoint": state}}, path)


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


def test_accuracy_by_class_means_has_a_column_of_its_own(tmp_path) -> None:
    by_weights = run_with_events(tmp_path / "a" / "version_0", {"val/accuracy": [0.5]}, {"a": {"b": 1}})
    by_means = run_with_events(tmp_path / "b" / "version_0", {"val/accuracy_nearest_mean": [0.75]}, {"a": {"b": 1}})
    rows = compare_runs([read_run(by_weights), read_run(by_means)], "nearest-mean accuracy")
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [(row["dev accuracy"], row["nearest-mean accuracy"]) for row in table] == [("", "75.00%"), ("50.00%", "")]
    assert "nearest-mean accuracy" not in compare_runs([read_run(by_weights)])[0]


def test_how_runs_were_tested_is_shown_where_they_differ(tmp_path, orl_run) -> None:
    lfw = {"genuine": 300, "impostor": 300, "eer": 0.1}
    first = {"score": "cosine", "flip_test": "sum", "precision": "32-true", "sets": {"lfw": lfw}}
    second = first | {"score": "euclidean", "flip_test": "none", "sets": {"lfw": lfw | {"impostor": 1500}}}
    copies = [
        copy_of(orl_run, tmp_path / name / "version_0", metrics) for name, metrics in (("a", first), ("b", second))
    ]
    rows = compare_runs([read_run(folder) for folder in copies])
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [(row["tested score"], row["tested flip_test"], row["tested pairs"]) for row in table] == [
        ("cosine", "sum", "300 + 300"),
        ("euclidean", "none", "300 + 1,500"),
    ]
    assert "tested precision" not in rows[0]

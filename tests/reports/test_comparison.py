"""The table of runs: settings that differ, results, and the order of both."""

import csv
import io

import pytest

from facerec.reports import as_csv, as_markdown, compare_runs, find_runs, read_run
from tests.reports.runs import copy_of, measured, numbers, run_with_events


def test_the_table_shows_what_differs_sorted_by_the_test_eer(runs, orl_run) -> None:
    rows = compare_runs([read_run(folder) for folder in find_runs([str(runs)])])
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [row["run"] for row in table] == ["wide/version_0", "wide/version_1", "plain/version_0"]
    assert rows[0][1:3] == ["test EER", "95% interval"]
    assert rows[0][-2:] == ["flip_test", "loss_lr_factor"]  # nothing else differs
    assert [row["loss_lr_factor"] for row in table] == ["3.0", "2.0", "1.0"]
    assert [row["flip_test"] for row in table] == ["False", "True", "True"]
    assert [row["test EER"] for row in table] == ["12.00%", "15.00%", ""]
    intervals = [row["95% interval"] for row in table]
    assert intervals == ["10.00% - 20.00% by pair", "5.00% - 25.00% by person", ""]


def test_the_order_can_be_another_and_unknown_columns_are_named(runs) -> None:
    found = [read_run(folder) for folder in find_runs([str(runs)])]
    assert [row[0] for row in compare_runs(found, "loss_lr_factor")[1:]] == [
        "plain/version_0",
        "wide/version_1",
        "wide/version_0",
    ]
    with pytest.raises(ValueError, match="no column 'speed' to sort by: choose one of run, .*, flip_test, loss_lr"):
        compare_runs(found, "speed")
    accuracies = [run._replace(results={"dev accuracy": value}) for run, value in zip(found, (0.2, 0.9), strict=False)]
    assert [row[4] for row in compare_runs(accuracies, "dev accuracy")[1:]] == ["90.00%", "20.00%"]
    assert [row[4] for row in compare_runs(accuracies)[1:]] == ["90.00%", "20.00%"]


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
    assert rows[0][-4:] == ["backbone.width", "loss.class_path", "blur", "data.width"]
    assert {row[-3] for row in rows[1:]} == {"ArcFace", "SupCon"}


def test_csv_and_markdown_hold_the_table() -> None:
    rows = [["run", "train"], ["a/version_0", "x, y|z"]]
    assert list(csv.reader(io.StringIO(as_csv(rows)))) == rows
    assert as_markdown(rows) == "| run | train |\n|---|---|\n| a/version_0 | x, y\\|z |\n"


def test_accuracy_by_class_means_has_a_column_of_its_own(tmp_path) -> None:
    by_weights = run_with_events(tmp_path / "a" / "version_0", {"val/accuracy": [0.5]}, {"a": {"b": 1}})
    by_means = run_with_events(tmp_path / "b" / "version_0", {"val/accuracy_nearest_mean": [0.75]}, {"a": {"b": 1}})
    rows = compare_runs([read_run(by_weights), read_run(by_means)], "nearest-mean accuracy")
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [(row["dev accuracy"], row["nearest-mean accuracy"]) for row in table] == [("", "75.00%"), ("50.00%", "")]
    assert "nearest-mean accuracy" not in compare_runs([read_run(by_weights)])[0]


def test_how_runs_were_tested_is_shown_where_they_differ(tmp_path, orl_run) -> None:
    first = measured(numbers(0.1), flip_test="sum", precision="32-true")
    second = measured(numbers(0.1, impostor=1500), score="euclidean", precision="32-true")
    copies = [copy_of(orl_run, tmp_path / name / "version_0", given) for name, given in (("a", first), ("b", second))]
    rows = compare_runs([read_run(folder) for folder in copies])
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [(row["tested score"], row["tested flip_test"], row["tested pairs"]) for row in table] == [
        ("cosine", "sum", "300 + 300"),
        ("euclidean", "None", "300 + 1,500"),
    ]
    assert "tested precision" not in rows[0]

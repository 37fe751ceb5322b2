"""Where the files of an evaluation go, and what is in the score file."""

import csv
from pathlib import Path

import numpy as np
import pytest

from facerec.reports import ScoredSet, results, verification_figure
from facerec.reports.results import results_folder, write_figure, write_scores
from tests.reports.sets import five_pairs
from tests.reports.test_figures import Grays


@pytest.mark.parametrize(
    ("config", "root", "name"),
    [
        (None, None, "test"),
        (None, "data/lfw", "test"),
        ("data: {root: data/lfw}", "data/lfw", "test"),
        ("data: {root: data/lfw}", "data/lfw/", "test"),
        ("data: {root: ~/lfw}", str(Path.home() / "lfw"), "test"),
        ("data: {root: data/lfw}", None, "test"),
        ("data: {root: data/lfw}", "data/cfp", "test_cfp"),
        ("data: {train: ORLImages}", "data/cfp", "test_cfp"),
        ("", "data/cfp", "test_cfp"),
    ],
)
def test_other_data_than_the_runs_own_has_its_own_folder(config, root, name, tmp_path):
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
    assert results_folder(tmp_path, "test", root) == tmp_path / name


def test_a_score_file_has_a_row_for_each_pair_in_the_order_of_the_list(tmp_path):
    assert write_scores(tmp_path / "scores.csv", five_pairs(), Grays())
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["image_1"], row["image_2"], row["same"]) for row in rows] == [
        ("0.png", "1.png", "1"),
        ("0.png", "2.png", "1"),
        ("1.png", "2.png", "0"),
        ("1.png", "5.png", "0"),
        ("2.png", "5.png", "0"),
    ]
    assert (np.array([row["score"] for row in rows], dtype=np.float32) == five_pairs().scores).all()


def test_too_many_pairs_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "MOST_ROWS", 4)
    assert not write_scores(tmp_path / "scores.csv", five_pairs(), Grays())
    assert list(tmp_path.iterdir()) == []


def test_scores_of_unknown_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"scores\.csv needs the images of the pairs"):
        write_scores(tmp_path / "scores.csv", ScoredSet.from_arrays([1, 0], scores=[0.9, 0.1]), Grays())


def test_a_figure_is_a_png(tmp_path):
    write_figure(tmp_path / "roc.png", verification_figure(five_pairs(), "x"))
    assert (tmp_path / "roc.png").read_bytes().startswith(b"\x89PNG")

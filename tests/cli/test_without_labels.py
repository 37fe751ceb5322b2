"""Test pairs whose labels a course keeps: `facerec test` measures the rest, and writes their scores."""

import csv
from pathlib import Path

import pytest

from facerec.reports import read_metrics
from tests.cli.conftest import best_file, run


@pytest.fixture
def unlabelled(vggface_root: Path) -> Path:
    """A set whose test pairs carry no labels."""
    pairs = vggface_root / "test_pairs.txt"
    pairs.write_text("".join(f"{line[:-2]}\n" for line in pairs.read_text().splitlines()))
    return vggface_root


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_scores_of_unlabelled_pairs_are_those_of_the_submission(run_copy, unlabelled, tmp_path, capsys):
    model = ("--ckpt_path", best_file(run_copy))
    assert run("test", *model, "--data.root", unlabelled) == 0
    printed = capsys.readouterr().out
    assert "pairs: 15 pairs without labels, so no error rate; their scores are in" in printed
    assert f"`facerec predict --pairs {unlabelled}/test_pairs.txt --images {unlabelled}/ver_data" in printed
    assert "EER" not in printed

    written = rows(run_copy / "test_faces" / "pairs_scores.csv")
    images = [(Path(row["image_1"]).name, Path(row["image_2"]).name) for row in written]
    assert images == [tuple(line.split()) for line in (unlabelled / "test_pairs.txt").read_text().splitlines()]
    assert {row["same"] for row in written} == {""}
    pairs = ("--pairs", unlabelled / "test_pairs.txt", "--images", unlabelled / "ver_data")
    assert run("predict", *pairs, *model, "--output", tmp_path / "submission.csv") == 0
    submitted = [float(row["Label"]) for row in rows(tmp_path / "submission.csv")]
    assert [float(row["score"]) for row in written] == pytest.approx(submitted, abs=1e-5)


def test_labelled_sets_and_dev_accuracy_are_measured_beside_them(run_copy, unlabelled, capsys):
    pairs = f"{{class_path: ListPairs, init_args: {{images: {unlabelled}/ver_data, pairs_file: {unlabelled}/%s}}}}"
    sets = f"{{orl: {{class_path: ORLPairs}}, course: {pairs % 'test_pairs.txt'}}}"
    assert run("test", "--ckpt_path", best_file(run_copy), f"--data.test_pairs={sets}") == 0
    printed = capsys.readouterr().out
    assert "dev accuracy (training people, other images)" in printed
    assert "course: 15 pairs without labels" in printed
    measured = read_metrics(run_copy / "test" / "metrics.json")
    assert list(measured.sets) == ["orl"]
    assert "test/orl/eer" in measured.logged
    assert len(rows(run_copy / "test" / "course_scores.csv")) == 15


def test_validation_pairs_need_labels(run_copy, unlabelled, capsys):
    (unlabelled / "test_pairs.txt").rename(unlabelled / "val_pairs.txt")
    assert run("validate", "--ckpt_path", best_file(run_copy), "--data.root", unlabelled) == 2
    assert "the val pairs 'pairs' carry no labels" in capsys.readouterr().err

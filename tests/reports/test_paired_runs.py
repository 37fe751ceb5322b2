"""Runs compared by the scores that their tests kept, and what is refused."""

import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from facerec.metrics import Calibration, Difference
from facerec.reports import (
    Measurement,
    ScoredSet,
    compare_paired,
    compare_scores,
    read_metrics,
    summarise,
    write_metrics,
)
from facerec.reports.kept_scores import measured_runs, read_scores
from facerec.reports.results import write_scores
from tests.reports.sets import embedded_people
from tests.reports.tested_run import PEOPLE, write_tested_run


class Faces:
    """Images named by their person, below some folder."""

    def __init__(self, root: str = "/data/faces", first: int = 0) -> None:
        self.root, self.first = root, first

    def read(self, index: int):
        raise NotImplementedError

    def name(self, index: int) -> str:
        return f"{self.root}/s{self.first + index // 4}/{index % 4}.png"


def scored(seed: int, people: int = 12) -> ScoredSet:
    """The same people and pairs, with the noise of a seed."""
    known = embedded_people(0, people)
    known["embeddings"] = known["embeddings"] + 0.5 * np.random.default_rng(seed).normal(size=(4 * people, 8))
    return ScoredSet.from_arrays(**known | {"folds": None})


def kept_run(folder: Path, scores: ScoredSet, images: Faces | None = None, seed: int = 0):
    """A run with a seed, its test and its scores."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"seed_everything": seed}))
    calibration = Calibration(threshold=0.3, far=0.1, frr=0.1, method="eer", score="cosine")
    measurement = Measurement(score="cosine", calibration=calibration, sets={"faces": summarise(scores, resamples=2)})
    write_metrics(folder / "test" / "metrics.json", measurement)
    write_scores(folder / "test" / "faces_scores.csv", scores, images or Faces())
    return folder


def flat(found: Difference) -> list[float]:
    return [found.first, found.second, *found.interval]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    first, second = scored(1), scored(2)
    return kept_run(tmp_path / "a", first), kept_run(tmp_path / "b", second, Faces("/elsewhere/faces"), seed=5)


def test_scores_come_back_as_they_were(two):
    kept, scores = read_scores(two[0] / "test" / "faces_scores.csv"), scored(1)
    assert (kept.scores.astype(np.float32) == scores.scores).all()
    assert (kept.same == scores.same).all()
    assert (kept.people == scores.people).all()
    assert kept.images[:2] == [("s0/0.png", "s0/1.png"), ("s0/0.png", "s0/2.png")]


@pytest.mark.parametrize("part", ["", "test", "test/metrics.json"])
def test_two_runs_are_compared_wherever_their_data_lie(two, part):
    found = compare_paired(two[0] / part, two[1] / part, resamples=50)
    one, other = scored(1), scored(2)
    alone = compare_scores(one.same, one.scores, other.scores, people=one.people, thresholds=(0.3, 0.3), resamples=50)
    assert flat(found.sets["faces"].eer) == pytest.approx(flat(alone.eer), abs=1e-6)
    assert found.sets["faces"].mcnemar == alone.mcnemar
    assert found.first == [str(two[0])]
    assert str(found).startswith(f"A  {two[0]}\nB  {two[1]}\n\nfaces: 72 genuine and 1,056 impostor pairs, one run of ")


def test_a_list_in_another_order_is_the_same_pairs(two):
    path = two[1] / "test" / "faces_scores.csv"
    expected = compare_paired(*two, resamples=50).sets["faces"]
    heading, *rows = path.read_text().splitlines()
    path.write_text("\n".join([heading, *reversed(rows)]))
    assert compare_paired(*two, resamples=50).sets["faces"] == expected


def test_runs_of_the_same_seeds_are_partners(tmp_path):
    for name, seeds, shift in (("a", (0, 1, 2), 0), ("b", (2, 1, 7), 10)):
        for version, seed in enumerate(seeds):
            kept_run(tmp_path / name / f"version_{version}", scored(seed + shift), seed=seed)
    found = compare_paired(tmp_path / "a", tmp_path / "b", resamples=50)
    assert found.first == [str(tmp_path / "a" / f"version_{version}") for version in (1, 2)]
    assert found.second == [str(tmp_path / "b" / f"version_{version}") for version in (1, 0)]
    assert found.notes == ["Left out: 2 runs without a partner of the same seed."]
    one = scored(1)
    pairs = [np.array([scored(seed + shift).scores for seed in (1, 2)]) for shift in (0, 10)]
    expected = compare_scores(one.same, *pairs, people=one.people, resamples=50)
    assert flat(found.sets["faces"].eer) == pytest.approx(flat(expected.eer), abs=1e-6)
    with pytest.raises(ValueError, match="no seed in common: .* has seed 0 / seed 1 / seed 2, and .* has seed 7"):
        compare_paired(tmp_path / "a", tmp_path / "b" / "version_2")


def test_of_two_runs_of_one_seed_the_last_tested_counts(tmp_path):
    for version in (0, 1):
        run = kept_run(tmp_path / "a" / f"version_{version}", scored(version))
        os.utime(run / "test" / "metrics.json", (2 - version, 2 - version))
    assert [run.name for run in measured_runs(tmp_path / "a")] == [str(tmp_path / "a" / "version_0")]


def test_other_people_and_other_pairs_are_refused_by_name(two, tmp_path):
    others = kept_run(tmp_path / "others", scored(1), Faces(first=6))
    message = r"a and .*others were tested on other people or images in faces: .* has s0/0\.png \(24 such .* s12/0\.png"
    with pytest.raises(ValueError, match=message):
        compare_paired(two[0], others)
    path = two[1] / "test" / "faces_scores.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(
        ValueError, match=r"other pairs in faces: 1 are in one alone, such as s11/2\.png and s11/3\.png"
    ):
        compare_paired(*two)
    path.write_text("\n".join([*lines[:-1], lines[-1].replace(",11,11", ",11,10")]))
    with pytest.raises(ValueError, match=r"other people: .*s11/3\.png is of another person"):
        compare_paired(*two)


def test_other_labels_are_refused(two):
    path = two[1] / "test" / "faces_scores.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1].replace(",1,11,11", ",0,11,11")]))
    with pytest.raises(ValueError, match=r"label 1 pairs of faces differently, such as s11/2\.png and s11/3\.png"):
        compare_paired(*two)


def test_a_file_of_before_the_people_gives_way_to_one_that_has_them(two):
    path = two[0] / "test" / "faces_scores.csv"
    path.write_text("\n".join(line.rsplit(",", 2)[0] for line in path.read_text().splitlines()))
    assert read_scores(path).people is None
    assert compare_paired(*two, resamples=10).sets["faces"].unit == "people"


def test_what_is_missing_is_named_with_the_command(two, tmp_path):
    (two[0] / "test" / "faces_scores.csv").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"no scores .*faces_scores\.csv: `facerec test --ckpt_path .*a` writes"
    ):
        compare_paired(*two)
    (tmp_path / "untested").mkdir()
    (tmp_path / "untested" / "config.yaml").write_text("{}")
    with pytest.raises(FileNotFoundError, match="untested has no test: `facerec test --ckpt_path .*untested` measures"):
        compare_paired(two[1], tmp_path / "untested")
    broken = two[0] / "test" / "faces_scores.csv"
    broken.write_text("image_1,image_2,score,same\na,b,0.5,\n")
    with pytest.raises(
        ValueError, match=r"faces_scores\.csv does not hold what `facerec test` writes for labelled pairs"
    ):
        compare_paired(*two)


def test_without_a_threshold_there_is_no_test_at_it(two):
    path = two[1] / "test" / "metrics.json"
    write_metrics(path, replace(read_metrics(path), calibration=None))
    found = compare_paired(*two, resamples=10)
    assert f"No McNemar's test: no threshold of these scores is stored for {two[1]}." in str(found)


def test_without_a_set_in_common_both_are_named(two):
    write_metrics(
        two[1] / "test" / "metrics.json", Measurement(score="cosine", sets={"lfw": summarise(scored(1), resamples=2)})
    )
    with pytest.raises(ValueError, match="no set of pairs in common: .*a was tested on faces, .*b on lfw"):
        compare_paired(*two)


def test_folds_of_test_people_are_averaged(tmp_path):
    """Each fold has pairs and networks of its own; people are drawn within their fold."""
    rates = {
        side: [
            write_tested_run(tmp_path / side / f"version_{fold}{seed}", fold, seed, apart)
            for fold, seed in itertools.product((1, 2), (0, 1))
        ]
        for side, apart in (("a", 0.9), ("b", 0.5))
    }
    found = compare_paired(tmp_path / "a", tmp_path / "b", resamples=100).sets["faces"]
    assert found.folds == 2
    assert (found.eer.first, found.eer.second) == pytest.approx((np.mean(rates["a"]), np.mean(rates["b"])))
    assert found.verdict == f"A is better on these {2 * PEOPLE} people"
    assert "2 runs of each, the mean over seeds, on each of 2 folds of people" in str(found)

    for side in ("a", "b"):
        shutil.rmtree(tmp_path / side / "version_21")
    with pytest.raises(ValueError, match="the folds of people have 2 and 1 seeds in faces: test the same seeds"):
        compare_paired(tmp_path / "a", tmp_path / "b", resamples=10)

"""The league of tested trials: order, means over folds and seeds, intervals and files."""

import csv
import io
import itertools
from pathlib import Path

import numpy as np
import pytest

from facerec.sweeps.league import accuracy_and_error, league, measured_trials, untested_runs
from facerec.sweeps.league_shown import league_csv, league_figure, league_notes, league_rows
from facerec.sweeps.trials import Finished, Trial
from tests.reports.tested_run import PEOPLE, write_tested_run
from tests.sweeps.conftest import SCALE, sweep_of

FOLDS, SEEDS = (1, 2), (0, 1)


@pytest.fixture
def tested(tmp_path):
    """Three trials of two seeds and two folds: the second is best. Returns trials and the EERs by scale."""
    trials, rates = [], {}
    for number, (scale, noise, accuracy) in enumerate((("10", 0.6, 0.9), ("20", 0.2, 0.8), ("30", 0.65, 0.95))):
        repeats = {}
        for fold, seed in itertools.product(FOLDS, SEEDS):
            folder = tmp_path / f"trial_{number}" / f"version_{fold}{seed}"
            rates.setdefault(scale, []).append(write_tested_run(folder, fold, seed, 1.0, noise, accuracy))
            repeats[f"seed_{seed}_settings_{fold}"] = Finished(0.1, str(folder), 12.0)
        trials.append(Trial(number, "finished", {SCALE: scale}, repeats))
    return trials, rates


def test_the_lowest_mean_over_folds_and_seeds_is_first(tested):
    trials, rates = tested
    found = league("faces", measured_trials(trials), resamples=100)
    assert [trial.trial.number for trial in found.trials] == [1, 0, 2]
    means = [np.mean(rates[scale]) for scale in ("20", "10", "30")]
    assert [eer.rate for eer in found.eer] == pytest.approx(means, abs=1e-12)
    assert all(eer.interval.low <= eer.rate <= eer.interval.high for eer in found.eer)
    assert found.from_above[0].difference == pytest.approx(means[1] - means[0], abs=1e-12)
    assert found.from_above[0].is_significant
    assert not found.from_above[1].is_significant
    assert found.units == f"{len(FOLDS) * PEOPLE} people"


def test_the_table_the_notes_and_the_files(tested):
    trials, rates = tested
    sweep, found = sweep_of(), league("faces", measured_trials(trials), resamples=100)
    heading, *rows = league_rows(sweep, found)
    assert "95% over people, seeds" in heading
    assert not any("one seed" in note for note in league_notes(found))
    assert "accuracy" not in heading, "these pairs have no folds of pairs"
    assert [row[heading.index("scale")] for row in rows] == ["20", "10", "30"]
    assert rows[0][heading.index("behind the one above")] == ""
    assert rows[1][heading.index("behind the one above")].endswith(" *")
    assert not rows[2][heading.index("behind the one above")].endswith("*")
    assert rows[0][heading.index("dev accuracy")] == "80.0%"
    assert rows[0][heading.index("s")] == "12"
    assert accuracy_and_error(found) == pytest.approx(1.0), "here the more accurate networks verify worse"
    assert any("+1.00" in note for note in league_notes(found))
    lines = list(csv.DictReader(io.StringIO(league_csv(sweep, found))))
    assert len(lines) == 3 * len(FOLDS) * len(SEEDS)
    best = [float(line["test_eer"]) for line in lines if line[SCALE] == "20"]
    assert sorted(best) == pytest.approx(sorted(rates["20"]), abs=1e-5)
    labels = [label.get_text() for label in league_figure(sweep, found).axes[0].get_yticklabels()]
    assert [label.split()[1] for label in labels] == ["20", "10", "30"]


def test_one_seed_says_that_its_luck_is_in_no_interval(tested):
    trials, _ = tested
    for trial in trials:
        for name in [name for name in trial.repeats if name.startswith("seed_1")]:
            del trial.repeats[name]
    found = league("faces", measured_trials(trials), resamples=100)
    assert "95% over people" in league_rows(sweep_of(), found)[0]
    assert any("one seed" in note for note in league_notes(found))


def test_a_loss_without_classes_has_the_accuracy_of_the_nearest_mean(tested):
    trials, _ = tested
    for repeat in trials[1].repeats.values():
        file = Path(repeat.run) / "test" / "metrics.json"
        file.write_text(file.read_text().replace("test/accuracy", "test/accuracy_nearest_mean"))
    found = league("faces", measured_trials(trials), resamples=20)
    assert found.trials[0].mean("faces", "dev accuracy") == pytest.approx(0.8)
    assert any("nearest mean" in note for note in league_notes(found))


def test_a_trial_with_an_untested_training_is_left_out(tested):
    trials, _ = tested
    gone = Path(trials[1].repeats["seed_1_settings_2"].run)
    (gone / "test" / "metrics.json").unlink()
    assert untested_runs(trials) == [gone]
    assert [trial.trial.number for trial in measured_trials(trials)] == [0, 2]

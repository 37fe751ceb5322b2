"""The table, the figures and the best configuration of a sweep."""

import numpy as np
import pytest
import yaml

from facerec.sweeps.figures import settings_figure, trials_figure
from facerec.sweeps.results import trial_rows, write_results
from facerec.sweeps.study import Study
from facerec.sweeps.trials import Finished, Trial, in_order, main_effects
from facerec.sweeps.work import SweepWork
from tests.sweeps.conftest import RATE, SCALE, Trainings, sweep_of

MARGIN = "model.loss.init_args.angular_margin"


def trial(number, state, scale, rates, **more):
    repeats = {f"seed_{seed}": Finished(rate, "runs/a", 1.0) for seed, rate in enumerate(rates)}
    return Trial(number, state, {SCALE: scale}, repeats, **more)


TRIALS = [
    trial(0, "finished", "20", [0.10, 0.12, 0.14]),
    trial(1, "failed", "30", [], error="the loss is NaN"),
    trial(2, "finished", "10", [0.08, 0.11, 0.11]),
    trial(3, "stopped early", "30", [0.30]),
    trial(4, "failed", "30", [], error="once more", retries=1),
]


def test_the_table_has_the_lowest_first_and_compares_repeat_by_repeat():
    sweep = sweep_of(repeat={"seeds": 3})
    heading, *rows = trial_rows(sweep, TRIALS)
    assert heading == ["trial", "val EER", "±", "n", "95% over repeats", "behind the best", "scale", ""]
    assert rows[0] == ["2", "10.00%", "1.73", "3", "5.70% - 14.30%", "", "10", ""]
    # differences 2, 1 and 3 points: mean 2, deviation 1, t 4.303 with 2 degrees of freedom
    assert rows[1] == ["0", "12.00%", "2.00", "3", "7.03% - 16.97%", "+2.00 (-0.5 to +4.5)", "20", ""]
    assert rows[2] == ["3", "30.00%", "", "1", "", "+22.00", "30", "stopped early"]
    assert rows[3] == ["4", "", "", "0", "", "", "30", "failed"]
    assert [trial.number for trial in in_order(TRIALS)] == [2, 0, 3, 4], "a failure that was tried again is not shown"


def test_the_best_configuration_is_that_of_a_full_training(tmp_path):
    sweep = sweep_of(fixed={"model.freeze": None}, budget={"trainer.max_epochs": 1}, repeat={"seeds": 3})
    lines = write_results(tmp_path, sweep, TRIALS, None)
    text = (tmp_path / "small_best.yaml").read_text()
    assert "validation EER 10.00% over 3 repeats, 95 % 5.70% to 14.30%" in text
    assert "only the trials had them: trainer.max_epochs" in text
    assert yaml.safe_load(text) == {
        "trainer": {"max_epochs": 4},
        "seed_everything": 7,
        "model": {"freeze": None, "loss": {"init_args": {"scale": 10}}},
    }
    assert lines[-1].endswith(f"trial 2: facerec fit --config {tmp_path}/small_best.yaml")
    assert "trial 4 failed: once more" in lines


def test_figures_show_every_trial_and_setting(tmp_path):
    sweep = sweep_of(repeat={"seeds": 3})
    axes = trials_figure(sweep, TRIALS).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["scale 10  (2)", "scale 20  (0)", "scale 30  (3)"]
    [axes] = settings_figure(sweep, TRIALS).axes
    assert axes.get_xlabel() == "scale"
    assert np.array(axes.lines[0].get_xydata()) == pytest.approx(np.array([[1, 12.0], [0, 10.0]]))


def test_a_full_grid_has_main_effects(tmp_path):
    study = Study(tmp_path, sweep_of(search={SCALE: [10, 20], MARGIN: [0.1, 0.3]}))
    assert study.importance() is None
    SweepWork(study, lambda line: None, Trainings()).run()
    assert study.importance().shares == {SCALE: 1.0, MARGIN: 0.0}
    write_results(tmp_path, study.sweep, study.trials(), study.importance())
    assert (tmp_path / "importance.svg").is_file()


def test_main_effects_are_those_of_an_analysis_of_variance():
    rates = np.array([[0.10, 0.13, 0.12], [0.20, 0.18, 0.25]])
    trials = [
        Trial(3 * row + column, "finished", {"a": row, "b": column}, {"seed_0": Finished(rates[row, column], "r")})
        for row in range(2)
        for column in range(3)
    ]
    total = ((rates - rates.mean()) ** 2).sum()
    by_row = 3 * ((rates.mean(1) - rates.mean()) ** 2).sum() / total
    by_column = 2 * ((rates.mean(0) - rates.mean()) ** 2).sum() / total
    assert main_effects(["a", "b"], trials) == pytest.approx({"a": by_row, "b": by_column}, abs=1e-6)


def test_many_drawn_trials_have_ped_anova(tmp_path):
    space = {SCALE: {"low": 1.0, "high": 64.0, "log": True}, RATE: {"low": 0.01, "high": 1.0}}
    study = Study(tmp_path, sweep_of(search=space, method="random", trials=24, repeat={"seeds": 1}))
    SweepWork(study, lambda line: None, Trainings()).run()
    shares = study.importance().shares
    assert shares[SCALE] > 2 * shares[RATE]
    assert settings_figure(study.sweep, study.trials()).axes[0].get_xscale() == "log"

"""The course of trainings against plain loops, with runs whose events are written here."""

import numpy as np
import pytest

from facerec.plots.curves import QUANTITIES, Course, by_epoch, curves_figure, read_courses, smoothed
from tests.plots.images import texts
from tests.reports.runs import run_with_events

LOSS, ACCURACY, EER = QUANTITIES


class Event:
    def __init__(self, step: int, value: float) -> None:
        self.step, self.value = step, value


def run(folder, eer, **settings):
    rates = {"train/loss": [3.0, 2.0, 1.5], "val/eer": eer, "val/accuracy": [0.2, 0.5, 0.6]}
    return run_with_events(folder, rates, {"seed_everything": 0} | settings)


def test_runs_of_other_seeds_are_one_line_in_a_band(tmp_path):
    eers = np.array([[0.4, 0.3, 0.2], [0.2, 0.25, 0.1]])
    folders = [run(tmp_path / "orl" / f"version_{seed}", eers[seed], seed_everything=seed) for seed in (0, 1)]
    folders.append(run(tmp_path / "other" / "version_0", eers[1], model={"depth": 34}))
    courses = read_courses(folders)
    assert [(course.name, len(course.scalars)) for course in courses] == [("orl", 2), ("other/version_0", 1)]

    figure = curves_figure(courses, "ORL", smoothing=0.0)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["train loss, mean of the epoch", "dev accuracy in %", "validation EER in %"]
    axes = figure.axes[2]
    first, second = axes.get_lines()
    np.testing.assert_allclose(first.get_xydata(), np.stack([[1, 2, 3], 100 * eers.mean(0)], axis=1), rtol=1e-6)
    np.testing.assert_allclose(second.get_ydata(), 100 * eers[1], rtol=1e-6)
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_marker() != second.get_marker()
    [band] = axes.collections
    corners = band.get_paths()[0].vertices
    for epoch in (1, 2, 3):
        ends = corners[corners[:, 0] == epoch, 1]
        middle, spread = 100 * eers[:, epoch - 1].mean(), 100 * eers[:, epoch - 1].std(ddof=1)
        np.testing.assert_allclose((ends.min(), ends.max()), (middle - spread, middle + spread), rtol=1e-5)
    assert texts(axes.get_legend()) == ["orl: mean ± standard deviation, n = 2 runs", "other/version_0"]
    figure.canvas.draw()


def test_a_smoothed_line_stands_before_its_values(tmp_path):
    [course] = read_courses([run(tmp_path / "orl" / "version_0", [0.4, 0.3, 0.2])])
    raw, smooth = curves_figure([course], "ORL", smoothing=0.5).axes[2].get_lines()
    np.testing.assert_allclose(raw.get_ydata(), [40.0, 30.0, 20.0], rtol=1e-6)
    np.testing.assert_allclose(smooth.get_ydata(), [40.0, (20 + 30) / 1.5, (10 + 15 + 20) / 1.75], rtol=1e-6)


def test_smoothing_is_a_weighted_mean_of_the_past():
    values = np.random.default_rng(0).normal(size=20)
    for place in range(20):
        weights = 0.8 ** np.arange(place, -1, -1)
        assert smoothed(values, 0.8)[place] == pytest.approx(np.average(values[: place + 1], weights=weights))
    np.testing.assert_array_equal(smoothed(values, 0.0), values)


def test_values_of_an_epoch_are_averaged():
    clock = [Event(step, step // 10) for step in (4, 9, 14, 19)]
    losses = [Event(4, 8.0), Event(9, 4.0), Event(14, 3.0), Event(19, 1.0)]
    epochs, values = by_epoch({"train/loss": losses, "epoch": clock}, LOSS)
    assert epochs.tolist() == [1.0, 2.0]
    assert values.tolist() == [6.0, 2.0]


def test_what_a_resumed_training_left_behind_does_not_count():
    before = [Event(9, 0.5), Event(19, 0.4), Event(29, 0.3)]
    after = [Event(19, 0.45), Event(29, 0.2)]
    clock = [Event(step, step // 10) for step in (9, 19, 29, 19, 29)]
    epochs, values = by_epoch({"val/eer": [*before, *after], "epoch": clock}, EER)
    assert epochs.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_allclose(values, [50.0, 45.0, 20.0])


def test_averaged_weights_are_validated_under_their_own_name():
    scalars = {"val_ema/eer": [Event(9, 0.1)], "val/eer": [Event(9, 0.9)], "epoch": [Event(9, 0)]}
    assert by_epoch(scalars, EER)[1].tolist() == [10.0]


def test_a_band_is_of_the_epochs_that_all_runs_have():
    def scalars(eers):
        steps = range(9, 10 * len(eers), 10)
        return {
            "val/eer": [Event(step, eer) for step, eer in zip(steps, eers, strict=True)],
            "epoch": [Event(step, step // 10) for step in steps],
        }

    figure = curves_figure([Course("two", [scalars([0.4, 0.3, 0.2]), scalars([0.2, 0.1])])], "x", smoothing=0.0)
    [axes] = figure.axes
    np.testing.assert_allclose(axes.get_lines()[0].get_xydata(), [[1, 30], [2, 20]])


def test_a_run_without_events_is_named(tmp_path):
    (tmp_path / "version_0").mkdir()
    (tmp_path / "version_0" / "config.yaml").write_text("seed_everything: 0")
    with pytest.raises(ValueError, match="version_0 has no TensorBoard events of a training"):
        read_courses([tmp_path / "version_0"])
    good = run(tmp_path / "orl" / "version_0", [0.4, 0.3, 0.2])
    with pytest.warns(UserWarning, match="version_0 is left out"):
        assert [course.name for course in read_courses([tmp_path / "version_0", good])] == ["orl/version_0"]
    with pytest.raises(ValueError, match=r"--smoothing=1.0: must be in \[0, 1\)"):
        curves_figure([], "x", smoothing=1.0)


def test_a_single_validation_is_seen(tmp_path):
    scalars = {"val/eer": [Event(9, 0.25)], "epoch": [Event(9, 0.0)]}
    figure = curves_figure([Course("one", [scalars])], "x")
    figure.axes[0].get_legend().remove()
    with_point = _pixels(figure)
    figure.axes[0].get_lines()[-1].set_marker("None")
    assert (with_point != _pixels(figure)).any()


def _pixels(figure):
    figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())

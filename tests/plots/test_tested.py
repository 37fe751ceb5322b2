"""Figures of tests, whose kept scores and numbers are written here, against the definitions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from facerec.plots import cmc_figure, det_figure, roc_figure, scores_figure
from facerec.reports import Measurement, ScoredSet, summarise, write_metrics
from facerec.reports.kept_scores import measured_runs
from facerec.reports.results import write_scores
from tests.plots.images import texts
from tests.reports.sets import embedded_people


class Names:
    def name(self, index: int) -> str:
        return f"faces/{index}.png"


@pytest.fixture
def tests(tmp_path):
    """Two tested runs of the same people, and their pairs."""
    sets = []
    for seed in (0, 1):
        scored = ScoredSet.from_arrays(**embedded_people(seed))
        folder = tmp_path / "orl" / f"version_{seed}" / "test"
        calibration = {"threshold": 0.25, "far": 0.1, "frr": 0.1}
        numbers = Measurement(score="cosine", sets={"orl": summarise(scored, resamples=5)}, calibration=calibration)
        write_metrics(folder / "metrics.json", numbers)
        write_scores(folder / "orl_scores.csv", scored, Names())
        sets.append(scored)
    return [measured_runs(tmp_path / "orl" / f"version_{seed}" / "test")[0] for seed in (0, 1)], sets


def rates(scored, threshold):
    accepted = scored.scores >= threshold
    return accepted[~scored.same].mean(), accepted[scored.same].mean()


def test_every_run_has_its_roc(tests):
    runs, sets = tests
    figure = roc_figure(runs, "ROC")
    [axes] = figure.axes
    assert len(axes.get_lines()) == 2
    for line, scored in zip(axes.get_lines(), sets, strict=True):
        expected = [rates(scored, threshold) for threshold in sorted(set(scored.scores.tolist()), reverse=True)]
        np.testing.assert_allclose(line.get_xydata()[1:], expected)
    labels = [f"orl/version_{run}: EER {sets[run].curve.equal_error_rate()[0]:.2%}" for run in (0, 1)]
    assert texts(axes.get_legend()) == labels
    assert axes.get_title() == "orl: n = 72 genuine, 1,056 impostor pairs"
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "FAR", "TAR = 1 - FRR")
    figure.canvas.draw()


def test_every_run_has_its_det(tests):
    runs, sets = tests
    figure = det_figure(runs, "DET")
    [axes] = figure.axes
    first, second, diagonal = axes.get_lines()
    for line, scored in ((first, sets[0]), (second, sets[1])):
        far, tar = rates(scored, np.median(scored.scores))
        distance = np.abs(line.get_xydata() - norm.ppf([far, 1.0 - tar])).max(1)
        assert distance.min() < 1e-6
    assert diagonal.get_label() == "FAR = FRR"
    figure.canvas.draw()


def test_every_run_has_its_histograms(tests):
    runs, sets = tests
    figure = scores_figure(runs, "scores")
    assert len(figure.axes) == 2
    for axes, scored in zip(figure.axes, sets, strict=True):
        _, genuine = (outline.get_xy() for outline in axes.patches)
        start, width = genuine[0, 0], genuine[2, 0] - genuine[0, 0]
        counts = genuine[1:120:2, 1] * width * 72
        np.testing.assert_allclose(counts, np.histogram(scored.scores[scored.same], 60, (start, 1.0))[0], atol=1e-6)
        threshold = scored.curve.equal_error_rate()[1]
        assert [line.get_xdata()[0] for line in axes.get_lines()] == pytest.approx([threshold, 0.25])
        assert axes.get_xlabel() == "cosine score"
    figure.canvas.draw()


def test_every_run_has_its_cmc(tests):
    runs, _ = tests
    figure = cmc_figure(runs, "CMC")
    [axes] = figure.axes
    for line, run in zip(axes.get_lines(), runs, strict=True):
        shares = run.measurement.sets["orl"].identification.cmc
        np.testing.assert_allclose(line.get_xydata(), list(enumerate(shares, 1)))
    assert "n = 48 probes of 12 people" in axes.get_title()
    assert len(axes.collections) == 2
    figure.canvas.draw()


def test_what_is_missing_is_named(tests, tmp_path):
    first, second = tests[0]
    unknown = replace(first.measurement.sets["orl"], identification=None, no_identification="people unknown")
    other = replace(second, measurement=replace(second.measurement, sets={"lfw": unknown}))
    with pytest.raises(ValueError, match="version_0 has orl; .*version_1 has lfw. Draw them one by one"):
        roc_figure([first, other], "x")
    with pytest.raises(ValueError, match="has no CMC of lfw: people unknown"):
        cmc_figure([other], "x")
    (second.folder / "orl_scores.csv").unlink()
    with pytest.raises(FileNotFoundError, match="`facerec test --ckpt_path .*version_1` writes them"):
        det_figure([first, second], "x")

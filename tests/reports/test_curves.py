"""Curves that can be drawn, and what stands in them."""

import numpy as np

from facerec.metrics import Interval, Roc
from facerec.reports import ScoredSet, cmc_figure, det_figure, summarise, verification_figure
from facerec.reports.curves import POINTS, _thinned
from facerec.reports.summary import Band
from tests.reports.sets import embedded_people


def legend(axes):
    return {text.get_text() for text in axes.get_legend().get_texts()}


def test_the_first_figure_draws_both_curves():
    same = np.arange(100) < 50
    scored = ScoredSet.from_arrays(same, scores=np.random.default_rng(0).normal(same * 1.0, 0.5), score="cosine")
    figure = verification_figure(scored, "val/x")
    left, right = figure.axes
    assert left.get_xscale() == "log"
    assert {"impostor (50)", "genuine (50)"} < legend(right)
    assert right.get_xlabel() == "cosine score"
    figure.canvas.draw()


def test_scores_of_any_range_are_drawn():
    figure = verification_figure(ScoredSet.from_arrays([1, 1, 0, 0], scores=[700.0, 800.0, 200.0, -300.0]), "mine")
    low, high = figure.axes[1].get_xlim()
    assert low <= -300.0
    assert high >= 800.0


def test_the_det_shows_its_band_and_what_was_resampled():
    scored = ScoredSet.from_arrays(**embedded_people())
    band = Band("person", [0.1, 0.5], [Interval(0.2, 0.4), Interval(0.6, 0.8)])
    assert "95 % by person" in legend(det_figure(scored, "x", band).axes[0])
    assert legend(det_figure(scored, "x").axes[0]) == {"DET", "FAR = FRR"}
    det_figure(scored, "x", band).canvas.draw()


def test_the_cmc_starts_at_rank_1():
    found = summarise(ScoredSet.from_arrays(**embedded_people()), resamples=10).identification
    figure = cmc_figure(found, "x")
    [line] = figure.axes[0].get_lines()
    assert line.get_xydata()[0].tolist() == [1.0, found.cmc[0]]
    figure.canvas.draw()


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    far = np.linspace(0, 1, 100_000)
    thin = _thinned(Roc(far, 1 - far, -far))
    assert len(thin.far) <= 2 * POINTS
    assert (thin.far[0], thin.far[-1]) == (0.0, 1.0)
    assert (np.diff(thin.far) > 0).all()
    assert thin.far[5] < 1e-3

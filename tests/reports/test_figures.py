"""Figures that can be drawn, and what stands in them."""

import numpy as np
import pytest
import torch

from facerec.metrics import Interval
from facerec.metrics.verification import Roc
from facerec.reports import ScoredSet, evaluation_figures, summarise, verification_figure, worst_pairs
from facerec.reports.figures import POINTS, _thinned, cmc_figure, det_figure, pairs_figure
from facerec.reports.summary import Band
from tests.reports.sets import embedded_people, five_pairs


class Grays:
    """Image i is of the gray value 40 i, up to image 6."""

    def read(self, index):
        return torch.full((3, 10, 10), 40 * index % 256, dtype=torch.uint8)

    def name(self, index):
        return f"{index}.png"


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


def test_worst_pairs_are_those_farthest_on_the_wrong_side():
    assert worst_pairs(five_pairs(), 0.5, genuine=False).tolist() == [2, 4]
    assert worst_pairs(five_pairs(), 0.5, genuine=False, count=1).tolist() == [2]
    assert worst_pairs(five_pairs(), 0.5, genuine=True).tolist() == [1]


def test_a_pair_is_shown_by_its_two_images():
    figure = pairs_figure(five_pairs(), Grays(), np.array([4]), "x")
    axes = figure.axes[0]
    pixels = axes.get_images()[0].get_array()
    assert (pixels[0, 0, 0], pixels[0, -1, 0]) == (80, 200)  # rows 2 and 3 are images 2 and 5
    assert axes.get_title() == "0.600"
    with pytest.raises(ValueError, match="give ScoredSet pairs"):
        pairs_figure(ScoredSet.from_arrays([1, 0], scores=[0.9, 0.1]), Grays(), np.array([0]), "x")


def test_the_figures_of_an_evaluation():
    scored = ScoredSet.from_arrays(**embedded_people(people=5))
    summary = summarise(scored, resamples=10)
    assert list(evaluation_figures(scored, summary, "x")) == ["roc", "det", "cmc"]
    with_images = evaluation_figures(scored, summary, "x", Grays())
    assert list(with_images) == ["roc", "det", "cmc", "false_accepts", "false_rejects"]
    assert with_images["false_accepts"].get_suptitle().startswith("x: worst false accepts at the EER threshold 0.")


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    far = np.linspace(0, 1, 100_000)
    thin = _thinned(Roc(far, 1 - far, -far))
    assert len(thin.far) <= 2 * POINTS
    assert (thin.far[0], thin.far[-1]) == (0.0, 1.0)
    assert (np.diff(thin.far) > 0).all()
    assert thin.far[5] < 1e-3

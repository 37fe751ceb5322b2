"""Numbers of drawn counts, against all resamples of a few pairs, and against a bootstrap that draws each pair."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import ks_2samp

from facerec.metrics import bootstrap, equal_error_rate
from facerec.metrics import confidence as confidence_module
from facerec.metrics.confidence import _counted, _weighted
from facerec.metrics.drawn_counts import DrawnCounts
from facerec.metrics.resampling import draw_both_kinds, draw_pairs

FARS = (0.001, 0.1, 1 / 3, 0.5, 1.0)


def some_pairs(count, step):
    """Scores that rise, with ties where they are rounded to steps."""
    generator = np.random.default_rng(0)
    same = np.arange(count) % 5 == 0
    scores = np.round(generator.normal(1.2 * same) / step) * step
    order = np.argsort(scores)
    return scores[order], same[order]


def shares(values):
    """How often each value comes up."""
    found, counts = np.unique(np.round(values, 9), return_counts=True)
    return dict(zip(found.tolist(), (counts / len(values)).tolist(), strict=True))


def plain(scores, same, far, threshold):
    """EER, TAR at a FAR and both errors at a threshold, pair by pair."""
    genuine, impostor = scores[same], scores[~same]
    tars = [np.mean(genuine >= cut) for cut in [*scores, np.inf] if np.mean(impostor >= cut) <= far + 1e-12]
    return equal_error_rate(scores, same)[0], max(tars), np.mean(impostor >= threshold), np.mean(genuine < threshold)


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.1, 0.2, 0.2, 0.4, 0.4, 0.6]])
def test_few_pairs_have_the_distribution_of_all_their_resamples(scores):
    scores, same = np.array(scores), np.array([False, False, True, False, True, True])
    kinds = np.flatnonzero(same), np.flatnonzero(~same)
    drawn = [np.array(places) for places in product(*(kinds[0],) * 3, *(kinds[1],) * 3)]
    every = np.array([plain(scores[places], same[places], 1 / 3, 0.3) for places in drawn])
    counts = DrawnCounts(scores, same, 40_000, np.random.default_rng(0))
    found = np.column_stack([counts.equal_error_rates(), counts.tar_at_far([1 / 3]), counts.errors_at(0.3)])
    for column, exact in zip(found.T, every.T, strict=True):
        expected, seen = shares(exact), shares(column)
        assert set(seen) == set(expected)
        assert max(abs(seen[value] - expected[value]) for value in expected) < 0.015  # 6 standard deviations


@pytest.mark.parametrize("step", [1e-9, 0.25])
def test_many_pairs_have_the_distribution_of_a_bootstrap_that_draws_each(step):
    scores, same = some_pairs(400, step)
    draws = draw_pairs(same, np.random.default_rng(1))
    weights = (draw_both_kinds(draws, same) for _ in range(4000))
    expected = _weighted(scores, same, weights, FARS, 0.7, None)
    found = _counted(DrawnCounts(scores, same, 4000, np.random.default_rng(0)), FARS, 0.7)
    columns = zip(
        np.column_stack([found.rates, found.tars, found.errors]).T,
        np.column_stack([expected.rates, expected.tars, expected.errors]).T,
        strict=True,
    )
    for ours, theirs in columns:
        assert ours.mean() == pytest.approx(theirs.mean(), abs=6 * theirs.std() / 2000**0.5)
        assert ks_2samp(np.round(ours, 9), np.round(theirs, 9)).statistic < 0.06  # seen once in a million


def test_of_many_pairs_only_counts_are_drawn(monkeypatch):
    scores, same = some_pairs(30_000, 1e-9)
    monkeypatch.setattr(confidence_module, "draw_pairs", None)  # it is not called
    counted = bootstrap(scores, same, fars=[0.01], threshold=0.7)
    monkeypatch.undo()
    monkeypatch.setattr(confidence_module, "MOST_DRAWN", 30_000)
    drawn = bootstrap(scores, same, fars=[0.01], threshold=0.7, resamples=200)
    assert counted.resamples == 1000
    for ours, theirs in zip(
        [counted.equal_error_rate, *counted.tar, *counted.at_threshold],
        [drawn.equal_error_rate, *drawn.tar, *drawn.at_threshold],
        strict=True,
    ):
        assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.02)
        assert ours.high - ours.low == pytest.approx(theirs.high - theirs.low, rel=0.3)


def test_pairs_that_part_perfectly_and_not_at_all():
    scores, same = np.arange(100.0), np.arange(100) >= 60
    perfect = DrawnCounts(scores, same, 50, np.random.default_rng(0))
    assert perfect.equal_error_rates().tolist() == [0.0] * 50
    assert perfect.tar_at_far([0.001]).tolist() == [[1.0]] * 50
    alike = DrawnCounts(np.zeros(100), same, 50, np.random.default_rng(0))
    assert alike.equal_error_rates().tolist() == [0.5] * 50
    assert alike.tar_at_far([0.5]).tolist() == [[0.0]] * 50
    assert alike.tar_at_far([]).shape == (50, 0)

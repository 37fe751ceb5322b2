"""Cllr and min Cllr against scikit-learn and plain loops, and the interval against repetitions."""

import math

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from facerec.metrics import cllr, cllr_interval, fit_likelihood, log_likelihood_ratios, min_cllr


def gaussian(genuine, impostor, apart=2.0, seed=0):
    """Scores whose log likelihood ratio is apart * (score - apart / 2)."""
    generator = np.random.default_rng(seed)
    same = np.arange(genuine + impostor) < genuine
    return generator.normal(apart * same, 1.0), same


def of_isotonic_regression(scores, same):
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    shares = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(scores, same, sample_weight=weights)
    genuine, impostor = shares[same], shares[~same]
    return 0.5 * (np.log2(1.0 / genuine).mean() + np.log2(1.0 / (1.0 - impostor)).mean())


def test_cllr_is_the_mean_cost_in_bits():
    ratios, same = np.array([3.0, -0.5, 0.2, -4.0, 700.0, -700.0]), np.array([1, 1, 0, 0, 1, 0])
    genuine = [math.log2(1.0 + math.exp(-ratio)) for ratio in (3.0, -0.5, 700.0)]
    impostor = [math.log2(1.0 + math.exp(ratio)) for ratio in (0.2, -4.0, -700.0)]
    assert cllr(ratios, same) == pytest.approx(0.5 * (np.mean(genuine) + np.mean(impostor)))
    assert cllr([-800.0, 800.0], [1, 0]) == pytest.approx(800.0 / math.log(2.0))  # no overflow


def test_cllr_of_gaussian_scores_is_the_integral():
    scores, same = gaussian(400_000, 400_000)
    generator = np.random.default_rng(5)
    expected = np.logaddexp(0.0, -2.0 * (generator.normal(2.0, 1.0, 10**6) - 1.0)).mean() / math.log(2.0)
    assert cllr(2.0 * (scores - 1.0), same) == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize("decimals", [1, 2, 15])
@pytest.mark.parametrize(("genuine", "impostor", "apart"), [(300, 4000, 2.0), (50, 40, 0.0), (30, 30, -1.0)])
def test_min_cllr_is_that_of_isotonic_regression(genuine, impostor, apart, decimals):
    scores, same = gaussian(genuine, impostor, apart)
    scores = scores.round(decimals)  # ties
    assert min_cllr(scores, same) == pytest.approx(of_isotonic_regression(scores, same), abs=1e-9)


def test_no_rising_function_of_the_scores_costs_less():
    scores, same = gaussian(200, 900)
    best = min_cllr(scores, same)
    assert best == min_cllr(np.exp(scores), same)
    line = fit_likelihood(scores, same)
    assert best < cllr(log_likelihood_ratios(scores, line), same) < cllr(scores, same)


def test_a_long_cascade_of_pooling_ends():
    same = np.concatenate([np.repeat([False, True], [place, 100]) for place in range(100, 0, -1)] + [[False] * 300])
    scores = np.arange(len(same), dtype=np.float64)
    assert min_cllr(scores, same) == pytest.approx(of_isotonic_regression(scores, same), abs=1e-9)


@pytest.mark.parametrize("by_person", [False, True])
def test_the_interval_is_as_wide_as_repetitions_vary(by_person):
    generator = np.random.default_rng(0)
    first, second = np.triu_indices(30 if by_person else 200, 1)
    numbers = np.arange(30 if by_person else 200)

    def draw():
        """Impostor pairs whose people are more or less like everybody, and genuine pairs."""
        likeness = generator.normal(0.0, 0.7 if by_person else 0.0, len(numbers))
        impostor = generator.normal(-2.0 + likeness[first] + likeness[second], 1.0)
        genuine = generator.normal(2.0, 1.0, 4 * len(numbers))
        ratios, same = np.append(genuine, impostor), np.arange(len(genuine) + len(impostor)) < len(genuine)
        people = np.append(np.tile(numbers, 4), first), np.append(np.tile(numbers, 4), second)
        return ratios, same, np.stack(people, axis=1) if by_person else None

    costs = [cllr(*draw()[:2]) for _ in range(200)]
    widths = [high - low for low, high in (cllr_interval(*draw(), resamples=200, seed=seed) for seed in range(10))]
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(costs), rel=0.35)

"""Error rates with dependent pairs, against the formulas of Fogliato et al. in plain loops, and repetitions."""

import math
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import t as student

from facerec.metrics import error_rate, garbe, gini, largest_over_smallest
from facerec.metrics.error_rate import _LinkedPairs


def effective(wrong, people):
    """Number of independent pairs, couple by couple."""
    rate = float(np.mean(wrong))
    sums: dict[tuple[int, int], float] = {}
    counts: dict[tuple[int, int], int] = {}
    for error, pair in zip(wrong, people, strict=True):
        couple = tuple(sorted(pair))
        sums[couple] = sums.get(couple, 0.0) + error - rate
        counts[couple] = counts.get(couple, 0) + 1
    linked = [(one, two) for one, two in combinations(sums, 2) if set(one) & set(two)]
    shared = 2 * sum(sums[one] * sums[two] for one, two in linked)
    variance = (sum(value**2 for value in sums.values()) + max(shared, 0.0)) / len(wrong) ** 2
    share = sum(count**2 for count in counts.values()) + 2 * sum(counts[one] * counts[two] for one, two in linked)
    return min(rate * (1.0 - rate) * (1.0 - share / len(wrong) ** 2) / variance, len(wrong))


def wilson(rate, count, quantile):
    middle = rate + quantile**2 / (2 * count)
    reach = quantile * math.sqrt((rate * (1 - rate) + quantile**2 / (4 * count)) / count)
    return (middle - reach) / (1 + quantile**2 / count), (middle + reach) / (1 + quantile**2 / count)


def some_pairs(genuine):
    generator = np.random.default_rng(0)
    first = generator.integers(0, 12, 200)
    second = first if genuine else (first + generator.integers(1, 12, 200)) % 12
    people = np.stack([first, second], axis=1)
    return people, generator.normal(np.where(first < 3, 0.0, -1.6))


@pytest.mark.parametrize("genuine", [True, False])
def test_the_interval_is_that_of_the_formulas(genuine):
    people, severity = some_pairs(genuine)
    wrong = severity > 0.0
    found = error_rate(wrong, 7 * people + 100)
    expected = wilson(wrong.mean(), effective(wrong, people.tolist()), student.ppf(0.975, 11))
    assert found.interval == pytest.approx(expected)
    assert (found.errors, found.pairs, found.people) == (int(wrong.sum()), 200, 12)


@pytest.mark.parametrize("genuine", [True, False])
@pytest.mark.parametrize("errors", [0, 4, 60])
def test_scores_show_the_dependence_that_few_errors_do_not(genuine, errors):
    people, severity = some_pairs(genuine)
    falling = np.sort(severity)[::-1]

    def effective_with(count):
        return effective(severity >= falling[count - 1], people.tolist())

    wrong = severity > falling[errors]
    rate, quantile = errors / 200, student.ppf(0.975, 11)
    low, first = wilson(rate, effective_with(max(errors, 10)), quantile)
    _, high = wilson(rate, effective_with(min(max(math.ceil(first * 200), errors, 10), 100)), quantile)
    assert error_rate(wrong, people, severity=severity).interval == pytest.approx((max(low, 0.0), high), abs=1e-12)


def test_pairs_that_share_nobody_have_the_interval_of_wilson():
    wrong = np.arange(60) < 6
    people = np.arange(120).reshape(60, 2)
    assert error_rate(wrong, people).interval == pytest.approx(wilson(0.1, 59, student.ppf(0.975, 59)))
    assert error_rate(wrong, people, severity=-np.arange(60)).interval == pytest.approx(
        error_rate(wrong, people).interval
    )
    expected = binomtest(6, 60).proportion_ci(0.95, method="wilson")
    assert error_rate(wrong, people).interval == pytest.approx((expected.low, expected.high), abs=0.005)


@pytest.mark.parametrize("genuine", [True, False])
def test_no_error_of_few_people_leaves_much_open(genuine):
    first = np.arange(1000) % 10
    people = np.stack([first, first if genuine else (first + 1 + np.arange(1000) // 10 % 9) % 10], axis=1)
    found = error_rate(np.zeros(1000, bool), people)
    assert found.interval == pytest.approx(
        wilson(0.0, 10 if genuine else 5, student.ppf(0.975, 9)), abs=1e-9
    )  # older scipy: 1e-11
    nothing = error_rate(np.zeros(0, bool), np.zeros((0, 2), int))
    assert math.isnan(nothing.rate)
    assert nothing.interval == (0.0, 1.0)


def test_without_dependence_no_error_is_that_of_independent_pairs():
    generator = np.random.default_rng(0)
    people = np.stack(np.triu_indices(40, 1), axis=1)
    high = error_rate(np.zeros(780, bool), people, severity=generator.normal(size=780)).interval.high
    assert high < 2.0 * wilson(0.0, 780, 1.96)[1]


def test_the_variance_has_no_bias_with_all_pairs_of_few_people():
    """Of 6 people the estimate without the correction would be 0.4 of the variance."""
    generator, claimed, rates = np.random.default_rng(0), [], []
    first, second = np.triu_indices(6, 1)
    pairs = _LinkedPairs(np.stack([first, second], axis=1))
    for _ in range(4000):
        likeness = generator.normal(size=6)
        wrong = generator.normal(likeness[first] + likeness[second]) > 0.0
        rate = wrong.mean()
        couples, shared = pairs._deviations(np.flatnonzero(wrong))
        claimed.append((couples + shared) / (1.0 - pairs._share) / 15**2)
        rates.append(rate)
    assert np.mean(claimed) == pytest.approx(np.var(rates), rel=0.05)


@pytest.mark.parametrize(("people", "cut", "least"), [(40, 1.5, 0.91), (10, 1.5, 0.92), (40, 3.2, 0.92)])
def test_the_interval_holds_where_people_are_alike_in_all_their_pairs(people, cut, least):
    generator, inside, naive = np.random.default_rng(1), [], []
    first, second = np.triu_indices(people, 1)
    true = 1.0 - NormalDist(0.0, math.sqrt(1.0 + 2 * 0.6**2)).cdf(cut)
    for _ in range(200):
        likeness = generator.normal(0.0, 0.6, people)
        scores = generator.normal(likeness[first] + likeness[second])
        wrong = scores > cut
        low, high = error_rate(wrong, np.stack([first, second], axis=1), severity=scores).interval
        inside.append(low < true < high)
        low, high = binomtest(int(wrong.sum()), len(wrong)).proportion_ci(0.95, method="wilson")
        naive.append(low < true < high)
    assert np.mean(inside) > least
    assert np.mean(naive) < np.mean(inside) - 0.05


def test_inequity_is_that_of_the_formulas():
    rates = [0.01, 0.04, 0.02, 0.01]
    pairs = sum(abs(one - two) for one in rates for two in rates)
    assert gini(rates) == pytest.approx(4 / 3 * pairs / (2 * 16 * np.mean(rates)))
    assert garbe(rates, [0.1] * 4, weight=0.25) == pytest.approx(0.25 * gini(rates))
    assert largest_over_smallest(rates) == pytest.approx(4.0)
    assert gini([0.0, 0.0]) == 0.0
    assert all(map(math.isnan, (gini([0.1]), garbe([0.1], [0.1]), largest_over_smallest([0.1]))))
    assert math.isnan(largest_over_smallest([0.1, 0.0]))

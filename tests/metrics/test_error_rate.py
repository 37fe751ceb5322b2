"""Error rates with dependent pairs, against the formulas of Fogliato et al. in plain loops, and repetitions."""

import math
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binomtest

from facerec.metrics import error_rate, garbe, gini, largest_over_smallest


def in_loops(wrong, people):
    """Wilson's interval with the effective number of pairs, couple by couple."""
    rate = float(np.mean(wrong))
    sums: dict[tuple[int, int], float] = {}
    for error, pair in zip(wrong, people, strict=True):
        couple = tuple(sorted(pair))
        sums[couple] = sums.get(couple, 0.0) + error - rate
    products = sum(value**2 for value in sums.values())
    shared = sum(2 * sums[one] * sums[two] for one, two in combinations(sums, 2) if set(one) & set(two))
    variance = (products + max(shared, 0.0)) / len(wrong) ** 2
    count = min(rate * (1.0 - rate) / variance, len(wrong))
    z = NormalDist().inv_cdf(0.975)
    middle, reach = rate + z**2 / (2 * count), z * math.sqrt((rate * (1 - rate) + z**2 / (4 * count)) / count)
    return (middle - reach) / (1 + z**2 / count), (middle + reach) / (1 + z**2 / count)


@pytest.mark.parametrize("genuine", [True, False])
def test_the_interval_is_that_of_the_formulas(genuine):
    generator = np.random.default_rng(0)
    first = generator.integers(0, 12, 200)
    second = first if genuine else (first + generator.integers(1, 12, 200)) % 12
    people = np.stack([first, second], axis=1)
    wrong = generator.random(200) < np.where(first < 3, 0.5, 0.05)
    found = error_rate(wrong, 7 * people + 100)
    assert found.interval == pytest.approx(in_loops(wrong, people.tolist()))
    assert (found.errors, found.pairs, found.people) == (int(wrong.sum()), 200, 12)


def test_pairs_that_share_nobody_have_the_interval_of_wilson():
    wrong = np.arange(60) < 6
    found = error_rate(wrong, np.arange(120).reshape(60, 2))
    expected = binomtest(6, 60).proportion_ci(0.95, method="wilson")
    assert found.interval == pytest.approx((expected.low, expected.high))


def test_no_error_of_few_people_leaves_much_open():
    people = np.stack([np.arange(1000) % 10, np.arange(1000) % 10], axis=1)
    found = error_rate(np.zeros(1000, bool), people)
    assert found.interval == pytest.approx(tuple(binomtest(0, 10).proportion_ci(0.95, method="wilson")), abs=1e-12)
    nothing = error_rate(np.zeros(0, bool), np.zeros((0, 2), int))
    assert math.isnan(nothing.rate)
    assert nothing.interval == (0.0, 1.0)


def test_the_interval_holds_where_people_are_alike_in_all_their_pairs():
    generator, inside, naive = np.random.default_rng(1), [], []
    first, second = np.triu_indices(40, 1)
    true = 1.0 - NormalDist(0.0, math.sqrt(1.0 + 2 * 0.6**2)).cdf(1.5)
    for _ in range(200):
        likeness = generator.normal(0.0, 0.6, 40)
        wrong = generator.normal(likeness[first] + likeness[second]) > 1.5
        low, high = error_rate(wrong, np.stack([first, second], axis=1)).interval
        inside.append(low < true < high)
        low, high = binomtest(int(wrong.sum()), len(wrong)).proportion_ci(0.95, method="wilson")
        naive.append(low < true < high)
    assert np.mean(inside) > 0.88
    assert np.mean(naive) < 0.7


def test_inequity_is_that_of_the_formulas():
    rates = [0.01, 0.04, 0.02, 0.01]
    pairs = sum(abs(one - two) for one in rates for two in rates)
    assert gini(rates) == pytest.approx(4 / 3 * pairs / (2 * 16 * np.mean(rates)))
    assert garbe(rates, [0.1] * 4, weight=0.25) == pytest.approx(0.25 * gini(rates))
    assert largest_over_smallest(rates) == pytest.approx(4.0)
    assert gini([0.0, 0.0]) == 0.0
    assert all(map(math.isnan, (gini([0.1]), garbe([0.1], [0.1]), largest_over_smallest([0.1]))))
    assert math.isnan(largest_over_smallest([0.1, 0.0]))

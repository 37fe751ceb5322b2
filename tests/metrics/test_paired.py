"""Differences between networks on the same pairs: what the intervals are, and how often they hold."""

import numpy as np
import pytest
from scipy.stats import binomtest

from facerec.metrics import Difference, Interval, bootstrap, equal_error_rate, mcnemar, paired_bootstrap, tar_at_far
from tests.metrics.networks import two_equal_networks


def test_against_a_perfect_network_the_difference_is_the_interval_of_the_other():
    scores, _, same, people = two_equal_networks(np.random.default_rng(0), people=20, images=4)
    for units in (people, None):
        found = paired_bootstrap(scores, same.astype(float), same, units, fars=[0.1])
        if units is not None:
            alone = bootstrap(scores, same, units, fars=[0.1])
            assert found.equal_error_rate.interval == pytest.approx(alone.equal_error_rate)
            assert found.tar[0].interval == pytest.approx([alone.tar[0].low - 1, alone.tar[0].high - 1])
        assert found.units == (20 if units is not None else len(same))
        assert found.equal_error_rate.first == pytest.approx(equal_error_rate(scores, same)[0])
        assert found.equal_error_rate.second == 0.0
        assert found.tar[0].first == pytest.approx(tar_at_far(scores, same, [0.1])[0].tar)


def test_the_other_way_round_the_signs_change():
    first, second, same, people = two_equal_networks(np.random.default_rng(1), people=12, images=4)
    one = paired_bootstrap(first, second, same, people).equal_error_rate
    other = paired_bootstrap(second, first, same, people).equal_error_rate
    assert one.difference == -other.difference
    assert one.interval == pytest.approx([-other.interval.high, -other.interval.low])


def test_the_same_network_twice_is_no_difference_and_leaves_room():
    scores, _, same, people = two_equal_networks(np.random.default_rng(2), people=12, images=4)
    found = paired_bootstrap(scores, scores, same, people, resamples=50).equal_error_rate
    assert found.difference == 0.0
    assert found.interval.low == -found.interval.high < 0.0
    assert not found.is_significant
    assert found.units_needed(12) is None


def test_a_shared_difficulty_cancels_out():
    """Paired, a small difference shows that two separate intervals hide."""
    scores, _, same, people = two_equal_networks(np.random.default_rng(3), people=40, images=4)
    generator = np.random.default_rng(0)
    worse = scores + 0.17 * generator.normal(size=len(scores))
    found = paired_bootstrap(scores, worse, same, people).equal_error_rate
    alone = [bootstrap(some, same, people).equal_error_rate for some in (scores, worse)]
    assert found.is_significant
    assert found.difference < 0.0
    assert alone[0].high > alone[1].low


@pytest.mark.parametrize(("people", "images", "impostors", "by_person"), [(30, 4, 1500, True), (200, 2, 200, False)])
def test_intervals_of_no_difference_hold_95_percent_of_the_time(people, images, impostors, by_person):
    """300 experiments: a coverage of 95 % shows as 93 to 97 % in nine of ten series. See benchmarks/coverage.py."""
    generator = np.random.default_rng(0)
    held = []
    for seed in range(300):
        first, second, same, who = two_equal_networks(generator, people, images, impostors)
        found = paired_bootstrap(first, second, same, who if by_person else None, resamples=200, seed=seed)
        held.append(not found.equal_error_rate.is_significant)
    assert 0.93 <= np.mean(held) <= 0.97


def test_the_difference_between_seeds_widens_the_interval():
    generator = np.random.default_rng(4)
    _, _, same, people = two_equal_networks(generator, people=40, images=4)
    luck = np.array([0.3, 0.5, 0.8, 1.1])[:, None]
    noise = generator.normal(size=(2, 4, len(same)))
    lucky, steady = same + luck * noise[0], same + 0.7 * np.ones((4, 1)) * noise[1]
    several = paired_bootstrap(lucky, steady, same, people, resamples=300).equal_error_rate
    repeated = np.repeat(lucky[1:2], 4, axis=0), np.repeat(steady[1:2], 4, axis=0)
    same_seed = paired_bootstrap(*repeated, same, people, resamples=300).equal_error_rate
    assert several.first == pytest.approx(np.mean([equal_error_rate(row, same)[0] for row in lucky]))
    assert np.ptp(several.interval) > 2 * np.ptp(same_seed.interval)


def test_how_many_people_a_difference_needs():
    assert Difference(0.10, 0.12, Interval(-0.06, 0.02)).units_needed(10) == pytest.approx(40, abs=1)
    assert Difference(0.12, 0.10, Interval(-0.02, 0.06)).units_needed(10) == pytest.approx(40, abs=1)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (9, 1), (3, 3), (400, 520), (5, 0)])
def test_mcnemar_is_the_exact_binomial_test(only_first, only_second):
    first = np.repeat([True, False, True, False], [only_first, only_second, 7, 2])
    second = np.repeat([False, True, True, False], [only_first, only_second, 7, 2])
    found = mcnemar(first, second)
    assert found[:2] == (only_first, only_second)
    count = only_first + only_second
    assert found.p_value == pytest.approx(binomtest(only_first, count).pvalue if count else 1.0)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"first \(1, 3\) and second \(1, 2\): give a score of both networks"):
        paired_bootstrap([0.1, 0.2, 0.3], [0.1, 0.2], [1, 0, 0])
    with pytest.raises(ValueError, match=r"first_right \(1,\) and second_right \(2,\)"):
        mcnemar([True], [True, False])

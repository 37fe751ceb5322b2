"""The sentence about two networks, and what it rests on."""

import numpy as np
import pytest

from facerec.metrics import paired_bootstrap
from facerec.reports import compare_scores
from tests.metrics.networks import two_equal_networks


def test_people_are_resampled_where_each_is_in_many_pairs():
    first, second, same, people = two_equal_networks(np.random.default_rng(0), people=20, images=4)
    found = compare_scores(same, first, second, people=people, resamples=100)
    assert (found.unit, found.units, found.why_pairs) == ("people", 20, None)
    assert found.eer == paired_bootstrap(first, second, same, people, resamples=100).equal_error_rate
    assert (found.genuine, found.impostor) == (120, 400)
    assert list(found.tar) == [0.1], "400 impostor pairs do not support a FAR of 0.01"
    assert found.verdict.startswith("not distinguishable on these 20 people (the interval would be that narrow with ")


def test_pairs_are_resampled_where_people_are_unknown_or_in_two():
    first, second, same, people = two_equal_networks(np.random.default_rng(0), people=60, images=2, impostors=30)
    by_pair = paired_bootstrap(first, second, same, resamples=100).equal_error_rate
    few, unknown = (compare_scores(same, first, second, people=who, resamples=100) for who in (people, None))
    assert few.eer == unknown.eer == by_pair
    assert (few.unit, few.why_pairs) == ("pairs", "most people are in 2 or fewer")
    assert (unknown.units, unknown.why_pairs) == (90, "people unknown")


def test_the_better_network_is_named_on_either_side():
    scores, _, same, people = two_equal_networks(np.random.default_rng(1), people=20, images=4)
    better = scores + 0.3 * same
    assert compare_scores(same, better, scores, people=people).verdict == "A is better on these 20 people"
    assert compare_scores(same, scores, better, people=people).verdict == "B is better on these 20 people"
    alike = compare_scores(same, scores, scores, people=people, resamples=10)
    assert alike.verdict == "not distinguishable on these 20 people (their EERs are the same)"


def test_mcnemar_counts_decisions_at_the_thresholds_of_one_run_each():
    same = np.array([1, 1, 1, 0, 0, 0])
    first, second = [0.9, 0.8, 0.2, 0.1, 0.1, 0.7], [0.4, 0.3, 0.2, 0.1, 0.3, 0.1]
    found = compare_scores(same, first, second, thresholds=(0.5, 0.35), resamples=10)
    assert found.mcnemar[:2] == (1, 1)  # B rejects pair 1; A accepts pair 5
    assert "A alone is right on 1 pairs, B alone on 1; p = 1." in str(found)
    assert "takes pairs as independent" in str(found)
    several = compare_scores(same, [first, first], [second, second], thresholds=(0.5, 0.35), resamples=10)
    assert several.mcnemar is None
    assert "No McNemar's test: it compares two networks, not several runs." in str(several)
    assert "2 runs of each" in str(several)
    assert "says nothing of other seeds" not in str(several)


def test_the_table_fits_120_columns():
    first, second, same, people = two_equal_networks(np.random.default_rng(0), people=60, images=2, impostors=30)
    text = str(compare_scores(same, first, second, people=people, thresholds=(0.5, 0.4), resamples=10))
    assert max(map(len, text.splitlines())) <= 120


def test_lengths_that_disagree_are_refused():
    with pytest.raises(ValueError, match="give one of each for every pair"):
        compare_scores([1, 0], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])

"""Rates over folds of people and seeds, against a second computation from the definition."""

import numpy as np
import pytest

from facerec.metrics import FoldScores, difference_between, draw_rates, equal_error_rate, paired_bootstrap

PEOPLE = 8


def fold_of(seed, networks=2, seeds=2, people=PEOPLE):
    """Three images of each person, all pairs; noise of its own for each network and seed."""
    generator = np.random.default_rng(seed)
    owner = np.repeat(np.arange(people), 3)
    first, second = np.triu_indices(len(owner), 1)
    same = owner[first] == owner[second]
    scores = 0.5 * generator.normal(size=(networks, seeds, len(same))) + same
    return FoldScores(scores, same, np.stack([owner[first], owner[second]], axis=1))


def test_the_observed_rate_is_the_mean_over_folds_and_seeds():
    folds = [fold_of(0), fold_of(1, people=5)]
    drawn = draw_rates(folds, fars=[0.1], resamples=10)
    for network in (0, 1):
        rates = [[equal_error_rate(scores, fold.same)[0] for scores in fold.scores[network]] for fold in folds]
        assert drawn.mean_rate(network).rate == pytest.approx(np.mean(rates), abs=1e-12)
    assert drawn.units == PEOPLE + 5
    assert drawn.observed.shape == (2, 2, 2)
    assert drawn.values.shape == (10, 2, 2, 2)


def test_a_resample_is_the_rate_of_copied_pairs():
    """The EER of pairs written out as often as they count, by people drawn from the same generator."""
    fold = fold_of(3, networks=1, seeds=1, people=6)
    drawn = draw_rates([fold], resamples=20, seed=5)
    generator, values = np.random.default_rng(5), []
    while len(values) < 20:
        times = np.bincount(generator.integers(6, size=6), minlength=6)
        one, other = fold.people.T
        counts = times[one] * np.where(one == other, 1, times[other])
        if counts[fold.same].any() and counts[~fold.same].any():
            copies = np.repeat(np.arange(len(counts)), counts)
            values.append(equal_error_rate(fold.scores[0, 0][copies], fold.same[copies])[0])
    assert drawn.values[:, 0, 0, 0] == pytest.approx(values, abs=1e-12)


def test_two_networks_of_one_fold_are_the_paired_bootstrap():
    fold = fold_of(7)
    drawn = draw_rates([fold], resamples=50)
    expected = paired_bootstrap(*fold.scores, fold.same, fold.people, resamples=50).equal_error_rate
    assert difference_between(drawn, 0, 1) == expected
    assert difference_between(drawn, 1, 0).difference == -expected.difference


def test_more_folds_give_a_narrower_interval():
    def width(count):
        interval = draw_rates([fold_of(seed, 1, 1) for seed in range(count)], resamples=200).mean_rate().interval
        return interval.high - interval.low

    assert width(8) < 0.6 * width(1)


def test_no_error_leaves_what_the_people_support():
    same = [1, 0] * 10
    people = [[person, (person + other) % 10] for person in range(10) for other in (0, 1)]
    drawn = draw_rates([FoldScores([[same], [same]], same, people)] * 2, resamples=20)
    bound = 1 - 0.025 ** (1 / 20)
    assert drawn.mean_rate() == (0.0, (0.0, pytest.approx(bound)))
    assert difference_between(drawn, 0, 1).interval == pytest.approx((-bound, bound))


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([], "none: give the same"),
        ([fold_of(0), fold_of(1, seeds=3)], r"\(2, 2\), \(2, 3\): give the same"),
        ([FoldScores([0.1, 0.2], [0, 1])], r"scores \(2,\): give those of each network"),
        ([fold_of(0, people=4)], "4 people: too few"),
    ],
)
def test_what_cannot_be_drawn_is_refused(folds, message):
    with pytest.raises(ValueError, match=message):
        draw_rates(folds, resamples=10)

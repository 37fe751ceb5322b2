"""Claimed and observed likelihood ratios against plain counts, and the intervals against repetitions."""

import numpy as np
import pytest

from facerec.metrics import reliability


def gaussian(generator, genuine=400, impostor=3000, overclaims=1.0):
    """Log likelihood ratios that are true, times a factor."""
    same = np.arange(genuine + impostor) < genuine
    return overclaims * 2.0 * (generator.normal(2.0 * same, 1.0) - 1.0), same


def test_bins_hold_every_pair_once_and_their_ratio_is_that_of_the_shares():
    ratios, same = gaussian(np.random.default_rng(0))
    ratios = ratios.clip(-3.0, 3.0)
    found = reliability(ratios, same)
    assert len(found) == 10
    assert [sum(one[place] for one in found) for place in (3, 4)] == [400, 3000]
    assert (found[0].genuine, found[-1].impostor) == ((ratios[same] == -3.0).sum(), (ratios[~same] == 3.0).sum())
    for one, low in zip(found[1:-1], np.linspace(-3.0, 3.0, 9)[:-1], strict=True):
        there = (ratios >= low) & (ratios < low + 0.75) & (np.abs(ratios) < 3.0)
        genuine, impostor = (there & same).sum(), (there & ~same).sum()
        assert (one.genuine, one.impostor) == (genuine, impostor)
        assert one.observed == pytest.approx(np.log((genuine + 0.5) / 401 / ((impostor + 0.5) / 3001)))
        assert low <= one.claimed < low + 0.75
    assert [one.claimed for one in found] == sorted(one.claimed for one in found)


def test_bins_of_few_pairs_are_left_out():
    found = reliability([2.0] * 50 + [0.5] * 9 + [-2.0] * 50, [1] * 50 + [0] * 59)
    assert [round(one.claimed, 6) for one in found] == [-2.0, 2.0]


def test_true_ratios_are_in_their_intervals_and_bold_ones_are_not():
    generator, inside = np.random.default_rng(1), []
    for _ in range(60):
        found = reliability(*gaussian(generator))
        inside += [one.interval.low < one.claimed < one.interval.high for one in found[1:-1]]
    assert np.mean(inside) > 0.92
    bold = reliability(*gaussian(generator, overclaims=4.0))
    assert np.mean([one.interval.low < one.claimed < one.interval.high for one in bold]) < 0.5


def test_people_who_look_alike_in_all_their_pairs_widen_the_intervals():
    generator = np.random.default_rng(2)
    own, couples = np.repeat(np.arange(20), 10), np.repeat(np.stack(np.triu_indices(20, 1), axis=1), 9, axis=0)
    people = np.concatenate([np.stack([own, own], axis=1), couples])
    same = people[:, 0] == people[:, 1]
    likeness = generator.normal(0.0, 1.5, 20)
    ratios = np.where(same, 2.0, likeness[people].sum(axis=1) - 2.0) + generator.normal(0.0, 0.3, len(same))
    by_pair, by_person = reliability(ratios, same), reliability(ratios, same, people, resamples=100)
    narrow, wide = (np.array([one.interval for one in found]) @ [-1.0, 1.0] for found in (by_pair, by_person))
    assert [one[:2] for one in by_pair] == [one[:2] for one in by_person]
    assert (wide >= narrow).all()
    assert wide.max() > 1.5 * narrow.max()

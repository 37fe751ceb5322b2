from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from facerec.metrics import area_under_roc, best_accuracy, bootstrap_interval, equal_error_rate, error_rates_at, roc


def slow_equal_error_rate(scores, same):
    """The definition, by counting at every threshold and walking the polyline."""
    genuine = [s for s, g in zip(scores, same, strict=True) if g]
    impostor = [s for s, g in zip(scores, same, strict=True) if not g]
    points = [(0.0, 1.0)]
    for threshold in sorted(set(scores), reverse=True):
        far = sum(s >= threshold for s in impostor) / len(impostor)
        frr = sum(s < threshold for s in genuine) / len(genuine)
        points.append((far, frr))
    for (far0, frr0), (far1, frr1) in pairwise(points):
        if far1 >= frr1:
            share = (frr0 - far0) / ((frr0 - far0) + (far1 - frr1))
            return far0 + share * (far1 - far0)
    raise AssertionError("the last point has far = 1 and frr = 0")


def random_sets(count, seed=0):
    generator = np.random.default_rng(seed)
    for _ in range(count):
        size = int(generator.integers(2, 60))
        same = generator.random(size) < generator.uniform(0.1, 0.9)
        same[:2] = True, False
        decimals = int(generator.integers(0, 4))  # heavy ties at 0 and 1
        yield np.round(generator.normal(same * generator.uniform(-1, 3), 1.0), decimals), same


def test_equal_error_rate_against_slow_reference_with_heavy_ties():
    compared = 0
    for scores, same in random_sets(300):
        assert equal_error_rate(scores, same)[0] == pytest.approx(slow_equal_error_rate(scores, same), abs=1e-12)
        compared += 1
    assert compared == 300


def test_equal_error_rate_against_brentq_on_scikit_learns_roc():
    from scipy.interpolate import interp1d
    from scipy.optimize import brentq

    for scores, same in random_sets(200, seed=1):
        fpr, tpr, _ = roc_curve(same, scores, drop_intermediate=False)
        curve = interp1d(fpr, tpr)
        expected = brentq(lambda x, curve=curve: 1.0 - x - curve(x), 0.0, 1.0)
        # Where the ROC is vertical at the crossing, interpolation over FAR is ambiguous, and ours is on the segment.
        rate, _ = equal_error_rate(scores, same)
        jump = np.abs(np.diff(fpr)).max()
        assert rate == pytest.approx(expected, abs=jump + 1e-9)


def test_threshold_gives_rates_around_the_equal_error_rate():
    for scores, same in random_sets(100, seed=2):
        rate, threshold = equal_error_rate(scores, same)
        assert np.isfinite(threshold)
        assert scores.min() <= threshold <= scores.max()
        above, below = error_rates_at(scores, same, np.nextafter(threshold, np.inf)), None
        lower = scores[scores <= threshold].max()
        below = error_rates_at(scores, same, lower)
        assert above.far - 1e-9 <= rate <= below.far + 1e-9
        assert below.frr - 1e-9 <= rate <= above.frr + 1e-9


def test_by_hand():
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    same = [1, 1, 0, 1, 0, 0]
    # Thresholds 0.9 .. 0.4: FAR 0 0 1/3 1/3 2/3 1, FRR 2/3 1/3 1/3 0 0 0: they meet from above 0.6 up to 0.7.
    assert equal_error_rate(scores, same) == (pytest.approx(1 / 3), pytest.approx(0.65))
    assert area_under_roc(scores, same) == pytest.approx(8 / 9)
    assert error_rates_at(scores, same, 0.6) == (pytest.approx(1 / 3), 0.0)


def test_perfect_and_hopeless_and_constant():
    same = [True, True, False, False]
    assert equal_error_rate([4.0, 3.0, 2.0, 1.0], same)[0] == 0.0
    assert equal_error_rate([1.0, 2.0, 3.0, 4.0], same)[0] == 1.0
    assert equal_error_rate([1.0, 1.0, 1.0, 1.0], same)[0] == pytest.approx(0.5)


def test_auc_and_roc_against_scikit_learn():
    for scores, same in random_sets(100, seed=3):
        assert area_under_roc(scores, same) == pytest.approx(roc_auc_score(same, scores), abs=1e-12)
        fpr, tpr, thresholds = roc_curve(same, scores, drop_intermediate=False)
        curve = roc(scores, same)
        np.testing.assert_allclose(curve.far, fpr, atol=1e-12)
        np.testing.assert_allclose(1.0 - curve.frr, tpr, atol=1e-12)
        np.testing.assert_allclose(curve.thresholds[1:], thresholds[1:])


@pytest.mark.parametrize(
    ("scores", "same", "message"),
    [
        ([0.1, 0.2], [1, 1], "2 genuine and 0 impostor"),
        ([0.1, np.nan], [1, 0], "scores contain NaN or inf: 1 of 2"),
        ([0.1, 0.2, 0.3], [1, 0], "one of each"),
        ([0.1, 0.2], [1, 2], "other than 0 and 1"),
        ([], [], "at least one of each"),
    ],
)
def test_bad_input_raises(scores, same, message):
    with pytest.raises(ValueError, match=message):
        equal_error_rate(scores, same)


def test_bootstrap_covers_the_true_rate():
    """Two normal score distributions 2 apart have an EER of Phi(-1) = 15.9 %: most intervals hold it."""
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(40):
        same = np.arange(600) < 300
        scores = generator.normal(2.0 * same, 1.0)
        low, high = bootstrap_interval(lambda s, g: equal_error_rate(s, g)[0], scores, same, 200, seed=trial)
        covered += low <= 0.158655 <= high
    assert 33 <= covered <= 40


def test_the_threshold_of_pairs_that_part_lies_in_the_middle_of_the_gap():
    scores, same = [0.2, 0.1, 0.6, 0.9], [0, 0, 1, 1]
    for method in ("interpolated", "nearest"):
        assert equal_error_rate(scores, same, method) == (0.0, pytest.approx(0.4))
    # One error of each kind at every threshold in (0.3, 0.5].
    assert equal_error_rate([0.1, 0.3, 0.7, 0.2, 0.5, 0.9], [0, 0, 0, 1, 1, 1]) == (pytest.approx(1 / 3), 0.4)


def test_no_threshold_fits_between_neighbouring_numbers_and_decisions_agree():
    for dtype in (np.float32, np.float64):
        for low in (dtype(0.25), np.nextafter(dtype(0.25), dtype(1)), dtype(0.0), dtype(-0.7)):
            scores = np.array([low, np.nextafter(low, dtype(1))])
            for order in ([0, 1], [1, 0]):
                rate, threshold = equal_error_rate(scores[order], [bool(place) for place in order])
                assert rate == 0.0
                assert error_rates_at(scores, [False, True], threshold) == (0.0, 0.0)
                assert ((scores.astype(np.float64) >= threshold) == [False, True]).all()


def test_scores_in_float32_meet_a_threshold_that_float32_cannot_hold():
    scores = np.array([0.3, 0.4], np.float32)
    threshold = np.nextafter(float(scores[1]), 1.0)
    assert error_rates_at(scores, [0, 1], threshold) == (0.0, 1.0)
    assert best_accuracy(np.array([0.3, 0.4, 0.2, 0.7], np.float32), [1, 0, 1, 0]) == (0.5, pytest.approx(0.7))

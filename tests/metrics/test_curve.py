"""The sorted curve against counting in exact fractions, on random and on hostile scores."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from facerec.metrics import VerificationCurve, det, equal_error_rate, tar_at_far
from facerec.metrics import ranking as ranking_module


def points(scores, same):
    """(FAR, FRR, threshold) in exact fractions, from accepting nothing to accepting everything."""
    genuine = [float(s) for s, g in zip(scores, same, strict=True) if g]
    impostor = [float(s) for s, g in zip(scores, same, strict=True) if not g]
    yield Fraction(0), Fraction(1), math.inf
    for threshold in sorted({float(s) for s in scores}, reverse=True):
        far = Fraction(sum(s >= threshold for s in impostor), len(impostor))
        frr = Fraction(sum(s < threshold for s in genuine), len(genuine))
        yield far, frr, threshold


def slow_auc(scores, same):
    genuine, impostor = scores[same].astype(float), scores[~same].astype(float)
    wins = (genuine[:, None] > impostor).sum() + Fraction(1, 2) * int((genuine[:, None] == impostor).sum())
    return wins / (len(genuine) * len(impostor))


def slow_equal_error_rate(curve):
    for (far0, frr0, _), (far1, frr1, _) in pairwise(curve):
        if far1 >= frr1:
            return far0 + (frr0 - far0) / ((frr0 - far0) + (far1 - frr1)) * (far1 - far0)
    raise AssertionError("the last point has FAR 1 and FRR 0")


def compare(scores, same):
    curve, slow = VerificationCurve(scores, same), list(points(scores, same))
    far, frr, thresholds = curve.roc()
    assert thresholds.tolist() == [threshold for _, _, threshold in slow]
    np.testing.assert_allclose(far, [float(point[0]) for point in slow], atol=1e-15)
    np.testing.assert_allclose(frr, [float(point[1]) for point in slow], atol=1e-15)
    assert curve.area_under_roc() == pytest.approx(float(slow_auc(scores, same)), abs=1e-14)
    assert curve.equal_error_rate()[0] == pytest.approx(float(slow_equal_error_rate(slow)), abs=1e-14)
    gap = min(abs(point[0] - point[1]) for point in slow)
    nearest = {float(point[0] + point[1]) / 2 for point in slow if abs(point[0] - point[1]) == gap}
    assert any(curve.equal_error_rate("nearest")[0] == pytest.approx(rate, abs=1e-14) for rate in nearest)
    for allowed in (0.1, 0.34, 1.0):
        result = curve.tar_at_far([allowed])[0]
        assert result.supported == (curve.impostor * Fraction(str(allowed)) >= 10)
        if result.supported:
            best = max(1 - point[1] for point in slow if point[0] <= Fraction(str(allowed)))
            assert result.tar == pytest.approx(float(best), abs=1e-14)
            rates = curve.error_rates_at(result.threshold)
            assert 1.0 - rates.frr == pytest.approx(result.tar, abs=1e-14)
    for threshold in (*thresholds[1:4], thresholds[-1], 0.05, -1e9, 1e9):
        expected = (scores[~same] >= threshold).mean(), (scores[same] < threshold).mean()
        assert curve.error_rates_at(threshold) == pytest.approx(expected, abs=1e-15)


def random_scores(kind, generator, size):
    normal = generator.normal(size=size)
    return {
        "float32 cosine": np.clip(normal * 0.3, -1, 1).astype(np.float32),
        "float64": normal,
        "float16": (normal * 0.3).astype(np.float16),
        "ties": np.round(normal, 1),
        "all equal": np.full(size, 0.25),
        "integers": generator.integers(-3, 4, size),
        "distances": -np.abs(normal * 20).astype(np.float32),
        "both zeros": generator.choice([0.0, -0.0, 1e-40, -1e-40], size).astype(np.float32),
        "tiny beside large": generator.choice([1e-38, 2e-38, 3.0, -300.0], size).astype(np.float32),
        "huge": generator.choice([3e38, -3e38, 1.0, 0.0], size).astype(np.float32),
        "strided": np.repeat(normal.astype(np.float32), 2)[::2],
    }[kind]


KINDS = (
    "float32 cosine, float64, float16, ties, all equal, integers, distances, both zeros, "
    "tiny beside large, huge, strided"
)


@pytest.mark.parametrize("kind", KINDS.split(", "))
@pytest.mark.parametrize("genuine", [1, 30, 59], ids=["one genuine", "half", "one impostor"])
def test_against_counting_in_fractions(kind, genuine):
    generator = np.random.default_rng(genuine)
    same = generator.permutation(np.arange(60) < genuine)
    compare(random_scores(kind, generator, 60), same)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.floats(-4, 4, width=32),
                st.sampled_from([0.0, -0.0, 0.5, 1.0]),
                st.floats(-1, 1).map(lambda score: score if abs(score) > 1e-300 else 0.0),
            ),
            st.booleans(),
        ),
        min_size=2,
        max_size=14,
    ).filter(lambda pairs: len({same for _, same in pairs}) == 2)
)
def test_any_scores(pairs):
    compare(np.array([score for score, _ in pairs]), np.array([same for _, same in pairs]))


def test_perfect_and_reversed():
    same = np.arange(40) < 20
    assert VerificationCurve(same * 1.0, same).equal_error_rate()[0] == 0.0
    assert VerificationCurve(same * 1.0, same).area_under_roc() == 1.0
    assert VerificationCurve(same * -1.0, same).equal_error_rate() == (1.0, -0.5)
    assert VerificationCurve(same * -1.0, same).area_under_roc() == 0.0


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decimals", [1, 3, 9])
def test_over_many_blocks_with_ties_across_their_edges(decimals, dtype, scale):
    """Several chunks, scores that go on over their edges, a block not full; sorted in both widths and scaled."""
    generator = np.random.default_rng(decimals)
    size = 3 * ranking_module.CHUNK + 77
    same = generator.random(size) < 0.3
    scores = scale * np.round(generator.normal(same * 0.5, 0.4), decimals).astype(dtype)
    curve = VerificationCurve(scores, same)
    assert curve.area_under_roc() == pytest.approx(roc_auc_score(same, scores), abs=1e-12)
    far, frr, thresholds = curve.roc()
    rate, threshold = curve.equal_error_rate()
    after = int(np.argmax(far >= frr))
    assert far[after - 1] <= rate <= far[after]
    assert thresholds[after] <= threshold <= thresholds[after - 1]
    for place in (1, after, len(far) // 2, len(far) - 1):
        assert curve.error_rates_at(thresholds[place]) == (far[place], frr[place])


def test_tar_at_far_by_hand():
    same = np.arange(30) < 10
    scores = np.concatenate([np.linspace(0.55, 1.0, 10), np.linspace(0.01, 0.96, 20)])
    # 20 impostors at 0.01, 0.06 ... 0.96: at FAR 0.5 ten are let in, down to 0.51; all genuine pairs are above.
    result = tar_at_far(scores, same, [0.5, 0.49])
    assert result[0].tar == 1.0
    assert result[0].threshold == pytest.approx(0.51)
    assert (result[1].supported, math.isnan(result[1].tar)) == (False, True)
    with pytest.raises(ValueError, match="FAR 0"):
        tar_at_far(scores, same, [0.0])


def test_tar_is_zero_where_the_highest_score_is_shared_by_too_many_impostors():
    result = tar_at_far(np.ones(100), np.arange(100) < 50, [0.5])[0]
    assert (result.tar, result.threshold) == (0.0, math.inf)


def test_det_is_straight_for_normal_scores():
    generator = np.random.default_rng(0)
    same = np.arange(40000) < 20000
    far, frr, _ = det(generator.normal(2.0 * same, 1.0), same)
    middle = np.abs(far + 1.0) < 1.0
    np.testing.assert_allclose(far[middle] + frr[middle], -2.0, atol=0.1)
    assert np.all(np.isfinite(far))
    assert norm.cdf(far).max() < 1.0


def test_scores_that_cannot_be_scaled_are_exact_too():
    """Divided by a power of two the smallest would become 0: these scores are sorted in another way."""
    scores = np.array([1e-310, 1e10, 5e-324, 0.0, -0.0, -1e-310, 1e10, 1e300])
    compare(scores, np.array([False, True, True, False, True, False, False, True]))
    compare(scores[:-1].astype(np.float32) * np.float32(1e-30), np.arange(7) % 2 == 0)


def test_nan_and_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="scores contain NaN or inf: 1 of 3"):
        equal_error_rate(np.array([0.1, np.inf, 0.2], dtype=np.float32), [0, 1, 1])
    with pytest.raises(ValueError, match="method='linear': choose one of interpolated, nearest"):
        equal_error_rate([0.1, 0.2], [0, 1], method="linear")

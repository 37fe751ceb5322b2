"""Error against discard, against a slow count: one threshold of quality after the other, image by image."""

import numpy as np
import pytest

from facerec.metrics import discard_curve, ideal_discard_curve, partial_area


def slowly(wrong, pairs, qualities):
    """Rates after discarding all images up to each quality: shares of pairs and of images, and the rate."""
    found = [(0.0, 0.0, sum(wrong) / len(wrong))]
    for limit in sorted(set(qualities)):
        kept = [place for place, (one, two) in enumerate(pairs) if qualities[one] > limit and qualities[two] > limit]
        if not kept:
            break
        share = 1 - len(kept) / len(pairs)
        if share > found[-1][0]:  # else no pair went with these images
            gone = sum(quality <= limit for quality in qualities) / len(qualities)
            found.append((share, gone, sum(wrong[place] for place in kept) / len(kept)))
    return np.array(found).T


@pytest.mark.parametrize("distinct", [4, 1000])
def test_the_curve_is_that_of_a_slow_count(distinct):
    generator = np.random.default_rng(0)
    qualities = generator.integers(distinct, size=60) / 8
    pairs = generator.integers(60, size=(200, 2))
    quality = qualities[pairs].min(axis=1)
    wrong = generator.random(200) < np.exp(-quality / quality.mean())
    curve = discard_curve(wrong, quality, qualities)
    np.testing.assert_allclose(curve, slowly(wrong.tolist(), pairs.tolist(), qualities.tolist()), atol=1e-12)
    fine = np.linspace(0.0, 0.2, 20001)[:-1]
    heights = [curve.fnmr[curve.pairs <= share + 1e-12][-1] for share in fine]
    assert partial_area(curve.pairs, curve.fnmr) == pytest.approx(np.mean(heights) * 0.2, abs=1e-4)


def test_nothing_beats_the_ideal():
    generator = np.random.default_rng(1)
    wrong = generator.random(300) < 0.08
    ideal = ideal_discard_curve(wrong)
    expected = [max(wrong.sum() - gone, 0) / (300 - gone) for gone in range(300)]
    np.testing.assert_allclose(ideal.fnmr, expected)
    np.testing.assert_allclose(ideal.pairs, np.arange(300) / 300)
    least = partial_area(ideal.pairs, ideal.fnmr)
    for _ in range(20):
        quality = generator.random(300)
        curve = discard_curve(wrong, quality, quality)
        assert partial_area(curve.pairs, curve.fnmr) > least
    assert partial_area([0.0], [wrong.mean()]) == pytest.approx(0.2 * wrong.mean())
    assert partial_area([0.0, 0.5], [1.0, 0.0], most=1.0) == 0.5


@pytest.mark.parametrize(
    ("wrong", "quality", "images", "message"),
    [
        ([], [], [1.0], "give one of the first two for each genuine pair"),
        ([True], [1.0, 2.0], [1.0], "give one of the first two"),
        ([True], [1.0], [], "a quality for each image"),
        ([True], [float("nan")], [1.0], "quality"),
        ([True], [1.0], [float("inf")], "images"),
    ],
)
def test_qualities_that_cannot_be_used_are_refused(wrong, quality, images, message):
    with pytest.raises(ValueError, match=message):
        discard_curve(wrong, quality, images)

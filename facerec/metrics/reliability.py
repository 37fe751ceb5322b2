"""Are likelihood ratios what they claim? Pairs that claim about the same ratio, beside the ratio found among them.

Among pairs whose ratio is r, genuine pairs are r times as frequent as impostor pairs, each counted as a share of its
kind. Both counts get half a pair more, so that a bin without one kind of pair has a ratio and an interval too (Haldane,
Annals of Human Genetics 1956). This draws such bins towards 1.

Shapes: P pairs, B bins, R resamples.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.metrics.checks import check_scores
from facerec.metrics.curve import Floats
from facerec.metrics.intervals import Interval
from facerec.metrics.resampling import check_resampling, draw_both_kinds, draw_people, number_people

BINS = 8  # between the lowest and the highest ratio
LEAST_PAIRS = 10  # in a bin; fewer say little


class RatioBin(NamedTuple):
    """Pairs that claim about the same likelihood ratio. Ratios are natural logarithms.

    Attributes:
        claimed: mean of their ratios, half of it over each kind of pair where both are there.
        observed: ratio found among them.
        interval: of the observed ratio.
        genuine: number of genuine pairs.
        impostor: number of impostor pairs.

    Example:
        >>> from facerec.metrics import Interval, RatioBin
        >>> RatioBin(claimed=1.4, observed=1.1, interval=Interval(0.8, 1.4), genuine=60, impostor=40).genuine
        60
    """

    claimed: float
    observed: float
    interval: Interval
    genuine: int
    impostor: int


def reliability(
    log_ratios: ArrayLike,
    same: ArrayLike,
    people: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> list[RatioBin]:
    """Claimed and observed ratios, in bins of equal width. The lowest and the highest claim are bins of their own.

    The interval is normal in the logarithm. Its variance is that of independent pairs, or of resampled people where
    that is larger.

    Args:
        log_ratios: natural logarithm of the likelihood ratio of each pair (P,).
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), as whole numbers, to resample people; by default pairs count as
            independent.
        resamples: how many to draw.
        level: coverage aimed at.
        seed: seed of the resampling.

    Returns:
        Bins of rising claims. One of fewer than 10 pairs is left out.

    Raises:
        ValueError: as :func:`facerec.metrics.bootstrap`.

    Example:
        100 pairs claim 4. Of 80 genuine pairs 75 % do, and of 160 impostor pairs 25 %. So 3 is found.

        >>> from facerec.metrics import reliability
        >>> claims = np.log([4.0] * 60 + [0.25] * 20 + [4.0] * 40 + [0.25] * 120)
        >>> low, high = reliability(claims, [1] * 80 + [0] * 160)
        >>> print(f"{np.exp(high.claimed):.1f} claimed, {np.exp(high.observed):.1f} found")
        4.0 claimed, 3.0 found
        >>> print("95 %: {:.1f} to {:.1f}".format(*np.exp(high.interval)))
        95 %: 2.2 to 4.0
    """
    check_resampling(resamples, level)
    ratios_P, same_P = check_scores(log_ratios, same)
    bins_P = _bins(ratios_P)
    counts_2B = _counts(bins_P, same_P, np.ones(len(same_P)))
    variances_B = sum(1.0 / (kind_B + 0.5) - 1.0 / (kind_B.sum() + 1.0) for kind_B in counts_2B)
    if people is not None:
        draws = draw_people(number_people(people, same_P), np.random.default_rng(seed))
        drawn_R2B = (_counts(bins_P, same_P, draw_both_kinds(draws, same_P)) for _ in range(resamples))
        variances_B = np.maximum(variances_B, np.var([_observed(drawn_2B) for drawn_2B in drawn_R2B], axis=0))
    observed_B = _observed(counts_2B)
    reach_B = NormalDist().inv_cdf(0.5 + 0.5 * level) * np.sqrt(variances_B)
    return [
        RatioBin(
            _claimed(ratios_P[bins_P == place], same_P[bins_P == place]),
            float(observed_B[place]),
            Interval(float(observed_B[place] - reach_B[place]), float(observed_B[place] + reach_B[place])),
            *counts_2B[:, place].astype(int).tolist(),
        )
        for place in np.flatnonzero(counts_2B.sum(0) >= LEAST_PAIRS)
    ]


def _bins(ratios_P: NDArray[np.floating]) -> NDArray[np.int64]:
    """Bin of each pair: the first for the lowest ratio, the last for the highest, others between them."""
    low, high = ratios_P.min(), ratios_P.max()
    inner_P = np.searchsorted(np.linspace(low, high, BINS + 1)[1:-1], ratios_P, side="right") + 1
    return np.where(ratios_P == low, 0, np.where(ratios_P == high, BINS + 1, inner_P)).astype(np.int64)


def _counts(bins_P: NDArray[np.int64], same_P: NDArray[np.bool_], weights_P: NDArray[np.generic]) -> Floats:
    """Genuine and impostor pairs of each bin (2, B)."""
    genuine_B = np.bincount(bins_P, weights_P * same_P, minlength=BINS + 2)
    return np.stack([genuine_B, np.bincount(bins_P, weights_P, minlength=BINS + 2) - genuine_B])


def _observed(counts_2B: Floats) -> Floats:
    """Logarithm of the ratio found in each bin (B,)."""
    shares_2B = (counts_2B + 0.5) / (counts_2B.sum(axis=1, keepdims=True) + 1.0)
    return np.asarray(np.log(shares_2B[0] / shares_2B[1]))


def _claimed(ratios_N: NDArray[np.floating], same_N: NDArray[np.bool_]) -> float:
    """Mean ratio of the pairs of a bin, each kind with the same weight."""
    means = [float(ratios_N[kind_N].mean()) for kind_N in (same_N, ~same_N) if kind_N.any()]
    return math.fsum(means) / len(means)

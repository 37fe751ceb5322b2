"""What likelihood ratios cost their user: Cllr, and how much of it the calibration is to blame for.

Brümmer and du Preez, "Application-independent evaluation of speaker detection", Computer Speech and Language 2006. With
natural logarithms ``L`` of the ratios, in bits:

    Cllr = 1/2 [mean of log2(1 + exp(-L)) over genuine + mean of log2(1 + exp(L)) over impostor pairs]

0 is perfect. A ratio of 1 for every pair costs 1. More than 1 is worse than no ratio at all. ``min Cllr`` is the cost
of the best rising function of the scores, so the rest of Cllr is the fault of the calibration.

Shapes: P pairs, K blocks of pairs with one ratio.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.metrics.checks import check_scores
from facerec.metrics.curve import Floats
from facerec.metrics.intervals import Interval, percentile_interval
from facerec.metrics.ranking import RankedScores
from facerec.metrics.resampling import check_resampling, draw_both_kinds, draw_pairs, draw_people, number_people

LN_2 = float(np.log(2.0))


def cllr(log_ratios: ArrayLike, same: ArrayLike) -> float:
    """Cost of the log likelihood ratio, in bits.

    Args:
        log_ratios: natural logarithm of the likelihood ratio of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        Ratios of 1 say nothing. Ratios of 3 for one person and 1/3 for two cost log2(4/3).

        >>> from facerec.metrics import cllr
        >>> cllr([0.0, 0.0], [1, 0])
        1.0
        >>> round(cllr([np.log(3), -np.log(3)], [1, 0]), 4)
        0.415
    """
    costs_P, same_P = _costs(log_ratios, same)
    return float(0.5 * (costs_P[same_P].mean() + costs_P[~same_P].mean()))


def min_cllr(scores: ArrayLike, same: ArrayLike) -> float:
    """Cllr of the best ratios that rise with the scores: those of isotonic regression, by pooling adjacent violators.

    Args:
        scores: score of each pair (P,), or its log likelihood ratio.
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        The two pairs in the middle are in the wrong order, so they share a ratio of 1, at a cost of 1 bit.

        >>> from facerec.metrics import min_cllr
        >>> min_cllr([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 0])
        0.5
        >>> min_cllr([0.9, 0.8, 0.3, 0.1], [1, 1, 0, 0])
        0.0
    """
    ranked = RankedScores(scores, same)
    starts_K = np.append(0, np.flatnonzero(ranked.scores[1:] != ranked.scores[:-1]) + 1)
    genuine_K = np.add.reduceat(ranked.genuine, starts_K, dtype=np.int64)
    genuine_K, all_K = _pooled(genuine_K, np.diff(starts_K, append=len(ranked)))
    shares_K, shares_of_impostors_K = (kind_K / kind_K.sum() for kind_K in (genuine_K, all_K - genuine_K))
    both_K = shares_K + shares_of_impostors_K
    return float(0.5 * sum(_bits(kind_K, both_K) for kind_K in (shares_K, shares_of_impostors_K)))


def cllr_interval(
    log_ratios: ArrayLike,
    same: ArrayLike,
    people: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of Cllr over resampled people or pairs, see :mod:`facerec.metrics.resampling`.

    Args:
        log_ratios: natural logarithm of the likelihood ratio of each pair (P,).
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), as whole numbers, to resample people; by default pairs are.
        resamples: how many to draw.
        level: coverage aimed at.
        seed: seed of the resampling.

    Raises:
        ValueError: as :func:`facerec.metrics.bootstrap`.

    Example:
        >>> from facerec.metrics import cllr_interval
        >>> low, high = cllr_interval([2.0, 1.0, -1.0, 0.5, -2.0, -1.5], [1, 1, 1, 0, 0, 0], resamples=200)
        >>> low < 0.76 < high
        True
    """
    check_resampling(resamples, level)
    costs_P, same_P = _costs(log_ratios, same)
    generator = np.random.default_rng(seed)
    people_P2 = None if people is None else number_people(people, same_P)
    draws = draw_pairs(same_P, generator) if people_P2 is None else draw_people(people_P2, generator)
    genuine_P = same_P.astype(np.float64)
    values = []
    for _ in range(resamples):
        weights_P = draw_both_kinds(draws, same_P).astype(np.float64)
        of_genuine, count = weights_P @ (genuine_P * costs_P), weights_P @ genuine_P
        of_all, total = weights_P @ costs_P, weights_P.sum()
        values.append(0.5 * (of_genuine / count + (of_all - of_genuine) / (total - count)))
    return percentile_interval(np.array(values), level)


def _costs(log_ratios: ArrayLike, same: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Bits that each pair costs, and the labels."""
    ratios_P, same_P = check_scores(log_ratios, same)
    return np.logaddexp(0.0, np.where(same_P, -ratios_P, ratios_P).astype(np.float64)) / LN_2, same_P


def _pooled(genuine_K: NDArray[np.int64], all_K: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Genuine pairs and all pairs of each block of isotonic regression, from those of each score.

    Neighbours whose shares of genuine pairs do not rise end in one block, whatever the order in which they are pooled
    (Ayer et al., Annals of Mathematical Statistics 1955). So each pass pools them all.
    """
    while True:
        rises = genuine_K[:-1] * all_K[1:] < genuine_K[1:] * all_K[:-1]
        if rises.all():
            return genuine_K, all_K
        starts = np.append(0, np.flatnonzero(rises) + 1)
        genuine_K, all_K = np.add.reduceat(genuine_K, starts), np.add.reduceat(all_K, starts)


def _bits(share_K: Floats, both_K: Floats) -> float:
    """Mean cost of one kind of pair, whose ratio in a block is its share there over the other kind's."""
    there = share_K > 0.0
    return float(share_K[there] @ np.log2(both_K[there] / share_K[there]))

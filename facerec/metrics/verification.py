"""Verification: how well a score tells genuine pairs from impostor pairs.

Raw scores in, numbers out: no sigmoid, no bins, exact with ties. A higher score means more alike, and a pair is
accepted when its score is at least the threshold. All rates are fractions in [0, 1].

Shapes: P pairs, K distinct scores.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Roc(NamedTuple):
    """Error rates at every threshold that changes a decision, from accepting nothing to accepting everything.

    Attributes:
        far: share of impostor pairs accepted (K + 1,), rising from 0 to 1.
        frr: share of genuine pairs rejected (K + 1,), falling from 1 to 0.
        thresholds: falling (K + 1,); the first, infinity, accepts nothing.
    """

    far: Floats
    frr: Floats
    thresholds: Floats


class ErrorRates(NamedTuple):
    """What happens at one threshold: share of impostor pairs accepted, share of genuine pairs rejected."""

    far: float
    frr: float


def check_scores(scores: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The scores and labels as arrays (P,).

    Raises:
        ValueError: if the lengths differ, a score is not finite, a label is neither 0 nor 1, or one kind of pair is
            missing (then no error rate is defined).
    """
    scores_P = np.asarray(scores)
    if not np.issubdtype(scores_P.dtype, np.floating):
        scores_P = scores_P.astype(np.float64)
    labels_P = np.asarray(same)
    if scores_P.ndim != 1 or scores_P.shape != labels_P.shape:
        raise ValueError(f"scores {scores_P.shape} and same {labels_P.shape}: give one of each for every pair, (P,)")
    if labels_P.dtype != np.bool_:
        if not np.isin(labels_P, (0, 1)).all():
            raise ValueError("same holds something other than 0 and 1")
        labels_P = labels_P.astype(np.bool_)
    if not np.isfinite(scores_P).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(scores_P))} of {len(scores_P)} scores are not finite")
    genuine = int(np.count_nonzero(labels_P))
    if genuine == 0 or genuine == len(labels_P):
        raise ValueError(
            f"{genuine} genuine and {len(labels_P) - genuine} impostor pairs: error rates need at least one of each"
        )
    return scores_P, labels_P


def roc(scores: ArrayLike, same: ArrayLike) -> Roc:
    """Error rates at every distinct score.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :func:`check_scores`.
    """
    scores_P, same_P = check_scores(scores, same)
    order_P = np.argsort(scores_P)[::-1]
    sorted_P = scores_P[order_P]
    accepted_genuine_P = np.cumsum(same_P[order_P])
    last_of_tie_K = np.append(np.flatnonzero(sorted_P[1:] != sorted_P[:-1]), len(sorted_P) - 1)
    genuine_K = accepted_genuine_P[last_of_tie_K]
    impostor_K = last_of_tie_K + 1 - genuine_K
    far = np.append(0.0, impostor_K / impostor_K[-1])
    frr = np.append(1.0, 1.0 - genuine_K / genuine_K[-1])
    thresholds = np.append(np.inf, sorted_P[last_of_tie_K].astype(np.float64))
    return Roc(far, frr, thresholds)


def equal_error_rate(scores: ArrayLike, same: ArrayLike) -> tuple[float, float]:
    """The error rate where false accepts and false rejects are equally frequent, and the threshold there.

    The points of the ROC, one for each distinct score, are joined by straight lines; the equal error rate is where the
    line crosses FAR = FRR, and the threshold is interpolated alike. With P_i impostor pairs the points themselves
    are 1 / P_i apart, so the other definition in use, the point nearest to equality, differs by up to half of that.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Returns:
        The equal error rate, and a finite threshold.

    Raises:
        ValueError: see :func:`check_scores`.
    """
    far, frr, thresholds = roc(scores, same)
    after = int(np.argmax(far >= frr))  # the first point at or past the crossing; never 0, where far = 0 and frr = 1
    gap_before = frr[after - 1] - far[after - 1]
    gap_after = far[after] - frr[after]
    share = gap_before / (gap_before + gap_after)
    rate = far[after - 1] + share * (far[after] - far[after - 1])
    before = thresholds[after - 1] if np.isfinite(thresholds[after - 1]) else thresholds[after]
    return float(rate), float(before + share * (thresholds[after] - before))


def area_under_roc(scores: ArrayLike, same: ArrayLike) -> float:
    """Probability that a genuine pair scores above an impostor pair, ties counting half (Mann and Whitney 1947).

    Raises:
        ValueError: see :func:`check_scores`.
    """
    far, frr, _ = roc(scores, same)
    return float(np.sum(np.diff(far) * (1.0 - 0.5 * (frr[1:] + frr[:-1]))))


def error_rates_at(scores: ArrayLike, same: ArrayLike, threshold: float) -> ErrorRates:
    """FAR and FRR of a threshold that was chosen elsewhere.

    Raises:
        ValueError: see :func:`check_scores`.
    """
    scores_P, same_P = check_scores(scores, same)
    accepted_P = scores_P >= threshold
    return ErrorRates(float(accepted_P[~same_P].mean()), float((~accepted_P[same_P]).mean()))

"""Verification in one call: how well a score tells genuine pairs from impostor pairs.

Each function sorts the scores. To ask for several numbers, make one :class:`facerec.metrics.VerificationCurve`, which
sorts once.

Shapes: P pairs, K distinct scores.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from facerec.metrics.checks import check_scores
from facerec.metrics.curve import EqualErrorMethod, ErrorRates, Floats, Roc, TarAtFar, VerificationCurve


class Det(NamedTuple):
    """The ROC on the axes of the detection error trade-off: normal deviates of both error rates.

    Attributes:
        far: deviates of the false accept rate, rising.
        frr: deviates of the false reject rate, falling.
        thresholds: falling.

    Example:
        >>> from facerec.metrics import det
        >>> curve = det([0.9, 0.5, 0.4, 0.2], [True, False, True, False])  # FAR and FRR are 0.5 at the threshold 0.5
        >>> curve.far.tolist(), curve.frr.tolist(), curve.thresholds.tolist()
        ([0.0], [0.0], [0.5])
    """

    far: Floats
    frr: Floats
    thresholds: Floats


def roc(scores: ArrayLike, same: ArrayLike) -> Roc:
    """Error rates at every distinct score.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        >>> from facerec.metrics import roc
        >>> curve = roc([0.9, 0.5, 0.4, 0.2], [True, False, True, False])
        >>> curve.far.tolist()
        [0.0, 0.0, 0.5, 0.5, 1.0]
        >>> curve.frr.tolist()
        [1.0, 0.5, 0.5, 0.0, 0.0]
    """
    return VerificationCurve(scores, same).roc()


def det(scores: ArrayLike, same: ArrayLike) -> Det:
    """Detection error trade-off (Martin et al., Eurospeech 1997): where scores are normal, a straight line.

    Thresholds with a rate of 0 or 1 are left out: the deviate is infinite there.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        A third of the impostor pairs lies 0.43 standard deviations away from the middle.

        >>> from facerec.metrics import det
        >>> curve = det([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 1, 0, 1, 0, 0])
        >>> curve.far.round(2).tolist(), curve.frr.round(2).tolist()
        ([-0.43], [-0.43])
    """
    far, frr, thresholds = roc(scores, same)
    finite = (far > 0.0) & (far < 1.0) & (frr > 0.0) & (frr < 1.0)
    return Det(normal_deviate(far[finite]), normal_deviate(frr[finite]), thresholds[finite])


def normal_deviate(rates: ArrayLike) -> Floats:
    """Where the standard normal distribution function takes the given values, in (0, 1)."""
    deviates: Floats = torch.special.ndtri(torch.from_numpy(np.asarray(rates, dtype=np.float64))).numpy()
    return deviates


def equal_error_rate(
    scores: ArrayLike, same: ArrayLike, method: EqualErrorMethod = "interpolated"
) -> tuple[float, float]:
    """The error rate where false accepts and false rejects are equally frequent, and the threshold there.

    ``interpolated`` joins the points of the ROC, one for each distinct score, by straight lines. The equal error rate
    is where the line crosses FAR = FRR, and the threshold is interpolated alike. ``nearest`` is the mean of FAR and FRR
    at the point where they differ least; of two such points the one with the lower threshold. With P_i impostor pairs
    the points are 1 / P_i apart, so the two methods differ by up to half of that.

    Where a point has FAR = FRR, the threshold is half way to the next lower score. Perfectly separated pairs are such
    a case. All thresholds between the two scores decide alike on these pairs; the middle favours neither error on
    others.

    Args:
        scores: score of each pair (P,), as a list, an array or a tensor.
        same: whether each pair shows one person (P,).
        method: ``interpolated`` or ``nearest``.

    Returns:
        The equal error rate, and a finite threshold.

    Raises:
        ValueError: for another method, or see :class:`facerec.metrics.VerificationCurve`.

    Example:
        >>> from facerec.metrics import equal_error_rate
        >>> equal_error_rate([0.9, 0.2], [True, False])
        (0.0, 0.55)
        >>> import torch
        >>> equal_error_rate(torch.tensor([0.75, 0.5, 0.25, 0.0]), torch.tensor([True, False, True, False]))
        (0.5, 0.375)
    """
    return VerificationCurve(scores, same).equal_error_rate(method)


def area_under_roc(scores: ArrayLike, same: ArrayLike) -> float:
    """Probability that a genuine pair scores above an impostor pair, ties counting half (Mann and Whitney 1947).

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        The genuine pair at 0.9 beats both impostor pairs; the one at 0.5 beats one and ties with the other.

        >>> from facerec.metrics import area_under_roc
        >>> area_under_roc([0.9, 0.5, 0.5, 0.2], [True, True, False, False])
        0.875
    """
    return VerificationCurve(scores, same).area_under_roc()


def tar_at_far(scores: ArrayLike, same: ArrayLike, fars: Sequence[float]) -> list[TarAtFar]:
    """True accept rates at given false accept rates: at the lowest threshold whose FAR is at most the given one.

    Nothing is interpolated. A FAR at which fewer than 10 of the impostor pairs would be accepted is not supported by
    the data: its rate is NaN.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        fars: false accept rates in (0, 1].

    Raises:
        ValueError: for a rate outside (0, 1], or see :class:`facerec.metrics.VerificationCurve`.

    Example:
        Of 1,000 impostor pairs 10 score 0.5 or more: at a FAR of 0.01 the threshold lies at 0.5.

        >>> from facerec.metrics import tar_at_far
        >>> scores, same = [0.9, 0.6, 0.3, 0.7] + [0.5] * 10 + [0.4] * 990, [1] * 4 + [0] * 1000
        >>> tar_at_far(scores, same, fars=[0.01])
        [TarAtFar(far=0.01, tar=0.75, threshold=0.5, supported=True)]
    """
    return VerificationCurve(scores, same).tar_at_far(fars)


def error_rates_at(scores: ArrayLike, same: ArrayLike, threshold: float) -> ErrorRates:
    """FAR and FRR of a threshold that was chosen elsewhere.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        threshold: lowest score that is accepted.

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        >>> from facerec.metrics import error_rates_at
        >>> error_rates_at([0.9, 0.5, 0.4, 0.2], [True, False, True, False], threshold=0.4)
        ErrorRates(far=0.5, frr=0.0)
    """
    scores_P, same_P = check_scores(scores, same)
    accepted_P = scores_P.astype(np.float64) >= threshold  # in float32 the threshold would be rounded to a score
    return ErrorRates(float(accepted_P[~same_P].mean()), float((~accepted_P[same_P]).mean()))

"""Verification: how well a score tells genuine pairs from impostor pairs.

Raw scores in, numbers out: no sigmoid, no bins, exact with ties. A higher score means more alike, and a pair is
accepted when its score is at least the threshold. All rates are fractions in [0, 1].

Each function sorts the scores; to ask for several numbers, make one :class:`VerificationCurve`, which sorts once.

Shapes: P pairs, K distinct scores.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from facerec.metrics.ranking import RankedScores, check_finite, check_labels

Floats = NDArray[np.float64]
EqualErrorMethod = Literal["interpolated", "nearest"]

LEAST_ERRORS = 10  # a rate from fewer expected errors says little: with 10, 95 % of repetitions are within 4 and 17


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


class Det(NamedTuple):
    """The ROC on the axes of the detection error trade-off: normal deviates of both error rates.

    Attributes:
        far: deviates of the false accept rate, rising.
        frr: deviates of the false reject rate, falling.
        thresholds: falling.
    """

    far: Floats
    frr: Floats
    thresholds: Floats


class ErrorRates(NamedTuple):
    """What happens at one threshold: share of impostor pairs accepted, share of genuine pairs rejected."""

    far: float
    frr: float


class TarAtFar(NamedTuple):
    """Share of genuine pairs accepted where at most a given share of impostor pairs is.

    Attributes:
        far: the false accept rate asked for.
        tar: the highest true accept rate there; NaN where it is not supported.
        threshold: lowest score accepted, infinite if none is; NaN where it is not supported.
        supported: whether the impostor pairs are enough to expect 10 false accepts.
    """

    far: float
    tar: float
    threshold: float
    supported: bool


def check_scores(scores: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The scores and labels as arrays (P,).

    Raises:
        ValueError: if the lengths differ, a score is not finite, a label is neither 0 nor 1, or one kind of pair is
            missing (then no error rate is defined).
    """
    scores_P, same_P = check_labels(scores, same)
    check_finite(scores_P)
    return scores_P, same_P


def is_supported(far: float, impostors: int) -> bool:
    """Whether so many impostor pairs let one expect 10 false accepts at a rate.

    Raises:
        ValueError: for a rate outside (0, 1].
    """
    if not 0.0 < far <= 1.0:
        raise ValueError(f"FAR {far}: must be above 0 and at most 1, a share of the impostor pairs")
    return far * impostors >= LEAST_ERRORS - 1e-9


class VerificationCurve:
    """Every error rate of a set of pairs, from one sort.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :func:`check_scores`.

    Attributes:
        genuine: number of genuine pairs.
        impostor: number of impostor pairs.
    """

    def __init__(self, scores: ArrayLike, same: ArrayLike) -> None:
        self._ranked = RankedScores(scores, same)
        self.genuine = self._ranked.genuine
        self.impostor = self._ranked.impostor

    def _errors(self, position: int) -> tuple[int, int]:
        """Impostor pairs accepted and genuine pairs rejected when the ``position`` lowest pairs are rejected."""
        genuine_rejected = self._ranked.genuine_below(position)
        return self.impostor - (position - genuine_rejected), genuine_rejected

    def _threshold(self, position: int) -> float:
        return self._ranked.score(position) if position < len(self._ranked) else math.inf

    def roc(self) -> Roc:
        """Error rates at every distinct score."""
        starts_K, genuine_below_K, scores_K = self._ranked.steps()
        far = (self.impostor - (starts_K - genuine_below_K)) / self.impostor
        frr = genuine_below_K / self.genuine
        return Roc(np.append(0.0, far[::-1]), np.append(1.0, frr[::-1]), np.append(np.inf, scores_K[::-1]))

    def equal_error_rate(self, method: EqualErrorMethod = "interpolated") -> tuple[float, float]:
        """The error rate where false accepts and false rejects are equally frequent, and the threshold there.

        See :func:`equal_error_rate`.

        Raises:
            ValueError: for another method.
        """
        if method not in ("interpolated", "nearest"):
            raise ValueError(f"method={method!r}: choose 'interpolated' or 'nearest'")

        def frr_is_above_far(position: int) -> bool:
            accepted, rejected = self._errors(position)
            return accepted * self.genuine < rejected * self.impostor

        # The crossing lies between the lowest score whose acceptance still leaves FRR above FAR, and the one below it.
        after, before = self._ranked.ties(self._ranked.first(frr_is_above_far) - 1)
        far_before, frr_before = self._rates(before)
        far_after, frr_after = self._rates(after)
        gap_before, gap_after = frr_before - far_before, far_after - frr_after
        lower, upper = self._threshold(after), self._threshold(before)
        if gap_after == 0.0:  # reached by every threshold above the next lower score
            return far_after, midpoint(self._threshold(after - 1), lower)
        if method == "nearest":
            if gap_before < gap_after:
                return 0.5 * (far_before + frr_before), upper
            return 0.5 * (far_after + frr_after), lower
        share = gap_before / (gap_before + gap_after)
        rate = far_before + share * (far_after - far_before)
        return rate, upper + share * (lower - upper) if math.isfinite(upper) else lower

    def _rates(self, position: int) -> tuple[float, float]:
        accepted, rejected = self._errors(position)
        return accepted / self.impostor, rejected / self.genuine

    def area_under_roc(self) -> float:
        """Probability that a genuine pair scores above an impostor pair, ties counting half (Mann and Whitney 1947)."""
        return self._ranked.genuine_above_impostor() / (self.genuine * self.impostor)

    def error_rates_at(self, threshold: float) -> ErrorRates:
        """FAR and FRR of a threshold that was chosen elsewhere."""
        position = self._ranked.first(lambda place: self._ranked.score(place) >= threshold)
        return ErrorRates(*self._rates(position))

    def tar_at_far(self, fars: Sequence[float]) -> list[TarAtFar]:
        """The highest true accept rate at each false accept rate; see :func:`tar_at_far`."""
        return [self._tar_at(far) for far in fars]

    def _tar_at(self, far: float) -> TarAtFar:
        if not is_supported(far, self.impostor):
            return TarAtFar(far, math.nan, math.nan, False)
        allowed = math.floor(far * self.impostor + 1e-9)  # 0.07 of 100 is 7, though not in binary
        position = self._ranked.first(lambda place: self._errors(place)[0] <= allowed)
        if 0 < position < len(self._ranked):
            start, stop = self._ranked.ties(position)
            position = start if start == position else stop
        return TarAtFar(far, 1.0 - self._rates(position)[1], self._threshold(position), True)


def midpoint(below: float, above: float) -> float:
    """The threshold half way between two neighbouring scores; the upper one where no number lies between them."""
    middle = below + 0.5 * (above - below)
    return middle if below < middle <= above else above


def roc(scores: ArrayLike, same: ArrayLike) -> Roc:
    """Error rates at every distinct score.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :func:`check_scores`.
    """
    return VerificationCurve(scores, same).roc()


def det(scores: ArrayLike, same: ArrayLike) -> Det:
    """Detection error trade-off (Martin et al., Eurospeech 1997): where scores are normal, a straight line.

    Thresholds with a rate of 0 or 1, whose deviate is infinite, are left out.

    Raises:
        ValueError: see :func:`check_scores`.
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

    ``interpolated``: the points of the ROC, one for each distinct score, are joined by straight lines; the equal error
    rate is where the line crosses FAR = FRR, and the threshold is interpolated alike. ``nearest``: the mean of FAR and
    FRR at the point where they differ least, of two such the one with the lower threshold. With P_i impostor pairs the
    points are 1 / P_i apart, so the two differ by up to half of that. Where a point has FAR = FRR, as when the pairs
    part perfectly, the threshold is half way to the next lower score: all between the two decide alike on these pairs,
    and on others the middle favours neither error.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        method: ``interpolated`` or ``nearest``.

    Returns:
        The equal error rate, and a finite threshold.

    Raises:
        ValueError: see :func:`check_scores`.
    """
    return VerificationCurve(scores, same).equal_error_rate(method)


def area_under_roc(scores: ArrayLike, same: ArrayLike) -> float:
    """Probability that a genuine pair scores above an impostor pair, ties counting half (Mann and Whitney 1947).

    Raises:
        ValueError: see :func:`check_scores`.
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
        ValueError: for a rate outside (0, 1], or see :func:`check_scores`.
    """
    return VerificationCurve(scores, same).tar_at_far(fars)


def error_rates_at(scores: ArrayLike, same: ArrayLike, threshold: float) -> ErrorRates:
    """FAR and FRR of a threshold that was chosen elsewhere.

    Raises:
        ValueError: see :func:`check_scores`.
    """
    scores_P, same_P = check_scores(scores, same)
    accepted_P = scores_P.astype(np.float64) >= threshold  # in float32 the threshold would be rounded to a score
    return ErrorRates(float(accepted_P[~same_P].mean()), float((~accepted_P[same_P]).mean()))

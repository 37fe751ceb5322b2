"""Every error rate of a set of pairs, from one sort of its scores.

Raw scores in, numbers out: no sigmoid, no bins, exact with ties. A higher score means more alike. A pair is accepted
when its score is at least the threshold. All rates are fractions in [0, 1].

Shapes: P pairs, K distinct scores.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.metrics.ranking import RankedScores
from facerec.settings import require_choice

Floats = NDArray[np.float64]
EqualErrorMethod = Literal["interpolated", "nearest"]

LEAST_ERRORS = 10  # a rate from fewer expected errors says little: with 10, 95 % of repetitions are within 4 and 17


class Roc(NamedTuple):
    """Error rates at every threshold that changes a decision, from accepting nothing to accepting everything.

    Attributes:
        far: share of impostor pairs accepted (K + 1,), rising from 0 to 1.
        frr: share of genuine pairs rejected (K + 1,), falling from 1 to 0.
        thresholds: falling (K + 1,); the first, infinity, accepts nothing.

    Example:
        >>> from facerec.metrics import roc
        >>> curve = roc([0.9, 0.2], [True, False])
        >>> curve.far.tolist(), curve.frr.tolist(), curve.thresholds.tolist()
        ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [inf, 0.9, 0.2])
    """

    far: Floats
    frr: Floats
    thresholds: Floats


class ErrorRates(NamedTuple):
    """What happens at one threshold: share of impostor pairs accepted, share of genuine pairs rejected.

    Example:
        >>> from facerec.metrics import error_rates_at
        >>> error_rates_at([0.9, 0.5, 0.4, 0.2], [True, False, True, False], threshold=0.45)
        ErrorRates(far=0.5, frr=0.5)
    """

    far: float
    frr: float


class TarAtFar(NamedTuple):
    """Share of genuine pairs accepted where at most a given share of impostor pairs is.

    Attributes:
        far: the false accept rate asked for.
        tar: the highest true accept rate there; NaN where it is not supported.
        threshold: lowest score accepted, infinite if none is; NaN where it is not supported.
        supported: whether the impostor pairs are enough to expect 10 false accepts.

    Example:
        Of 20 impostor pairs 10 may be accepted at a FAR of 0.5. A FAR of 0.1 would rest on 2 of them.

        >>> from facerec.metrics import tar_at_far
        >>> scores = [0.95, 0.35, *(place / 20 for place in range(20))]
        >>> half, tenth = tar_at_far(scores, [1, 1] + [0] * 20, fars=[0.5, 0.1])
        >>> half
        TarAtFar(far=0.5, tar=0.5, threshold=0.5, supported=True)
        >>> tenth
        TarAtFar(far=0.1, tar=nan, threshold=nan, supported=False)
    """

    far: float
    tar: float
    threshold: float
    supported: bool


def is_supported(rate: float, count: int, name: str = "FAR") -> bool:
    """Whether so many impostor pairs (or strangers) let one expect 10 errors at a rate.

    Raises:
        ValueError: for a rate outside (0, 1].
    """
    if not 0.0 < rate <= 1.0:
        raise ValueError(f"{name} {rate}: must be above 0 and at most 1")
    return rate * count >= LEAST_ERRORS - 1e-9


def count_allowed(rate: float, count: int) -> int:
    """How many errors a rate allows: 0.07 of 100 are 7, though not in binary."""
    return math.floor(rate * count + 1e-9)


class VerificationCurve:
    """Every error rate of a set of pairs, from one sort.

    Args:
        scores: score of each pair (P,), as a list, an array or a tensor.
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: if the lengths differ, a score is NaN or inf, a label is neither 0 nor 1, or one kind of pair is
            missing.

    Attributes:
        genuine: number of genuine pairs.
        impostor: number of impostor pairs.

    Example:
        Between 0.6 and 0.7 one of three impostor pairs is accepted, and one of three genuine pairs is rejected.

        >>> from facerec.metrics import VerificationCurve
        >>> curve = VerificationCurve([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 1, 0, 1, 0, 0])
        >>> rate, threshold = curve.equal_error_rate()
        >>> print(f"EER {rate:.3f} at {threshold:.2f}, AUC {curve.area_under_roc():.3f}")
        EER 0.333 at 0.65, AUC 0.889
        >>> curve.error_rates_at(0.75).far
        0.0
    """

    def __init__(self, scores: ArrayLike, same: ArrayLike) -> None:
        self._ranked = RankedScores(scores, same)
        self.genuine = self._ranked.genuine_below(len(self._ranked))
        self.impostor = len(self._ranked) - self.genuine

    def roc(self) -> Roc:
        """Error rates at every distinct score."""
        rising = self._ranked.scores
        starts_K = np.append(0, np.flatnonzero(rising[1:] != rising[:-1]) + 1)
        genuine_below_K = np.append(0, np.cumsum(self._ranked.genuine, dtype=np.int64))[starts_K]
        far = (self.impostor - (starts_K - genuine_below_K)) / self.impostor
        frr = genuine_below_K / self.genuine
        thresholds = rising[starts_K[::-1]].astype(np.float64)
        return Roc(np.append(0.0, far[::-1]), np.append(1.0, frr[::-1]), np.append(np.inf, thresholds))

    def equal_error_rate(self, method: EqualErrorMethod = "interpolated") -> tuple[float, float]:
        """The error rate where false accepts and false rejects are equally frequent, and the threshold there.

        See :func:`facerec.metrics.equal_error_rate`.

        Raises:
            ValueError: for another method.
        """
        require_choice("equal_error_rate", ("interpolated", "nearest"), method=method)

        def frr_is_above_far(position: int) -> bool:
            accepted, rejected = self._errors(position)
            return accepted * self.genuine < rejected * self.impostor

        # The crossing lies between the lowest score whose acceptance still leaves FRR above FAR, and the one below it.
        after, before = self._ranked.ties(self._first(frr_is_above_far) - 1)
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

    def area_under_roc(self) -> float:
        """Probability that a genuine pair scores above an impostor pair, ties counting half (Mann and Whitney 1947)."""
        return self._ranked.genuine_above_impostor() / (self.genuine * self.impostor)

    def error_rates_at(self, threshold: float) -> ErrorRates:
        """FAR and FRR of a threshold that was chosen elsewhere."""
        return ErrorRates(*self._rates(self._first(lambda place: self._threshold(place) >= threshold)))

    def tar_at_far(self, fars: Sequence[float]) -> list[TarAtFar]:
        """The highest true accept rate at each false accept rate; see :func:`facerec.metrics.tar_at_far`."""
        return [self._tar_at(far) for far in fars]

    def _tar_at(self, far: float) -> TarAtFar:
        if not is_supported(far, self.impostor):
            return TarAtFar(far, math.nan, math.nan, False)
        allowed = count_allowed(far, self.impostor)
        position = self._first(lambda place: self._errors(place)[0] <= allowed)
        if 0 < position < len(self._ranked):
            start, stop = self._ranked.ties(position)
            position = start if start == position else stop
        return TarAtFar(far, 1.0 - self._rates(position)[1], self._threshold(position), True)

    def _first(self, holds: Callable[[int], bool]) -> int:
        """Lowest position of which a condition holds that holds of all higher ones; P if it holds of none."""
        return bisect_left(range(len(self._ranked)), True, key=holds)

    def _errors(self, position: int) -> tuple[int, int]:
        """Impostor pairs accepted and genuine pairs rejected when the ``position`` lowest pairs are rejected."""
        genuine_rejected = self._ranked.genuine_below(position)
        return self.impostor - (position - genuine_rejected), genuine_rejected

    def _rates(self, position: int) -> tuple[float, float]:
        accepted, rejected = self._errors(position)
        return accepted / self.impostor, rejected / self.genuine

    def _threshold(self, position: int) -> float:
        return float(self._ranked.scores[position]) if position < len(self._ranked) else math.inf


def midpoint(below: float, above: float) -> float:
    """The threshold half way between two neighbouring scores; the upper one where no number lies between them."""
    middle = below + 0.5 * (above - below)
    return middle if below < middle <= above else above

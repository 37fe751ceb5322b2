"""Error rates of pairs that count several times or not at all, from one sort of their scores.

Shapes: P pairs, K distinct scores, F false accept rates.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facerec.metrics.curve import Floats


class WeightedPairs:
    """Pairs in any order, sorted once, of which each resample gives other weights.

    Args:
        scores_P: score of each pair.
        same_P: whether each pair shows one person.

    Example:
        >>> pairs = WeightedPairs(np.array([0.9, 0.4, 0.5, 0.1]), np.array([True, True, False, False]))
        >>> pairs.weigh(np.array([1, 1, 1, 1])).equal_error_rate()
        0.5
        >>> pairs.weigh(np.array([1, 0, 1, 1])).equal_error_rate()
        0.0
    """

    def __init__(self, scores_P: NDArray[np.floating], same_P: NDArray[np.bool_]) -> None:
        order_P = np.argsort(scores_P, kind="stable")
        rising_P, same_P = scores_P[order_P], same_P[order_P]
        self._genuine, self._impostors = order_P[same_P], order_P[~same_P]
        starts_K = np.append(0, np.flatnonzero(rising_P[1:] != rising_P[:-1]) + 1)
        self._distinct_K = rising_P[starts_K]
        places = np.append(starts_K, len(rising_P))
        self._genuine_below = np.append(0, np.cumsum(same_P))[places]
        self._impostors_below = places - self._genuine_below

    def weigh(self, weights_P: NDArray[np.int64]) -> "WeightedCurve":
        """The error rates with these weights.

        Args:
            weights_P: how often each pair counts, both kinds at least once.
        """
        genuine, impostor = (_running(weights_P[kind]) for kind in (self._genuine, self._impostors))
        return WeightedCurve(genuine, impostor, self._genuine_below, self._impostors_below, self._distinct_K)

    def rates(self, weights_P: NDArray[np.int64], fars: Sequence[float] = ()) -> tuple[float, Floats]:
        """The equal error rate, and the true accept rate at each FAR (F,), with these weights."""
        curve = self.weigh(weights_P)
        return curve.equal_error_rate(), curve.tar_at_far(fars)


class WeightedCurve:
    """Error rates of weighted pairs at each distinct score. Made by :meth:`WeightedPairs.weigh`."""

    def __init__(
        self,
        genuine: NDArray[np.int64],
        impostor: NDArray[np.int64],
        genuine_below: NDArray[np.int64],
        impostors_below: NDArray[np.int64],
        distinct_K: NDArray[np.floating],
    ) -> None:
        self._genuine, self._impostor = genuine, impostor
        self._genuine_below, self._impostors_below = genuine_below, impostors_below
        self._distinct_K = distinct_K

    def equal_error_rate(self) -> float:
        """As :func:`facerec.metrics.equal_error_rate`."""

        def gap(place: int) -> float:
            """FRR - FAR, rising from -1 to 1."""
            rejected, refused = self._below(place)
            return rejected + refused - 1.0

        before = bisect_right(range(len(self._genuine_below)), 0.0, key=gap)
        refused_after, refused_before = self._below(before - 1)[1], self._below(before)[1]
        share = gap(before) / (gap(before) - gap(before - 1))
        return 1.0 - refused_before + share * (refused_before - refused_after)

    def tar_at_far(self, fars: Sequence[float]) -> Floats:
        """The true accept rate at each FAR (F,), also where few impostor pairs support it."""
        refused = np.ceil((1.0 - np.asarray(fars) - 1e-12) * self._impostor[-1]).astype(np.int64)
        places = np.searchsorted(self._impostors_below, np.searchsorted(self._impostor, refused))
        return np.asarray(1.0 - self._genuine[self._genuine_below[places]] / self._genuine[-1])

    def errors_at(self, threshold: float) -> tuple[float, float]:
        """Shares of impostor pairs accepted and of genuine pairs rejected."""
        place = int(np.searchsorted(self._distinct_K, threshold))
        rejected, refused = self._genuine[self._genuine_below[place]], self._impostor[self._impostors_below[place]]
        return float((self._impostor[-1] - refused) / self._impostor[-1]), float(rejected / self._genuine[-1])

    def _below(self, place: int) -> tuple[float, float]:
        """Shares of genuine and of impostor pairs below a distinct score."""
        rejected, refused = self._genuine[self._genuine_below[place]], self._impostor[self._impostors_below[place]]
        return float(rejected / self._genuine[-1]), float(refused / self._impostor[-1])


def _running(weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of the first 0, 1, ... weights."""
    sums = np.empty(len(weights) + 1, dtype=np.int64)
    sums[0] = 0
    np.cumsum(weights, out=sums[1:])
    return sums

"""Error rates of pairs that count several times or not at all, from one sort of their scores.

Shapes: P pairs, K distinct scores, F false accept rates.
"""

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
        >>> pairs.rates(np.array([1, 1, 1, 1]))[0], pairs.rates(np.array([1, 0, 1, 1]))[0]
        (0.5, 0.0)
    """

    def __init__(self, scores_P: NDArray[np.floating], same_P: NDArray[np.bool_]) -> None:
        self._order_P = np.argsort(scores_P, kind="stable")
        rising_P = scores_P[self._order_P]
        self._same_P = same_P[self._order_P]
        starts_K = np.append(0, np.flatnonzero(rising_P[1:] != rising_P[:-1]) + 1)
        self._places = np.append(starts_K, len(rising_P))

    def rates(self, weights_P: NDArray[np.int64], fars: Sequence[float] = ()) -> tuple[float, Floats]:
        """The equal error rate, and the true accept rate at each FAR (F,).

        Args:
            weights_P: how often each pair counts, both kinds at least once.
            fars: false accept rates.
        """
        weights_P = weights_P[self._order_P]
        genuine = np.append(0, np.cumsum(weights_P * self._same_P))
        impostor = np.append(0, np.cumsum(weights_P)) - genuine
        rejected_K, refused_K = (below[self._places] / below[-1] for below in (genuine, impostor))
        return _equal_error_rate(rejected_K, refused_K), _tar_at_far(rejected_K, refused_K, fars)


def _equal_error_rate(rejected_K: Floats, refused_K: Floats) -> float:
    """As ``facerec.metrics.equal_error_rate``, from the shares of genuine and impostor pairs below each score."""
    gap_K = rejected_K + refused_K - 1.0  # FRR - FAR, rising from -1 to 1
    before = int(np.searchsorted(gap_K, 0.0, side="right"))
    after = before - 1
    share = gap_K[before] / (gap_K[before] - gap_K[after])
    return float(1.0 - refused_K[before] + share * (refused_K[before] - refused_K[after]))


def _tar_at_far(rejected_K: Floats, refused_K: Floats, fars: Sequence[float]) -> Floats:
    places = np.searchsorted(refused_K, 1.0 - np.asarray(fars) - 1e-12)
    return np.asarray(1.0 - rejected_K[places])

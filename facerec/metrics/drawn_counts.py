"""Resamples of millions of pairs, of which only those counts are drawn that a number needs.

Of n pairs drawn with replacement, the number below a score is binomial. Of those below it, the number below a lower
score is binomial too. So a bisection draws counts at the scores where it looks, and nowhere else. The numbers have
exactly the distribution of a bootstrap that draws each pair, and millions of pairs take as long as hundreds.

Shapes: P pairs, K distinct scores, R resamples, F false accept rates.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.metrics.curve import Floats

Counts = NDArray[np.int64]


class Below(NamedTuple):
    """Numbers of genuine and of impostor pairs below a score: in each resample (R,), or below each score (K + 1,)."""

    genuine: Counts
    impostors: Counts


class DrawnCounts:
    """Resamples of pairs, genuine and impostor pairs apart. Each number comes from resamples of its own.

    Args:
        rising_P: score of each pair, in rising order.
        same_P: whether each pair shows one person.
        resamples: number of resamples R.
        generator: source of chance.

    Example:
        2,000 of 900,000 impostor pairs are accepted: a rate of 0.0022, and its deviation is 0.00005.

        >>> same = np.arange(1_000_000) >= 900_000
        >>> drawn = DrawnCounts(np.arange(1_000_000.0), same, 1000, np.random.default_rng(0))
        >>> accepted, rejected = drawn.errors_at(898_000.0).T
        >>> print(f"{accepted.mean():.4f} {accepted.std():.5f} {rejected.max():.0f}")
        0.0022 0.00005 0
    """

    def __init__(
        self, rising_P: NDArray[np.floating], same_P: NDArray[np.bool_], resamples: int, generator: np.random.Generator
    ) -> None:
        starts_K = np.append(0, np.flatnonzero(rising_P[1:] != rising_P[:-1]) + 1)
        self._distinct_K = rising_P[starts_K]
        places = np.append(starts_K, len(rising_P))
        genuine = np.append(0, np.cumsum(same_P))[places]
        self._below = Below(genuine, places - genuine)
        self._genuine, self._impostors = (int(kind[-1]) for kind in self._below)
        self._resamples, self._generator = resamples, generator

    def equal_error_rates(self) -> Floats:
        """As :func:`facerec.metrics.equal_error_rate` (R,)."""
        last, first = self._first(lambda below: self._gap(below) > 0.0)
        gap, refused = self._gap(first), first.impostors / self._impostors
        share = gap / (gap - self._gap(last))
        return 1.0 - refused + share * (refused - last.impostors / self._impostors)

    def tar_at_far(self, fars: Sequence[float]) -> Floats:
        """The true accept rate at each FAR (R, F), also where few impostor pairs support it."""
        columns = [self._tar_at((1.0 - far - 1e-12) * self._impostors) for far in fars]
        return np.stack(columns, axis=1) if columns else np.empty((self._resamples, 0))

    def _tar_at(self, refused: float) -> Floats:
        """The true accept rate at the lowest score below which at least so many impostor pairs lie."""
        if refused <= 0.0:
            return np.ones(self._resamples)
        _, first = self._first(lambda below: below.impostors >= refused)
        return np.asarray(1.0 - first.genuine / self._genuine)

    def errors_at(self, threshold: float) -> Floats:
        """Shares of impostor pairs accepted and of genuine pairs rejected (R, 2)."""
        place = int(np.searchsorted(self._distinct_K, threshold))
        rejected_R, refused_R = (
            self._generator.binomial(every, there[place] / every, self._resamples) / every
            for there, every in zip(self._below, (self._genuine, self._impostors), strict=True)
        )
        return np.stack([1.0 - refused_R, rejected_R], axis=1)

    def _gap(self, below: Below) -> NDArray[np.float64]:
        """FRR - FAR, rising from -1 to 1."""
        return below.genuine / self._genuine + below.impostors / self._impostors - 1.0

    def _first(self, holds: Callable[[Below], NDArray[np.bool_]]) -> tuple[Below, Below]:
        """Counts below the last score of which a condition does not hold, and below the first of which it does.

        The condition holds of all higher scores, and not of the lowest.
        """
        low = np.zeros(self._resamples, dtype=np.int64)
        high = low + len(self._distinct_K)
        below_low, below_high = Below(low, low), Below(low + self._genuine, low + self._impostors)
        while (high - low > 1).any():
            middle = (low + high) // 2  # that is low where nothing is left between the two
            below = self._between(low, middle, high, below_low, below_high)
            is_high = holds(below)
            low, high = np.where(is_high, low, middle), np.where(is_high, middle, high)
            below_low = Below(*(np.where(is_high, *kinds) for kinds in zip(below_low, below, strict=True)))
            below_high = Below(*(np.where(is_high, *kinds) for kinds in zip(below, below_high, strict=True)))
        return below_low, below_high

    def _between(self, low: Counts, middle: Counts, high: Counts, below_low: Below, below_high: Below) -> Below:
        """Counts below a score between two others, below which they are known."""
        drawn = []
        for there, least, most in zip(self._below, below_low, below_high, strict=True):
            share = (there[middle] - there[low]) / np.maximum(there[high] - there[low], 1)
            drawn.append(least + self._generator.binomial(most - least, share))
        return Below(*drawn)

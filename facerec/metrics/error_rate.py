"""One error rate at a fixed threshold, with an interval that knows that pairs of one person are alike.

Fogliato, Patil and Perona, "Confidence intervals for error rates in 1:1 matching tasks: critical statistical analysis
and recommendations", IJCV 2024: Wilson's interval, with the number of independent pairs that has the variance of the
dependent ones. Errors of two couples of people depend on each other where the couples share a person.

Three changes make the interval hold with few people, and with few errors (``benchmarks/intervals.py``):

- The variance is estimated from deviations from the mean of the same pairs. With all pairs of n people this misses the
  share 1 - (n - 2)(n - 3) / (n (n - 1)) of it: 10 % of 40 people, 38 % of 10. The estimate is divided by what is left.
- Student's quantile replaces the normal one, with one degree of freedom less than people (Franco et al., "Comparative
  study of confidence intervals for proportions in complex sample surveys", JSSAM 2019).
- Few errors show little of their dependence, and none show nothing. The scores show more: the dependence is that at the
  threshold where the 10 most error-like pairs are errors, and for the upper end, at the one whose rate is that end.

Shapes: P pairs, C couples of people (or people, of genuine pairs), N people.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array
from facerec.metrics.intervals import Interval
from facerec.metrics.numbering import renumber
from facerec.metrics.student import student_quantile

LEVEL = 0.95
LEAST_SHOWN = 10  # errors that show how errors depend on each other
MOST_FREEDOM = 1000  # degrees of freedom: more change Student's quantile by a thousandth


class ErrorRate(NamedTuple):
    """A share of pairs that were decided wrongly.

    Attributes:
        rate: the share; NaN without pairs.
        errors: number of wrong decisions.
        pairs: number of pairs.
        people: number of people on them.
        interval: 95 % interval of the rate; [0, 1] without pairs.

    Example:
        >>> from facerec.metrics import ErrorRate, Interval
        >>> ErrorRate(rate=0.1, errors=3, pairs=30, people=6, interval=Interval(0.02, 0.4)).errors
        3
    """

    rate: float
    errors: int
    pairs: int
    people: int
    interval: Interval


def error_rate(
    wrong: ArrayLike, people: ArrayLike, level: float = LEVEL, severity: ArrayLike | None = None
) -> ErrorRate:
    """The share of wrong decisions among pairs of one kind, and its interval.

    Args:
        wrong: whether each pair was decided wrongly (P,).
        people: the two people of each pair (P, 2), as whole numbers; all pairs of one person, or all of two.
        level: coverage aimed at.
        severity: how error-like each pair is (P,), highest for the wrong ones: the score of an impostor pair, minus the
            score of a genuine pair. Without it, the errors alone must show their dependence. Where there are none, the
            interval then takes the least number of independent pairs that so many people may give.

    Example:
        100 pairs of 50 people with 10 errors. The interval is that of 100 independent pairs if each person has one
        error or none, and wider if five people have all errors.

        >>> from facerec.metrics import error_rate
        >>> people = [[person, person] for person in range(50) for _ in range(2)]
        >>> spread = error_rate([1, 0] * 10 + [0, 0] * 40, people)
        >>> alike = error_rate([1, 1] * 5 + [0, 0] * 45, people)
        >>> print(f"{spread.interval.low:.3f} to {spread.interval.high:.3f}")
        0.054 to 0.177
        >>> print(f"{alike.interval.low:.3f} to {alike.interval.high:.3f}")
        0.042 to 0.219
    """
    wrong_P, people_P2 = as_array(wrong).astype(np.bool_, copy=False), as_array(people)
    if not len(wrong_P):
        return ErrorRate(math.nan, 0, 0, 0, Interval(0.0, 1.0))
    rate, errors, linked = float(wrong_P.mean()), int(wrong_P.sum()), _LinkedPairs(people_P2)
    quantile = student_quantile(min(max(linked.units - 1, 1), MOST_FREEDOM), level)
    if severity is None:
        interval = _wilson(rate, linked.effective(wrong_P), quantile)
    else:
        severity_P = as_array(severity).astype(np.float64, copy=False)
        interval = _wilson(rate, linked.effective_at(severity_P, max(errors, LEAST_SHOWN)), quantile)
        shown = max(math.ceil(interval.high * len(wrong_P)), errors, LEAST_SHOWN)
        interval = Interval(interval.low, _wilson(rate, linked.effective_at(severity_P, shown), quantile).high)
    return ErrorRate(rate, errors, len(wrong_P), linked.people, interval)


class _LinkedPairs:
    """Pairs that depend on each other where they share a person.

    Attributes:
        people: number of people N.
        units: number of what varies independently: people, or couples if there are fewer.
    """

    def __init__(self, people_P2: NDArray[np.int64]) -> None:
        names, (first_P, second_P) = renumber(np.stack([people_P2[:, 0], people_P2[:, 1]]))
        self.people = len(names)
        self._pairs = len(people_P2)
        if (first_P != second_P).any():
            lower_P, higher_P = np.minimum(first_P, second_P), np.maximum(first_P, second_P)
            couples, self._couple_P = renumber(lower_P * len(names) + higher_P)
            self._sides = [first_P, second_P]
        else:
            couples, self._couple_P, self._sides = names, first_P, []
        self._couples = len(couples)
        self.units = min(self.people, self._couples)
        self._pairs_C, self._pairs_N = self._counts(slice(None))
        every_couple, shared = self._products(self._pairs_C, self._pairs_N)
        self._share = (every_couple + shared) / self._pairs**2

    def effective_at(self, severity_P: NDArray[np.float64], errors: int) -> float:
        """Number of independent pairs at the threshold where so many pairs are errors, at most half of them."""
        place = self._pairs - min(errors, max(self._pairs // 2, 1))
        return self.effective(severity_P >= np.partition(severity_P, place)[place])

    def effective(self, wrong_P: NDArray[np.bool_]) -> float:
        """Number of independent pairs whose rate would vary as much; at most the number of pairs P.

        Where no decision differs from another, nothing shows it. It is then the least that there can be: as many as
        there are people, or of couples, as there are couples without a person in common.
        """
        wrong = np.flatnonzero(wrong_P)  # few of many pairs: only they are counted
        count, rate = self._pairs, len(wrong) / self._pairs
        couples, shared = self._deviations(wrong)
        products = couples + max(shared, 0.0)
        if rate in (0.0, 1.0) or products == 0.0 or self._share >= 1.0:
            return min(self.people / 2.0 if self._sides else float(self.people), float(count))
        return min(rate * (1.0 - rate) * count**2 * (1.0 - self._share) / products, float(count))

    def _deviations(self, wrong: NDArray[np.int64]) -> tuple[float, float]:
        """As :meth:`_products`, of how far each decision is from their mean; ``wrong`` are the places of errors."""
        sums_C, sums_N = (
            (self._pairs * errors - len(wrong) * pairs) / self._pairs  # whole numbers first: 0 is exactly 0
            for errors, pairs in zip(self._counts(wrong), (self._pairs_C, self._pairs_N), strict=True)
        )
        return self._products(sums_C, sums_N)

    def _counts(self, chosen: NDArray[np.int64] | slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many of the chosen pairs each couple has (C,), and each person (N,)."""
        of_couple_C = np.bincount(self._couple_P[chosen], minlength=self._couples)
        of_person_N = np.zeros(self.people, dtype=np.int64)
        for side_P in self._sides:
            of_person_N += np.bincount(side_P[chosen], minlength=self.people)
        return of_couple_C, of_person_N

    def _products(
        self, sums_C: NDArray[np.int64 | np.float64], sums_N: NDArray[np.int64 | np.float64]
    ) -> tuple[float, float]:
        """Sums of products of the values of two pairs: of one couple of people, and of two that share a person.

        Args:
            sums_C: sum of the values of each couple's pairs.
            sums_N: sum of the values of each person's pairs.
        """
        couples = float(np.square(sums_C).sum())
        if not self._sides:  # all pairs of a person are of one couple
            return couples, 0.0
        return couples, float(np.square(sums_N).sum()) - 2.0 * couples


def _wilson(rate: float, count: float, quantile: float) -> Interval:
    """Wilson's interval of a rate among so many independent pairs (JASA 1927)."""
    middle = rate + quantile**2 / (2.0 * count)
    reach = quantile * math.sqrt((rate * (1.0 - rate) + quantile**2 / (4.0 * count)) / count)
    share = 1.0 + quantile**2 / count
    return Interval(max(0.0, (middle - reach) / share), min(1.0, (middle + reach) / share))

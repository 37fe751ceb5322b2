"""One error rate at a fixed threshold, with an interval that knows that pairs of one person are alike.

Fogliato, Patil and Perona, "Confidence intervals for error rates in 1:1 matching tasks: critical statistical analysis
and recommendations", IJCV 2024: Wilson's interval, with the number of independent pairs that has the variance of the
dependent ones. Errors of two couples of people depend on each other where the couples share a person.

Shapes: P pairs, C couples of people (or people, of genuine pairs), N people.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array
from facerec.metrics.intervals import Interval

LEVEL = 0.95


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


def error_rate(wrong: ArrayLike, people: ArrayLike, level: float = LEVEL) -> ErrorRate:
    """The share of wrong decisions among pairs of one kind, and its interval.

    Args:
        wrong: whether each pair was decided wrongly (P,).
        people: the two people of each pair (P, 2), as whole numbers; all pairs of one person, or all of two.
        level: coverage aimed at.

    Example:
        100 pairs of 50 people with 10 errors. The interval is that of 100 independent pairs if each person has one
        error or none, and wider if five people have all errors.

        >>> from facerec.metrics import error_rate
        >>> people = [[person, person] for person in range(50) for _ in range(2)]
        >>> spread = error_rate([1, 0] * 10 + [0, 0] * 40, people)
        >>> alike = error_rate([1, 1] * 5 + [0, 0] * 45, people)
        >>> print(f"{spread.interval.low:.3f} to {spread.interval.high:.3f}")
        0.055 to 0.174
        >>> print(f"{alike.interval.low:.3f} to {alike.interval.high:.3f}")
        0.043 to 0.214
    """
    wrong_P, people_P2 = as_array(wrong).astype(np.float64), as_array(people)
    if not len(wrong_P):
        return ErrorRate(math.nan, 0, 0, 0, Interval(0.0, 1.0))
    rate, count = float(wrong_P.mean()), len(np.unique(people_P2))
    effective = _effective_pairs(wrong_P - rate, people_P2)
    if rate in (0.0, 1.0):  # nothing varies: as many as there are people, as the bootstrap by person has it
        effective = min(count, len(wrong_P))
    return ErrorRate(rate, int(wrong_P.sum()), len(wrong_P), count, _wilson(rate, effective, level))


def _effective_pairs(deviations_P: NDArray[np.float64], people_P2: NDArray[np.int64]) -> float:
    """Number of independent pairs whose rate would vary as much; at most the number of pairs."""
    names, numbers = np.unique(people_P2, return_inverse=True)
    first_P, second_P = np.sort(numbers.reshape(-1, 2), axis=1).T
    couple_P = np.unique(first_P * len(names) + second_P, return_inverse=True)[1].ravel()
    sums_C = np.bincount(couple_P, deviations_P)
    products = float(sums_C @ sums_C)
    if (first_P != second_P).any():  # two couples may share a person
        sums_N = sum(np.bincount(side_P, deviations_P, minlength=len(names)) for side_P in (first_P, second_P))
        products += max(float(np.square(sums_N).sum()) - 2.0 * products, 0.0)
    if products == 0.0:
        return float(len(deviations_P))
    return min(float(deviations_P @ deviations_P) * len(deviations_P) / products, float(len(deviations_P)))


def _wilson(rate: float, count: float, level: float) -> Interval:
    """Wilson's interval of a rate among so many independent pairs (JASA 1927)."""
    z = NormalDist().inv_cdf(0.5 + 0.5 * level)
    middle = rate + z**2 / (2.0 * count)
    reach = z * math.sqrt((rate * (1.0 - rate) + z**2 / (4.0 * count)) / count)
    share = 1.0 + z**2 / count
    return Interval(max(0.0, (middle - reach) / share), min(1.0, (middle + reach) / share))

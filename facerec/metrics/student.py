"""The interval of a mean over a few repeats, by Student's t ("The probable error of a mean", Biometrika 1908)."""

import math
from collections.abc import Sequence
from functools import cache
from statistics import fmean, stdev

from facerec.metrics.intervals import Interval


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """The interval of the mean of values that vary independently; None for fewer than two.

    Args:
        values: one for each repeat.
        level: coverage aimed at.

    Example:
        >>> low, high = mean_interval([0.06, 0.08, 0.10])
        >>> f"{low:.3f} to {high:.3f}"
        '0.030 to 0.130'
    """
    if len(values) < 2:
        return None
    half = student_quantile(len(values) - 1, level) * stdev(values) / math.sqrt(len(values))
    return Interval(fmean(values) - half, fmean(values) + half)


@cache
def student_quantile(freedom: int, level: float) -> float:
    """The t that Student's distribution stays within, on either side of 0, with probability ``level``.

    Args:
        freedom: degrees of freedom, from 1.
        level: probability, below 1.

    Example:
        >>> round(student_quantile(2, 0.95), 3)
        4.303
    """
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is t / sqrt(freedom)
    for _ in range(60):
        angle = 0.5 * (low + high)
        low, high = (low, angle) if _within(angle, freedom) > level else (angle, high)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """Probability that |t| is below sqrt(freedom) tan(angle) (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2
    term = cosine if is_odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if is_odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    return 2.0 / math.pi * (angle + sine * total) if is_odd else sine * total

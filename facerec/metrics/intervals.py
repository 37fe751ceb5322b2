"""Intervals of bootstrapped numbers: percentiles, and the exact bound where no error was seen.

Where no resample shows an error, the percentile interval is a point at 0, however few the data. The far end is then the
exact upper bound for 0 errors of n: 1 - tail^(1/n) with tail = (1 - level) / 2 (Clopper and Pearson, "The use of
confidence or fiducial limits", Biometrika 1934). Where every resample shows nothing but errors, the same holds from 1.

Shapes: R resamples.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Interval(NamedTuple):
    """Lower and upper end of an interval.

    Example:
        >>> from facerec.metrics import Interval
        >>> low, high = Interval(0.02, 0.05)
        >>> low, high
        (0.02, 0.05)
    """

    low: float
    high: float


def percentile_interval(values_R: NDArray[np.float64], level: float) -> Interval:
    """The interval that leaves out as many of the values on either side (Efron 1979).

    Example:
        >>> percentile_interval(np.arange(101.0), level=0.5)
        Interval(low=25.0, high=75.0)
    """
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(values_R, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def rate_interval(values_R: NDArray[np.float64], level: float, count: int) -> Interval:
    """The interval of a rate. One that is 0 (or 1) in all resamples gets the bound for 0 errors (or hits) of ``count``.

    Example:
        0 errors of 10: the true rate may be as high as 1 - 0.025^(1/10) = 0.3085.

        >>> low, high = rate_interval(np.zeros(1000), level=0.95, count=10)
        >>> print(f"{low:.0f} to {high:.4f}")
        0 to 0.3085
    """
    low, high = percentile_interval(values_R, level)
    bound = 1.0 - (0.5 * (1.0 - level)) ** (1.0 / count)
    if high == 0.0:
        return Interval(0.0, bound)
    return Interval(1.0 - bound, 1.0) if low == 1.0 else Interval(low, high)

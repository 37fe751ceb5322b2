"""How unequal error rates of groups are, in one number."""

import math

import numpy as np
from numpy.typing import ArrayLike

from facerec.arrays import as_array


def largest_over_smallest(rates: ArrayLike) -> float:
    """Ratio of the largest to the smallest rate; NaN with fewer than two, or where the smallest is 0.

    With few errors it is far above 1 by luck alone.

    Args:
        rates: of the groups (G,), without NaN.

    Example:
        >>> from facerec.metrics import largest_over_smallest
        >>> largest_over_smallest([0.25, 0.5, 1.0])
        4.0
    """
    rates_G = as_array(rates).astype(np.float64)
    return float(rates_G.max() / rates_G.min()) if len(rates_G) > 1 and rates_G.min() > 0.0 else math.nan


def gini(rates: ArrayLike) -> float:
    """Gini coefficient of rates, corrected for few groups: 0 if all are equal, 1 if one group has all errors.

    ``n / (n - 1) * sum_ij |x_i - x_j| / (2 n^2 mean)`` (Howard et al., "Evaluating proposed fairness models for face
    recognition algorithms", 2022). NaN with fewer than two rates; 0 without errors.

    Args:
        rates: of the n groups (G,), without NaN.

    Example:
        >>> from facerec.metrics import gini
        >>> gini([0.1, 0.1, 0.1]), gini([0.3, 0.0, 0.0])
        (0.0, 1.0)
    """
    rates_G = as_array(rates).astype(np.float64)
    count = len(rates_G)
    if count < 2:
        return math.nan
    if not rates_G.any():
        return 0.0
    differences = np.abs(rates_G[:, None] - rates_G[None, :]).sum()
    return float(differences / (2.0 * count * (count - 1) * rates_G.mean()))


def garbe(false_match_rates: ArrayLike, false_non_match_rates: ArrayLike, weight: float = 0.5) -> float:
    """Gini aggregation rate for biometric equitability: 0 is equal, 1 is the most unequal (Howard et al. 2022).

    ``weight * gini(FMR) + (1 - weight) * gini(FNMR)``. NaN where either is.

    Args:
        false_match_rates: share of impostor pairs accepted in each group (G,).
        false_non_match_rates: share of genuine pairs rejected in each group (G,).
        weight: of the false match rates.

    Example:
        >>> from facerec.metrics import garbe
        >>> garbe([0.02, 0.0], [0.1, 0.1])
        0.5
    """
    return weight * gini(false_match_rates) + (1.0 - weight) * gini(false_non_match_rates)

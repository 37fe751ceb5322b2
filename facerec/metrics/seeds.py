"""How much the luck of the seeds adds to an interval over people.

Resampling people shows what varies by person. The deviation between seeds shows what varies by seed. Both variances add
up. What varies by person and seed at once counts in both: the interval is up to 1.4 times too wide, not too narrow. Few
seeds estimate their deviation badly, so the interval has the width of Student's t with the degrees of freedom of
Satterthwaite (Biometrics Bulletin 1946).

Shapes: R resamples, S seeds.
"""

import math
from statistics import NormalDist

from facerec.metrics.curve import Floats


def stretch_for_seeds(values_RS: Floats, observed_S: Floats, level: float) -> float:
    """How many times wider than over people alone an interval of the mean over seeds is; 1 with one seed.

    Args:
        values_RS: value of each seed on each resample of people.
        observed_S: value of each seed on all people.
        level: coverage aimed at.

    Example:
        Seeds that agree add nothing.

        >>> import numpy as np
        >>> people = np.array([-0.1, 0.0, 0.1])
        >>> stretch_for_seeds(np.stack([people, people], axis=1), np.array([0.0, 0.0]), level=0.95)
        1.0
        >>> stretch_for_seeds(np.stack([people, people], axis=1), np.array([-0.2, 0.2]), level=0.95) > 2
        True
    """
    seeds = len(observed_S)
    over_people = float(values_RS.mean(axis=1).var())
    if seeds == 1 or over_people == 0.0:
        return 1.0
    over_seeds = float(observed_S.var(ddof=1)) / seeds
    if over_seeds == 0.0:
        return 1.0
    both = over_people + over_seeds
    freedom = (seeds - 1) * (both / over_seeds) ** 2
    return math.sqrt(both / over_people) * _student_over_normal(freedom, level)


def _student_over_normal(freedom: float, level: float) -> float:
    """The quantile of Student's t over that of the normal distribution (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(0.5 + 0.5 * level)
    terms = (
        (z**2 + 1) / 4,
        (5 * z**4 + 16 * z**2 + 3) / 96,
        (3 * z**6 + 19 * z**4 + 17 * z**2 - 15) / 384,
    )
    return 1.0 + sum(term / freedom**power for power, term in enumerate(terms, start=1))

"""The threshold of an identification with strangers, chosen from a grid on validation probes.

Shapes: Q probes, T thresholds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array, require_finite
from facerec.metrics.folds import SEED_GRID


class ThresholdSweep(NamedTuple):
    """What a threshold makes of validation probes.

    Attributes:
        threshold: the best of the grid; of several equally good ones the highest.
        accuracy: share of the probes that are right at it.
        named: share of the probes of enrolled people that get their own name at it.
        refused: share of the strangers that get no name at it.
        grid: the thresholds (T,), rising.
        accuracies: share of the probes that are right at each (T,).

    Example:
        >>> from facerec.metrics import sweep_thresholds
        >>> sweep_thresholds([0.9, 0.3], [True, False], [True, False], grid=[0.0, 0.5, 1.0]).accuracies.tolist()
        [0.5, 1.0, 0.5]
    """

    threshold: float
    accuracy: float
    named: float
    refused: float
    grid: NDArray[np.float64]
    accuracies: NDArray[np.float64]


def sweep_thresholds(
    scores: ArrayLike, right: ArrayLike, enrolled: ArrayLike, grid: ArrayLike = SEED_GRID
) -> ThresholdSweep:
    """The most accurate threshold of a grid.

    A probe of an enrolled person is right if its own person scores best, and at least the threshold. A stranger is
    right if nobody scores as much. The accuracy is that of these very probes, so it is too high for others.

    Args:
        scores: best score of each probe (Q,).
        right: whether its own person has that score (Q,).
        enrolled: whether its person is in the gallery (Q,).
        grid: thresholds to try; by default the 400 of sphereface_pytorch's ``lfw_eval.py``.

    Raises:
        ValueError: if lengths disagree, a score is not finite, the grid is empty, or one kind of probe is missing.

    Example:
        The second probe is of an enrolled person, and another one scores best: no threshold makes it right.

        >>> from facerec.metrics import sweep_thresholds
        >>> found = sweep_thresholds([0.8, 0.6, 0.5, 0.2], [1, 0, 0, 0], [1, 1, 0, 0], grid=[0.1, 0.3, 0.7])
        >>> found.threshold, found.accuracy, found.named, found.refused
        (0.7, 0.75, 0.5, 1.0)
    """
    scores_Q = as_array(scores).astype(np.float64)
    enrolled_Q, grid_T = as_array(enrolled).astype(np.bool_), np.sort(as_array(grid).astype(np.float64))
    right_Q = as_array(right).astype(np.bool_) & enrolled_Q
    if scores_Q.ndim != 1 or not scores_Q.shape == right_Q.shape == enrolled_Q.shape or not len(grid_T):
        raise ValueError(
            f"scores {scores_Q.shape}, right {right_Q.shape}, enrolled {enrolled_Q.shape} and {len(grid_T)} "
            "thresholds: give one of each for every probe, (Q,), and at least one threshold"
        )
    require_finite("scores", scores_Q)
    people = int(np.count_nonzero(enrolled_Q))
    strangers = len(enrolled_Q) - people
    if not people or not strangers:
        raise ValueError(
            f"{people} probes of enrolled people and {strangers} of strangers: a threshold that parts them needs both"
        )
    named_T = np.count_nonzero(right_Q) - np.searchsorted(np.sort(scores_Q[right_Q]), grid_T)
    refused_T = np.searchsorted(np.sort(scores_Q[~enrolled_Q]), grid_T)
    right_T = named_T + refused_T
    best = len(grid_T) - 1 - int(np.argmax(right_T[::-1]))
    return ThresholdSweep(
        float(grid_T[best]),
        float(right_T[best] / len(scores_Q)),
        float(named_T[best] / people),
        float(refused_T[best] / strangers),
        grid_T,
        right_T / len(scores_Q),
    )

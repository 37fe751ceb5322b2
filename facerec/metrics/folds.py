"""Accuracy over folds: each fold is judged at the threshold that the other folds chose.

The protocol of LFW's View 2 (Huang et al., "Labeled Faces in the Wild", 2007). Shapes: P pairs, F folds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array
from facerec.metrics.checks import check_scores
from facerec.metrics.curve import midpoint

SEED_GRID = np.arange(-1.0, 1.0, 0.005)  # the 400 thresholds of sphereface_pytorch's lfw_eval.py


class FoldAccuracy(NamedTuple):
    """Accuracy of each fold at the threshold chosen on the others.

    Attributes:
        mean: of the accuracies of the folds.
        std: their standard deviation (divided by F, as the SphereFace and InsightFace scripts have it).
        threshold: mean of the thresholds.
        accuracies: of each fold (F,).
        thresholds: of each fold (F,).

    Example:
        >>> from facerec.metrics import kfold_accuracy
        >>> found = kfold_accuracy([0.3, 0.9, 0.2, 0.8], [0, 1, 0, 1], folds=[1, 1, 2, 2])
        >>> print(f"{found.mean:.1%} +- {found.std:.1%} at {found.threshold:.2f}")
        100.0% +- 0.0% at 0.55
    """

    mean: float
    std: float
    threshold: float
    accuracies: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def kfold_accuracy(scores: ArrayLike, same: ArrayLike, folds: ArrayLike, grid: ArrayLike | None = None) -> FoldAccuracy:
    """Accuracy over folds, the threshold of each chosen for the accuracy on all the others.

    All thresholds that make a difference are tried: half way between neighbouring distinct scores of the other folds,
    the lowest score (accept all) and just above the highest (accept none). Of several equally good ones the highest is
    taken, as the loop over thresholds of sphereface_pytorch does. A pair is accepted when its score is at least the
    threshold.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        folds: fold of each pair (P,), any whole numbers.
        grid: thresholds to try instead of the exact ones, such as :data:`SEED_GRID`.

    Raises:
        ValueError: if there are fewer than two folds, ``folds`` has another length, or see
            :class:`facerec.metrics.VerificationCurve`.

    Example:
        Fold 2 parts 0.2 from 0.8 at 0.5, the threshold of fold 1. Fold 1 parts 0.3 from 0.9 at 0.6.

        >>> from facerec.metrics import kfold_accuracy
        >>> found = kfold_accuracy([0.3, 0.9, 0.2, 0.8], [0, 1, 0, 1], folds=[1, 1, 2, 2])
        >>> found.thresholds.round(2).tolist(), found.accuracies.tolist()
        ([0.5, 0.6], [1.0, 1.0])
    """
    scores_P, same_P = check_scores(scores, same)
    folds_P = as_array(folds)
    if folds_P.shape != same_P.shape:
        raise ValueError(f"folds {folds_P.shape}: give the fold of each of the {len(same_P)} pairs, (P,)")
    order_P = np.argsort(scores_P)
    names = np.unique(folds_P)
    if len(names) < 2:
        raise ValueError(f"{len(names)} fold: the threshold of a fold is chosen on the others, so give at least 2")
    once_P = np.ones(len(same_P), dtype=np.int64)
    accuracies, thresholds = weighted_folds(
        scores_P[order_P].astype(np.float64), same_P[order_P], folds_P[order_P], once_P, grid
    )
    return FoldAccuracy(
        float(accuracies.mean()), float(accuracies.std()), float(thresholds.mean()), accuracies, thresholds
    )


def weighted_folds(
    rising_P: NDArray[np.float64],
    same_P: NDArray[np.bool_],
    folds_P: NDArray[np.integer],
    weights_P: NDArray[np.integer],
    grid: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracies and thresholds of the folds (F,), of pairs sorted by score, each counted as often as its weight."""
    grid_T = None if grid is None else np.sort(np.asarray(grid))
    signed_P = np.where(same_P, -weights_P, weights_P)
    accuracies, thresholds = [], []
    for name in np.unique(folds_P):
        mine_P = folds_P == name
        others, inside = np.flatnonzero(~mine_P), np.flatnonzero(mine_P)
        threshold = _best_threshold(rising_P[others], signed_P[others], grid_T)
        right = (rising_P[inside] >= threshold) == same_P[inside]
        accuracies.append((weights_P[inside] * right).sum() / weights_P[inside].sum())
        thresholds.append(threshold)
    return np.array(accuracies), np.array(thresholds)


def best_accuracy(scores: ArrayLike, same: ArrayLike) -> tuple[float, float]:
    """The highest accuracy of any threshold on these pairs, and the threshold, chosen as in :func:`kfold_accuracy`.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        At 0.8 one of four pairs is wrong, the genuine pair at 0.5. No threshold does better.

        >>> from facerec.metrics import best_accuracy
        >>> best_accuracy([0.9, 0.7, 0.5, 0.2], [True, False, True, False])
        (0.75, 0.8)
    """
    scores_P, same_P = check_scores(scores, same)
    order_P = np.argsort(scores_P)
    rising_P, same_P = scores_P[order_P].astype(np.float64), same_P[order_P]
    threshold = _best_threshold(rising_P, np.where(same_P, -1, 1), None)
    return float(((rising_P >= threshold) == same_P).mean()), threshold


def _best_threshold(
    rising_P: NDArray[np.float64], signed_P: NDArray[np.integer], grid_T: NDArray[np.float64] | None
) -> float:
    """The highest of the most accurate thresholds on pairs sorted by score.

    ``signed_P`` is what rejecting each pair changes in the number of right answers: 1 if impostor, -1 if genuine.
    """
    gain = np.zeros(len(signed_P) + 1, dtype=np.int64)
    np.cumsum(signed_P, out=gain[1:])  # of rejecting the p lowest pairs over rejecting none
    if grid_T is not None:
        gain_T = gain[np.searchsorted(rising_P, grid_T)]
        return float(grid_T[len(grid_T) - 1 - np.argmax(gain_T[::-1])])
    gain[1:-1][rising_P[1:] == rising_P[:-1]] = -len(gain) * int(np.abs(signed_P).max())  # nothing parts equal scores
    place = len(gain) - 1 - int(np.argmax(gain[::-1]))
    if place == 0:
        return float(rising_P[0])
    if place == len(rising_P):
        return float(np.nextafter(rising_P[-1], np.inf))
    return midpoint(float(rising_P[place - 1]), float(rising_P[place]))

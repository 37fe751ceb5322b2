"""Checks of the scores and labels that every metric is given."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array, require_finite

DIVERGED = "A model whose training diverged gives such values: take an earlier checkpoint"


def check_scores(scores: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The scores and labels as arrays (P,).

    Raises:
        ValueError: if the lengths differ, a score is NaN or inf, a label is neither 0 nor 1, or one kind of pair is
            missing (then no error rate is defined).
    """
    scores_P, labels_P = as_array(scores), as_array(same)
    if scores_P.ndim != 1 or scores_P.shape != labels_P.shape:
        raise ValueError(f"scores {scores_P.shape} and same {labels_P.shape}: give one of each for every pair, (P,)")
    if not np.issubdtype(scores_P.dtype, np.floating):
        scores_P = scores_P.astype(np.float64)
    if labels_P.dtype != np.bool_:
        if not ((labels_P == 0) | (labels_P == 1)).all():
            raise ValueError("same contains something other than 0 and 1: give 1 for genuine pairs, 0 for impostors")
        labels_P = labels_P.astype(np.bool_)
    genuine = int(np.count_nonzero(labels_P))
    if genuine == 0 or genuine == len(labels_P):
        raise ValueError(
            f"{genuine} genuine and {len(labels_P) - genuine} impostor pairs: error rates need at least one of each"
        )
    require_finite("scores", scores_P, DIVERGED)
    return scores_P, labels_P

"""Checks of what every metric is given: scores, labels and embeddings, as lists, arrays or tensors."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def as_array(values: ArrayLike) -> NDArray[Any]:
    """The values of a list, an array, or a tensor of any type on any device."""
    if not isinstance(values, Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    return np.asarray((values.float() if values.dtype == torch.bfloat16 else values).numpy())


def as_tensor(values: ArrayLike) -> Tensor:
    """The values of a list, an array or a tensor, as a floating tensor without gradients, on the device it is on."""
    tensor = torch.as_tensor(values).detach()
    return tensor if tensor.is_floating_point() else tensor.float()


def check_finite(what: str, values: ArrayLike) -> None:
    """Refuse values that contain NaN or inf: nothing compares with NaN, and inf is like nobody or like everybody.

    Args:
        what: name of the values in the error, such as ``scores``.
        values: the values (N,) or (N, D).

    Raises:
        ValueError: with the number of rows that contain NaN or inf.
    """
    finite = np.isfinite(as_array(values))
    if not finite.all():
        broken = int(np.count_nonzero(~finite.reshape(len(finite), -1).all(axis=1)))
        raise ValueError(
            f"{what} contain NaN or inf: {broken} of {len(finite)}. "
            "A model whose training diverged gives such values; take an earlier checkpoint."
        )


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
    check_finite("scores", scores_P)
    return scores_P, labels_P

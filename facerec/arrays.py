"""Lists, arrays and tensors: one way to take them, and the one check that they hold numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def as_array(values: ArrayLike) -> NDArray[Any]:
    """The values of a list, an array, or a tensor of any type on any device.

    Example:
        >>> as_array(torch.tensor([1.0, 0.5], dtype=torch.bfloat16)).tolist()
        [1.0, 0.5]
    """
    if not isinstance(values, Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    return np.asarray((values.float() if values.dtype == torch.bfloat16 else values).numpy())


def as_tensor(values: ArrayLike) -> Tensor:
    """The values of a list, an array or a tensor, as a floating tensor without gradients, on the device it is on.

    Example:
        >>> as_tensor([[1, 0]]).dtype
        torch.float32
    """
    tensor = torch.as_tensor(values).detach()
    return tensor if tensor.is_floating_point() else tensor.float()


def require_finite(what: str, values: ArrayLike, way_out: str = "", names: Sequence[str] | None = None) -> None:
    """Refuse values that contain NaN or inf: nothing compares with NaN, and inf is like nobody or like everybody.

    Args:
        what: name of the values in the error, such as ``scores``.
        values: the values (N,) or (N, ...).
        way_out: what the user can do, a sentence without its full stop.
        names: names of the N rows, for the error.

    Raises:
        ValueError: with the number of such rows, the name of the first, and the way out.

    Example:
        >>> require_finite("embeddings", [[1.0, 0.0], [float("nan"), 0.0]], "Train with a lower learning rate")
        Traceback (most recent call last):
        ValueError: embeddings contain NaN or inf: 1 of 2. Train with a lower learning rate
    """
    finite = np.isfinite(as_array(values))
    if finite.all():
        return
    broken = np.flatnonzero(~finite.reshape(len(finite), -1).all(axis=1))
    first = f", the first of {names[broken[0]]}" if names is not None else ""
    advice = f". {way_out}" if way_out else ""
    raise ValueError(f"{what} contain NaN or inf: {len(broken)} of {len(finite)}{first}{advice}")

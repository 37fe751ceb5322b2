"""Whole numbers counted anew from 0, in one pass where they lie close together.

``np.unique`` sorts, and for a million pairs that is most of the time of an error rate.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SPREAD = 16  # times as many numbers may lie between the least and the greatest as there are values


def renumber(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The distinct values in rising order, and the place of each value among them, in the shape of the values.

    As ``np.unique`` with ``return_inverse``.

    Args:
        values: whole numbers of any shape. Others are sorted.

    Example:
        >>> renumber(np.array([[7, 9], [9, 4]]))
        (array([4, 7, 9]), array([[1, 2],
               [2, 0]]))
    """
    is_whole = values.size and values.dtype.kind in "iu"
    least, greatest = (int(values.min()), int(values.max())) if is_whole else (0, 0)
    if not is_whole or greatest - least > SPREAD * values.size:
        names, places = np.unique(values, return_inverse=True)
        return names, places.reshape(values.shape)
    shifted = values.astype(np.int64, copy=False)
    if least:
        shifted = shifted - least
    there = np.flatnonzero(np.bincount(shifted.ravel()) > 0)
    place_of = np.empty(int(there[-1]) + 1, dtype=np.int64)
    place_of[there] = np.arange(len(there))
    return there + least, place_of[shifted]

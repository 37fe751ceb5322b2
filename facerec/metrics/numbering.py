"""Whole numbers counted anew from 0, in one pass where they lie close together.

``np.unique`` sorts, and for a million pairs that is most of the time of an error rate.
"""

import numpy as np
from numpy.typing import NDArray

SPREAD = 16  # times as many numbers may lie between the least and the greatest as there are values


def renumber(values: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """The distinct values in rising order, and the place of each value among them, in the shape of the values.

    As ``np.unique`` with ``return_inverse``.

    Args:
        values: whole numbers of any shape.

    Example:
        >>> renumber(np.array([[7, 9], [9, 4]]))
        (array([4, 7, 9]), array([[1, 2],
               [2, 0]]))
    """
    least, greatest = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if not values.size or greatest - least > SPREAD * values.size:
        names, places = np.unique(values, return_inverse=True)
        return names, places.reshape(values.shape)
    shifted = values - least if least else values
    there = np.flatnonzero(np.bincount(shifted.ravel()) > 0)
    place_of = np.empty(int(there[-1]) + 1, dtype=np.int64)
    place_of[there] = np.arange(len(there))
    return there + least, place_of[shifted]

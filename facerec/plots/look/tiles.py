"""Many small pictures as one: filters, or the maps of a stage.

Shapes: N tiles, h, w height and width of a tile.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GAP = 1.0  # of white, for every 16 pixels of a tile


def mosaic(tiles_Nhw3: Floats, columns: int) -> Floats:
    """Tiles in rows, white between them and behind the last.

    Args:
        tiles_Nhw3: values in [0, 1].
        columns: number of tiles in a row.

    Example:
        >>> mosaic(np.zeros((3, 4, 4, 3)), columns=2).shape  # a gap of one pixel
        (9, 9, 3)
    """
    count, height, width, _ = tiles_Nhw3.shape
    gap, rows = max(1, round(GAP * max(height, width) / 16)), -(-count // columns)
    sheet = np.ones((rows * (height + gap) - gap, columns * (width + gap) - gap, 3))
    for place, tile in enumerate(tiles_Nhw3):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def around_grey(tiles_Nhw3: Floats) -> Floats:
    """Values of each tile in [0, 1], with 0 at the middle grey and the largest absolute value at an end.

    Example:
        >>> around_grey(np.array([[[[-2.0, 0.0, 1.0]]]])).tolist()
        [[[[0.0, 0.5, 0.75]]]]
    """
    largest_N111 = np.abs(tiles_Nhw3).max(axis=(1, 2, 3), keepdims=True)
    return np.asarray(0.5 + 0.5 * tiles_Nhw3 / np.maximum(largest_N111, np.finfo(np.float64).tiny))


def from_lowest_to_highest(tiles_Nhw3: Floats) -> Floats:
    """Values of each tile in [0, 1], with its lowest at 0 and its highest at 1. A constant tile is 0.

    Example:
        >>> from_lowest_to_highest(np.array([[[[-2.0, 0.0, 2.0]]]])).tolist()
        [[[[0.0, 0.5, 1.0]]]]
    """
    low, high = (end(axis=(1, 2, 3), keepdims=True) for end in (tiles_Nhw3.min, tiles_Nhw3.max))
    return np.asarray((tiles_Nhw3 - low) / np.maximum(high - low, np.finfo(np.float64).tiny))

"""Error against discard: how the false non-match rate falls as the images of lowest quality are discarded.

Grother and Tabassi, "Performance of biometric quality measures", TPAMI 2007. Schlett et al., "Considerations on the
evaluation of biometric quality assessment algorithms", TBIOM 2024: the quality of a pair is the lower one of its two
images, the threshold stays where it was, and equal qualities go together.

Shapes: G genuine pairs, N images, K distinct qualities of pairs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from facerec.arrays import as_array, require_finite
from facerec.metrics.curve import Floats
from facerec.settings import require_within

MOST_DISCARDED = 0.2
NO_QUALITY = "Give a number for each"


class DiscardCurve(NamedTuple):
    """False non-match rates of what is kept, as steps: each holds until the next share is discarded.

    Attributes:
        pairs: share of the genuine pairs discarded (K,), rising from 0.
        images: share of the images discarded (K,), rising from 0; the smallest that discards these pairs.
        fnmr: share of the pairs kept that are rejected (K,).

    Example:
        >>> from facerec.metrics import discard_curve
        >>> curve = discard_curve([True, False, False, False], [0.1, 0.5, 0.5, 0.9], [0.1, 0.5, 0.9, 1.0])
        >>> curve.pairs.tolist(), curve.images.tolist(), curve.fnmr.tolist()
        ([0.0, 0.25, 0.75], [0.0, 0.25, 0.5], [0.25, 0.0, 0.0])
    """

    pairs: Floats
    images: Floats
    fnmr: Floats


def discard_curve(wrong: ArrayLike, quality: ArrayLike, images: ArrayLike) -> DiscardCurve:
    """The false non-match rate as genuine pairs of low quality are discarded, at a threshold that stays.

    Args:
        wrong: whether each genuine pair is rejected (G,).
        quality: of each genuine pair (G,): the lower one of its two images.
        images: quality of each image (N,).

    Raises:
        ValueError: without pairs or images, for another number of qualities, or one that is not finite.

    Example:
        See :class:`facerec.metrics.DiscardCurve`.

        >>> from facerec.metrics import discard_curve
        >>> discard_curve([1, 0], [0.3, 0.3], [0.3]).fnmr.tolist()  # equal qualities go together
        [0.5]
    """
    wrong_G, quality_G = as_array(wrong).astype(np.bool_), as_array(quality).astype(np.float64)
    images_N = np.sort(as_array(images).astype(np.float64))
    if wrong_G.shape != quality_G.shape or wrong_G.ndim != 1 or not len(wrong_G) or not len(images_N):
        raise ValueError(
            f"wrong {wrong_G.shape}, quality {quality_G.shape}, images {images_N.shape}: give one of the first two for "
            "each genuine pair, and a quality for each image"
        )
    require_finite("quality", quality_G, NO_QUALITY)
    require_finite("images", images_N, NO_QUALITY)
    order_G = np.argsort(quality_G, kind="stable")
    rising_G, count = quality_G[order_G], len(wrong_G)
    starts_K = np.append(0, np.flatnonzero(rising_G[1:] != rising_G[:-1]) + 1)
    gone_K = np.append(0, np.cumsum(wrong_G[order_G]))[starts_K]
    discarded_K = np.append(0, np.searchsorted(images_N, rising_G[starts_K[1:] - 1], side="right"))
    fnmr_K = (wrong_G.sum() - gone_K) / (count - starts_K)
    return DiscardCurve(starts_K / count, discarded_K / len(images_N), fnmr_K)


def ideal_discard_curve(wrong: ArrayLike) -> DiscardCurve:
    """The curve of a quality that puts the rejected pairs first, each with images of its own.

    Args:
        wrong: whether each genuine pair is rejected (G,).

    Example:
        >>> from facerec.metrics import ideal_discard_curve
        >>> ideal_discard_curve([False, True, False, False]).fnmr.tolist()
        [0.25, 0.0, 0.0, 0.0]
    """
    wrong_G = as_array(wrong).astype(np.bool_)
    rank_G = np.arange(len(wrong_G), dtype=np.float64)
    return discard_curve(np.sort(wrong_G)[::-1], rank_G, rank_G)


def partial_area(shares: ArrayLike, fnmr: ArrayLike, most: float = MOST_DISCARDED) -> float:
    """Area under an error against discard curve, from no discard to the most: lower is better.

    A quality that says nothing has about ``most`` times the first rate.

    Args:
        shares: share discarded at each step (K,), rising from 0.
        fnmr: rate at each step (K,).
        most: largest share discarded, in (0, 1].

    Raises:
        ValueError: for another ``most``.

    Example:
        A rate of 0.25 until a tenth is discarded, and 0 from there.

        >>> from facerec.metrics import partial_area
        >>> partial_area([0.0, 0.1], [0.25, 0.0])
        0.025
    """
    require_within("partial_area", 0.0, 1.0, low_excluded=True, most=most)
    ends_K = np.append(as_array(shares), 1.0).clip(max=most)
    return float(np.diff(ends_K) @ as_array(fnmr))

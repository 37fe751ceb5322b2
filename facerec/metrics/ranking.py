"""Scores in rising order with their labels, from one sort: every error rate is counted from them.

NumPy sorts numbers several times faster than it finds their order (``argsort``). So score and label are sorted as one
integer: the bits of the score, then the label. ``benchmarks/metrics.py`` measures it.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.metrics.checks import check_scores

BLOCK = 4096  # pairs between two counts that are kept
CHUNK = 1 << 17  # pairs worked on at a time: they stay in the cache


class RankedScores:
    """Pairs (P,) by rising score; position p stands for the threshold that rejects the p lowest pairs.

    Raises:
        ValueError: see :func:`facerec.metrics.checks.check_scores`.

    Attributes:
        scores: rising (P,).
        genuine: whether each of these pairs is genuine (P,); of equal scores the impostor pairs come first.
    """

    def __init__(self, scores: ArrayLike, same: ArrayLike) -> None:
        self.scores, self.genuine = _sort(*check_scores(scores, same))
        counts = [np.count_nonzero(self.genuine[start : start + BLOCK]) for start in range(0, len(self), BLOCK)]
        self._genuine_before_block: list[int] = [0, *np.cumsum(counts).tolist()]

    def __len__(self) -> int:
        return len(self.scores)

    def genuine_below(self, position: int) -> int:
        """Number of genuine pairs among the ``position`` lowest."""
        block = position // BLOCK
        return self._genuine_before_block[block] + int(np.count_nonzero(self.genuine[block * BLOCK : position]))

    def ties(self, position: int) -> tuple[int, int]:
        """First position with the score at ``position``, and the first position after that score."""
        score = self.scores[position]
        return int(np.searchsorted(self.scores, score)), int(np.searchsorted(self.scores, score, side="right"))

    def genuine_above_impostor(self) -> float:
        """Number of (genuine, impostor) couples in which the genuine pair scores higher, ties counting half."""
        couples, impostors, start = 0.0, 0, 0
        while start < len(self):
            _, stop = self.ties(min(start + CHUNK, len(self)) - 1)  # equal scores stay in one chunk
            genuine = int(np.count_nonzero(self.genuine[start:stop]))
            couples += genuine * impostors + _couples(self.scores[start:stop], self.genuine[start:stop])
            impostors += stop - start - genuine
            start = stop
        return couples


def _couples(rising: NDArray[np.floating], genuine: NDArray[np.bool_]) -> float:
    below = np.zeros(len(rising) + 1, np.int32)  # genuine pairs below each position
    np.cumsum(genuine, out=below[1:])
    count = int(below[-1])
    places = len(rising) * count - int(below.sum(dtype=np.int64))  # the sum of the genuine pairs' positions
    repeats = np.zeros(len(rising) + 1, np.bool_)  # whether the score before is the same; False at both ends
    np.equal(rising[1:], rising[:-1], out=repeats[1:-1])
    changes = np.flatnonzero(repeats[1:] != repeats[:-1])
    starts, stops = changes[::2], changes[1::2] + 1  # of each run of equal scores
    tied = below[stops] - below[starts]
    return places - count * (count - 1) // 2 - 0.5 * int(tied @ (stops - starts - tied))


def _sort(scores_P: NDArray[np.floating], same_P: NDArray[np.bool_]) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Scores and labels by rising score. A float of [-1, 1] has a bit to spare; larger ones are scaled, if exact."""
    floats = scores_P if scores_P.dtype == np.float32 else scores_P.astype(np.float64)
    scale = floats.dtype.type(2.0 ** max(0, np.frexp(max(floats.max(), -floats.min()))[1] - 1))
    rising = floats + 0.0  # a copy in which -0.0 is 0.0: they compare equal
    if scale > 1:
        rising /= scale
        if not np.array_equal(rising * scale, floats):
            order = np.lexsort((same_P, floats))
            return floats[order], same_P[order]
    integer: Any = np.int32 if rising.dtype == np.float32 else np.int64
    keys: NDArray[Any] = rising.view(integer)
    genuine = np.empty(len(keys), np.bool_)
    chunks = -(-len(keys) // CHUNK)
    for key, label in zip(np.array_split(keys, chunks), np.array_split(same_P, chunks), strict=True):
        _reverse_negative(key)
        np.add(key << 1, label, out=key)
    keys.sort()
    for key, label in zip(np.array_split(keys, chunks), np.array_split(genuine, chunks), strict=True):
        np.equal(key & 1, 1, out=label)
        key >>= 1
        _reverse_negative(key)
    return rising * scale if scale > 1 else rising, genuine


def _reverse_negative(bits: NDArray[Any]) -> None:
    """From a float's bits to an integer in the same order, and back: of negative floats all bits but the sign turn."""
    bits ^= (bits >> (np.iinfo(bits.dtype).bits - 1)) & np.iinfo(bits.dtype).max

"""Scores in rising order with their labels, by one sort of integers: what every error rate is counted from.

NumPy sorts integers with vector instructions several times faster than it finds the order of floats (``argsort``), and
splitting genuine from impostor scores costs more than sorting them. So score and label go into one integer, the bits of
the float above, the label as the last bit, which keeps the order and loses nothing. The integers are sorted by all
threads, each a part that selection (``partition``, a seventh of the time of a sort) has put between its bounds.
Everything after the sort is counted in blocks that stay in the cache. ``benchmarks/metrics.py`` measures it.

Shapes: P pairs, M blocks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.threads import share_out, thread_count

BLOCK = 4096  # the positions of a block add up to less than 2^24: exact in float32
CHUNK = 32 * BLOCK
ONES = np.ones(BLOCK, np.float32)
PLACES = np.arange(BLOCK, dtype=np.float32)


def check_labels(scores: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The scores and labels as arrays (P,); whether the scores are finite is not looked at.

    Raises:
        ValueError: if the lengths differ, a label is neither 0 nor 1, or one kind of pair is missing (then no error
            rate is defined).
    """
    scores_P = np.asarray(scores)
    if not np.issubdtype(scores_P.dtype, np.floating):
        scores_P = scores_P.astype(np.float64)
    labels_P = np.asarray(same)
    if scores_P.ndim != 1 or scores_P.shape != labels_P.shape:
        raise ValueError(f"scores {scores_P.shape} and same {labels_P.shape}: give one of each for every pair, (P,)")
    if labels_P.dtype != np.bool_:
        if not np.isin(labels_P, (0, 1)).all():
            raise ValueError("same holds something other than 0 and 1")
        labels_P = labels_P.astype(np.bool_)
    genuine = int(np.count_nonzero(labels_P))
    if genuine == 0 or genuine == len(labels_P):
        raise ValueError(
            f"{genuine} genuine and {len(labels_P) - genuine} impostor pairs: error rates need at least one of each"
        )
    return scores_P, labels_P


def check_finite(scores_P: NDArray[np.floating]) -> None:
    """See that every score is a number.

    Raises:
        ValueError: with the count of those that are not.
    """
    finite = int(np.count_nonzero(np.isfinite(scores_P)))
    if finite < len(scores_P):
        raise ValueError(f"{len(scores_P) - finite} of {len(scores_P)} scores are not finite")


class RankedScores:
    """Pairs by rising score; of equal scores the impostor pairs come first.

    Position p stands for the threshold that rejects the p lowest pairs.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).

    Raises:
        ValueError: see :func:`check_labels` and :func:`check_finite`.

    Attributes:
        genuine: number of genuine pairs.
        impostor: number of impostor pairs.
    """

    def __init__(self, scores: ArrayLike, same: ArrayLike) -> None:
        scores_P, same_P = check_labels(scores, same)
        self._keys, self._shift = _encode(scores_P, same_P)
        _sort(self._keys)
        self.genuine = int(np.count_nonzero(same_P))
        self.impostor = len(same_P) - self.genuine
        self._genuine_before_M, self._genuine_positions = self._count()

    def __len__(self) -> int:
        return len(self._keys)

    def _count(self) -> tuple[NDArray[np.int64], int]:
        """Genuine pairs before each block (M + 1,), and the sum of the positions of all genuine pairs."""
        bits = np.empty(CHUNK, self._keys.dtype)
        labels = np.empty(CHUNK, np.float32)
        blocks = labels.reshape(-1, BLOCK)
        counts, places = [], []
        for start in range(0, len(self), CHUNK):
            keys = self._keys[start : start + CHUNK]
            labels[: len(keys)] = np.bitwise_and(keys, 1, out=bits[: len(keys)])
            labels[len(keys) :] = 0.0
            counts.append(blocks @ ONES)
            places.append(blocks @ PLACES)
        counts_M = np.concatenate(counts).astype(np.int64)
        places_M = np.concatenate(places).astype(np.int64)
        positions = int((places_M + counts_M * BLOCK * np.arange(len(counts_M))).sum())
        return np.append(0, np.cumsum(counts_M)), positions

    def genuine_below(self, position: int) -> int:
        """How many of the ``position`` lowest pairs are genuine."""
        block, rest = divmod(position, BLOCK)
        before = int(self._genuine_before_M[block])
        return before + int(np.count_nonzero(self._keys[position - rest : position] & 1)) if rest else before

    def score(self, position: int) -> float:
        """Score of the pair at a position."""
        return float(self._decode(self._keys[position : position + 1])[0])

    def _decode(self, keys: NDArray[np.signedinteger]) -> NDArray[np.float64]:
        codes = keys >> 1
        floats = np.abs(codes).view(np.float32 if keys.dtype == np.int32 else np.float64).astype(np.float64)
        decoded: NDArray[np.float64] = np.ldexp(np.copysign(floats, codes), self._shift)
        return decoded

    def ties(self, position: int) -> tuple[int, int]:
        """First position with the score at ``position``, and the first after them."""
        impostor = self._keys[position] & ~self._keys.dtype.type(1)
        return int(np.searchsorted(self._keys, impostor)), int(np.searchsorted(self._keys, impostor | 1, side="right"))

    def first(self, holds: Callable[[int], bool]) -> int:
        """Lowest position of which a condition holds that holds of all higher ones; P if it holds of none."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if high - low > 2 * BLOCK:
                middle -= middle % BLOCK  # where the count is at hand
            if holds(middle):
                high = middle
            else:
                low = middle + 1
        return low

    def steps(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Every distinct score: the position where it starts, the genuine pairs below it, and itself; rising."""
        codes = self._keys >> 1
        starts = np.append(0, np.flatnonzero(codes[1:] != codes[:-1]) + 1)
        del codes
        genuine_below = np.append(0, np.cumsum(self._keys & 1, dtype=np.int64))[starts]
        return starts, genuine_below, self._decode(self._keys[starts])

    def genuine_above_impostor(self) -> float:
        """Number of (genuine, impostor) couples in which the genuine pair scores higher, ties counting half."""
        pairs_before = self._genuine_positions - self.genuine * (self.genuine - 1) // 2
        return pairs_before - 0.5 * self._tied_couples()

    def _tied_couples(self) -> int:
        """Number of (genuine, impostor) couples with equal scores."""
        couples, start = 0, 0
        scratch = np.empty(2 * CHUNK + 2, self._keys.dtype)
        while start < len(self):
            stop = min(start + CHUNK, len(self))
            if stop < len(self):  # no score in two chunks
                stop = int(np.searchsorted(self._keys, self._keys[stop - 1] | 1, side="right"))
            couples += _tied_couples(self._keys[start:stop], scratch)
            start = stop
        return couples


def _tied_couples(keys: NDArray[np.signedinteger], scratch: NDArray[np.signedinteger]) -> int:
    """The same, of one chunk. Where the last bit alone changes, the impostors of a score meet its genuine pairs."""
    change = scratch[: len(keys) + 1] if len(keys) < len(scratch) else np.empty(len(keys) + 1, keys.dtype)
    change[0] = change[-1] = 2  # other scores on both sides of the chunk
    np.bitwise_xor(keys[1:], keys[:-1], out=change[1:-1])
    meets = np.flatnonzero(change == 1)
    crowded = meets[(change[meets - 1] == 0) | (change[meets + 1] == 0)]
    if not len(crowded):
        return len(meets)
    genuine = keys[crowded]
    impostors = crowded - np.searchsorted(keys, genuine - 1)
    couples = impostors * (np.searchsorted(keys, genuine, side="right") - crowded)
    return len(meets) - len(crowded) + int(couples.sum())


def _encode(scores_P: NDArray[np.floating], same_P: NDArray[np.bool_]) -> tuple[NDArray[np.signedinteger], int]:
    """Integers (P,) in the order of (score, label), and the power of two that the scores were divided by.

    Below 2 in size a float has a bit to spare. Larger scores are first divided by a power of two, which is exact.
    """
    floats = _narrow(scores_P)
    keys, fits = _pack(floats, same_P)
    if fits:
        return keys, 0
    check_finite(floats)
    shift = int(np.frexp(np.abs(floats).max())[1]) - 1
    smaller = np.ldexp(floats, -shift)
    if not np.array_equal(np.ldexp(smaller, shift), floats):
        if floats.dtype == np.float32:
            return _encode_wide(floats.astype(np.float64), same_P, shift)
        raise ValueError(
            f"the scores reach {np.abs(floats).max():.3g} and some are as near to zero as {_smallest(floats):.3g}: "
            "float64 cannot hold both when scaled; multiply the scores by a constant, or set the small ones to zero"
        )
    return _pack(smaller, same_P)[0], shift


def _encode_wide(
    floats: NDArray[np.float64], same_P: NDArray[np.bool_], shift: int
) -> tuple[NDArray[np.signedinteger], int]:
    """What float32 cannot hold once divided, float64 can."""
    return _pack(np.ldexp(floats, -shift), same_P)[0], shift


def _smallest(floats: NDArray[np.floating]) -> float:
    return float(np.abs(floats[floats != 0.0]).min())


def _narrow(scores_P: NDArray[np.floating]) -> NDArray[np.floating]:
    """float32 where nothing is lost by it (half the time to sort), else float64."""
    if scores_P.dtype == np.float32:
        return np.ascontiguousarray(scores_P)
    with np.errstate(over="ignore"):
        narrow = scores_P.astype(np.float32)
    return narrow if np.array_equal(narrow, scores_P) else np.ascontiguousarray(scores_P, dtype=np.float64)


def _pack(floats: NDArray[np.floating], same_P: NDArray[np.bool_]) -> tuple[NDArray[np.signedinteger], bool]:
    """Twice the float's bits with its sign, plus the label; and whether all floats are below 2 in size.

    -0.0 and 0.0 become one, as they compare equal.
    """
    integer: Any = np.int32 if floats.dtype == np.float32 else np.int64
    sign_bit = 8 * integer().itemsize - 1
    bits, labels = floats.view(integer), np.ascontiguousarray(same_P).view(np.int8)
    keys: NDArray[Any] = np.empty(len(floats), integer)
    used: list[Any] = []

    def pack(chunks: range) -> None:
        scratch = np.empty(CHUNK, integer)
        for start in range(chunks.start * CHUNK, min(chunks.stop * CHUNK, len(keys)), CHUNK):
            part, key = bits[start : start + CHUNK], keys[start : start + CHUNK]
            used.append(np.bitwise_or.reduce(part))
            sign = np.right_shift(part, sign_bit, out=scratch[: len(part)])
            np.bitwise_or(sign, 1, out=sign)
            np.left_shift(part, 1, out=key)
            key *= sign
            key += labels[start : start + CHUNK]

    share_out(pack, -(-len(keys) // CHUNK), part=1)
    return keys, not np.bitwise_or.reduce(used) >> (sign_bit - 1) & 1


def _sort(keys: NDArray[np.signedinteger]) -> None:
    """Sort in place, by all threads where there is enough for each."""
    parts = min(thread_count(), len(keys) // CHUNK)
    if parts < 2:
        keys.sort()
        return
    bounds = [len(keys) * part // parts for part in range(parts + 1)]
    keys.partition(bounds[1:-1])

    def sort(numbers: range) -> None:
        for number in numbers:
            keys[bounds[number] : bounds[number + 1]].sort()

    share_out(sort, parts, part=1)

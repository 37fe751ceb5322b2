"""What makes the error rates of a set of pairs mislead: pairs that repeat, and images beside themselves or a copy.

Shapes: P pairs, N images.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.sources import PairSource


def first_of_each(pairs_P2: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each pair is the first of its two images (P,). A reversed pair is the same pair.

    Example:
        >>> first_of_each(np.array([[0, 1], [1, 2], [1, 0], [1, 2]])).tolist()
        [True, True, False, False]
    """
    low_P, high_P = np.sort(pairs_P2, axis=1).T
    keys_P = low_P * (int(pairs_P2.max(initial=0)) + 1) + high_P
    first_P = np.zeros(len(pairs_P2), dtype=np.bool_)
    first_P[np.unique(keys_P, return_index=True)[1]] = True
    return first_P


def counted(source: PairSource) -> NDArray[np.bool_]:
    """Whether each pair counts (P,): the first of each two images. In a protocol of folds all count, as published.

    Example:
        >>> from facerec.data import ORLPairs
        >>> bool(counted(ORLPairs("val")).all())
        True
    """
    return first_of_each(source.pairs) if source.folds is None else np.ones(len(source.pairs), dtype=np.bool_)


def digest(pixels_3HW: Tensor) -> bytes:
    """A short hash of an image: the same for the same pixels, whatever the file."""
    shape = repr(tuple(pixels_3HW.shape)).encode()
    return hashlib.blake2b(pixels_3HW.numpy().tobytes(), digest_size=16, person=shape[:16]).digest()


def doubts(name: str, source: PairSource, digests: Mapping[int, bytes]) -> list[str]:
    """Messages about labelled pairs that mislead, none if all is well.

    Args:
        name: what the messages call the set.
        source: the pairs.
        digests: hash of the pixels of each image by its index; empty if the images were not read.
    """
    pairs_P2, same_P = source.pairs, source.same
    if same_P is None:
        return []
    itself_P = pairs_P2[:, 0] == pairs_P2[:, 1]
    copies_P = _copies(pairs_P2, digests) & ~itself_P
    messages = [_repeated(source)]
    if itself := int(itself_P.sum()):
        messages.append(
            f"{_pairs(itself, 'genuine', 'shows', 'show')} an image beside itself. Any network scores it 1, so the "
            "error rates are too low: remove these lines"
        )
    if genuine := int((copies_P & same_P).sum()):
        messages.append(
            f"{_pairs(genuine, 'genuine', 'shows', 'show')} the same pixels in two files. Any network scores them 1, "
            "so the error rates are too low: remove these lines"
        )
    if impostor := int((copies_P & ~same_P).sum()):
        messages.append(
            f"{_pairs(impostor, 'impostor', 'shows', 'show')} the same pixels in two files. One photograph cannot show "
            "two people, so the error rates are too high: correct the labels"
        )
    return [f"{name}: {message}" for message in messages if message]


def _repeated(source: PairSource) -> str:
    count = int((~first_of_each(source.pairs)).sum())
    if not count:
        return ""
    repeat = f"{count} of {len(source.pairs)} pairs repeat another pair, as it is or reversed"
    if source.folds is None:
        return f"{repeat}. Each pair counts once, so that the intervals are not too narrow"
    return f"{repeat}. They count, as the folds of the list say; the interval by pair is too narrow"


def _copies(pairs_P2: NDArray[np.int64], digests: Mapping[int, bytes]) -> NDArray[np.bool_]:
    """Whether both images of each pair have the same pixels (P,)."""
    if not digests:
        return np.zeros(len(pairs_P2), dtype=np.bool_)
    numbers: dict[bytes, int] = {}
    kinds_N = np.array([numbers.setdefault(digests[index], index) for index in range(len(digests))])
    return np.asarray(kinds_N[pairs_P2[:, 0]] == kinds_N[pairs_P2[:, 1]])


def _pairs(count: int, kind: str, one: str, many: str) -> str:
    return f"{count} {kind} pair {one}" if count == 1 else f"{count} {kind} pairs {many}"

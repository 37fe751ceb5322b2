"""A perceptual hash, and the search for hashes that are near one another.

Shapes: N images, P pairs; a hash is 256 bits, four uint64.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from facerec.settings import require_within

FREQUENCIES = 16  # a side: 256 bits. With 64 bits, different aligned faces come nearer than a brighter copy
SAMPLED = 4 * FREQUENCIES
WORDS = FREQUENCIES**2 // 64
CHUNKS = FREQUENCIES**2 // 16
MOST_BITS = 63  # with more, different photographs are near one another
CANDIDATES_AT_ONCE = 2_000_000

_PHASES = np.arange(FREQUENCIES)[:, None] * (2 * np.arange(SAMPLED) + 1)
_COSINES = 2.0 * np.cos(np.pi * _PHASES / (2 * SAMPLED))  # DCT-II, its lowest frequencies (16, 64)
_BITS = np.array([value.bit_count() for value in range(1 << 16)], dtype=np.uint8)


def perceptual_hash(image: Image.Image) -> NDArray[np.uint64]:
    """Perceptual hash of an image, uint64 (4,): which low frequencies of its grey picture are above their median.

    This is pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, section 3.2.1) at
    16 x 16 frequencies. It hardly changes when an image is compressed, resized or lit anew.

    Example:
        >>> image = Image.linear_gradient("L").rotate(30)
        >>> hashes_N4 = np.stack([perceptual_hash(image), perceptual_hash(image.resize((100, 100)))])
        >>> pairs_P2, _ = near_pairs(hashes_N4, distance=30)
        >>> pairs_P2.tolist()
        [[0, 1]]
    """
    gray = image.convert("L").resize((SAMPLED, SAMPLED), Image.Resampling.LANCZOS)
    spectrum = _COSINES @ np.asarray(gray, dtype=np.float64) @ _COSINES.T
    return np.packbits(spectrum > np.median(spectrum)).view(np.uint64)


def distances(first_P4: NDArray[np.uint64], second_P4: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number of bits in which hashes differ (P,)."""
    different = np.ascontiguousarray(first_P4 ^ second_P4).view(np.uint16)
    return np.asarray(_BITS[different].sum(axis=-1, dtype=np.int64))


def near_pairs(hashes_N4: NDArray[np.uint64], distance: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of hashes that differ in at most ``distance`` bits, found without comparing every pair.

    This is multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012). Cut into 16 chunks, hashes that differ in r
    bits differ in at most floor(r / 16) bits of some chunk. So only hashes that nearly share a chunk are compared.

    Args:
        hashes_N4: as :func:`perceptual_hash` gives them.
        distance: largest number of bits, 0 to 63.

    Returns:
        Pairs i < j (P, 2), sorted, and their distances (P,).

    Raises:
        ValueError: for a negative distance, or one of 64 or more bits, where different photographs are near.

    Example:
        >>> hashes_N4 = np.array([[0, 0, 0, 0], [7, 0, 0, 0], [2**64 - 1, 0, 0, 0]], dtype=np.uint64)
        >>> pairs_P2, bits_P = near_pairs(hashes_N4, distance=3)
        >>> pairs_P2.tolist(), bits_P.tolist()
        ([[0, 1]], [3])
    """
    require_within("near_pairs", 0, MOST_BITS, distance=distance)
    chunks_N16 = np.ascontiguousarray(hashes_N4).view(np.uint16).reshape(-1, CHUNKS)
    masks = [
        np.uint16(sum(1 << bit for bit in bits))
        for count in range(distance // CHUNKS + 1)
        for bits in combinations(range(16), count)
    ]
    found = [np.empty((0, 2), dtype=np.int64)]
    for keys_N in tqdm(chunks_N16.T, desc="comparing images", unit="chunk", delay=1, leave=False):
        buckets = _Buckets(keys_N)
        for mask in masks:
            found += [_near(hashes_N4, pairs_P2, distance) for pairs_P2 in buckets.pairs(keys_N ^ mask)]
    pairs_P2 = np.unique(np.concatenate(found), axis=0)
    return pairs_P2, distances(hashes_N4[pairs_P2[:, 0]], hashes_N4[pairs_P2[:, 1]])


class _Buckets:
    """The images in the order of their keys, to look up the images of a key."""

    def __init__(self, keys_N: NDArray[np.uint16]) -> None:
        self.order_N = np.argsort(keys_N, kind="stable")
        counts = np.bincount(keys_N, minlength=1 << 16)
        self.starts = np.concatenate([[0], np.cumsum(counts)])

    def pairs(self, wanted_N: NDArray[np.uint16]) -> Iterator[NDArray[np.int64]]:
        """Pairs (P, 2) of each image i and the later images of the key it wants, in blocks that bound the memory."""
        first_N = self.starts[wanted_N]
        counts_N = self.starts[wanted_N.astype(np.int64) + 1] - first_N
        ends_N = np.cumsum(counts_N)
        total = int(ends_N[-1]) if len(ends_N) else 0
        blocks = np.searchsorted(ends_N, np.arange(0, total, CANDIDATES_AT_ONCE), side="right").tolist()
        for low, high in pairwise([*blocks, len(wanted_N)]):
            counts = counts_N[low:high]
            i = np.repeat(np.arange(low, high), counts)
            within = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
            j = self.order_N[np.repeat(first_N[low:high], counts) + within]
            yield np.stack([i, j], axis=1)[i < j]


def _near(hashes_N4: NDArray[np.uint64], pairs_P2: NDArray[np.int64], distance: int) -> NDArray[np.int64]:
    """The pairs whose hashes are near one another."""
    for words in (WORDS // 2, WORDS):  # half the bits rule most of them out
        some = hashes_N4[:, :words]
        pairs_P2 = pairs_P2[distances(some[pairs_P2[:, 0]], some[pairs_P2[:, 1]]) <= distance]
    return pairs_P2

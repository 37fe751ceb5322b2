"""Lots that are drawn by address: the same address always draws the same lot, whatever else is drawn.

They come from a hash, not from a random number generator, so no version of Python or NumPy changes them.
"""

import hashlib
import unicodedata
from collections.abc import Iterator

TICKETS = 10_000  # a share is a whole number of these


def lot(*address: object) -> int:
    r"""A number below 2^64 that is as good as random.

    Accents may be written in two ways in Unicode, and file systems differ in theirs; both draw the same lot.

    Example:
        >>> lot(0, "Zoë") == lot(0, "Zoe\u0308"), lot(0, "Zoë") == lot(1, "Zoë")
        (True, False)
    """
    text = "\0".join(unicodedata.normalize("NFC", str(part)) for part in address)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def ticket(*address: object) -> int:
    """A number below :data:`TICKETS`, each equally likely."""
    return lot(*address) % TICKETS


def draws(total: int, *address: object) -> Iterator[int]:
    """All numbers below ``total`` in random order, each once, drawn when it is asked for.

    This is the shuffle of Fisher and Yates, which remembers only the numbers that have moved.

    Example:
        >>> sorted(draws(5, "ann", "bob"))
        [0, 1, 2, 3, 4]
    """
    moved: dict[int, int] = {}
    for place in range(total):
        other = place + lot(*address, place) % (total - place)
        yield moved.get(other, other)
        moved[other] = moved.pop(place, place)

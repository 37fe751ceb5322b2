"""Work shared out among threads: decoders and NumPy leave Python's lock alone, so several cores work at a time."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

PART = 16  # items that a thread takes at a time
MOST_THREADS = 8


def thread_count() -> int:
    """Threads that work is shared out among: as many as torch computes with, up to 8."""
    return min(torch.get_num_threads(), MOST_THREADS)


def share_out(work: Callable[[range], object], count: int, part: int = PART) -> None:
    """Do some work for 0 to ``count`` - 1, in :func:`thread_count` threads.

    In a loader's worker, where torch has one thread, that is this one: the workers share the cores already.

    Args:
        work: takes some of the numbers; several may run at the same time.
        count: how many there are.
        part: how many of them a thread takes at a time.

    Raises:
        Exception: whatever ``work`` raised, of the lowest numbers at which it did.
    """
    threads = thread_count()
    if threads < 2 or count <= part:
        work(range(count))
        return
    parts = [range(start, min(start + part, count)) for start in range(0, count, part)]
    list(_pool(os.getpid(), threads).map(work, parts))


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """One for each process: a fork inherits the object, and not its threads."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"reader of {process}")

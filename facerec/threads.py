"""Work shared out among threads: decoders leave Python's lock alone, so a batch is read on several cores at a time."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

PART = 16  # items that a thread takes at a time
MOST_THREADS = 8


def share_out(work: Callable[[range], None], count: int) -> None:
    """Do some work for 0 to ``count`` - 1, in as many threads as torch computes with.

    In a loader's worker, where torch has one thread, that is this one: the workers share the cores already.

    Args:
        work: takes some of the numbers; several may run at the same time.
        count: how many there are.

    Raises:
        Exception: whatever ``work`` raised, of the lowest numbers at which it did.
    """
    threads = min(torch.get_num_threads(), MOST_THREADS)
    if threads < 2 or count <= PART:
        work(range(count))
        return
    parts = [range(start, min(start + PART, count)) for start in range(0, count, PART)]
    list(_pool(os.getpid(), threads).map(work, parts))


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """One for each process: a fork inherits the object, and not its threads."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"reader of {process}")

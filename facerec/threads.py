"""Work shared among threads. Decoders and NumPy release Python's lock, so several cores work at a time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

PART = 16  # items that a thread takes at a time
MOST_THREADS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def thread_count() -> int:
    """Number of threads that :func:`share_out` uses: as many as torch computes with, at most 8."""
    return min(torch.get_num_threads(), MOST_THREADS)


def share_out(work: Callable[[range], object], count: int, part: int = PART) -> None:
    """Do the work for the numbers 0 to ``count`` - 1 in :func:`thread_count` threads, and wait until it is done.

    Inside a worker of a DataLoader the work runs inline: torch has one thread there, and the workers share the cores.

    Args:
        work: function of some of the numbers. Several calls may run at the same time.
        count: how many numbers there are.
        part: how many of them a thread takes at a time.

    Raises:
        Exception: what ``work`` raised, for the lowest numbers at which it did.

    Example:
        >>> squares = [0] * 40
        >>> def square(numbers):
        ...     for number in numbers:
        ...         squares[number] = number**2
        >>> share_out(square, 40)
        >>> squares[:4], squares[39]
        ([0, 1, 4, 9], 1521)
    """
    threads = thread_count()
    if threads < 2 or count <= part:
        work(range(count))
        return
    parts = [range(start, min(start + part, count)) for start in range(0, count, part)]
    list(_pool(os.getpid(), threads).map(work, parts))


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """The pool of a process. A fork inherits the object but not its threads, so each process has its own."""
    return _pool_of_single_threads(threads, f"reader of {process}")


def _pool_of_single_threads(threads: int, name: str) -> ThreadPoolExecutor:
    """A pool in whose threads torch computes with one thread each, for they share the cores already.

    Else each would get helpers of its own in OpenMP. OpenMP counts them, finds more threads than cores, and no longer
    lets waiting ones spin: a training step of small operations then takes up to twice as long.
    """
    pool, all_started = ThreadPoolExecutor(threads, thread_name_prefix=name), Barrier(threads)

    def start(_: int) -> None:
        torch.get_num_threads()  # takes the number of the process once, which would else come later
        torch.set_num_threads(1)  # of this thread, and of threads that start from now on
        all_started.wait()

    own = torch.get_num_threads()
    list(pool.map(start, range(threads)))
    torch.set_num_threads(own)  # threads that start from now on get as many as before
    return pool


def work_ahead(work: Callable[[Item], Result], items: Iterable[Item], threads: int, ahead: int) -> Iterator[Result]:
    """Do the work for each item in several threads, while the caller uses the results before.

    Args:
        work: function of one item. Several calls may run at the same time.
        items: what to work on. They are taken one by one, not all at first.
        threads: number of threads.
        ahead: number of items that are worked on before the caller asks for their results.

    Yields:
        The results, in the order of the items.

    Raises:
        Exception: what ``work`` raised, in place of that result. The items behind it are given up.

    Example:
        >>> list(work_ahead(len, ["a", "bcd", "ef"], threads=2, ahead=2))
        [1, 3, 2]
    """
    begun: deque[Future[Result]] = deque()
    with _pool_of_single_threads(threads, "reader") as pool:
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) > ahead:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()

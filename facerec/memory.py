"""Memory that tensors free stays with the process: the next step needs as much again."""

import ctypes
import os
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from glibc's malloc.h
LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have the C library keep large blocks that are freed, instead of returning each to the system at once.

    Returned, a block is asked for again in the next step, and the system gives it page by page, each filled with zeros
    first: 4 to 12 % of a training step on a CPU (``benchmarks/memory.py``). Kept, the process holds what it needed at
    its peak, and some gaps. As the whole process is set, it is for programs to call, not for libraries.

    Returns:
        Whether it is so now; not where the C library is another one than glibc, or the user has set it by the
        environment (``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TRIM_THRESHOLD_``, ``GLIBC_TUNABLES``).
    """
    by_user = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"} & os.environ.keys()
    if by_user or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(parameter, LARGEST) for parameter in (MMAP_THRESHOLD, TRIM_THRESHOLD))

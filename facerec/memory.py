"""Keeps the memory that tensors free in the process: the next step needs as much again."""

import ctypes
import os
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from glibc's malloc.h
LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Make the C library keep large freed blocks, instead of returning each to the system at once.

    The next step asks for a returned block again. The system then gives it page by page and fills each with zeros: 4 to
    12 % of a training step on a CPU (``benchmarks/memory.py``). With kept blocks, the process holds what it needed at
    its peak, and some gaps. The setting is one of the whole process, so programs should call this, not libraries.

    Returns:
        Whether blocks are kept now. They are not with another C library than glibc, or if the user has set the
        environment (``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TRIM_THRESHOLD_``, ``GLIBC_TUNABLES``).

    Example:
        >>> from facerec.memory import keep_freed_memory
        >>> if __name__ == "__main__":  # at the start of a program of your own
        ...     keep_freed_memory()
    """
    by_user = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"} & os.environ.keys()
    if by_user or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(parameter, LARGEST) for parameter in (MMAP_THRESHOLD, TRIM_THRESHOLD))

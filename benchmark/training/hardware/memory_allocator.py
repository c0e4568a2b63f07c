"""The C library's allocator, told to keep freed memory for the next training step.

A step on the CPU frees and asks for the same hundreds of megabytes again. glibc maps every large block anew
and gives it back at once, and the kernel fills each page with zeros: a sixth of a training step and almost
half of an evaluation were that.
"""

from __future__ import annotations

import ctypes

#: Parameters of glibc's mallopt (malloc.h): from which size blocks are mapped apart, and how much free memory
#: at the end of the heap goes back.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
#: Older versions map blocks over half a heap apart whatever they are told, and take no larger threshold.
SIZES = (2**30, 2**25)


def keep_freed_memory() -> bool:
    """Keep up to all memory that is freed, until the process ends; False where the C library is another."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    mapped = any(mallopt(MMAP_THRESHOLD, size) for size in SIZES)
    return bool(mallopt(TRIM_THRESHOLD, 2**31 - 1)) and mapped

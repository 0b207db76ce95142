"""Keeps freed memory for the next block of rows.

A block is worked on in pieces of some hundred KB, which are freed and needed again at once. glibc returns memory that a
thread has freed to the kernel, which clears each page before it gives it back: up to a third of the CPU time of a sync.
Other allocators (macOS, musl) have no such setting, and work as they do.

Large blocks stay out of what is kept, where they would leave holes of their size. By itself glibc does that only until
the first large block is freed.
"""

from __future__ import annotations

import ctypes

# As `malloc.h` of glibc numbers them (mallopt(3)).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8

# More than a block takes at a time; and the size from which a piece, of rare long cells, goes back at once.
_KEPT_BYTES, _LARGE_BYTES = 8 << 20, 4 << 20


def keep_freed_memory() -> None:
    """Let the allocator keep up to 8 MB of freed memory, in one place for all threads; call it before threads start."""
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, or a Python that is linked statically
        return
    set_option(_TRIM_THRESHOLD, _KEPT_BYTES)
    set_option(_MMAP_THRESHOLD, _LARGE_BYTES)
    # With a place for each thread, every thread would keep that much.
    set_option(_ARENA_MAX, 1)

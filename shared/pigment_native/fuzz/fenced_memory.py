"""Memory between two pages that nobody may touch: a byte read or written outside ends the process, always and at once.

Needs no sanitizer and no compiler. A run for the fence behind and one for the fence before find every access outside,
because what is fenced begins or ends exactly where the forbidden page does.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

_NOTHING = 0  # PROT_NONE of <sys/mman.h>, which `mmap` does not name


class Fence(Enum):
    """Which side of the memory is exactly at a fence; on the other, a page is not filled."""

    BEFORE = "before"
    BEHIND = "behind"


class FencedMemory:
    """So many bytes at an address; `array` is the same memory, for whoever takes a buffer."""

    def __init__(self, address: int, size: int) -> None:
        self.address = address
        self.size = size
        self.array = (ctypes.c_char * size).from_address(address)

    @property
    def end(self) -> int:
        return self.address + self.size

    def content(self) -> bytes:
        return ctypes.string_at(self.address, self.size)


@contextmanager
def fenced_input(content: bytes, fence: Fence = Fence.BEHIND) -> Iterator[FencedMemory]:
    """Bytes that can be read and not written."""
    with _fenced(len(content), fence, content) as memory:
        yield memory


@contextmanager
def fenced_output(size: int, fence: Fence = Fence.BEHIND) -> Iterator[FencedMemory]:
    """Room that can be read and written."""
    with _fenced(size, fence, None) as memory:
        yield memory


@contextmanager
def _fenced(size: int, fence: Fence, content: bytes | None) -> Iterator[FencedMemory]:
    page = mmap.PAGESIZE
    inside = -(-size // page) * page
    pages = mmap.mmap(-1, inside + 2 * page)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    address = begin + page + (inside - size if fence is Fence.BEHIND else 0)
    if content is not None:
        ctypes.memmove(address, content, size)
        _protect(begin + page, inside, mmap.PROT_READ)
    _protect(begin, page, _NOTHING)
    _protect(begin + page + inside, page, _NOTHING)
    try:
        yield FencedMemory(address, size)
    finally:
        _protect(begin, inside + 2 * page, mmap.PROT_READ | mmap.PROT_WRITE)
        pages.close()


def _protect(address: int, size: int, protection: int) -> None:
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    if size and protect(ctypes.c_void_p(address), ctypes.c_size_t(size), protection) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")

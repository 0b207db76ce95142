"""Memory between two forbidden pages: a byte read or written outside ends the process, always and at once.

Needs no sanitizer and no compiler. A run with the fence after the memory and one with the fence before it find every
access outside, because the memory begins or ends exactly where the forbidden page does.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum

_NOTHING = 0  # PROT_NONE of <sys/mman.h>, which `mmap` does not name


class Fence(Enum):
    """Which side of the memory is exactly at a fence; on the other, a page is not filled."""

    BEFORE = "before"
    AFTER = "after"


class FencedMemory:
    """Some bytes at an address; `array` is the same memory as a buffer."""

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
def fenced_input(content: bytes, fence: Fence = Fence.AFTER) -> Iterator[FencedMemory]:
    """Bytes that can be read and not written."""
    with _fenced(len(content), fence, content) as memory:
        yield memory


@contextmanager
def fenced_output(size: int, fence: Fence = Fence.AFTER) -> Iterator[FencedMemory]:
    """Room that can be read and written."""
    with _fenced(size, fence, None) as memory:
        yield memory


@contextmanager
def _fenced(size: int, fence: Fence, content: bytes | None) -> Iterator[FencedMemory]:
    page = mmap.PAGESIZE
    inside = -(-size // page) * page
    pages = mmap.mmap(-1, inside + 2 * page)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    address = begin + page + (inside - size if fence is Fence.AFTER else 0)
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


class Arena:
    """Reusable memory between fences, because a new one for every call would cost more than the call.

    What is asked for ends, or begins, exactly at a fence.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = -(-most_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        # The memory is there as long as the stack is.
        self._open = ExitStack()
        self._memory = self._open.enter_context(fenced_output(self.most_bytes))

    def room(self, size: int, fence: Fence) -> int:
        """The address of `size` bytes, which contain what was there before."""
        if size > self.most_bytes:
            raise MemoryError
        return self._memory.address if fence is Fence.BEFORE else self._memory.end - size

    def zeros(self, size: int, fence: Fence) -> int:
        """The address of `size` bytes that are zero."""
        address = self.room(size, fence)
        ctypes.memset(address, 0, size)
        return address

    def put(self, content: bytes, fence: Fence) -> int:
        """The address of a copy of the content."""
        address = self.room(len(content), fence)
        ctypes.memmove(address, content, len(content))
        return address

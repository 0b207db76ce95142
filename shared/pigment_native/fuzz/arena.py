"""Memory between fences that is used again and again: a new one for every call would cost more than the call."""

from __future__ import annotations

import ctypes
import mmap
from contextlib import ExitStack

from pigment_native.fuzz.fenced_memory import Fence, fenced_output


class Arena:
    """Room up to a size; what is asked for ends, or begins, exactly at a fence."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = -(-most_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        # The memory is there as long as the stack is.
        self._open = ExitStack()
        self._memory = self._open.enter_context(fenced_output(self.most_bytes))

    def room(self, size: int, fence: Fence) -> int:
        """The address of so many bytes, which hold whatever was there before."""
        if size > self.most_bytes:
            raise MemoryError
        return self._memory.address if fence is Fence.BEFORE else self._memory.end - size

    def zeros(self, size: int, fence: Fence) -> int:
        """The address of so many bytes that are zero."""
        address = self.room(size, fence)
        ctypes.memset(address, 0, size)
        return address

    def put(self, content: bytes, fence: Fence) -> int:
        """The address of a copy of the content."""
        address = self.room(len(content), fence)
        ctypes.memmove(address, content, len(content))
        return address

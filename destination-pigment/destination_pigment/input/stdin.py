"""Standard input as blocks of whole lines, with a pulse: what is due is done even while no input comes."""

from __future__ import annotations

import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from destination_pigment.input.cancel import Cancel

_READ_BYTES = 1 << 19

# Linux: the capacity of a pipe; the more comes at a time, the less each row costs.
_SET_PIPE_SIZE = 1031
_PIPE_BYTES = 1 << 20


class Blocks(Protocol):
    """Blocks of whole lines; nothing (b"") where some time went by. `rest` is what came after the last line end."""

    rest: bytes

    def __iter__(self) -> Iterator[bytes]: ...


class StdinBlocks:
    """Reads a file descriptor until it ends or the platform cancels; iterate over it once.

    Yields whole lines, or b"" when some time has passed without any. `rest` is what came after the last line end, once
    the input has ended.
    """

    def __init__(self, descriptor: int, cancel: Cancel, *, pulse_seconds: float = 0.5) -> None:
        self._descriptor = descriptor
        self._cancel = cancel
        self._pulse_seconds = pulse_seconds
        self.rest = b""

    def __iter__(self) -> Iterator[bytes]:
        with suppress(OSError):
            fcntl.fcntl(self._descriptor, _SET_PIPE_SIZE, _PIPE_BYTES)
        pending: list[bytes] = []
        while not self._cancel.requested:
            if not select.select([self._descriptor], [], [], self._pulse_seconds)[0]:
                yield b""
                continue
            chunk = os.read(self._descriptor, _READ_BYTES)
            if not chunk:
                self.rest = b"".join(pending)
                return
            lines_end = chunk.rfind(b"\n") + 1
            if lines_end:
                yield b"".join((*pending, memoryview(chunk)[:lines_end]))  # a slice of bytes would be a copy more
                pending = []
            if lines_end < len(chunk):
                pending.append(chunk[lines_end:])

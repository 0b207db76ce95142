"""Standard input as blocks of whole lines, with a pulse: what is due gets done even while nothing comes."""

from __future__ import annotations

import fcntl
import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from types import FrameType, TracebackType
from typing import Any, Self

_READ_BYTES = 1 << 19

# Linux: how much a pipe may hold; the more comes at a time, the less each row costs.
_SET_PIPE_SIZE = 1031
_PIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines."""

    block: bytes


@dataclass(frozen=True, slots=True)
class Pulse:
    """Some time went by."""


@dataclass(frozen=True, slots=True)
class Terminated:
    """SIGTERM came."""


class Termination:
    """SIGTERM while a context lasts: as an event for threads, and as a descriptor for `select`.

    It lasts beyond the end of the input: the platform cancels by closing standard input, and then sends the signal.
    """

    def __init__(self) -> None:
        self.event = Event()
        self._before: Any = None

    def __enter__(self) -> Self:
        self.waker, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._before = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._before)
        os.close(self.waker)
        os.close(self._wake)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.event.set()
        with suppress(BlockingIOError):
            os.write(self._wake, b"!")


class Inputs:
    """Reads a file descriptor until it ends or SIGTERM comes; iterate over it once, in the main thread."""

    def __init__(self, descriptor: int, termination: Termination, *, pulse_seconds: float = 1.0) -> None:
        self._descriptor = descriptor
        self._termination = termination
        self._pulse_seconds = pulse_seconds

    def __iter__(self) -> Iterator[Lines | Pulse | Terminated]:
        with suppress(OSError):
            fcntl.fcntl(self._descriptor, _SET_PIPE_SIZE, _PIPE_BYTES)
        pending: list[bytes] = []
        while True:
            ready: list[Any] = select.select([self._descriptor, self._termination.waker], [], [], self._pulse_seconds)[
                0
            ]
            if self._termination.event.is_set():
                yield Terminated()
                return
            if self._descriptor not in ready:
                yield Pulse()
                continue
            chunk = os.read(self._descriptor, _READ_BYTES)
            if not chunk:
                break
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield Lines(b"".join((*pending, chunk[:cut])))
                pending = []
            if cut < len(chunk):
                pending.append(chunk[cut:])
        if pending:
            yield Lines(b"".join(pending))

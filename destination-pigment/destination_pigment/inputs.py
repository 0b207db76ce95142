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
from types import FrameType
from typing import Any

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


class Inputs:
    """Reads a file descriptor until it ends or SIGTERM comes; iterate over it once, in the main thread."""

    def __init__(self, descriptor: int, stop: Event, *, pulse_seconds: float = 1.0) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._pulse_seconds = pulse_seconds

    def __iter__(self) -> Iterator[Lines | Pulse | Terminated]:
        with suppress(OSError):
            fcntl.fcntl(self._descriptor, _SET_PIPE_SIZE, _PIPE_BYTES)
        waker, wake = os.pipe()
        os.set_blocking(wake, False)

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self._stop.set()
            os.write(wake, b"!")

        before = signal.signal(signal.SIGTERM, on_signal)
        try:
            yield from self._read(waker)
        finally:
            signal.signal(signal.SIGTERM, before)
            os.close(waker)
            os.close(wake)

    def _read(self, waker: int) -> Iterator[Lines | Pulse | Terminated]:
        pending: list[bytes] = []
        while True:
            ready: list[Any] = select.select([self._descriptor, waker], [], [], self._pulse_seconds)[0]
            if self._stop.is_set():
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

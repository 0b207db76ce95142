"""Cancellation by the platform: the one event that stops everything.

A platform that cancels closes standard input and the reading end of our standard output, and its SIGTERM may never
arrive (Airbyte's container orchestrator, November 2026); other runners send the signal and keep the pipes. So we watch
both: a signal is remembered, and `poll` on standard output shows whether it still has a reader.
"""

from __future__ import annotations

import select
import signal
import time
from dataclasses import dataclass
from threading import Event
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_NO_READER = select.POLLERR | select.POLLHUP | select.POLLNVAL
_POLL_SECONDS = 0.5


class Cancelled(Exception):
    """The platform cancelled while a request waited for its turn; the request was not sent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait when only time can answer.

    After a failure the platform waits 60 s before it closes our output (GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS), so if our
    output is still read after 90 s, the source has succeeded. A replacement whose response was lost restarts a little
    later, because what lost the response may not be over.
    """

    still_wanted_seconds: float = 90.0
    restart_seconds: float = 10.0


class Cancel:
    """Whether the platform has cancelled; shared by all threads. As a context manager it catches the signals.

    The context must be entered in the main thread.
    """

    def __init__(self, output: int | None = None) -> None:
        # Mutable state: the event, the signal that set it (SIGPIPE where standard output has no reader), and a signal
        # that came and has not set it yet.
        self._event = Event()
        self._came: signal.Signals | None = None
        self._signal = signal.SIGTERM
        self._before: dict[int, Any] = {}
        self._output = output

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        """Whether the platform has cancelled."""
        if self._came is not None:
            self.request(self._came)
        elif not self._event.is_set() and self._output is not None and _has_no_reader(self._output):
            self.request(signal.SIGPIPE)
        return self._event.is_set()

    @property
    def exit_code(self) -> int:
        """The exit code of a process that ends for this reason, by the convention of the shell."""
        return 128 + self._signal

    def request(self, number: signal.Signals = signal.SIGTERM) -> None:
        if not self._event.is_set():
            self._signal = number
            self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait this long, or until the platform cancels; True if it does."""
        until = time.monotonic() + seconds
        while not self.requested:
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._event.wait(min(left, _POLL_SECONDS))
        return True

    def wait_waking_on_cancel(self, seconds: float) -> None:
        """Wait this long, or until the platform cancels: then the running import must be polled at once.

        Once the platform has cancelled, it waits the whole time.
        """
        if self.requested:
            time.sleep(seconds)
        else:
            self.wait(seconds)

    def wait_or_raise(self, seconds: float) -> None:
        """Wait before a request; raises `Cancelled` once the platform cancels."""
        if self.wait(seconds):
            raise Cancelled

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        # Nothing that takes a lock: the thread that is interrupted here may hold the one of the event.
        self._came = signal.Signals(number)


def _has_no_reader(descriptor: int) -> bool:
    # A new poll object each time: threads cannot share one.
    watched = select.poll()
    watched.register(descriptor, 0)
    return any(events & _NO_READER for _, events in watched.poll(0))

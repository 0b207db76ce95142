"""The one signal by which everything stops: the platform cancels.

A platform that cancels closes standard input and the reading end of our standard output, and its SIGTERM may never
arrive (Airbyte's container orchestrator, November 2026); other runners send the signal and keep the pipes. So both are
looked at: a signal is remembered, and `poll` on standard output says whether anybody still reads.
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
_NOBODY_READS = select.POLLERR | select.POLLHUP | select.POLLNVAL
_LOOK_EVERY_SECONDS = 0.5


class Cancelled(Exception):
    """The platform cancels while something waits for its turn; it was not sent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait where only time can tell.

    After a failure the platform gives 60 s before it closes our output (GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS), so whoever
    is wanted after 90 s belongs to a source that succeeded. A replacement whose answer was lost restarts a little
    later, because what lost the response may not be over.
    """

    still_wanted_seconds: float = 90.0
    restart_seconds: float = 10.0


class Cancel:
    """Whether the platform cancels; shared by all threads. A context catches the signals, in the main thread."""

    def __init__(self, output: int | None = None) -> None:
        # Mutable state: the event, and the signal that set it (SIGPIPE where nobody reads).
        self._event = Event()
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
        if not self._event.is_set() and self._output is not None and _nobody_reads(self._output):
            self.request(signal.SIGPIPE)
        return self._event.is_set()

    @property
    def exit_code(self) -> int:
        """What a process that ends for this reason answers, by custom of the shell."""
        return 128 + self._signal

    def request(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Cancel."""
        if not self._event.is_set():
            self._signal = number
            self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the platform cancels; whether it does."""
        until = time.monotonic() + seconds
        while not self.requested:
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._event.wait(min(left, _LOOK_EVERY_SECONDS))
        return True

    def wait_unless_cancelled(self, seconds: float) -> None:
        """Sleep, but wake when the platform cancels: the import that runs must be asked about at once."""
        if self.requested:
            time.sleep(seconds)
        else:
            self.wait(seconds)

    def wait_or_raise(self, seconds: float) -> None:
        """Sleep for a request that waits for its turn; raises `Cancelled`."""
        if self.wait(seconds):
            raise Cancelled

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.request(signal.Signals(number))


def _nobody_reads(descriptor: int) -> bool:
    # A poll object of its own for each look: one cannot be shared by threads.
    looked_at = select.poll()
    looked_at.register(descriptor, 0)
    return any(seen & _NOBODY_READS for _, seen in looked_at.poll(0))

"""The platform's side of one destination: lines in, messages out, and how the sync ends.

How a sync ends was read in the platform's container orchestrator (November 2026). After a success it closes stdin and
waits as long as the destination needs. After a failure of the source it closes stdin, waits 60 s
(`GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS`; older versions 0 s), closes the reading ends of stdout and stderr and has the
process terminated. On a cancel it closes all three at once; its wrapper kills its own shell, so SIGTERM may never reach
the connector before the pod's SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from dataclasses import dataclass
from threading import Thread
from typing import assert_never

from airbyte_platform.process import ConnectorProcess, Message, Run, as_lines, as_run

GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The source succeeded: stdin is closed, and the platform waits without a limit."""


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """The source failed: stdin is closed, then after the grace the reading ends, then the process is terminated."""

    grace_seconds: float = GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS
    signal: int | None = signal.SIGTERM
    kill_after_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A user cancelled: stdin and the reading ends are closed at once; usually the only signal is the final SIGKILL."""

    signal: int | None = None
    kill_after_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Killed:
    """The machine went away: nothing is closed in order, SIGKILL comes."""


Ending = Succeeded | SourceFailed | Cancelled | Killed


_READ_BYTES = 1 << 16
_WAIT_SECONDS = 0.02


class Delivery:
    """Feeds a destination that was started, collects what it prints, and ends it as the platform would."""

    def __init__(self, process: ConnectorProcess) -> None:
        self._process = process
        self._output = Output(process.stdout, process.stderr)
        self._open = True

    @property
    def process(self) -> ConnectorProcess:
        return self._process

    @property
    def printed(self) -> bytes:
        """What came on its standard output so far."""
        return bytes(self._output.stdout)

    def send(self, *lines: bytes) -> bool:
        """Write lines to its stdin; False when it does not read any more."""
        try:
            for line in lines:
                view = memoryview(line)
                while view:
                    view = view[os.write(self._process.stdin, view) :]
        except BrokenPipeError:
            return False
        return True

    def send_messages(self, *messages: Message) -> bool:
        """Write messages to its stdin."""
        return self.send(as_lines(messages))

    def finish_input(self) -> None:
        """Close stdin, as every ending in good order begins."""
        if self._open:
            self._open = False
            os.close(self._process.stdin)

    def end(self, ending: Ending, *, timeout_seconds: float = 240) -> Run:
        """End the sync in one of the platform's ways; returns what was printed until the platform stopped reading."""
        match ending:
            case Succeeded():
                self.finish_input()
            case SourceFailed():
                self.finish_input()
                if not self._ends_within(ending.grace_seconds):
                    self._stop_reading(ending.signal, ending.kill_after_seconds)
            case Cancelled():
                self.finish_input()
                self._stop_reading(ending.signal, ending.kill_after_seconds)
            case Killed():
                self._process.send_signal(signal.SIGKILL)
            case _:
                assert_never(ending)
        if not self._output.ends_within(timeout_seconds):
            self._process.send_signal(signal.SIGKILL)
            self._output.ends_within(10)
            raise TimeoutError("the destination did not end")
        code = self._process.wait()
        self.finish_input()
        return self._output.as_run(code)

    def _ends_within(self, seconds: float) -> bool:
        return self._output.ends_within(seconds)

    def _stop_reading(self, number: int | None, kill_after_seconds: float) -> None:
        self._output.close()
        if number is not None:
            self._process.send_signal(number)
        deadline = time.monotonic() + kill_after_seconds
        while not self._process.has_ended() and time.monotonic() < deadline:
            time.sleep(_WAIT_SECONDS)
        if not self._process.has_ended():
            self._process.send_signal(signal.SIGKILL)


class Output:
    """Reads both outputs of a process in a thread, and can stop reading: then the process meets a broken pipe.

    A descriptor that another thread reads would stay open for the process; so the thread itself closes them.
    """

    def __init__(self, stdout: int, stderr: int) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self._woken, self._wake = os.pipe()
        self._thread = Thread(target=self._read, args=({stdout: self.stdout, stderr: self.stderr},), daemon=True)
        self._thread.start()

    def ends_within(self, seconds: float) -> bool:
        """Whether both outputs are over within the time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Stop reading now."""
        with contextlib.suppress(BrokenPipeError):  # the process has already closed both
            os.write(self._wake, b".")
        self._thread.join()

    def as_run(self, code: int) -> Run:
        """What was printed; after a kill only whole lines count."""
        os.close(self._wake)
        whole = bytes(self.stdout) if code >= 0 else bytes(self.stdout[: self.stdout.rfind(b"\n") + 1])
        return as_run(code, whole, bytes(self.stderr))

    def _read(self, outputs: dict[int, bytearray]) -> None:
        left = dict(outputs)
        with selectors.PollSelector() as readable:
            for each in (*left, self._woken):
                readable.register(each, selectors.EVENT_READ)
            try:
                while left:
                    ready = [key.fd for key, _ in readable.select()]
                    if self._woken in ready:
                        return
                    for descriptor in ready:
                        piece = os.read(descriptor, _READ_BYTES)
                        if not piece:
                            readable.unregister(descriptor)
                            os.close(descriptor)
                            del left[descriptor]
                        outputs[descriptor].extend(piece)
            finally:
                for descriptor in left:
                    os.close(descriptor)
                os.close(self._woken)

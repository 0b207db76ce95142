"""What may go wrong in front of a bucket: queued, used up when a request meets it, accounted for at the end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer with this status and code; nothing is written."""

    status: int
    code: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class ResetBeforeResponse:
    """Break the connection, with the object written or not."""

    written: bool


@dataclass(frozen=True, slots=True)
class Late:
    """Answer after so many seconds."""

    seconds: float


Fault = Respond | ResetBeforeResponse | Late

SLOW_DOWN = Respond(503, "SlowDown")
FULL = Respond(507, "XMinioStorageFull")
FORBIDDEN = Respond(403, "AccessDenied")


class Faults:
    """Faults for requests that write; `always` is met by whatever comes once the queue is empty."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queue: deque[Fault | None] = deque()
        self.always: Fault | None = None

    def queue(self, *faults: Fault | None) -> None:
        """The next writes meet these, one each; None lets one pass."""
        with self._lock:
            self._queue.extend(faults)

    def next(self) -> Fault | None:
        """The fault of the next write."""
        with self._lock:
            return self._queue.popleft() if self._queue else self.always

    @property
    def unmet(self) -> list[Fault]:
        """What was queued and not met."""
        with self._lock:
            return [each for each in self._queue if each is not None]

"""Faults as data: queued for an operation, consumed by the request that meets them, and counted at the end."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock


@dataclass(frozen=True, slots=True)
class RespondStatus:
    """Respond with this status; the operation is not carried out."""

    status: int
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class RespondGarbage:
    """Carry the operation out and respond with something that is not JSON."""


@dataclass(frozen=True, slots=True)
class RespondWith:
    """Respond with this body and content type, whatever was asked for; the operation is not carried out."""

    body: str
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True)
class ResetBeforeBody:
    """Break the connection before the body of the request is read."""


@dataclass(frozen=True, slots=True)
class ResetBeforeResponse:
    """Read the request, carry the operation out or not, and break the connection."""

    carried_out: bool


@dataclass(frozen=True, slots=True)
class Late:
    """Carry the operation out and respond when the event is set, or after the seconds."""

    seconds: float = 0.0
    until: Event | None = None


@dataclass(frozen=True, slots=True)
class CutAfter:
    """End an export after `body_bytes`.

    Over HTTP/2 the stream is reset, over HTTP/1.1 the connection is closed; `silent` ends the response as if it were
    whole, which is what HTTP/1.1 cannot tell apart.
    """

    body_bytes: int
    silent: bool = False


@dataclass(frozen=True, slots=True)
class StallAfter:
    """Stop an export after `body_bytes` until the event is set, or for the seconds."""

    body_bytes: int
    seconds: float = 5.0
    until: Event | None = None


@dataclass(frozen=True, slots=True)
class EndWithTrailer:
    """Send the whole export, then a trailer with an error."""

    name: str = "grpc-status"
    value: str = "13"


@dataclass(frozen=True, slots=True)
class FailImport:
    """Accept the file and end the import as Failed without loading anything, with or without the error's name."""

    named: bool = True


@dataclass(frozen=True, slots=True)
class HoldImport:
    """Accept the file, load it, and keep its status InProgress."""


@dataclass(frozen=True, slots=True)
class Misreport:
    """Accept the file and load it, but report another outcome.

    `counts` are given in the report's own words (`insertedCount`, …), `status` is another status word, `first_row`
    the number that the first data row has where rows are numbered, and without `detailed` there is no report.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    status: str | None = None
    first_row: int = 1
    detailed: bool = True


Fault = (
    RespondStatus
    | RespondGarbage
    | RespondWith
    | ResetBeforeBody
    | ResetBeforeResponse
    | Late
    | CutAfter
    | StallAfter
    | EndWithTrailer
    | FailImport
    | HoldImport
    | Misreport
)

KINDS: dict[str, type[Fault]] = {
    kind.__name__: kind
    for kind in (
        RespondStatus,
        RespondGarbage,
        RespondWith,
        ResetBeforeBody,
        ResetBeforeResponse,
        Late,
        CutAfter,
        StallAfter,
        EndWithTrailer,
        FailImport,
        HoldImport,
        Misreport,
    )
}


@dataclass(slots=True)
class Faults:
    """The queues, one for each operation."""

    _lock: Lock = field(default_factory=Lock)
    _queued: dict[str, deque[Fault | None]] = field(default_factory=lambda: defaultdict(deque))

    def queue(self, operation: str, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Let the next requests of an operation meet the fault, after `after` requests that succeed."""
        with self._lock:
            self._queued[operation].extend([None] * after + [fault] * times)

    def meet(self, operation: str) -> Fault | None:
        """What the request that came now meets."""
        with self._lock:
            queued = self._queued[operation]
            return queued.popleft() if queued else None

    def never_met(self) -> dict[str, list[str]]:
        """The faults that nothing met, by operation."""
        with self._lock:
            return {
                operation: [type(fault).__name__ for fault in queued if fault is not None]
                for operation, queued in self._queued.items()
                if any(fault is not None for fault in queued)
            }

    def forget(self) -> None:
        """Drop what is queued, for schedules that are random on purpose."""
        with self._lock:
            self._queued.clear()

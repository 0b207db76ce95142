"""What a sync reads: a stream whose slices are first fetched whole, in any thread, and then become records, in one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any, Protocol, TypeVar

from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import RecordBlock


class Fetched(Protocol):
    """A slice that is whole and wherever the stream keeps it, until it is closed; as a text, for the log."""

    @property
    def rows(self) -> int:
        """How many records it becomes."""

    @property
    def content_bytes(self) -> int:
        """How much came."""

    def close(self) -> None:
        """Give its place back."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a stream once the records before it are stored."""

    state: Mapping[str, Any]


F = TypeVar("F", bound=Fetched)


class SyncStream(Protocol[F]):
    """One stream of a sync; `slices` says what each of its parts is of."""

    name: StreamName
    subject: str
    progress: Progress

    @property
    def slices(self) -> tuple[Payload, ...]:
        """What is fetched by itself, one at least."""

    def download(self, position: int, stop: Event) -> F:
        """A slice, whole; may raise early once `stop` is set."""

    def records(self, finished: F) -> Iterator[RecordBlock | Checkpoint]:
        """The records of a slice, which is closed behind them."""

    def state(self, finished: Collection[int], sync: str | None) -> Mapping[str, Any]:
        """The state of the stream when these slices were sent, in the sync of this identity."""


AnyStream = SyncStream[Any]

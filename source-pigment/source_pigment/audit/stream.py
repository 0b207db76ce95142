"""The audit log as a stream: collected to the end of its listing, then sent oldest first, each event once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from collections.abc import Collection as Positions
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from threading import Event
from typing import Any

from airbyte_cdk.models import AirbyteStream, SyncMode

from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.quantities import counted
from source_pigment.audit.collection import Collection, earliest
from source_pigment.audit.events import CURSOR_FIELD, PROPERTIES, STREAM
from source_pigment.audit.moments import Micros
from source_pigment.audit.store import EventStore
from source_pigment.audit.window import StateUnreadable, Window
from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.reading.json_records import JsonRecords
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import RecordBlock, RecordTooLong
from source_pigment.reading.stream import Checkpoint

logger = logging.getLogger("airbyte.pigment.source")

# A sync that breaks off sends no more than these once more; each state may hold megabytes.
_EVENTS_BETWEEN_STATES = 20_000


@dataclass(frozen=True, slots=True)
class CollectedEvents:
    """The events of a range that were not sent yet, on disk until they are closed.

    `read_at` is when they were asked for; None where nobody asked, because the state is of the future.
    """

    store: EventStore
    read_at: Micros | None

    @property
    def rows(self) -> int:
        """How many records they become."""
        return self.store.rows

    @property
    def content_bytes(self) -> int:
        """How long they are."""
        return self.store.content_bytes

    def __str__(self) -> str:
        return counted(self.rows, "new event")

    def close(self) -> None:
        """Give the place on the disk back."""
        self.store.close()


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """How the configured stream wants its records; `given` is its state, which a full refresh does not look at."""

    json_schema: Mapping[str, Any]
    given: Mapping[str, Any] | None
    is_incremental: bool
    now: Callable[[], float] = time.time


class AuditStream:
    """Reads the audit log: what was not sent yet, or all that Pigment keeps. Raises `ConfigProblem` for its state."""

    slices: tuple[Payload, ...] = ({},)

    def __init__(self, client: PigmentClient, options: AuditOptions) -> None:
        self._client = client
        self._now = options.now
        self._is_incremental = options.is_incremental
        self.name = StreamName(STREAM)
        self.subject = "audit log"
        self.progress = Progress(self.name)
        self._records = JsonRecords(self.name, options.json_schema)
        # All mutable state: the state to leave at the end, and what was sent.
        self._state: Mapping[str, Any] = dict(options.given or {}) if options.is_incremental else {}
        self._window = _window(self._state, self._micros())

    def download(self, position: int, stop: Event) -> CollectedEvents:  # noqa: ARG002 - there is one slice
        """Every event of the range that was not sent yet."""
        now = self._micros()
        is_future = self._window.since > now
        store = EventStore()
        try:
            if is_future:
                _say_future()
            else:
                Collection(self._window, store, self._records).run(self._client, stop, now)
            store.finish()
        except BaseException:
            store.close()
            raise
        return CollectedEvents(store, None if is_future else now)

    def records(self, finished: CollectedEvents) -> Iterator[RecordBlock | Checkpoint]:
        """The events, oldest first, and now and then the state behind them."""
        emitted_at = self._micros() // 1000
        count = 0
        with closing(finished), closing(self._sent(finished)) as events:
            for _ in range(0, finished.rows, _EVENTS_BETWEEN_STATES):
                for block in self._blocks(islice(events, _EVENTS_BETWEEN_STATES), emitted_at):
                    count += block.count
                    self.progress.add(block)
                    yield block
                if self._is_incremental and count < finished.rows:
                    yield Checkpoint(self._window.state())
        if count != finished.rows:
            raise AssertionError("an event was counted that did not become a record")
        if finished.read_at is not None:
            self._window.finish(finished.read_at)
            self._state = self._window.state()

    def state(self, finished: Positions[int], sync: str | None) -> Mapping[str, Any]:  # noqa: ARG002 - one slice, of no sync
        """Behind everything that was sent."""
        return self._state

    def _sent(self, finished: CollectedEvents) -> Generator[bytes, None, None]:
        now = self._micros() if finished.read_at is None else finished.read_at
        with closing(finished.store.events()) as events:
            for mark, ingested, data in events:
                self._window.add(ingested, mark, now)
                yield data

    def _blocks(self, data: Iterator[bytes], emitted_at: int) -> Iterator[RecordBlock]:
        try:
            yield from self._records.blocks(data, emitted_at)
        except RecordTooLong:
            raise ConfigProblem(
                "An event of the audit log is longer than the 20,000,000 characters that Airbyte takes in one message: "
                'deselect the columns "payload" and "additional_fields" in the connection.'
            ) from None

    def _micros(self) -> Micros:
        return int(self._now() * 1_000_000)


def _say_future() -> None:
    logger.warning(
        'The state of the stream "%s" is of the future, so there is nothing to read. Clear the stream if its state was '
        "changed by hand, or correct the clock of this machine.",
        STREAM,
    )


def audit_airbyte_stream() -> AirbyteStream:
    """The stream as the catalog has it."""
    return AirbyteStream(
        name=STREAM,
        json_schema={"type": "object", "properties": PROPERTIES, "additionalProperties": True},
        supported_sync_modes=[SyncMode.full_refresh, SyncMode.incremental],
        source_defined_cursor=True,
        default_cursor_field=[CURSOR_FIELD],
        source_defined_primary_key=[["id"]],
        # A full refresh begins anew: the platform then clears what a failed attempt left.
        is_resumable=False,
    )


def _window(state: Mapping[str, Any], now: Micros) -> Window:
    """What was sent by a state; all that Pigment keeps is to be read where it says nothing."""
    try:
        window = Window.of(state)
    except StateUnreadable:
        raise ConfigProblem(
            f'The state of the stream "{STREAM}" is none that this connector wrote: clear the stream, which reads all '
            "events again."
        ) from None
    return Window(earliest(now)) if window is None else window

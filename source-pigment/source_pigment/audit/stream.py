"""The audit log as a stream: collected to the end of its listing, then sent oldest first, each event once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import closing
from itertools import islice
from threading import Event
from typing import Any

from airbyte_cdk.models import AirbyteStream, SyncMode

from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from source_pigment.audit.listing import AuditListing, earliest
from source_pigment.audit.store import CURSOR_FIELD, PROPERTIES, EventStore
from source_pigment.audit.window import Micros, StateUnreadable, Window
from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.reading.records import JsonRecords, RecordBlock, RecordTooLong
from source_pigment.reading.scheduler import Checkpoint

logger = logging.getLogger("airbyte.pigment.source")

STREAM = "_pigment_audit_log"

# A sync that breaks off sends no more than this many again; each state may have megabytes.
_EVENTS_BETWEEN_STATES = 20_000


def audit_airbyte_stream() -> AirbyteStream:
    """The stream as the catalog contains it."""
    return AirbyteStream(
        name=STREAM,
        json_schema={"type": "object", "properties": PROPERTIES, "additionalProperties": True},
        supported_sync_modes=[SyncMode.full_refresh, SyncMode.incremental],
        source_defined_cursor=True,
        default_cursor_field=[CURSOR_FIELD],
        source_defined_primary_key=[["id"]],
        # A full refresh starts from the beginning: the platform then clears what a failed attempt left.
        is_resumable=False,
    )


class AuditStream:
    """Reads the audit log: what was not sent yet, or everything that Pigment keeps.

    `given` is the stream's state, which a full refresh ignores; raises `ConfigProblem` for one that is not ours.
    """

    slices: tuple[Payload, ...] = ({},)

    def __init__(
        self,
        client: PigmentClient,
        json_schema: Mapping[str, Any],
        given: Mapping[str, Any] | None,
        *,
        is_incremental: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._now = now
        self._is_incremental = is_incremental
        self.name = StreamName(STREAM)
        self.subject = "audit log"
        self._records = JsonRecords(self.name, json_schema)
        # All mutable state: the state to leave at the end, and what was sent.
        self._state: Mapping[str, Any] = dict(given or {}) if is_incremental else {}
        self._window = _window(self._state, self._micros())

    def download(self, slice_index: int, stop: Event) -> EventStore:  # noqa: ARG002 - there is one slice
        now = self._micros()
        is_future = self._window.since > now
        store = EventStore(self._records)
        try:
            if is_future:
                logger.warning(
                    'The state of the stream "%s" is in the future, so there is nothing to read. Clear the stream if '
                    "its state was changed by hand, or correct the clock of this machine.",
                    STREAM,
                )
            else:
                AuditListing(self._client, self._window, store, stop).collect(now)
            store.complete(None if is_future else now)
        except BaseException:
            store.close()
            raise
        return store

    def records(self, fetched: EventStore) -> Iterator[RecordBlock | Checkpoint]:
        """The events, oldest first, with a state after every 20,000."""
        emitted_at = self._micros() // 1000
        count = 0
        with closing(fetched), closing(self._send(fetched)) as events:
            for _ in range(0, fetched.rows, _EVENTS_BETWEEN_STATES):
                for block in self._blocks(islice(events, _EVENTS_BETWEEN_STATES), emitted_at):
                    count += block.count
                    yield block
                if self._is_incremental and count < fetched.rows:
                    yield Checkpoint(self._window.to_state())
        if count != fetched.rows:
            raise AssertionError("an event was counted that did not become a record")
        if fetched.read_at is not None:
            self._window.complete(fetched.read_at)
            self._state = self._window.to_state()

    def state(self, sent_slices: Collection[int], sync_identity: str | None) -> Mapping[str, Any]:  # noqa: ARG002 - one slice, of no sync
        return self._state

    def _send(self, fetched: EventStore) -> Generator[bytes, None, None]:
        """The record of each event, which the window then knows as sent."""
        now = self._micros() if fetched.read_at is None else fetched.read_at
        with closing(fetched.events()) as events:
            for mark, ingested, data in events:
                self._window.note_sent(ingested, mark, now)
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


def _window(state: Mapping[str, Any], now: Micros) -> Window:
    """What was sent according to a state; without one, everything that Pigment keeps is still to be sent."""
    try:
        window = Window.from_state(state)
    except StateUnreadable:
        raise ConfigProblem(
            f'The state of the stream "{STREAM}" was not written by this connector: clear the stream, which reads all '
            "events again."
        ) from None
    return Window(earliest(now)) if window is None else window

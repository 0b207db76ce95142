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
from pigment_client.errors import RequestRejected
from pigment_client.models import AuditEvent
from pigment_client.wording import counted
from source_pigment.audit.listing import AuditListing, not_understood
from source_pigment.audit.store import EventStore
from source_pigment.audit.window import (
    CURSOR_FIELD,
    MINUTE,
    PROPERTIES,
    STREAM,
    Micros,
    StateUnreadable,
    Window,
    fingerprint,
    id_of,
    identity_of,
    iso,
    minute_of,
    parse_moment,
    values_of,
)
from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import JsonRecords, RecordBlock, RecordTooLong
from source_pigment.reading.scheduler import Checkpoint

logger = logging.getLogger("airbyte.pigment.source")

_DAY: Micros = 24 * 60 * MINUTE

# Pigment keeps 180 days ("Calling the Audit Logs API"); what is at the edge could be gone before its page is asked for.
_REACH: Micros = 180 * _DAY - 60 * MINUTE

# Where Pigment rejects a range that begins so far back: the next ones to try.
_SHORTER_REACHES: tuple[Micros, ...] = (179 * _DAY, 90 * _DAY, 30 * _DAY)


def earliest(now: Micros) -> Micros:
    """The earliest beginning of a range that Pigment is asked for."""
    return minute_of(now - _REACH) + MINUTE


@dataclass(slots=True)
class Collection:
    """One range on its way; `unnamed` counts the events without an id."""

    window: Window
    store: EventStore
    records: JsonRecords
    unnamed: int = 0

    def run(self, client: PigmentClient, stop: Event, now: Micros) -> None:
        """Collect everything behind the window's beginning; raises what `AuditListing.collect` raises."""
        sent = self.window.fingerprints()
        listing = AuditListing(client, lambda event, number: self._take(event, number, sent), stop)
        for begin, is_last in self._beginnings(now):
            logger.info("The audit log is asked for events since %s.", iso(begin))
            try:
                listing.collect(begin)
            except RequestRejected as error:
                if is_last or error.status != 400 or listing.was_accepted:
                    raise
            else:
                self._say_lost(begin)
                break
        self._say_unnamed()
        self._say_repeated_ids()

    def _beginnings(self, now: Micros) -> Iterator[tuple[Micros, bool]]:
        """Where the range may begin, and whether there is no later one to try."""
        begin = max(self.window.since, earliest(now))
        later = [minute_of(now - reach) for reach in _SHORTER_REACHES if now - reach > begin + MINUTE]
        beginnings = [begin, *later]
        yield from ((each, each == beginnings[-1]) for each in beginnings)

    def _take(self, event: AuditEvent, listing: int, sent: set[bytes]) -> tuple[Micros, bool]:
        ingested = parse_moment(event.ingestion_timestamp)
        if ingested is None:
            # Without it, nobody can say at the next sync whether the event was sent.
            raise not_understood("when each event was ingested (ingestionTimestamp)")
        mark = fingerprint(identity_of(event))
        is_wanted = ingested >= self.window.since and mark not in sent
        data = self.records.data(values_of(event)) if is_wanted else None
        is_new = self.store.add((mark, fingerprint(id_of(event).encode())), ingested, data, listing)
        self.unnamed += is_new and is_wanted and event.id is None
        return ingested, is_new

    def _say_lost(self, begin: Micros) -> None:
        """Warn of what was never read and cannot be had any more."""
        known = self.window.known_until
        if known is not None and known < begin:
            logger.warning(
                "The events of the audit log from %s to %s are lost for good: Pigment keeps 180 days, and no sync has "
                "read them meanwhile. Sync this stream more often.",
                iso(known),
                iso(begin),
            )

    def _say_unnamed(self) -> None:
        if self.unnamed:
            logger.warning(
                "%s no ID under a name that is known: all that is said in it tells it from others, and two that are "
                "alike count as one. Run `make verify`, and report what differs.",
                counted(self.unnamed, "event of the audit log has", "events of the audit log have"),
            )

    def _say_repeated_ids(self) -> None:
        repeated = self.store.count_repeated_ids()
        if repeated:
            logger.warning(
                "%s an ID that another event has: all are sent, but a destination that removes duplicates by the ID "
                "keeps one of each. Choose a sync mode that only appends, and report this.",
                counted(repeated, "event of the audit log has", "events of the audit log have"),
            )


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

"""Brings a range of the audit log onto the disk: what of it was not sent yet, and what Pigment has no more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

from pigment_client.client import PigmentClient
from pigment_client.errors import RequestRejected
from pigment_client.models import AuditEvent
from pigment_client.quantities import counted
from source_pigment.audit.events import id_of, identity_of, values_of
from source_pigment.audit.listing import AuditListing, not_understood
from source_pigment.audit.moments import MINUTE, Micros, iso, minute_of, parse_moment
from source_pigment.audit.store import EventStore
from source_pigment.audit.window import Window, fingerprint
from source_pigment.reading.json_records import JsonRecords

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

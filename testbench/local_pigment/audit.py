"""The audit log: events as they become visible, and pages of them, newest first.

Sources: Pigment's knowledge base ("Calling the Audit Logs API") for the range, the page of at most 1,000 events, the
cursor and the 180 days; how a cursor works and when it expires is not described, so both ways can be had.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from local_pigment.exports import BadRequest

DAYS_BACK = timedelta(days=180)
LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that a user did; `ingested` is when Pigment recorded it, which may be before it is visible."""

    id: str
    type: str
    happened: datetime
    ingested: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditNames:
    """The names that the knowledge base does not show for certain; public notes have seen more than one.

    Seen: `eventId` or `id`, `eventType` or `type`; the answer's cursor as `nextEventsCursor` (in an account of
    Pigment's page) or, weaker, as `pagination.nextCursor` (in one repository), which on the last page is
    `absent_at_end` or null.
    """

    events: str = "events"
    id: str = "eventId"
    cursor: str = "cursor"
    type: str = "eventType"
    next_cursor: str = "nextEventsCursor"
    absent_at_end: bool = True

    def page(self, events: list[dict[str, Any]], next_cursor: str | None) -> dict[str, Any]:
        """A page of events under these names."""
        parent, _, name = self.next_cursor.rpartition(".")
        following = {} if next_cursor is None and self.absent_at_end else {name: next_cursor}
        return {self.events: events, **({parent: following} if parent else following)}


@dataclass(slots=True)
class AuditLog:
    """Events in the order in which they became visible, and how they are paged.

    A cursor is a place in the list of events that is kept however many come (`by_offset` false), or a number of
    events to skip, so that new ones push old ones onto the next page again. It expires after `cursor_seconds`.
    `rejects_older` answers 400 to a range that begins too far back, instead of beginning later.
    """

    events: list[AuditEvent] = field(default_factory=list)
    page_size: int = LARGEST_PAGE
    by_offset: bool = False
    cursor_seconds: float = inf
    rejects_older: bool = False
    before_page: Callable[[], None] = lambda: None

    def add(self, *events: AuditEvent) -> None:
        """Let events become visible."""
        self.events.extend(events)

    def page(self, query: Mapping[str, str], names: AuditNames, now: datetime, clock: float) -> dict[str, Any]:
        """One page; raises `BadRequest`."""
        self.before_page()
        since = _moment(query.get("ingestedSince"))
        if since < now - DAYS_BACK and self.rejects_older:
            raise BadRequest("ingestedSince is too far back")
        since = max(since, now - DAYS_BACK)
        found = [(each.ingested, at, each) for at, each in enumerate(self.events) if each.ingested >= since]
        found.sort(key=lambda place: place[:2], reverse=True)
        rest = self._after_cursor(query.get(names.cursor), found, clock)
        page, more = rest[: self.page_size], len(rest) > self.page_size
        if not more:
            cursor = None
        elif self.by_offset:
            cursor = _pack(clock, len(found) - len(rest) + self.page_size)
        else:
            cursor = _pack(clock, page[-1][1])
        return names.page([_wire(each, names) for *_, each in page], cursor)

    def _after_cursor(
        self, cursor: str | None, found: list[tuple[datetime, int, AuditEvent]], clock: float
    ) -> list[tuple[datetime, int, AuditEvent]]:
        if not cursor:
            return found
        made, place = _unpack(cursor)
        if clock - made > self.cursor_seconds:
            raise BadRequest("the cursor has expired")
        if self.by_offset:
            return found[place:]
        last = (self.events[place].ingested, place)
        return [each for each in found if each[:2] < last]


def iso(moment: datetime) -> str:
    """A moment as the log shows it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wire(event: AuditEvent, names: AuditNames) -> dict[str, Any]:
    return {
        names.id: event.id,
        names.type: event.type,
        "eventTimestamp": iso(event.happened),
        "ingestionTimestamp": iso(event.ingested),
        "payload": dict(event.payload),
        **event.others,
    }


def _moment(text: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise BadRequest("ingestedSince") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _pack(clock: float, place: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([clock, place]).encode()).decode()


def _unpack(cursor: str) -> tuple[float, int]:
    try:
        clock, place = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError:
        raise BadRequest("cursor") from None
    return float(clock), int(place)

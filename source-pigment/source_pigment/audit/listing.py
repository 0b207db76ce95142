"""Collects the events of a range, page by page, to the end of the listing.

Pages come newest first, and each names the next one by a cursor. New events arrive while pages are read: an event that
appears again on a later page is recognised by its mark, and one that is on no page is in the next sync's range. If a
cursor expires before the last page, the listing starts again and keeps what it has collected.

The names in this API are not certain (`pigment_client.audit_responses`). If a page that may not be the last one does
not say how to ask for the next one, or the same events come again, the rest could be lost: that is an error that says
what was not understood.
"""

from __future__ import annotations

import logging
import math
from threading import Event

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.failures import TransientProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import NotFound, RequestRejected
from pigment_client.models import AuditEvent, AuditPage
from pigment_client.wording import counted
from source_pigment.audit.store import EventStore
from source_pigment.audit.window import MINUTE, Micros, Window, fingerprint, id_part, iso, minute_of, parse_moment
from source_pigment.reading.download import Stopped

logger = logging.getLogger("airbyte.pigment.source")

_DAY: Micros = 24 * 60 * MINUTE

# Pigment keeps 180 days ("Calling the Audit Logs API"); at the edge, an event could be gone before its page comes.
_REACH: Micros = 180 * _DAY - 60 * MINUTE

# What to try next if Pigment rejects a range that begins so far back.
_SHORTER_REACHES: tuple[Micros, ...] = (179 * _DAY, 90 * _DAY, 30 * _DAY)

# A cursor lives for minutes at least, and a listing of 180 days takes minutes at most.
_MOST_LISTINGS = 4

# As many events as Pigment puts on a page: only one with fewer is the last where nothing tells.
_FULL_PAGE = 1000

# Pages in a row that bring little new: where many events arrive at once, numbered pages repeat known ones.
_MOST_IDLE_PAGES = 5


def earliest(now: Micros) -> Micros:
    """The earliest beginning of a range that Pigment is asked for."""
    return minute_of(now - _REACH) + MINUTE


class AuditListing:
    """Lists everything after the window's beginning, and stores what the window does not know."""

    def __init__(self, client: PigmentClient, window: Window, store: EventStore, stop: Event) -> None:
        self._client = client
        self._window = window
        self._store = store
        self._stop = stop
        self._sent = window.fingerprints()
        self._sent_ids = {id_part(each) for each in self._sent}
        # All mutable state: how many listings were started, and the new events whose id an earlier sync has sent.
        self._listing = 0
        self._changed: set[bytes] = set()

    def collect(self, now: Micros) -> None:
        """Store every event that was not sent yet.

        Raises a `PigmentError`, `Stopped`, `TransientProblem`, and the CDK's exception for what is not understood.
        """
        begin = max(self._window.since, earliest(now))
        shorter = [minute_of(now - reach) for reach in _SHORTER_REACHES if now - reach > begin + MINUTE]
        beginnings = [begin, *shorter]
        for begin in beginnings:
            logger.info("The audit log is requested for events since %s.", iso(begin))
            try:
                self._collect_since(begin)
                break
            except RequestRejected as error:
                # After a first page, it is not the range that is rejected.
                if self._listing or error.status != 400 or begin == beginnings[-1]:
                    raise
        self._report_lost(begin)
        self._report_missing_and_repeated_ids()

    def _collect_since(self, since: Micros) -> None:
        """Follow the cursors to the end, and start the listing again for as long as they expire."""
        never_accepted = 0
        for _ in range(_MOST_LISTINGS):
            followed = self._follow(since, self._page(since))
            if followed is None:
                return
            never_accepted += not followed
            if never_accepted > 1:
                raise _not_understood(_WHICH_PARAMETER)
            logger.info("A cursor of the audit log has expired: the listing starts again.")
        raise TransientProblem(
            f"The cursor of the audit log expired in each of {_MOST_LISTINGS} listings before their end, and nothing "
            "was sent: run the sync again at a time when no other sync uses up Pigment's limit of requests."
        )

    def _follow(self, since: Micros, page: AuditPage) -> int | None:
        """Store this page and all that follow it; None at the end of the listing.

        If Pigment rejects a cursor, this gives how many it accepted before. Pages must lead on: to older events, or at
        least half of their events must be new to this listing.
        """
        self._listing += 1
        cursors: set[str] = set()
        oldest: float = math.inf
        idle_pages = 0
        while True:
            events = require_events(page, is_first=not cursors)
            stored = [self._store_event(each) for each in events]
            before, oldest = oldest, min([oldest, *(moment for moment, _ in stored)])
            leads_on = oldest != before or 2 * sum(is_new for _, is_new in stored) >= max(len(stored), 1)
            idle_pages = 0 if leads_on else idle_pages + 1
            cursor = page.next_cursor
            if cursor is None:
                return None
            if cursor in cursors or idle_pages >= _MOST_IDLE_PAGES:
                raise _not_understood(_WHICH_PARAMETER)
            try:
                page = self._page(since, cursor)
            except (NotFound, RequestRejected):
                return len(cursors)
            cursors.add(cursor)

    def _store_event(self, event: AuditEvent) -> tuple[Micros, bool]:
        """When the event was ingested, and whether it is new to this listing."""
        ingested = parse_moment(event.ingestion_timestamp)
        if ingested is None:
            # Without it, the next sync could not know whether the event was sent.
            raise _not_understood("when each event was ingested (ingestionTimestamp)")
        mark = fingerprint(event)
        is_wanted = ingested >= self._window.since and mark not in self._sent
        if is_wanted and id_part(mark) in self._sent_ids:
            self._changed.add(mark)
        return ingested, self._store.store_event(event, mark, ingested, self._listing, is_wanted=is_wanted)

    def _page(self, since: Micros, cursor: str | None = None) -> AuditPage:
        if self._stop.is_set():
            raise Stopped
        return self._client.audit_page(iso(since), cursor)

    def _report_lost(self, begin: Micros) -> None:
        """Warn about what was never read and is no longer available."""
        known = self._window.known_until
        if known is not None and known < begin:
            logger.warning(
                "The events of the audit log from %s to %s are permanently lost: Pigment keeps 180 days, and no sync "
                "read them in that time. Sync this stream more often.",
                iso(known),
                iso(begin),
            )

    def _report_missing_and_repeated_ids(self) -> None:
        if self._store.without_id:
            logger.warning(
                "%s no ID under a known name: each is recognised by all of its content, and two with the same content "
                "count as one. Run `make verify`, and report what differs.",
                counted(self._store.without_id, "event of the audit log has", "events of the audit log have"),
            )
        repeated = self._store.count_repeated_ids()
        if repeated:
            logger.warning(
                "%s an ID that another event has: all are sent, but a destination that removes duplicates by the ID "
                "keeps one of each. Choose a sync mode that only appends, and report this.",
                counted(repeated, "event of the audit log has", "events of the audit log have"),
            )
        elif self._changed:
            logger.warning(
                "%s an ID that an earlier sync has sent with another type or time: all are sent, so events may be "
                "there twice. Compare the events with the same ID in your destination, and report this.",
                counted(len(self._changed), "event of the audit log has", "events of the audit log have"),
            )


_WHICH_PARAMETER = "which parameter takes the cursor of the next page"


def require_events(page: AuditPage, *, is_first: bool = True) -> tuple[AuditEvent, ...]:
    """The events of a page; raises what it does not say.

    Without a field for the cursor, a page is the last one if it is not full, or if one before it had such a field.
    """
    if page.events is None:
        raise _not_understood("which events there are")
    if page.next_cursor is None and page.hints_at_more:
        raise _not_understood("how to ask for the next page (nextEventsCursor)")
    if is_first and not page.names_cursor and len(page.events) >= _FULL_PAGE:
        raise _not_understood("whether there is another page (nextEventsCursor)")
    return page.events


def _not_understood(what: str) -> AirbyteTracedException:
    return AirbyteTracedException(
        message=f"Pigment's audit log does not say {what} in a way that this connector knows, so nothing of it was "
        "sent: run `make verify`, which shows what differs, and report it.",
        internal_message="a page of the audit log has another form",
        failure_type=FailureType.system_error,
    )

"""Collects the events of a range, page by page, to the end of the listing.

Pages come newest first and each names the next by a cursor. While they are read, new events arrive: events that come
again on a later page are known by their mark, and what is not on these pages is in the next sync's range. A cursor may
expire in the middle; then the listing is begun again, and what is there stays.

The names in this API are not certain (`pigment_client.audit_responses`). Where a page says nothing of pages, or brings
the same events again, the rest could be lost: that is an error that says what was not understood.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.failures import TransientProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import NotFound, RequestRejected
from pigment_client.models import AuditEvent, AuditPage
from source_pigment.audit.window import Micros, iso
from source_pigment.reading.download import Stopped

logger = logging.getLogger("airbyte.pigment.source")

# As the article says "pass the cursor"; others are tried only where that one is not heeded.
_CURSOR_PARAMETERS = ("cursor", "nextCursor", "pageToken")

# A cursor lives for minutes at least, and a listing of 180 days takes minutes at most.
_MOST_LISTINGS = 4

# Pages in a row that bring little new: where many events arrive at once, pages by number bring known ones again.
_MOST_IDLE_PAGES = 5

# Takes an event of the listing with this number; gives when it was ingested, and whether this listing had it before.
Take = Callable[[AuditEvent, int], tuple[Micros, bool]]


class _CursorRejected(Exception):
    """Pigment does not take the cursor, or not any more; `followed` is how many were taken before it."""

    def __init__(self, followed: int) -> None:
        super().__init__()
        self.followed = followed


class _CursorNotHeeded(Exception):
    """The cursor has no effect: pages come again, or none is ever taken."""


class AuditListing:
    """The listing of one range."""

    def __init__(self, client: PigmentClient, take: Take, stop: Event) -> None:
        self._client = client
        self._take = take
        self._stop = stop
        # All mutable state: how many listings were begun.
        self._listing = 0

    @property
    def was_accepted(self) -> bool:
        """Whether a first page has come: a rejection after it is not of the range."""
        return self._listing > 0

    def collect(self, since: Micros) -> None:
        """Take every event of the range, maybe more than once.

        Raises `RequestRejected` where the range is not accepted, `Stopped`, and the CDK's exception for what is not
        understood.
        """
        first = self._page(since)
        for parameter in _CURSOR_PARAMETERS:
            try:
                self._collect(since, first, parameter)
            except _CursorNotHeeded:
                logger.warning('Pigment does not heed the parameter "%s" of the audit log.', parameter)
            else:
                return
        raise not_understood("which parameter the cursor of the next page belongs into")

    def _collect(self, since: Micros, first: AuditPage, parameter: str) -> None:
        page, never_taken = first, 0
        for _ in range(_MOST_LISTINGS):
            try:
                self._follow(since, page, parameter)
            except _CursorRejected as rejected:
                never_taken += not rejected.followed
                if never_taken > 1:
                    raise _CursorNotHeeded from None
            else:
                return
            logger.info("A cursor of the audit log has expired: its listing begins again.")
            page = self._page(since)
        raise TransientProblem(
            f"The cursor of the audit log expired in each of {_MOST_LISTINGS} listings before their end, and nothing "
            "was sent: run the sync again at a time when no other sync uses up Pigment's limit of requests."
        )

    def _follow(self, since: Micros, page: AuditPage, parameter: str) -> None:
        """This page and all behind it."""
        self._listing += 1
        progress, understood = _Progress(), False
        cursors: set[str] = set()
        while True:
            events = check_page(page, understood=understood)
            understood = understood or page.has_pagination
            progress.see([self._take(each, self._listing) for each in events])
            cursor = page.next_cursor
            if cursor is None:
                return
            if cursor in cursors or progress.has_stopped:
                raise _CursorNotHeeded
            try:
                page = self._page(since, cursor, parameter)
            except (NotFound, RequestRejected):
                raise _CursorRejected(len(cursors)) from None
            cursors.add(cursor)

    def _page(self, since: Micros, cursor: str | None = None, parameter: str = _CURSOR_PARAMETERS[0]) -> AuditPage:
        if self._stop.is_set():
            raise Stopped
        return self._client.audit_page(iso(since), cursor, cursor_parameter=parameter)


class _Progress:
    """Whether pages lead on: to older events, or at least half of them to other ones."""

    def __init__(self) -> None:
        # All mutable state: the oldest time so far, and how many pages in a row did not lead on.
        self._oldest: Micros | None = None
        self._idle = 0

    @property
    def has_stopped(self) -> bool:
        """Whether nothing is to be hoped from the next page."""
        return self._idle >= _MOST_IDLE_PAGES

    def see(self, events: list[tuple[Micros, bool]]) -> None:
        """A page: when each event was ingested, and whether it is new to the listing."""
        before = self._oldest
        self._oldest = min([moment for moment, _ in events] + ([] if before is None else [before]), default=None)
        leads_on = self._oldest != before or 2 * sum(is_new for _, is_new in events) >= max(len(events), 1)
        self._idle = 0 if leads_on else self._idle + 1


def check_page(page: AuditPage, *, understood: bool = False) -> tuple[AuditEvent, ...]:
    """The events of a page; raises what is not understood of it, which is less where an earlier one spoke of pages."""
    if page.events is None:
        raise not_understood("which events there are")
    if page.lacks_cursor:
        raise not_understood("how to ask for the next page (pagination.nextCursor)")
    if page.events and not (understood or page.has_pagination):
        raise not_understood("whether there is another page (pagination.nextCursor)")
    return page.events


def not_understood(what: str) -> AirbyteTracedException:
    """The error for a page whose form is not known."""
    return AirbyteTracedException(
        message=f"Pigment's audit log does not say {what} in a way that this connector knows, so nothing of it was "
        "sent: run `make verify`, which shows what differs, and report it.",
        internal_message="a page of the audit log has another form",
        failure_type=FailureType.system_error,
    )

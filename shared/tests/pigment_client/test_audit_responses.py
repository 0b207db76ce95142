"""Pages of the audit log: names are read tolerantly, nothing is guessed, nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pigment_client.audit_responses import event_text, parse_audit_page
from pigment_client.errors import BrokenOff, ResponseNotUnderstood
from pigment_client.models import AuditEvent, AuditPage

EVENT = {
    "eventId": "e1",
    "eventType": "UserLoggedIn",
    "eventTimestamp": "2026-11-21T00:00:00.123Z",
    "ingestionTimestamp": "2026-11-21T00:00:01.456Z",
    "payload": {"attempts": 1},
}


def parse(page: Any) -> AuditPage:
    return parse_audit_page(json.dumps(page).encode())


def event(**changes: Any) -> AuditEvent:
    page = parse({"events": [{**EVENT, **changes}]})
    assert page.events is not None
    return page.events[0]


EXPECTED = AuditEvent(
    "e1", "UserLoggedIn", "2026-11-21T00:00:00.123Z", "2026-11-21T00:00:01.456Z", b'{"attempts": 1}', {}
)


@pytest.mark.parametrize(
    "following",
    [
        {"nextEventsCursor": "more"},
        {"NextEventsCursor": "more", "total": 1200},
        {"next_events_cursor": "more", "pagination": None},
        {"nextEventsCursor": "more", "pagination": {"nextCursor": None}},
        {"pagination": {"nextCursor": "more"}},
        {"Pagination": {"NextCursor": "more", "total": 1200}},
        {"nextEventsCursor": None, "pagination": {"nextCursor": "more"}},
    ],
)
def test_each_form_of_a_page_that_public_notes_show_is_understood(following: dict[str, Any]) -> None:
    page = parse({"events": [EVENT], **following})
    assert (page.events, page.next_cursor, page.names_cursor) == ((EXPECTED,), "more", True)


@pytest.mark.parametrize(
    "names", [{"id": "e1", "type": "UserLoggedIn"}, {"Event_ID": "e1", "EventType": "UserLoggedIn"}]
)
def test_each_form_of_an_event_is_understood(names: dict[str, str]) -> None:
    others = {name: value for name, value in EVENT.items() if name not in {"eventId", "eventType"}}
    assert parse({"events": [{**others, **names}]}).events == (EXPECTED,)


def test_the_better_attested_name_counts_where_an_event_has_both() -> None:
    found = event(id=17, type="other")
    assert (found.id, found.type, found.others) == ("e1", "UserLoggedIn", {"id": b"17", "type": b'"other"'})


@pytest.mark.parametrize(
    ("end", "names_cursor"),
    [
        ({}, False),
        ({"pagination": None}, False),
        ({"pagination": {}}, False),
        ({"pagination": {"pageSize": 1000, "hasMore": False, "after": None}}, False),
        ({"total": 17, "workspaceId": "w"}, False),
        ({"nextEventsCursor": None}, True),
        ({"nextEventsCursor": ""}, True),
        ({"pagination": {"nextCursor": None}}, True),
        ({"pagination": {"nextCursor": ""}}, True),
    ],
)
def test_the_last_page_has_no_cursor(end: dict[str, Any], names_cursor: bool) -> None:
    page = parse({"events": [EVENT], **end})
    assert (page.next_cursor, page.names_cursor, page.hints_at_more) == (None, names_cursor, False)


@pytest.mark.parametrize(
    "hint",
    [
        {"pagination": {"nextPageToken": "more"}},
        {"pagination": {"next-cursor": "more"}},
        {"pagination": {"cursors": {"after": "more"}}},
        {"pagination": {"page": 1, "totalPages": 7}},
        {"pagination": {"total": 1200, "pageSize": 1000}},
        {"pagination": {"nextCursor": None, "hasMore": True}},
        {"pagination": {"isLast": True}},
        {"pagination": "more"},
        {"pagination": ["more"]},
        {"nextEventsCursor": None, "hasMore": True},
        {"nextCursor": "more"},
        {"next": "more"},
        {"continuationToken": "more"},
        {"page": 1},
    ],
)
def test_what_may_announce_another_page_under_an_unknown_name_is_reported(hint: dict[str, Any]) -> None:
    page = parse({"events": [EVENT], **hint})
    assert (page.next_cursor, page.hints_at_more) == (None, True)


@pytest.mark.parametrize("page", [[EVENT], {"data": [EVENT]}, {"events": {}}, {"pagination": {}}])
def test_missing_events_are_reported(page: Any) -> None:
    assert parse(page).events is None


def test_unknown_fields_of_an_event_are_kept() -> None:
    found = event(eventId=None, actor={"email": "a"}, size=1, payload="text", ingestionTimestamp=17)
    assert found.id is None
    assert found.others == {
        "eventId": b"null",
        "actor": b'{"email": "a"}',
        "size": b"1",
        "payload": b'"text"',
        "ingestionTimestamp": b"17",
    }


def test_the_text_of_an_event_is_everything_in_it_but_its_times() -> None:
    others = [event(eventType="B"), event(payload={}), event(more=1), event(payload=None)]
    assert len({event_text(each) for each in (event(), *others)}) == 5
    assert event_text(event(eventTimestamp="x", ingestionTimestamp="y")) == event_text(event())


@pytest.mark.parametrize(
    "content", [b'{"events": [1]}', b'{"events": [], "pagination": {"nextCursor": {}}}', b"<html></html>", b'"text"']
)
def test_a_malformed_page_is_not_understood(content: bytes) -> None:
    with pytest.raises(ResponseNotUnderstood):
        parse_audit_page(content)


def test_half_a_page_has_broken_off() -> None:
    with pytest.raises(BrokenOff):
        parse_audit_page(json.dumps({"events": [EVENT]}).encode()[:-4])


def test_the_repr_of_an_event_quotes_nothing() -> None:
    assert "UserLoggedIn" not in repr(event())

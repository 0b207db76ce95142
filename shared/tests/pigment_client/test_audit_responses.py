"""Pages of the audit log: names are read tolerantly, nothing is guessed, nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pigment_client.audit_responses import event_text, parse_audit_page
from pigment_client.errors import BrokenOff, ResponseNotUnderstood
from pigment_client.models import AuditEvent

EVENT = {
    "id": "e1",
    "type": "UserLoggedIn",
    "eventTimestamp": "2026-11-21T00:00:00.123Z",
    "ingestionTimestamp": "2026-11-21T00:00:01.456Z",
    "payload": {"attempts": 1},
}


def parse(page: Any) -> tuple[list[AuditEvent] | None, str | None, bool]:
    found = parse_audit_page(json.dumps(page).encode())
    return None if found.events is None else list(found.events), found.next_cursor, found.has_pagination


def event(**changes: Any) -> AuditEvent:
    events, *_ = parse({"events": [{**EVENT, **changes}], "pagination": {}})
    assert events is not None
    return events[0]


def test_a_page_as_the_knowledge_base_shows_it() -> None:
    events, cursor, has_pagination = parse({"events": [EVENT], "pagination": {"nextCursor": "more"}})

    assert (cursor, has_pagination) == ("more", True)
    assert events == [
        AuditEvent("e1", "UserLoggedIn", "2026-11-21T00:00:00.123Z", "2026-11-21T00:00:01.456Z", b'{"attempts": 1}', {})
    ]


@pytest.mark.parametrize(
    "page",
    [
        {"Events": [EVENT], "Pagination": {"NextCursor": "more"}},
        {"data": [EVENT], "pagination": {"next_cursor": "more"}},
        {"audit_entries": [EVENT], "total": 1, "nextCursor": "more"},
        {"items": [EVENT], "warnings": ["a"], "paging": {"next": "more"}},
        {"events": [EVENT], "pagination": {}, "nextCursor": "more"},
        {"events": [EVENT], "pagination": {"total": 1200}, "nextCursor": "more"},
    ],
)
def test_other_names_of_the_list_and_the_cursor_are_understood(page: Any) -> None:
    events, cursor, has_pagination = parse(page)
    assert (events, cursor, has_pagination) == ([event()], "more", True)


@pytest.mark.parametrize(
    ("name", "value", "id_"), [("eventId", "e1", "e1"), ("event_id", 17, "17"), ("Id", "e1", "e1"), ("uuid", "u", "u")]
)
def test_other_names_of_the_id_are_understood(name: str, value: Any, id_: str) -> None:
    events, *_ = parse({"events": [{name: value, "type": "A"}], "pagination": {}})
    assert events is not None
    assert (events[0].id, events[0].others) == (id_, {})


@pytest.mark.parametrize(
    "end",
    [
        {},
        {"nextCursor": None},
        {"nextCursor": ""},
        {"nextCursor": None, "total": 17, "previousCursor": "a", "hasMore": False},
        {"pageSize": 1000},
        {"hasMore": False, "after": None},
    ],
)
def test_the_last_page_has_no_cursor(end: Any) -> None:
    assert parse({"events": [], "pagination": end}) == ([], None, True)


@pytest.mark.parametrize(
    "pagination",
    [
        {"nextPageToken": "more"},
        {"continuationToken": "more"},
        {"next-cursor": "more"},
        {"cursors": {"after": "more"}},
        {"links": ["more"]},
        {"page": 1, "totalPages": 7},
        {"total": 1200, "pageSize": 1000},
        {"isLast": True},
    ],
)
def test_a_cursor_under_an_unknown_name_is_no_last_page(pagination: Any) -> None:
    assert parse({"events": [EVENT], "pagination": pagination}) == ([event()], None, False)


@pytest.mark.parametrize("more", ["hasMore", "has_next", "HasNextPage", "more"])
@pytest.mark.parametrize("cursor", [{}, {"nextCursor": None}, {"nextCursor": ""}])
def test_another_page_without_a_cursor_is_reported(more: str, cursor: Any) -> None:
    said = {"events": [EVENT], "pagination": {**cursor, more: True}}
    said_outside = {"events": [EVENT], "pagination": cursor, more: True}
    with_cursor = {"events": [EVENT], "pagination": {"nextCursor": "a", more: True}}
    found = [parse_audit_page(json.dumps(each).encode()).lacks_cursor for each in (said, said_outside, with_cursor)]
    assert found == [True, True, False]


def test_missing_events_and_pagination_are_reported() -> None:
    assert parse([EVENT]) == ([event()], None, False)
    assert parse({"events": [EVENT]}) == ([event()], None, False)
    assert parse({"one": [EVENT], "two": [EVENT], "pagination": {}}) == (None, None, True)
    assert parse({"pagination": {}}) == (None, None, True)


def test_unknown_fields_of_an_event_are_kept() -> None:
    found = event(id=None, actor={"email": "a"}, size=1, payload="text", ingestionTimestamp=17)
    assert found.id is None
    assert found.others == {
        "id": b"null",
        "actor": b'{"email": "a"}',
        "size": b"1",
        "payload": b'"text"',
        "ingestionTimestamp": b"17",
    }


def test_an_event_without_an_id_is_identified_by_everything_in_it() -> None:
    assert event_text(event()) == event_text(event())
    others = [event(type="B"), event(payload={}), event(more=1), event(eventTimestamp="x"), event(payload=None)]
    assert len({event_text(each) for each in (event(), *others)}) == 6


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

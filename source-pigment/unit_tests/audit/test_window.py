"""The state of the audit log: complete from its beginning, bounded, and only ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client.models import AuditEvent
from source_pigment.audit import window as window_module
from source_pigment.audit.window import (
    MINUTE,
    OVERLAP,
    StateUnreadable,
    Window,
    fingerprint,
    id_of,
    id_part,
    iso,
    minute_of,
    parse_moment,
)

MOMENTS = st.integers(0, 3 * OVERLAP)
LATER = 4 * OVERLAP


def mark(number: int) -> bytes:
    return fingerprint(AuditEvent(str(number), None, None, None, None, {}))


def echoed(window: Window) -> Window:
    found = Window.from_state(json.loads(json.dumps(window.to_state())))
    assert found is not None
    return found


@given(st.lists(MOMENTS, max_size=30))
def test_exactly_the_events_after_the_beginning_are_known(moments: list[int]) -> None:
    window = Window(0)
    for number, moment in enumerate(sorted(moments)):
        window.note_sent(moment, mark(number), LATER)
        window = echoed(window)
    window.complete(0)
    kept = {mark(number) for number, moment in enumerate(sorted(moments)) if moment >= window.since}

    assert kept <= window.fingerprints()
    assert window.count == len(window.fingerprints())
    # Only the minute in which the range begins may contain more than is requested.
    assert window.count <= len(kept) + sum(window.since - MINUTE < each < window.since for each in moments)
    assert window.newest == max(moments, default=None)
    assert window.since <= (minute_of(max(moments)) if moments else 0)


@given(st.lists(MOMENTS, max_size=40), st.integers(1, 10))
def test_the_state_is_bounded_except_for_its_newest_minute(moments: list[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_module, "MOST_FINGERPRINTS", most)
        window = Window(0)
        for number, moment in enumerate(sorted(moments)):
            window.note_sent(moment, mark(number), LATER)
            assert window.since <= moment
        window.complete(0)
    in_newest = sum(minute_of(each) == minute_of(max(moments)) for each in moments) if moments else 0
    assert window.count <= max(most, in_newest)
    assert {mark(n) for n, each in enumerate(sorted(moments)) if each >= window.since} <= window.fingerprints()


def test_a_late_event_never_moves_the_beginning_past_itself() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_module, "MOST_FINGERPRINTS", 3)
        window = Window(0)
        for number, minute in enumerate((0, 1, 2)):
            window.note_sent(minute * MINUTE, mark(number), LATER)
        window.note_sent(1 * MINUTE, mark(4), LATER)

    # The next one may be of the same time.
    assert window.since <= 1 * MINUTE


@given(st.lists(MOMENTS, max_size=30), MOMENTS)
def test_events_ahead_of_the_clock_leave_the_range_before_it(moments: list[int], now: int) -> None:
    window = Window(0)
    for number, moment in enumerate(sorted(moments)):
        window.note_sent(moment, mark(number), now)
        window = echoed(window)
    window.complete(now)

    assert window.since <= max(0, minute_of(now - OVERLAP))
    assert {mark(n) for n, each in enumerate(sorted(moments)) if each >= window.since} <= window.fingerprints()


def test_thousands_in_one_millisecond_stay_together() -> None:
    window = Window(0)
    for number in range(3000):
        window.note_sent(OVERLAP, mark(number), LATER)

    assert echoed(window).fingerprints() == {mark(number) for number in range(3000)}
    assert len(json.dumps(window.to_state())) < 3000 * 16 + 300


@pytest.mark.parametrize("state", [{}, {"__ab_no_cursor_state_message": True}, {"ingestionTimestamp": None}])
def test_an_empty_state_describes_no_window(state: Any) -> None:
    assert Window.from_state(state) is None


def test_a_time_written_by_hand_is_where_the_range_begins() -> None:
    window = Window.from_state({"ingestionTimestamp": "2026-11-01T10:00:30Z"})
    assert window is not None
    assert iso(window.since) == "2026-11-01T10:00:30Z"
    window.note_sent(window.since + MINUTE // 10, mark(1), LATER)
    assert echoed(window).fingerprints() == {mark(1)}


def test_a_cursor_moved_forward_by_hand_moves_the_range() -> None:
    window = Window(0)
    window.note_sent(OVERLAP, mark(1), LATER)
    moved = Window.from_state({**window.to_state(), "ingestionTimestamp": "2999-01-01T00:00:00Z"})
    assert moved is not None
    assert iso(moved.since) == "2998-12-31T00:00:00Z"


@pytest.mark.parametrize(
    "state",
    [
        {"ingestionTimestamp": "yesterday"},
        {"ingestionTimestamp": 17},
        {"since": "2026-11-01T00:00:00Z", "sent": ["a"]},
        {"since": "2026-11-01T00:00:00Z", "sent": {"a": "AAAA"}},
        {"since": "2026-11-01T00:00:00Z", "sent": {"2026-11-01T00:00:00Z": "AAAA"}},
        {"since": "2026-11-01T00:00:00Z", "sent": {"2026-11-01T00:00:00Z": "?"}},
        {"since": "2026-11-01T00:00:00Z", "sent": {"2026-11-01T00:00:00Z": 17}},
    ],
)
def test_a_state_that_is_not_ours_is_not_guessed_at(state: Any) -> None:
    with pytest.raises(StateUnreadable):
        Window.from_state(state)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00.1234567Z", "2026-11-21T10:00:00.123456Z"),
        ("2026-11-21T12:00:00+02:00", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00", "2026-11-21T10:00:00Z"),
        ("2026-11-21", "2026-11-21T00:00:00Z"),
    ],
)
def test_a_moment_is_read_in_every_form_of_iso_8601(text: str, same: str) -> None:
    moment = parse_moment(text)
    assert moment is not None
    assert iso(moment) == same


INSTANTS = st.integers(0, 4_000_000_000_000).map(
    lambda milliseconds: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
)
WAYS_TO_WRITE: list[Callable[[datetime], str]] = [
    lambda moment: moment.isoformat(),
    lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    lambda moment: moment.isoformat(timespec="microseconds"),
    lambda moment: moment.isoformat(timespec="microseconds").replace("+00:00", "0Z"),
    lambda moment: moment.astimezone(timezone(timedelta(hours=-5, minutes=-30))).isoformat(),
    lambda moment: moment.isoformat().replace("T", " ").removesuffix("+00:00"),
]


@given(INSTANTS, INSTANTS, st.sampled_from(WAYS_TO_WRITE), st.sampled_from(WAYS_TO_WRITE), st.booleans())
def test_an_event_is_the_same_however_its_times_are_written(
    happened: datetime, ingested: datetime, first: Any, second: Any, has_id: bool
) -> None:
    one, other = (
        AuditEvent("e1" if has_id else None, "A", write(happened), write(ingested), b"{}", {})
        for write in (first, second)
    )
    assert fingerprint(one) == fingerprint(other)
    assert id_of(one) == id_of(other)
    later = replace(one, event_timestamp=first(happened + timedelta(milliseconds=1)))
    assert fingerprint(later) != fingerprint(one)
    assert (id_part(fingerprint(later)) == id_part(fingerprint(one))) is has_id


def test_times_that_are_no_times_are_part_of_an_event_as_they_are() -> None:
    marks = {fingerprint(AuditEvent("e1", "A", text, None, None, {})) for text in (None, "soon", "later", "12:00")}
    assert len(marks) == 4


@pytest.mark.parametrize("text", [None, "", "soon", "0001-01-01T00:00:00+14:00x"])
def test_text_that_is_not_a_moment_is_none(text: str | None) -> None:
    assert parse_moment(text) is None


@given(st.datetimes(timezones=st.timezones()))
def test_moments_keep_their_microseconds(moment: datetime) -> None:
    text = moment.isoformat()
    micros = parse_moment(text)
    assert micros is not None
    # With the offset that is written: Python calls no time equal that its zone skips or has twice.
    assert datetime.fromisoformat(iso(micros)) == datetime.fromisoformat(text)

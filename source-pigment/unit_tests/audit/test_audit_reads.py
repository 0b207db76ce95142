"""Reads of the audit log: what they request, report, and stop for."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from audit_reads import NOON, AuditPigment, Reader, an_event

from local_pigment.audit import AuditNames, iso
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.audit_responses import parse_audit_page
from pigment_client.errors import RequestRejected

DAY = timedelta(days=1)


@pytest.fixture
def pigment() -> AuditPigment:
    return AuditPigment()


@pytest.fixture
def reader(pigment: AuditPigment) -> Reader:
    return Reader(pigment)


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def test_events_come_oldest_first_with_all_their_content(pigment: AuditPigment, reader: Reader) -> None:
    pigment.log.page_size = 2
    for number in (3, 1, 2, 5, 4):
        pigment.log.add(an_event(number, NOON - timedelta(minutes=number), others={"workspace": "W"}))
    reader.read()

    assert reader.ids() == [f"event-{number}" for number in (5, 4, 3, 2, 1)]
    moment = NOON - timedelta(minutes=5)
    assert reader.stored[0] == {
        "id": "event-5",
        "type": "UserLoggedIn",
        "eventTimestamp": iso(moment - timedelta(seconds=1)),
        "ingestionTimestamp": iso(moment),
        "payload": {"number": 5},
        "additional_fields": {"workspace": "W"},
    }


def test_the_first_read_requests_180_days_less_an_hour(pigment: AuditPigment, reader: Reader) -> None:
    reader.read()
    assert pigment.asked == ["2026-05-25T13:01:00Z"]


def test_the_next_read_asks_again_for_a_day_before_the_newest_event(pigment: AuditPigment, reader: Reader) -> None:
    pigment.log.add(an_event(1, NOON - DAY), an_event(2, NOON - timedelta(seconds=30)))
    reader.read()
    pigment.asked.clear()
    reader.read()
    assert pigment.asked == ["2026-11-20T11:59:00Z"]


def test_a_full_refresh_ignores_the_state_and_leaves_one(pigment: AuditPigment, reader: Reader) -> None:
    pigment.log.add(an_event(1))
    reader.read()
    pigment.log.add(an_event(2))
    assert len(reader.read(is_incremental=False)) == 2
    pigment.log.add(an_event(3))
    assert [each["id"] for each in reader.read()] == ["event-3"]


def test_an_empty_log_leaves_a_state_that_goes_on(pigment: AuditPigment, reader: Reader) -> None:
    reader.read()
    pigment.log.add(an_event(1, NOON - timedelta(hours=3)))
    assert len(reader.read()) == 1
    assert reader.read() == []


@pytest.mark.parametrize("state", [{"ingestionTimestamp": "2999-01-01T00:00:00Z"}, None])
def test_a_state_in_the_future_yields_nothing_and_is_kept(
    pigment: AuditPigment, reader: Reader, caplog: pytest.LogCaptureFixture, state: dict[str, Any] | None
) -> None:
    pigment.log.add(an_event(1))
    if state is None:
        reader.read()
        state = {**(reader.state or {}), "ingestionTimestamp": "2999-01-01T00:00:00Z"}
    reader.state, reader.stored = state, []
    pigment.asked.clear()

    assert reader.read() == []
    assert (reader.state, pigment.asked) == (state, [])
    assert warned(caplog) == [
        (
            'The state of the stream "_pigment_audit_log" is in the future, so there is nothing to read. Clear the '
            "stream if its state was changed by hand, or correct the clock of this machine."
        )
    ]


@pytest.mark.parametrize("ahead", [timedelta(hours=20), timedelta(days=2), timedelta(days=365_000)])
def test_an_event_with_a_wrong_time_hides_no_later_events(
    pigment: AuditPigment, reader: Reader, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    monkeypatch.setattr("source_pigment.audit.window.MOST_FINGERPRINTS", 5)
    for number in range(40):
        pigment.log.add(an_event(number, pigment.now + (ahead if number == 9 else timedelta())))
        if number % 3 == 0:
            reader.read()
        pigment.now += timedelta(minutes=number)
    reader.read()

    assert sorted(reader.ids()) == sorted(each.id for each in pigment.log.events)


def test_a_state_that_is_not_ours_is_a_config_problem(reader: Reader) -> None:
    reader.state = {"ingestionTimestamp": "yesterday"}
    with pytest.raises(ConfigProblem, match="was not written by this connector"):
        reader.read()


def test_a_span_that_was_not_read_for_180_days_is_reported_as_lost(
    pigment: AuditPigment, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    pigment.log.add(an_event(1))
    reader.read()
    pigment.now += 200 * DAY
    pigment.log.add(an_event(2, pigment.now))
    assert [each["id"] for each in reader.read()] == ["event-2"]
    assert warned(caplog) == [
        (
            "The events of the audit log from 2026-11-21T12:00:00Z to 2026-12-11T13:01:00Z are permanently lost: "
            "Pigment keeps 180 days, and no sync read them in that time. Sync this stream more often."
        )
    ]


def test_a_quiet_year_of_regular_reads_causes_no_warning(
    pigment: AuditPigment, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    pigment.log.add(an_event(1))
    for _ in range(13):
        reader.read()
        pigment.now += 30 * DAY
    assert len(reader.stored) == 1
    assert warned(caplog) == []


def test_a_range_that_pigment_rejects_is_shortened(pigment: AuditPigment, reader: Reader) -> None:
    real = pigment.log.page

    def page(query: Any, *rest: Any) -> Any:
        assert query["ingestedSince"] > "2026-08-20" or pigment.log.rejects_older
        return real(query, *rest)

    pigment.log.rejects_older = True
    pigment.log.add(an_event(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("local_pigment.audit.DAYS_BACK", 100 * DAY)
        reader.read()

    assert pigment.asked == ["2026-05-25T13:01:00Z", "2026-05-26T12:00:00Z", "2026-08-23T12:00:00Z"]
    assert len(reader.stored) == 1


def test_a_rejection_of_every_shorter_range_is_raised(pigment: AuditPigment, reader: Reader) -> None:
    pigment.log.rejects_older = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("local_pigment.audit.DAYS_BACK", DAY)
        with pytest.raises(RequestRejected):
            reader.read()
    assert len(pigment.asked) == 4


FORMS = [
    AuditNames(),
    AuditNames(absent_at_end=False),
    AuditNames(id="id", type="type", next_cursor="pagination.nextCursor", absent_at_end=False),
    AuditNames(next_cursor="pagination.nextCursor"),
]


@pytest.mark.parametrize("names", FORMS, ids=range(len(FORMS)))
@pytest.mark.parametrize("page_size", [9, 1000])
def test_each_form_of_the_log_that_public_notes_show_is_read_to_its_end(
    pigment: AuditPigment, reader: Reader, caplog: pytest.LogCaptureFixture, names: AuditNames, page_size: int
) -> None:
    pigment.names = names
    pigment.log.page_size = page_size
    pigment.log.add(*(an_event(each) for each in range(60)))
    reader.read()
    # The other form does not make it another event.
    pigment.names = FORMS[2] if names is not FORMS[2] else FORMS[0]
    pigment.log.add(an_event(60))

    assert [each["id"] for each in reader.read()] == ["event-60"]
    assert sorted(reader.ids()) == sorted(each.id for each in pigment.log.events)
    assert warned(caplog) == []


def test_an_event_whose_times_are_written_in_another_way_is_not_sent_again(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times = ["2026-11-21T11:00:00.120Z", "2026-11-21T11:00:00.12+00:00", "2026-11-21T12:00:00.1200000+01:00"]
    for id_ in ({"eventId": "e"}, {}):
        for number, time in enumerate(times):
            event = {**id_, "eventType": "A", "eventTimestamp": time, "ingestionTimestamp": time, "payload": {}}
            answered(monkeypatch, {"events": [event]})
            assert len(reader.read()) == (number == 0)
    assert not [each for each in warned(caplog) if "earlier sync" in each]


@pytest.mark.parametrize("change", [{"type": "UserLoggedOut"}, {"happened": NOON - timedelta(hours=1)}])
def test_an_id_that_comes_again_with_other_content_is_sent_and_reported(
    pigment: AuditPigment, reader: Reader, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    pigment.log.add(an_event(1), an_event(2))
    reader.read()
    pigment.log.events[0] = replace(an_event(1), **change)

    assert [each["id"] for each in reader.read()] == ["event-1"]
    assert warned(caplog)[-1] == (
        "1 event of the audit log has an ID that an earlier sync has sent with another type or time: all are sent, so "
        "events may be there twice. Compare the events with the same ID in your destination, and report this."
    )
    caplog.clear()
    assert reader.read() == []
    assert not [each for each in warned(caplog) if "earlier sync" in each]


def test_a_rejection_after_the_first_page_does_not_shorten_the_range(
    pigment: AuditPigment, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    pigment.log.page_size = 2
    pigment.log.add(*(an_event(days, NOON - timedelta(days=days)) for days in range(1, 180)))
    pages = iter(range(100))
    page_of = AuditPigment.audit_page

    def page(self: AuditPigment, *args: Any, **options: Any) -> Any:
        if next(pages) in {5, 6}:
            raise RequestRejected("read audit log", status=400)
        return page_of(self, *args, **options)

    monkeypatch.setattr(AuditPigment, "audit_page", page)
    with pytest.raises(RequestRejected):
        reader.read()
    assert reader.state is None


@pytest.mark.parametrize("events", [5, 100])
def test_an_unknown_cursor_parameter_stops_the_read(pigment: AuditPigment, reader: Reader, events: int) -> None:
    pigment.names = AuditNames(cursor="after")
    pigment.log.page_size = 2
    pigment.log.add(*(an_event(each) for each in range(events)))
    with pytest.raises(AirbyteTracedException) as raised:
        reader.read()
    assert raised.value.message == (
        "Pigment's audit log does not say which parameter takes the cursor of the next page in a way that this "
        "connector knows, so nothing of it was sent: run `make verify`, which shows what differs, and report it."
    )


def test_an_expired_cursor_restarts_the_listing(pigment: AuditPigment, reader: Reader) -> None:
    pigment.log.page_size = 2
    pigment.log.add(*(an_event(each) for each in range(12)))
    lives = iter([1000.0, 1000, 1000, 0.5])
    pigment.log.before_page = lambda: setattr(pigment.log, "cursor_seconds", next(lives, 1000.0))
    reader.read()

    assert sorted(reader.ids()) == sorted(f"event-{each}" for each in range(12))
    assert len(pigment.asked) == 4 + 6


def test_cursors_that_always_expire_stop_the_read(pigment: AuditPigment, reader: Reader) -> None:
    pigment.log.page_size = 2
    pigment.log.add(*(an_event(each) for each in range(12)))
    pages = iter(range(1000))
    pigment.log.before_page = lambda: setattr(pigment.log, "cursor_seconds", 0.5 if next(pages) % 3 == 2 else 1000)
    with pytest.raises(TransientProblem, match="expired in each of 4 listings"):
        reader.read()


def answered(patch: pytest.MonkeyPatch, document: Any) -> None:
    page = parse_audit_page(json.dumps(document).encode())
    patch.setattr(AuditPigment, "audit_page", lambda *_, **__: page)


def an_audit_event(id_: str) -> dict[str, str]:
    return {"id": id_, "ingestionTimestamp": "2026-11-21T00:00:00Z"}


@pytest.mark.parametrize("following", [{}, {"pagination": None}, {"nextEventsCursor": None}])
def test_a_first_page_that_is_not_full_and_has_no_cursor_is_the_last(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, following: dict[str, Any]
) -> None:
    answered(monkeypatch, {"events": [an_audit_event(str(each)) for each in range(999)], **following})
    assert len(reader.read()) == 999


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"data": [an_audit_event("a")]}, "which events there are"),
        ([an_audit_event("a")], "which events there are"),
        ({"events": [an_audit_event(str(each)) for each in range(1000)]}, "whether there is another page"),
        ({"events": [an_audit_event("a")], "pagination": {"nextPageToken": "b"}}, "how to ask for the next page"),
        ({"events": [], "nextEventsCursor": None, "hasMore": True}, "how to ask for the next page"),
        ({"events": [{"id": "a"}], "pagination": {}}, "when each event was ingested"),
        ({"events": [{"id": "a", "ingestionTimestamp": 17}], "pagination": {}}, "when each event was ingested"),
    ],
)
def test_a_page_that_is_not_understood_stops_the_read(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, document: Any, what: str
) -> None:
    answered(monkeypatch, document)
    with pytest.raises(AirbyteTracedException, match="so nothing of it was sent") as raised:
        reader.read()
    assert what in str(raised.value.message)
    assert reader.state is None


def test_events_without_an_id_are_recognised_by_their_content(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    event = {"type": "A", "ingestionTimestamp": iso(NOON), "payload": {"a": 1}}
    answered(monkeypatch, {"events": [event, event, {**event, "payload": {"a": 2}}], "pagination": {}})
    first = reader.read()

    assert [each["payload"] for each in first] == [{"a": 2}, {"a": 1}]
    assert all(each["id"].startswith("sha256:") and len(each["id"]) == 71 for each in first)
    assert reader.read() == []
    assert warned(caplog) == [
        (
            "2 events of the audit log have no ID under a known name: each is recognised by all of its "
            "content, and two with the same content count as one. Run `make verify`, and report what differs."
        )
    ]


def test_a_state_follows_a_limited_number_of_events(
    pigment: AuditPigment, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_pigment.audit.stream._EVENTS_BETWEEN_STATES", 4)
    pigment.log.add(*(an_event(each) for each in range(10)))

    assert len(reader.read(most_states=1)) == 4
    assert len(reader.read(most_states=1)) == 4
    assert len(reader.read()) == 2
    assert len(set(reader.ids())) == 10


@pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(hours=25), timedelta(days=3), timedelta(days=900)])
def test_an_event_ahead_of_all_clocks_hides_no_later_events(
    pigment: AuditPigment, reader: Reader, ahead: timedelta
) -> None:
    pigment.log.add(an_event(1), an_event(2, NOON + ahead))
    reader.read()
    for hours in range(5, 150, 5):
        pigment.now = NOON + timedelta(hours=hours)
        pigment.log.add(an_event(100 + hours, pigment.now - timedelta(hours=6)))
        reader.read()
    assert sorted(reader.ids()) == sorted(each.id for each in pigment.log.events)


@pytest.mark.parametrize("behind", [timedelta(minutes=1), timedelta(hours=25), timedelta(days=3), timedelta(days=200)])
def test_a_clock_that_is_behind_hides_no_event(pigment: AuditPigment, reader: Reader, behind: timedelta) -> None:
    for hours in range(0, 150, 5):
        pigment.now = NOON + timedelta(hours=hours) - behind
        pigment.log.add(an_event(hours, NOON + timedelta(hours=hours - 6)))
        reader.read()
    assert sorted(reader.ids()) == sorted(each.id for each in pigment.log.events)


def test_different_events_with_one_id_are_all_sent_and_reported(
    pigment: AuditPigment, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    first = an_event(1)
    others = [
        replace(first, type="UserLoggedOut"),
        replace(first, happened=NOON - timedelta(hours=1)),
        replace(first, happened=NOON, ingested=NOON + timedelta(minutes=1)),
    ]
    again = replace(first, ingested=NOON + timedelta(seconds=7))
    pigment.log.add(first, *others, again)
    pigment.log.page_size = 2

    assert len(reader.read()) == 4
    pigment.log.add(replace(first, ingested=NOON + timedelta(minutes=2)))
    assert reader.read() == []
    assert warned(caplog)[0] == (
        "3 events of the audit log have an ID that another event has: all are sent, but a destination that removes "
        "duplicates by the ID keeps one of each. Choose a sync mode that only appends, and report this."
    )


def test_the_order_is_that_of_ingestion(pigment: AuditPigment, reader: Reader) -> None:
    pigment.log.page_size = 3
    pigment.log.add(*(an_event(each, NOON - timedelta(minutes=each * 7 % 11)) for each in range(30)))
    reader.read()
    assert all(a["ingestionTimestamp"] <= b["ingestionTimestamp"] for a, b in pairwise(reader.stored))

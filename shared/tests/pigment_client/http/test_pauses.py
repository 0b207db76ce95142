"""A 429 pauses every request of the process, longer each time, until requests pass again."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client.http.clock import Clock
from pigment_client.http.rate_limit import RateLimit, pause_seconds

START = datetime(2026, 11, 21, tzinfo=UTC)


class SimulatedTime:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.clock = Clock(
            monotonic=lambda: self.seconds,
            sleep=self.sleep,
            random=lambda: 1.0,
            now=lambda: START + timedelta(seconds=self.seconds),
        )

    def sleep(self, seconds: float) -> None:
        self.seconds += max(seconds, 1e-6)


def ask(limit: RateLimit, *, rejected: bool, retry_after: float | None = None) -> None:
    with limit.request() as pauses:
        pass
    if rejected:
        limit.reached(pauses, retry_after)
    else:
        limit.passed(pauses)
        limit.log_end()


def test_whoever_asks_next_waits_for_the_pause_of_another() -> None:
    time = SimulatedTime()
    limit = RateLimit(clock=time.clock)
    ask(limit, rejected=True, retry_after=17)
    ask(limit, rejected=False)

    assert time.seconds == pytest.approx(17)


def test_pauses_grow_to_a_whole_window_and_begin_again_after_a_success() -> None:
    time = SimulatedTime()
    limit = RateLimit(clock=time.clock)
    waits = []
    for rejected in [True] * 11 + [False, True, False]:
        before = time.seconds
        ask(limit, rejected=rejected)
        waits.append(round(time.seconds - before))

    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 0, 1]


@pytest.mark.parametrize("retry_after", [0.0, 0.3])
def test_a_server_that_asks_for_no_wait_again_and_again_is_not_flooded(retry_after: float) -> None:
    """As with a date that has passed: the clocks of two machines differ."""
    time = SimulatedTime()
    limit = RateLimit(clock=time.clock)
    for _ in range(11):
        ask(limit, rejected=True, retry_after=retry_after)

    assert round(time.seconds) == sum(2**each for each in range(9)) + 300


def test_requests_rejected_together_are_one_pause() -> None:
    time = SimulatedTime()
    limit = RateLimit(clock=time.clock)
    with limit.request() as first, limit.request() as second, limit.request() as third:
        limit.reached(first, None)
        limit.reached(second, None)
        limit.reached(third, 5.0)
    ask(limit, rejected=False)

    assert time.seconds == pytest.approx(5)


def test_a_success_that_was_asked_for_before_the_pause_does_not_end_it() -> None:
    time = SimulatedTime()
    limit = RateLimit(clock=time.clock)
    with limit.request() as early:
        ask(limit, rejected=True, retry_after=60)
        limit.passed(early)
    ask(limit, rejected=True)
    ask(limit, rejected=True)

    assert time.seconds == pytest.approx(62)


def test_a_pause_is_logged_once_and_reported_with_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    time = SimulatedTime()
    limit = RateLimit(clock=time.clock)
    reported: list[datetime | None] = []
    limit.report_to(reported.append)
    for _ in range(8):
        ask(limit, rejected=True)
    ask(limit, rejected=False)
    ask(limit, rejected=False)

    assert [record.getMessage() for record in caplog.records] == [
        "Waiting 4 s or longer: the limit of requests is reached.",
        "The limit of requests is no longer reached, after 252 s.",
    ]
    assert reported[-1] is None
    untils = [until for until in reported if until is not None]
    assert len(untils) == len(reported) - 1
    assert untils == sorted(set(untils))
    assert untils[-1] == START + timedelta(seconds=time.seconds)


def test_the_own_window_is_reported_as_well() -> None:
    time = SimulatedTime()
    limit = RateLimit(2, clock=time.clock)
    reported: list[datetime | None] = []
    limit.report_to(reported.append)
    for _ in range(3):
        ask(limit, rejected=False)

    assert reported == [START + timedelta(minutes=5), None]


def test_a_cancel_wakes_who_waits_and_takes_no_request() -> None:
    class Cancelled(Exception):
        pass

    def sleep(_: float) -> None:
        raise Cancelled

    limit = RateLimit(clock=Clock(sleep=sleep))
    ask(limit, rejected=True, retry_after=300)
    with pytest.raises(Cancelled):
        ask(limit, rejected=False)

    assert limit.requests_made == 1


def test_many_threads_pause_together() -> None:
    time = SimulatedTime()
    limit = RateLimit(clock=time.clock)
    ask(limit, rejected=True, retry_after=100)
    threads = [threading.Thread(target=ask, args=(limit,), kwargs={"rejected": False}) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert limit.requests_made == 11
    assert time.seconds >= 100


@given(before=st.integers(0, 1000), chance=st.floats(0, 1), asked=st.none() | st.floats(0, 10_000))
def test_a_pause_is_never_longer_than_what_is_asked_for_or_a_window(
    before: int, chance: float, asked: float | None
) -> None:
    seconds = pause_seconds(before, retry_after=asked, random=lambda: chance)

    asks_for_nothing = asked is None or asked < 1
    assert 0 < seconds <= (300 if asks_for_nothing else 600)
    if asks_for_nothing:
        assert seconds >= min(300, 2.0 ** min(before, 60)) / 2
    else:
        assert seconds == min(asked or 0, 600)

"""The server never counts more than the limit in any window, and a 429 pauses every request until one passes."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time as real_time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_client.http.clock import Clock
from pigment_client.http.rate_limit import RateLimit, pause_seconds
from simulated_client import SimulatedTime

START = datetime(2026, 11, 21, tzinfo=UTC)


class Time(SimulatedTime):
    """A simulated time whose clock draws no lots and tells the time of day."""

    @property
    def steady(self) -> Clock:
        return Clock(
            monotonic=self.now,
            sleep=self.sleep,
            random=lambda: 1.0,
            now=lambda: START + timedelta(seconds=self.now()),
        )


def most_in_any_window(arrivals: list[float], window: float) -> int:
    arrivals = sorted(arrivals)
    return max(sum(start <= each < start + window for each in arrivals) for start in arrivals)


def test_twenty_threads_never_exceed_fifty_in_five_seconds() -> None:
    time = SimulatedTime()
    limit = RateLimit(50, timedelta(seconds=5), clock=time.clock)
    arrivals: list[float] = []
    lock = threading.Lock()

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            with limit.wait_for_turn():
                time.sleep(chance.random() * 0.3)
                with lock:
                    arrivals.append(time.now())
                time.sleep(chance.random() * 0.3)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(arrivals) == limit.requests_made == 800
    assert most_in_any_window(arrivals, 5.0) <= 50


@settings(max_examples=200, deadline=None)
@given(
    limit=st.integers(1, 5),
    delays=st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=30),
)
def test_the_limit_holds_however_long_requests_are_on_their_way(
    limit: int, delays: list[tuple[float, float, float]]
) -> None:
    time = SimulatedTime()
    rate_limit = RateLimit(limit, timedelta(seconds=10), clock=time.clock)
    arrivals = []
    for before, there, back in delays:
        time.sleep(before)
        with rate_limit.wait_for_turn():
            time.sleep(there)
            arrivals.append(time.now())
            time.sleep(back)

    assert most_in_any_window(arrivals, 10.0) <= limit


def test_the_full_limit_is_used_at_once() -> None:
    time = SimulatedTime()
    limit = RateLimit(50, timedelta(seconds=5), clock=time.clock)
    for _ in range(50):
        with limit.wait_for_turn():
            pass

    assert time.now() == 0.0
    with limit.wait_for_turn():
        assert time.now() == 5.0


def ask(limit: RateLimit, *, rejected: bool, retry_after: float | None = None) -> None:
    with limit.wait_for_turn() as pauses:
        pass
    if rejected:
        limit.pause(pauses, retry_after)
    else:
        limit.note_not_limited(pauses)
        limit.log_end_of_wait()


def test_the_next_request_waits_for_the_pause_that_another_one_caused() -> None:
    time = Time()
    limit = RateLimit(clock=time.steady)
    ask(limit, rejected=True, retry_after=17)
    ask(limit, rejected=False)

    assert time.now() == pytest.approx(17)


def test_pauses_grow_to_a_whole_window_and_begin_again_after_a_success() -> None:
    time = Time()
    limit = RateLimit(clock=time.steady)
    waits = []
    for rejected in [True] * 11 + [False, True, False]:
        before = time.now()
        ask(limit, rejected=rejected)
        waits.append(round(time.now() - before))

    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 0, 1]


@pytest.mark.parametrize("retry_after", [0.0, 0.3])
def test_a_server_that_asks_for_no_wait_again_and_again_is_not_flooded(retry_after: float) -> None:
    """As with a date that has passed: the clocks of two machines differ."""
    time = Time()
    limit = RateLimit(clock=time.steady)
    for _ in range(11):
        ask(limit, rejected=True, retry_after=retry_after)

    assert round(time.now()) == sum(2**each for each in range(9)) + 300


def test_requests_rejected_together_are_one_pause() -> None:
    time = Time()
    limit = RateLimit(clock=time.steady)
    with limit.wait_for_turn() as first, limit.wait_for_turn() as second, limit.wait_for_turn() as third:
        limit.pause(first, None)
        limit.pause(second, None)
        limit.pause(third, 5.0)
    ask(limit, rejected=False)

    assert time.now() == pytest.approx(5)


def test_a_success_that_was_asked_for_before_the_pause_does_not_end_it() -> None:
    time = Time()
    limit = RateLimit(clock=time.steady)
    with limit.wait_for_turn() as early:
        ask(limit, rejected=True, retry_after=60)
        limit.note_not_limited(early)
    ask(limit, rejected=True)
    ask(limit, rejected=True)

    assert time.now() == pytest.approx(62)


def test_a_pause_is_logged_once_and_reported_with_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    time = Time()
    limit = RateLimit(clock=time.steady)
    reported: list[datetime | None] = []
    limit.report_to(reported.append)
    for _ in range(8):
        ask(limit, rejected=True)
    ask(limit, rejected=False)
    ask(limit, rejected=False)

    assert [record.getMessage() for record in caplog.records] == [
        "Waiting until 00:00:07 UTC or longer: the limit of requests is reached.",
        "The limit of requests is no longer reached, after 252 s.",
    ]
    assert reported[-1] is None
    untils = [until for until in reported if until is not None]
    assert len(untils) == len(reported) - 1
    assert untils == sorted(set(untils))
    assert untils[-1] == START + timedelta(seconds=time.now())


def test_waiting_for_our_own_window_is_reported_too() -> None:
    time = Time()
    limit = RateLimit(2, clock=time.steady)
    reported: list[datetime | None] = []
    limit.report_to(reported.append)
    for _ in range(3):
        ask(limit, rejected=False)

    assert reported == [START + timedelta(minutes=5), None]


def test_a_cancel_ends_a_wait_and_counts_no_request() -> None:
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
    time = Time()
    limit = RateLimit(clock=time.steady)
    ask(limit, rejected=True, retry_after=100)
    threads = [threading.Thread(target=ask, args=(limit,), kwargs={"rejected": False}) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert limit.requests_made == 11
    assert time.now() >= 100


class CrowdedPigment:
    """Refuses the first requests, and sees how many are under way together after the first pause."""

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals
        self._lock = threading.Lock()
        self._under_way = 0
        self.refused_together: list[int] = []
        self.passed = 0

    def ask(self, limit: RateLimit) -> None:
        while True:
            with limit.wait_for_turn() as pauses:
                with self._lock:
                    self._under_way += 1
                    refuses, self._refusals = self._refusals > 0, self._refusals - 1
                real_time.sleep(0.002)  # for the others to ask too, if they want to
                with self._lock:
                    if refuses and pauses > 0:
                        self.refused_together.append(self._under_way)
                    self._under_way -= 1
            if not refuses:
                limit.note_not_limited(pauses)
                with self._lock:
                    self.passed += 1
                return
            limit.pause(pauses, None)


def test_after_a_pause_one_request_probes_and_the_others_follow_when_it_has_passed() -> None:
    limit = RateLimit(clock=Time().steady)
    ask(limit, rejected=True)
    pigment = CrowdedPigment(refusals=5)
    threads = [threading.Thread(target=pigment.ask, args=(limit,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert pigment.passed == 8
    assert pigment.refused_together == [1] * 5


@pytest.mark.parametrize("outcome", ["lost", "asked to wait for a day"])
def test_a_probe_that_shows_nothing_leaves_the_next_one_to_another_request(outcome: str) -> None:
    time = Time()
    limit = RateLimit(clock=time.steady)
    ask(limit, rejected=True)
    with contextlib.suppress(ConnectionError), limit.wait_for_turn() as pauses:
        if outcome == "lost":
            raise ConnectionError
    if outcome != "lost":
        limit.note_nothing(pauses)
    ask(limit, rejected=False)
    with limit.wait_for_turn(), limit.wait_for_turn():
        assert time.now() == pytest.approx(1)


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

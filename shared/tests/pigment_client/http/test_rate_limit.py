"""The server never counts more than the limit in any window, however late requests arrive."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_client.http.rate_limit import ImportBudget, RequestBudget


class SimulatedTime:
    """A clock that only moves when somebody sleeps, for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0.0

    def clock(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += max(seconds, 1e-6)


def most_in_any_window(arrivals: list[float], window: float) -> int:
    arrivals = sorted(arrivals)
    return max(sum(start <= each < start + window for each in arrivals) for start in arrivals)


def test_twenty_threads_never_exceed_fifty_in_five_seconds() -> None:
    time = SimulatedTime()
    budget = RequestBudget(50, timedelta(seconds=5), clock=time.clock, sleep=time.sleep)
    arrivals: list[float] = []
    lock = threading.Lock()

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            with budget.request():
                time.sleep(chance.random() * 0.3)
                with lock:
                    arrivals.append(time.clock())
                time.sleep(chance.random() * 0.3)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(arrivals) == budget.requests_made == 800
    assert most_in_any_window(arrivals, 5.0) <= 50


@settings(max_examples=200, deadline=None)
@given(
    limit=st.integers(1, 5),
    delays=st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=30),
)
def test_whatever_the_way_to_the_server_takes(limit: int, delays: list[tuple[float, float, float]]) -> None:
    time = SimulatedTime()
    budget = RequestBudget(limit, timedelta(seconds=10), clock=time.clock, sleep=time.sleep)
    arrivals = []
    for before, there, back in delays:
        time.sleep(before)
        with budget.request():
            time.sleep(there)
            arrivals.append(time.clock())
            time.sleep(back)

    assert most_in_any_window(arrivals, 10.0) <= limit


def test_the_full_limit_is_used_at_once() -> None:
    time = SimulatedTime()
    budget = RequestBudget(50, timedelta(seconds=5), clock=time.clock, sleep=time.sleep)
    for _ in range(50):
        with budget.request():
            pass

    assert time.clock() == 0.0
    assert budget.wait_seconds() == 5.0


def test_each_import_configuration_has_an_hour_of_its_own() -> None:
    time = SimulatedTime()
    budget = ImportBudget(3, clock=time.clock, sleep=time.sleep)
    for _ in range(3):
        with budget.push("a"):
            pass
    with budget.push("b"):
        pass
    assert time.clock() == 0.0

    with budget.push("a"):
        pass
    assert time.clock() >= 3600.0

"""The server never counts more than the limit in any window, however late requests arrive."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_client.http.rate_limit import ImportRateLimits, RateLimit
from simulated_client import SimulatedTime


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
            with limit.request():
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
def test_whatever_the_way_to_the_server_takes(limit: int, delays: list[tuple[float, float, float]]) -> None:
    time = SimulatedTime()
    rate_limit = RateLimit(limit, timedelta(seconds=10), clock=time.clock)
    arrivals = []
    for before, there, back in delays:
        time.sleep(before)
        with rate_limit.request():
            time.sleep(there)
            arrivals.append(time.now())
            time.sleep(back)

    assert most_in_any_window(arrivals, 10.0) <= limit


def test_the_full_limit_is_used_at_once() -> None:
    time = SimulatedTime()
    limit = RateLimit(50, timedelta(seconds=5), clock=time.clock)
    for _ in range(50):
        with limit.request():
            pass

    assert time.now() == 0.0
    assert limit.wait_seconds() == 5.0


def test_each_import_configuration_has_an_hour_of_its_own() -> None:
    time = SimulatedTime()
    limit = ImportRateLimits(3, clock=time.clock)
    for _ in range(3):
        with limit.of("a").request():
            pass
    with limit.of("b").request():
        pass
    assert time.now() == 0.0

    with limit.of("a").request():
        pass
    assert time.now() >= 3600.0

"""A clock for tests that wait for nothing."""

from __future__ import annotations

import threading

from pigment_client.http.clock import Clock


class SimulatedTime:
    """A clock that moves only when somebody sleeps, and remembers for how long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0.0
        self.slept: list[float] = []
        self.clock = Clock(monotonic=self.now, sleep=self.sleep)

    def now(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += max(seconds, 1e-6)
            self.slept.append(seconds)

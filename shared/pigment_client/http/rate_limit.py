"""How many requests may be made, and when the next one may.

The window slides exactly. A request counts from the moment it is allowed until one window after its answer began:
the server counts it somewhere in between, so however long the way there takes, the server never counts more than
`limit` requests in any window. (Proof: take the request of a server window that was allowed last. When it was
allowed, every other request of that window was either under way or answered less than a window ago.)
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock

from pigment_client.http.clock import Clock

logger = logging.getLogger("airbyte.pigment.rate_limit")

# "500 requests in 5 minutes for each IP address" (Pigment's limits); the default leaves room for a neighbour.
REQUESTS = 450
REQUEST_WINDOW = timedelta(minutes=5)

# "Maximum number of reports per configuration per hour exceeded, maximum: 300" (API description, push/csv, 429).
IMPORTS = 300
IMPORT_WINDOW = timedelta(hours=1)

_LOGGED_FROM_SECONDS = 3.0
_WHILE_ALL_ARE_UNDER_WAY_SECONDS = 0.05


class RateLimit:
    """An exact sliding window of requests, shared by all threads of a process."""

    def __init__(
        self,
        limit: int = REQUESTS,
        window: timedelta = REQUEST_WINDOW,
        *,
        clock: Clock | None = None,
        what: str = "requests",
    ) -> None:
        # All mutable state, guarded by the lock: requests under way, the times of those answered, and the count.
        self._lock = Lock()
        self._under_way = 0
        self._answered: deque[float] = deque()
        self._made = 0
        self._limit = limit
        self._window_seconds = window.total_seconds()
        self._clock = clock or Clock()
        self._what = what

    @property
    def requests_made(self) -> int:
        """How many requests were allowed so far."""
        with self._lock:
            return self._made

    @contextmanager
    def request(self) -> Iterator[None]:
        """Make one request inside: waits until it fits, and ends when the response has begun."""
        self._wait_for_room()
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._answered.append(self._clock.monotonic())

    def wait_seconds(self) -> float:
        """How long until one more request fits; 0 when it fits now."""
        with self._lock:
            return self._missing_seconds()

    def _wait_for_room(self) -> None:
        waited_from = self._clock.monotonic()
        logged = False
        while True:
            with self._lock:
                seconds = self._missing_seconds()
                if seconds <= 0:
                    self._under_way += 1
                    self._made += 1
                    return
            if not logged and self._clock.monotonic() - waited_from + seconds > _LOGGED_FROM_SECONDS:
                logger.info("Waiting %.0f s: the limit of %d %s is reached.", seconds, self._limit, self._what)
                logged = True
            self._clock.sleep(seconds)

    def _missing_seconds(self) -> float:
        now = self._clock.monotonic()
        while self._answered and self._answered[0] + self._window_seconds <= now:
            self._answered.popleft()
        if self._under_way + len(self._answered) < self._limit:
            return 0.0
        if not self._answered:
            return _WHILE_ALL_ARE_UNDER_WAY_SECONDS
        return self._answered[0] + self._window_seconds - now


class ImportRateLimits:
    """The hourly limit of imports, for each import configuration its own."""

    def __init__(
        self,
        limit: int = IMPORTS,
        window: timedelta = IMPORT_WINDOW,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._lock = Lock()
        self._limits: dict[str, RateLimit] = {}
        self._limit = limit
        self._window = window
        self._clock = clock or Clock()

    @contextmanager
    def push(self, configuration_id: str) -> Iterator[None]:
        """Push one file inside: waits until the configuration may start one more import."""
        with self._lock:
            limit = self._limits.setdefault(configuration_id, self._new())
        with limit.request():
            yield

    def wait_seconds(self, configuration_id: str) -> float:
        """How long until the configuration may start one more import; 0 when it may now."""
        with self._lock:
            limit = self._limits.get(configuration_id)
        return limit.wait_seconds() if limit else 0.0

    def _new(self) -> RateLimit:
        return RateLimit(self._limit, self._window, clock=self._clock, what="imports of one configuration")

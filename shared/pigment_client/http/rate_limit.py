"""How many requests may be made, and when the next one may be sent: in one place for all threads of a process.

The window slides exactly. A request counts from the moment it is allowed until one window after its response began:
the server counts it somewhere in between. So however long a request is on its way, the server never counts more than
`limit` requests in any window. (Proof: take the request of a server window that was allowed last. When it was
allowed, every other request of that window was either under way or answered less than a window ago.)

How much of the limit other processes at the same address have used shows only in a 429. That is a fact about the
address, not about one request, so it pauses every request. After a pause one request probes, and the others follow
when it was answered with anything but 429: if all asked at once, all would be refused, and count.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock

from pigment_client.http.clock import Clock

logger = logging.getLogger("airbyte.pigment.rate_limit")

# "500 requests in 5 minutes for each IP address" (Pigment's limits); the default leaves some to other processes.
REQUESTS = 450

# "500 requests per 5 minutes" (Pigment's limits): after a whole window everything that was counted is forgotten.
REQUEST_WINDOW = timedelta(minutes=5)

# A request that is asked to wait much longer than one window is given up instead of sleeping for an hour; the
# platform runs the sync again.
LONGEST_WAIT_SECONDS = 2 * REQUEST_WINDOW.total_seconds()

# The base of the text "CSV Push API", section "Rate Limiting".
_FIRST_PAUSE_SECONDS = 1.0

# Shorter waits are not worth a line in the log.
LOGGED_FROM_SECONDS = 3.0

# While there is nothing to wait for but the answer to another request.
_POLL_SECONDS = 0.05


def pause_seconds(pauses_in_a_row: int, *, retry_after: float | None, random: Callable[[], float]) -> float:
    """How long all requests pause after a 429: as long as it asks for, else longer each time, up to a whole window.

    At least half of that is waited; the rest is jitter, because other processes may share the address. A Retry-After
    below the first pause is ignored: with it, the whole limit would be used up in a moment.
    """
    if retry_after is not None and retry_after >= _FIRST_PAUSE_SECONDS:
        return min(retry_after, LONGEST_WAIT_SECONDS)
    ceiling = min(REQUEST_WINDOW.total_seconds(), _FIRST_PAUSE_SECONDS * 2.0 ** min(pauses_in_a_row, 60))
    return ceiling * (1.0 + random()) / 2.0


class RateLimit:
    """An exact sliding window of requests, and the pauses that the server asks for; all threads share it."""

    def __init__(
        self,
        limit: int = REQUESTS,
        window: timedelta = REQUEST_WINDOW,
        *,
        clock: Clock | None = None,
        what: str = "requests",
    ) -> None:
        self._limit = limit
        self._window_seconds = window.total_seconds()
        self._clock = clock or Clock()
        self._what = what
        self._report: Callable[[datetime | None], None] = lambda _: None
        # All mutable state, guarded by the lock: requests under way, the times of those answered, and the count; how
        # many pauses there were and how many in a row, until when the last one lasts, and whether a request probes if
        # it is over; how many threads wait, since when, until when they were reported to wait, and how long a wait was
        # whose end is to be logged.
        self._lock = Lock()
        self._under_way = 0
        self._answered: deque[float] = deque()
        self._made = 0
        self._pauses = 0
        self._pauses_in_a_row = 0
        self._paused_until = float("-inf")
        self._probes = False
        self._waiting = 0
        self._waiting_since = 0.0
        self._waited_seconds: float | None = None
        self._reported_until: float | None = None

    @property
    def requests_made(self) -> int:
        with self._lock:
            return self._made

    def report_to(self, report: Callable[[datetime | None], None]) -> None:
        """Call this with the moment until which requests wait, if they wait long, and with None once that is over."""
        self._report = report

    @contextmanager
    def wait_for_turn(self) -> Iterator[int]:
        """Wait until one more request fits, which is sent inside; leave when its response has begun.

        Gives the number of pauses so far, which `pause`, `note_not_limited` or `note_nothing` needs after that.
        """
        pauses_seen = self._wait_for_room()
        try:
            yield pauses_seen
        except BaseException:
            self.note_nothing(pauses_seen)
            raise
        finally:
            with self._lock:
                self._under_way -= 1
                self._answered.append(self._clock.monotonic())

    def pause(self, pauses_seen: int, retry_after: float | None) -> None:
        """Pause every request, because one was answered with 429.

        A pause that began after that request was sent is not a second one; it only gets longer.
        """
        with self._lock:
            now = self._clock.monotonic()
            if pauses_seen == self._pauses:
                self._probes = False
                seconds = pause_seconds(self._pauses_in_a_row, retry_after=retry_after, random=self._clock.random)
                self._pauses += 1
                self._pauses_in_a_row += 1
                self._paused_until = now + seconds
            elif retry_after is not None:
                seconds = pause_seconds(0, retry_after=retry_after, random=self._clock.random)
                self._paused_until = max(self._paused_until, now + seconds)

    def note_not_limited(self, pauses_seen: int) -> None:
        """Let the next pause be a short one again, because a request was answered with anything but 429."""
        with self._lock:
            if pauses_seen < self._pauses:
                return
            self._pauses_in_a_row = 0
            self._probes = False
            if self._reported_until is None or self._waiting:
                return
            self._reported_until = None
            self._waited_seconds = self._clock.monotonic() - self._waiting_since
        self._report(None)

    def note_nothing(self, pauses_seen: int) -> None:
        """Let another request probe, because this one did not show whether the pause is over."""
        with self._lock:
            if pauses_seen == self._pauses:
                self._probes = False

    def log_end_of_wait(self) -> None:
        """Log the end of a long wait, unless it was logged.

        Separate from `note_not_limited`, where an export is under way: the log may have to wait for a slow reader.
        """
        with self._lock:
            seconds, self._waited_seconds = self._waited_seconds, None
        if seconds is not None:
            logger.info("The limit of %s is no longer reached, after %.0f s.", self._what, seconds)

    def _wait_for_room(self) -> int:
        waited_from = self._clock.monotonic()
        with self._lock:
            self._waiting += 1
        try:
            while True:
                with self._lock:
                    seconds = self._seconds_until_room()
                    if seconds <= 0:
                        self._under_way += 1
                        self._made += 1
                        self._probes = self._pauses_in_a_row > 0
                        return self._pauses
                if self._clock.monotonic() - waited_from + seconds > LOGGED_FROM_SECONDS:
                    self._report_wait(waited_from, seconds)
                self._clock.sleep(seconds)
        finally:
            with self._lock:
                self._waiting -= 1

    def _report_wait(self, since: float, seconds: float) -> None:
        """Report a wait unless it was reported: to the log once, to the listener again whenever it gets longer."""
        with self._lock:
            until = self._clock.monotonic() + seconds
            first = self._reported_until is None
            if self._reported_until is not None and until <= self._reported_until + LOGGED_FROM_SECONDS:
                return
            self._reported_until = until
            if first:
                self._waiting_since = since
        ends_at = self._clock.now() + timedelta(seconds=seconds)
        if first:
            logger.info(
                "Waiting until %s UTC or longer: the limit of %s is reached.", f"{ends_at:%H:%M:%S}", self._what
            )
        self._report(ends_at)

    def _seconds_until_room(self) -> float:
        """0 where one more request fits now; the lock is held."""
        now = self._clock.monotonic()
        while self._answered and self._answered[0] + self._window_seconds <= now:
            self._answered.popleft()
        pause = max(_POLL_SECONDS if self._probes else 0.0, self._paused_until - now)
        if self._under_way + len(self._answered) < self._limit:
            return pause
        if not self._answered:
            return max(pause, _POLL_SECONDS)
        return max(pause, self._answered[0] + self._window_seconds - now)

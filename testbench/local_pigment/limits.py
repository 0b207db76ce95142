"""Pigment's two limits, counted exactly: requests of an address in a window, imports of a configuration in an hour."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class Limits:
    """How much is allowed, and what came."""

    requests: int = 500
    window_seconds: float = 300.0
    imports: int = 300
    import_window_seconds: float = 3600.0
    retry_after: bool = False
    _lock: Lock = field(default_factory=Lock)
    _requests: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _imports: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _arrivals: list[float] = field(default_factory=list)

    def take_request(self, address: str, now: float) -> float | None:
        """Count a request; None when it is allowed, else the seconds until one more would be."""
        with self._lock:
            self._arrivals.append(now)
            return _take(self._requests[address], self.requests, self.window_seconds, now)

    def spend(self, address: str, count: int, now: float) -> None:
        """Requests of others behind the same address."""
        with self._lock:
            for _ in range(count):
                _take(self._requests[address], self.requests, self.window_seconds, now)

    def take_import(self, configuration_id: str, now: float) -> float | None:
        """Count an import; None when it is allowed, else the seconds until one more would be."""
        with self._lock:
            return _take(self._imports[configuration_id], self.imports, self.import_window_seconds, now)

    def max_requests_in_any_window(self) -> int:
        """The most requests, rejected ones included, that any window saw."""
        with self._lock:
            arrivals = sorted(self._arrivals)
        most = first = 0
        for position, arrival in enumerate(arrivals):
            while arrivals[first] <= arrival - self.window_seconds:
                first += 1
            most = max(most, position - first + 1)
        return most


def _take(taken: deque[float], limit: int, window_seconds: float, now: float) -> float | None:
    while taken and taken[0] <= now - window_seconds:
        taken.popleft()
    if len(taken) >= limit:
        return taken[0] + window_seconds - now
    taken.append(now)
    return None

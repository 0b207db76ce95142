"""A workspace: applications, keys, limits, import configurations, and what happened to them."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import inf
from threading import Lock

from local_pigment.audit import AuditLog
from local_pigment.blocks import Application, Block, ListBlock, MetricBlock
from local_pigment.faults import Faults
from local_pigment.import_files import read_source
from local_pigment.imports import Failed, ImportConfiguration, ImportRun
from local_pigment.keys import ApiKey
from local_pigment.loaders import clear, load
from local_pigment.variants import ImportsOfABlock, Variants

__all__ = ["ApiKey", "ImportsOfABlock", "Limits", "Variants", "Workspace", "new_id"]


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
        """Count requests that others made from the same address."""
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


@dataclass(slots=True)
class Workspace:
    """Everything that a Pigment knows. Handlers hold their `lock` while they read or change it."""

    applications: dict[str, Application] = field(default_factory=dict)
    keys: list[ApiKey] = field(default_factory=list)
    configurations: dict[str, ImportConfiguration] = field(default_factory=dict)
    imports: dict[str, ImportRun] = field(default_factory=dict)
    audit: AuditLog = field(default_factory=AuditLog)
    variants: Variants = field(default_factory=Variants)
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    today: Callable[[], date] = lambda: datetime.now(UTC).date()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    _running: list[ImportRun] = field(default_factory=list)

    def key(self, secret: str) -> ApiKey | None:
        """The key with this secret, if it has not expired; a key expires at the start of its expiry date."""
        for key in self.keys:
            if key.secret == secret and (key.expires is None or self.today() < key.expires):
                return key
        return None

    def secret(self, name: str) -> str:
        """The secret of the key with this name."""
        return next(key.secret for key in self.keys if key.name == name)

    def application(self, name_or_id: str) -> Application:
        return next(each for each in self.applications.values() if name_or_id in {each.id, each.name})

    def find(self, block_id: str) -> tuple[Application, Block] | None:
        """The block with this id, and its application."""
        for application in self.applications.values():
            if block_id in application.blocks:
                return application, application.blocks[block_id]
        return None

    def block(self, name_or_id: str, application: str | None = None) -> Block:
        """The block with this name or id; for tests."""
        for each in self.applications.values():
            if application in {None, each.id, each.name}:
                for block in each.blocks.values():
                    if name_or_id in {block.id, block.name}:
                        return block
        raise KeyError(name_or_id)

    def begin(self, run: ImportRun) -> None:
        """Accept an import: it is loaded at once or when it is due."""
        self.imports[run.id] = run
        configuration = self.configurations[run.configuration_id]
        now, seconds = self.clock(), self.variants.import_seconds
        same_block = [
            each.due
            for each in self._running
            if self.configurations[each.configuration_id].block_id == configuration.block_id
        ]
        if self.variants.imports_of_a_block is ImportsOfABlock.QUEUE:
            run.due = max([now, *same_block]) + seconds
        else:
            run.due = now + seconds
            if seconds and configuration.clear_before_import and self._is_filled(run, configuration):
                clear(run, configuration, self.applications[configuration.application_id], self.variants)
        self._running.append(run)
        if not seconds:
            self.settle(now)

    def settle(self, now: float = inf) -> None:
        """Load what is due by `now`; without it, everything."""
        for run in [each for each in self._running if each.due <= now]:
            self._running.remove(run)
            configuration = self.configurations[run.configuration_id]
            self._is_filled(run, configuration)
            load(run, configuration, self.applications[configuration.application_id], self.variants)
            run.loaded = True
            # It ended when it was due, not when its status was asked for.
            run.completed_at = self.now() - timedelta(seconds=max(0.0, self.clock() - run.due))

    def _is_filled(self, run: ImportRun, configuration: ImportConfiguration) -> bool:
        """Have a started import read its source if it has not; returns whether there is a file to load."""
        if configuration.source is not None and not run.received:
            try:
                run.received = read_source(configuration, self.applications)
            except Failed as failed:
                run.failure = str(failed)
        return run.failure is None

    def started(self, name_or_id: str) -> int:
        """How often an import configuration was started or received a file."""
        wanted = self.configuration(name_or_id).id
        return sum(run.configuration_id == wanted for run in self.imports.values())

    def rows(self, name_or_id: str, application: str | None = None) -> list[list[str]]:
        """The rows of a list or metric, in order; for tests."""
        block = self.block(name_or_id, application)
        if isinstance(block, ListBlock):
            return [list(item.values) for item in block.items]
        if isinstance(block, MetricBlock):
            return [[*cell, value] for cell, value in block.of().items()]
        raise TypeError(f"{block.name} is a table: ask for its metrics")

    def configuration(self, name_or_id: str) -> ImportConfiguration:
        return next(each for each in self.configurations.values() if name_or_id in {each.id, each.name})

    def configure(self, configuration: ImportConfiguration) -> ImportConfiguration:
        """Add an import configuration."""
        self.configurations[configuration.id] = configuration
        return configuration


def new_id(*parts: str) -> str:
    """A UUID that is always the same for the same parts."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("pigment", *parts))))

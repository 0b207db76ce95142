"""How many requests a sync needs for its imports and how late it finds their end, with time that passes in sleeps."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from random import Random
from statistics import mean
from typing import Any

import pytest

from destination_pigment.imports.polling import Expected, ImportPolling, label_of_file
from destination_pigment.input.cancel import Cancel
from pigment_client.errors import ImportOutcomeUnknown
from pigment_client.http.clock import Clock
from pigment_client.models import CompletedImport, Import, ImportCounts, RunningImport


class TimedPigment:
    """Ends each import when its time is over; counts its push and all questions about it as requests."""

    def __init__(
        self,
        seed: int = 0,
        cancel: Cancel | None = None,
        cancelled_at: float = float("inf"),
        timeout: timedelta = timedelta(hours=1),
    ) -> None:
        random = Random(seed)
        self.now = 0.0
        self.requests: list[int] = []
        self.late: list[float] = []
        self._ends_at = 0.0
        self._cancel, self._cancelled_at = cancel or Cancel(), cancelled_at
        clock = Clock(monotonic=lambda: self.now, sleep=self._sleep, random=random.random)
        self._polling: Any = ImportPolling(self, timeout, self._cancel, clock)  # type: ignore[arg-type]

    def import_status(self, import_id: str) -> Import:
        self.requests[-1] += 1
        if self.now < self._ends_at:
            return RunningImport(import_id)
        return CompletedImport(import_id, ImportCounts(1, deleted=0))

    def run_import(self, seconds: float, size_bytes: int = 1000, configuration: str = "c") -> None:
        self.requests.append(1)
        self._ends_at = self.now + seconds
        expected = Expected(configuration, size_bytes)
        self._polling.wait_for_end(RunningImport("import"), label_of_file('stream "s"'), expected)
        self.late.append(self.now - self._ends_at)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self._cancelled_at:
            self._cancel.request()


@pytest.mark.parametrize("count", [1, 20, 200])
def test_a_small_import_costs_two_requests_and_less_than_a_second(count: int) -> None:
    pigment = TimedPigment()
    for _ in range(count):
        pigment.run_import(0.3)
    assert sum(pigment.requests) == 2 * count
    assert max(pigment.late) < 1


@pytest.mark.parametrize("seconds", [5, 60, 600])
def test_once_it_is_known_how_long_imports_take_few_questions_find_their_end_in_time(seconds: int) -> None:
    requests, late = [], []
    for seed in range(20):
        pigment, random = TimedPigment(seed), Random(seed)
        for _ in range(20):
            pigment.run_import(seconds * random.uniform(0.95, 1.05))
        requests += pigment.requests[1:]
        late += pigment.late[1:]
    assert mean(requests) < (4 if seconds < 10 else 6.5)
    assert mean(late) < max(1, 0.1 * seconds)


def test_the_first_import_of_a_configuration_is_asked_about_soon_whatever_others_take() -> None:
    pigment = TimedPigment()
    pigment.run_import(600)
    pigment.run_import(0.3, configuration="another")
    assert pigment.late[-1] < 1


def test_a_smaller_file_is_expected_sooner_and_a_larger_one_no_later() -> None:
    pigment = TimedPigment()
    pigment.run_import(60)
    pigment.run_import(30, size_bytes=500)
    assert pigment.late[-1] < 10
    pigment.run_import(60, size_bytes=100_000)
    assert pigment.late[-1] < 10


@pytest.mark.parametrize("seconds", [2, 5])
def test_after_a_slow_import_fast_ones_are_found_in_time(seconds: int) -> None:
    pigment = TimedPigment()
    pigment.run_import(60)
    for _ in range(15):
        pigment.run_import(seconds)
    assert sum(pigment.late[1:]) < 60
    assert pigment.late[-1] < 2


@pytest.mark.parametrize("before", [[], [2.0, 2.0]])
@pytest.mark.parametrize("seconds", [2, 20, 120, 200, 300])
def test_a_slow_import_delays_the_next_ones_little(before: list[float], seconds: float) -> None:
    pigment = TimedPigment()
    for each in [*before, 600.0]:
        pigment.run_import(each)
    begun = len(pigment.late)
    for _ in range(20):
        pigment.run_import(seconds)
    assert sum(pigment.late[begun:]) < max(120, 0.15 * 20 * seconds)


def test_no_wait_is_longer_than_the_deadline_whatever_the_last_import_took() -> None:
    pigment = TimedPigment(timeout=timedelta(minutes=1))
    pigment.run_import(59)
    assert pigment.now > 60
    begun = pigment.now
    with pytest.raises(ImportOutcomeUnknown, match="has not ended within 1 minute"):
        pigment.run_import(600)
    assert pigment.now - begun < 62


def test_a_cancel_is_seen_while_an_import_is_not_asked_about() -> None:
    pigment = TimedPigment(cancelled_at=700)
    pigment.run_import(600)
    with pytest.raises(ImportOutcomeUnknown, match="stopped while"):
        pigment.run_import(600)
    assert pigment.now < 790


def test_the_log_shows_every_half_minute_that_pigment_works_although_no_question_is_due(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    pigment = TimedPigment()
    pigment.run_import(600)
    caplog.clear()
    pigment.run_import(600)
    logged = [each.message for each in caplog.records]
    assert 15 <= len(logged) <= 21
    assert re.match('Pigment has worked on the import of the stream "s" for [0-9]+ s; the connector waits', logged[0])

"""Slices on threads: they arrive in the order in which they finish, and no more than allowed wait."""

from __future__ import annotations

import io
from threading import Event, Lock
from typing import Any

import pytest

from pigment_client.errors import BrokenOff, NotFound
from source_pigment.reading.download import Download
from source_pigment.reading.scheduler import Downloaded, DownloadScheduler, Ended, Failed, Started


class Stream:
    """Slices that finish when they are allowed to, or fail with the error that is set for them."""

    def __init__(self, name: str, slices: int, failures: dict[int, Exception] | None = None) -> None:
        self.name = name
        self.slices = range(slices)
        self.failures = failures or {}
        self.let = [Event() for _ in self.slices]
        self.begun: list[int] = []
        self.files: list[io.BytesIO] = []
        self._lock = Lock()

    def download(self, position: int, _stop: Event) -> Download:
        with self._lock:
            self.begun.append(position)
        assert self.let[position].wait(10)
        if position in self.failures:
            raise self.failures[position]
        self.files.append(io.BytesIO())
        return Download(self.files[-1], (), 1, 1, 1)

    def let_all(self) -> Stream:
        for each in self.let:
            each.set()
        return self


def reading(*streams: Stream, num_workers: int = 3) -> DownloadScheduler:
    given: Any = [(stream, stream.slices) for stream in streams]
    return DownloadScheduler(given, num_workers=num_workers)


def seen(report: Any) -> tuple[Any, ...]:
    return (type(report), report.stream.name, *([report.slice_index] if isinstance(report, Downloaded) else []))


def test_what_finishes_first_comes_first() -> None:
    stream = Stream("S", 3)
    reports = iter(reading(stream))
    assert seen(next(reports)) == (Started, "S")
    for position in (2, 0, 1):
        stream.let[position].set()
        assert seen(next(reports)) == (Downloaded, "S", position)
    assert [seen(each) for each in reports] == [(Ended, "S")]


@pytest.mark.parametrize("num_workers", [1, 3])
def test_no_more_run_or_wait_than_there_are_workers(num_workers: int) -> None:
    stream = Stream("S", 10).let_all()
    for taken, report in enumerate(
        each for each in reading(stream, num_workers=num_workers) if type(each) is Downloaded
    ):
        # The one that is being read is not among them.
        assert len(stream.begun) <= taken + 1 + num_workers
        report.fetched.close()
    assert sorted(stream.begun) == list(range(10))


def test_a_slice_that_breaks_does_not_hold_up_the_others() -> None:
    broken, whole = Stream("B", 3, {0: BrokenOff("export")}).let_all(), Stream("W", 1).let_all()
    reports = [seen(each) for each in reading(broken, whole, num_workers=1)]
    assert reports == [
        (Started, "B"),
        (Failed, "B"),
        (Downloaded, "B", 1),
        (Downloaded, "B", 2),
        (Ended, "B"),
        (Started, "W"),
        (Downloaded, "W", 0),
        (Ended, "W"),
    ]


def test_what_is_skipped_is_not_asked_for() -> None:
    wrong, whole = Stream("X", 9, {0: NotFound("export")}).let_all(), Stream("W", 2).let_all()
    scheduler = reading(wrong, whole, num_workers=1)
    reports = []
    for each in scheduler:
        reports.append(seen(each))
        if isinstance(each, Failed):
            scheduler.skip_rest(each.stream)
    assert reports.count((Ended, "X")) == reports.count((Ended, "W")) == 1
    assert len(wrong.begun) <= 2
    assert sorted(whole.begun) == [0, 1]


def test_downloads_stop_when_no_one_reads_any_more() -> None:
    stream = Stream("S", 9).let_all()
    reports = iter(reading(stream, num_workers=2))
    next(reports), next(reports)
    reports.close()  # type: ignore[attr-defined] # a generator
    assert len(stream.begun) <= 4


def test_nothing_to_read_ends_at_once() -> None:
    assert list(reading()) == []

"""Waiting for imports: sooner at first, and together no more often than the limit of requests allows."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from destination_pigment.config import parse_config
from destination_pigment.files.spool import Spool
from destination_pigment.imports.importer import Importer, Route, Stopped, Waiting
from destination_pigment.imports.queue import Job
from destination_pigment.input.configured_streams import DestinationStream, WriteMode
from destination_pigment.targets import Target
from pigment_airbyte.failures import TransientProblem
from pigment_client.models import CompletedImport, Import, ImportCounts, RejectedRow, RunningImport
from pigment_csv.dialect import CsvDialect


class Clock:
    """Time that passes only where somebody sleeps; one for each thread's import."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


class Pigment:
    """Accepts a file, and calls its import completed after so many questions."""

    def __init__(self, questions: int) -> None:
        self._questions = questions
        self.asked = 0

    def push_csv(self, _configuration_id: str, _file: Path, _options: Any) -> Import:
        return RunningImport("import")

    def import_status(self, import_id: str) -> Import:
        self.asked += 1
        return CompletedImport(import_id, ImportCounts(1)) if self.asked >= self._questions else RunningImport("import")


def importer_for(pigment: Pigment, clock: Clock, spool: Spool) -> Importer:
    waiting = Waiting(clock=lambda: clock.now, random=lambda: 1.0, sleep=clock.sleep)
    return Importer(pigment, parse_config({}), spool, waiting)  # type: ignore[arg-type] # stands in for the client


def run_one(importer: Importer, spool: Spool) -> None:
    file = spool.new_file(["a"])
    file.finish()
    importer.import_file(file, "stream", Route("configuration", repeatable=False, clears=True, again_through=None))


def test_questions_come_at_a_second_and_grow_to_thirty() -> None:
    clock = Clock()
    with Spool(CsvDialect()) as spool:
        run_one(importer_for(Pigment(15), clock, spool), spool)
    assert clock.waits[0] == 1.0
    assert clock.waits == sorted(clock.waits)
    assert clock.waits[-1] == 30.0


def test_many_running_imports_share_their_questions() -> None:
    clock, pigment = Clock(), Pigment(10**9)
    with Spool(CsvDialect()) as spool:
        importer = importer_for(pigment, clock, spool)
        importer._running = 99
        pigment._questions = 8
        thread = Thread(target=run_one, args=(importer, spool))
        thread.start()
        thread.join()
    assert clock.waits[:3] == [1.0, 1.5, 2.25]
    assert all(wait == 150.0 for wait in clock.waits[3:])


class Cancelled(Pigment):
    """Takes the first file at once, with a numbered rejected row, and is cancelled before anything else is sent."""

    def __init__(self) -> None:
        super().__init__(1)
        self.pushes = 0

    def push_csv(self, _configuration_id: str, _file: Path, _options: Any) -> Import:
        self.pushes += 1
        if self.pushes > 1:
            raise Stopped
        return CompletedImport("import", ImportCounts(inserted=2, skipped=1), (), (RejectedRow(2, "a", "BAD", None),))

    def import_status(self, import_id: str) -> Import:  # noqa: ARG002 - the client's signature
        raise Stopped


def test_what_is_stored_is_told_of_although_the_platform_cancels_behind_it() -> None:
    with Spool(CsvDialect()) as spool:
        file = spool.new_file(["a"])
        file.write(b"1\r\n2\r\n3\r\n")
        file.finish()
        importer = importer_for(Cancelled(), Clock(), spool)
        done = importer.import_file(file, "stream", Route("c", repeatable=False, clears=False, again_through="c"))
    assert (done.counts.inserted, done.rejected) == (2, 1)


def test_a_replacement_that_is_cancelled_behind_its_first_file_says_that_only_a_part_is_there() -> None:
    stream = DestinationStream(None, "s", WriteMode.REPLACE, ("a",), frozenset())
    with Spool(CsvDialect()) as spool:
        files = (spool.new_file(["a"]), spool.new_file(["a"]))
        for file in files:
            file.finish()
        job = Job(stream, Target("adding", "clearing"), files, 2, 0)
        pigment = Cancelled()
        pigment.import_status = CompletedImport  # type: ignore[method-assign, assignment] # for once
        with pytest.raises(TransientProblem, match="only a part"):
            job.run(importer_for(pigment, Clock(), spool))

"""Imports whose responses are given beforehand, and time that passes only in a sleep."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from one_stream import UNCOUNTED

from destination_pigment.config import FileLimits, parse_config
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.changes import Changes
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import JobDone
from destination_pigment.imports.reload import Reload
from destination_pigment.imports.verdicts import Imported
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.targets import Target
from pigment_client.errors import KeyRejected, NotFound, ResponseNotUnderstood, Unavailable
from pigment_client.http.clock import Clock
from pigment_client.models import CompletedImport, Import, ImportCounts, RunningImport, UnreadableStatus
from pigment_csv.dialect import CsvDialect

RUNNING = RunningImport("import")
DONE = CompletedImport("import", ImportCounts(1, deleted=0))
LIMITS = FileLimits(10**6, 10**6, timedelta(minutes=10))
THREE = b"1\r\n2\r\n3\r\n"

AT_ONCE = CompletedImport("import", ImportCounts(3, 0, None))
NO_COUNTS = CompletedImport("import")
KEPT = CompletedImport("import", ImportCounts(3, deleted=0))
NO_REPORT: list[Import | Exception] = [
    NotFound("import status"),
    Unavailable("import status"),
    ResponseNotUnderstood("import status"),
    KeyRejected("import status"),
    NO_COUNTS,
    UnreadableStatus("import", completed=True),
    AT_ONCE,
]
ways_without_a_report = pytest.mark.parametrize("asked", NO_REPORT, ids=repr)


class Time:
    """Time that passes only in a sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.clock = Clock(monotonic=lambda: self.now, sleep=self.sleep, random=lambda: 1.0)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


class Pigment:
    """Takes pushes and questions, and gives the responses one after the other, the last one forever."""

    def __init__(self, pushed: list[Import | Exception], asked: list[Import | Exception] | None = None) -> None:
        self.pushes: list[tuple[str, bytes]] = []
        self._pushed = pushed
        self._asked = asked or [RUNNING]

    def push_csv(self, configuration_id: str, file: Path, _options: Any) -> Import:
        self.pushes.append((configuration_id, file.read_bytes()))
        return next_response(self._pushed)

    def import_status(self, _import_id: str) -> Import:
        return next_response(self._asked)


def next_response(responses: list[Import | Exception]) -> Import:
    """The first response, which is taken away unless it is the last one; raised where it is an error."""
    response = responses.pop(0) if len(responses) > 1 else responses[0]
    if isinstance(response, Exception):
        raise response
    return response


def importer_for(pigment: Any, time: Time, cancel: Cancel | None = None, **config: Any) -> Importer:
    return Importer(pigment, parse_config(config), cancel or Cancel(), time.clock)


def stream(mode: WriteMode = WriteMode.APPEND) -> DestinationStream:
    return DestinationStream(None, "s", mode, ("a",))


def filled(spool: Spool, rows: bytes = b"") -> SpoolFile:
    """A finished file with these rows in its one column."""
    file = spool.new_file(["a"], CsvDialect())
    file.write(rows)
    file.finish()
    return file


def import_one(pigment: Pigment, time: Time, cancel: Cancel | None = None) -> Imported:
    """Import an empty file."""
    with Spool() as spool:
        importer = importer_for(pigment, time, cancel)
        return importer.import_file(filled(spool), "stream", "c", rows=3, repeatable=False)


def append_three(
    importer: Importer,
    mode: WriteMode = WriteMode.APPEND,
    configuration_id: str = "c",
    *,
    rejected_on_arrival: int = 0,
) -> JobDone:
    """Append a file of three rows."""
    with Spool() as spool:
        cut = FileSegment(filled(spool, THREE), rows=3, rejected=rejected_on_arrival, is_open=False)
        files = StreamFiles(RecordConverter(stream(mode), (), CsvDialect()), spool, LIMITS)
        return Changes(stream(mode), Target(configuration_id), files, spool).import_segment(cut, importer)


def append(
    pigment: Pigment, mode: WriteMode = WriteMode.APPEND, *, rejected_on_arrival: int = 0, **config: Any
) -> JobDone:
    importer = importer_for(pigment, Time(), **config)
    return append_three(importer, mode, rejected_on_arrival=rejected_on_arrival)


def replace_all(importer: Importer, files: int = 2, *, rejected_on_arrival: int = 0) -> JobDone:
    """Replace a block by this number of files of one row."""
    with Spool() as spool:
        cuts = tuple(
            FileSegment(filled(spool, b"1\r\n"), rows=1, rejected=rejected_on_arrival, is_open=False)
            for _ in range(files)
        )
        target = Target("adding", "clearing")
        replaced = stream(WriteMode.REPLACE)
        nothing = StreamFiles(RecordConverter(replaced, (), CsvDialect()), spool, LIMITS)
        return Reload(replaced, target, nothing, 10.0, None, UNCOUNTED).import_segments(cuts, importer)

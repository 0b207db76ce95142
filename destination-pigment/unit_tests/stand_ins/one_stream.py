"""A sync of one stream that appends, in process: its queues are the real ones, and a stand-in ends each import."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from types import MappingProxyType
from typing import Any

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.changes import Append
from destination_pigment.imports.deletions import Deletions
from destination_pigment.imports.queue import ImportQueues
from destination_pigment.imports.report import Imported, RowRules
from destination_pigment.imports.strategies import Streams
from destination_pigment.input.cancel import Cancel, Cancelled, Patience
from destination_pigment.input.catalog import parse_catalog
from destination_pigment.state_output import HeldStates, States
from destination_pigment.sync import Pace, Sync
from destination_pigment.targets import Target
from pigment_client.models import ImportCounts
from pigment_csv.dialect import CsvDialect

STORED = Imported(ImportCounts(1, 0, 0), 0)
MAX_AGE_SECONDS = 600.0


class Importing:
    """Stands in for the importer: the import with the number `slow` does not end by itself.

    Each import ends as the next of `ends` says, and then as `done`.
    """

    rules = RowRules(fail_on_rejected=False, may_leave_rows=False)
    cancelled = False

    def __init__(
        self, slow: int | None = None, done: Imported = STORED, ends: Sequence[Imported | Exception] = ()
    ) -> None:
        self.deletions = Deletions()
        self.pushes = 0
        self.ended = Event()
        self._slow = slow
        self._done = done
        self._ends = list(ends)

    def import_file(self, _file: SpoolFile, *_: Any, **__: Any) -> Imported:
        if self.cancelled:
            raise Cancelled
        self.pushes += 1
        if self.pushes == self._slow:
            self.ended.wait(30)
        end = self._ends.pop(0) if self._ends else self._done
        if isinstance(end, Exception):
            raise end
        return end


@dataclass
class Running:
    """A sync of one stream that appends, and what it sent."""

    sync: Sync
    cancel: Cancel
    queues: ImportQueues
    blocks: list[bytes] = field(default_factory=list)
    now: float = 0.0

    @property
    def sent(self) -> int:
        return len(b"".join(self.blocks).splitlines())


@contextmanager
def running(
    importer: Importing,
    *,
    max_rows: int = 1,
    memory_bytes: int = 10**6,
    configured: Mapping[str, Any] = MappingProxyType({}),
    proves_all: bool = False,
    is_dry_run: bool = False,
) -> Iterator[Running]:
    cancel, blocks = Cancel(), []
    schema = {"properties": {"id": {"type": "string"}}}
    chosen = {"stream": {"name": "s", "json_schema": schema}, "destination_sync_mode": "append", **configured}
    catalog = {"streams": [chosen]}
    with Spool() as spool:
        limits = FileLimits(10**6, max_rows, timedelta(minutes=10))
        (stream,) = parse_catalog(catalog)
        files = StreamFiles(RecordConverter(stream, (), CsvDialect()), spool, limits, clock=lambda: there.now)
        append = Append(stream, Target("c"), files, spool)
        held = HeldStates(lambda: spool.new_path(".states"), memory_bytes=memory_bytes)
        queues = ImportQueues(importer)  # type: ignore[arg-type] # stands in
        states = States(held, blocks.append, cancel)
        pace = Pace(MAX_AGE_SECONDS, Patience(still_wanted_seconds=0.0), proves_all, is_dry_run)
        there = Running(Sync(Streams({stream.key: append}, {}), queues, states, cancel, pace), cancel, queues, blocks)
        yield there
        importer.ended.set()


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


def record(number: int) -> bytes:
    return _line({"type": "RECORD", "record": {"stream": "s", "data": {"id": str(number)}}})


def state(number: int) -> bytes:
    content = {"id": number, "stream": {"stream_descriptor": {"name": "s"}, "stream_state": {"x": number}}}
    return _line({"type": "STATE", "state": content})


def messages(number: int) -> bytes:
    """A record and its state."""
    return record(number) + state(number)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"

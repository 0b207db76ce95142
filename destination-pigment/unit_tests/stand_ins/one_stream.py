"""A sync of one stream that appends, in process: its queues are the real ones, and a stand-in ends each import."""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from types import MappingProxyType
from typing import Any

from destination_pigment.config import CountBlocks, FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.block_count import BlockCounts
from destination_pigment.imports.changes import Changes
from destination_pigment.imports.queue import ImportQueues
from destination_pigment.imports.then_run import ThenRun
from destination_pigment.imports.verdicts import ClearingEvidence, Imported
from destination_pigment.input.cancel import Cancel, Cancelled, Patience
from destination_pigment.input.catalog import parse_catalog
from destination_pigment.loader import Loader
from destination_pigment.state_output import StateOutput, StateSpool
from destination_pigment.sync import Sync
from destination_pigment.targets import Target
from destination_pigment.write import run_and_follow
from pigment_client.models import ImportCounts
from pigment_csv.dialect import CsvDialect

STORED = Imported(ImportCounts(1, 0, 0))
# For blocks that cannot be counted.
UNCOUNTED = BlockCounts(lambda _: None, CountBlocks.IN_DOUBT)

MAX_AGE_SECONDS = 600.0


class Importing:
    """Stands in for the importer: the import with the number `slow` waits for the test to end it.

    Each import ends as the next of `ends` says, and then as `done`.
    """

    fail_on_rejected = is_dry_run = cancelled = False

    def __init__(
        self, slow: int | None = None, done: Imported = STORED, ends: Sequence[Imported | Exception] = ()
    ) -> None:
        self.evidence: dict[str, ClearingEvidence] = defaultdict(lambda: ClearingEvidence.NOTHING)
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


class Lines:
    """The input: what is put in comes out block by block, and where there is nothing, it has ended."""

    def __init__(self) -> None:
        self.rest = b""
        self.waiting: deque[bytes] = deque()

    def __iter__(self) -> Iterator[bytes]:
        while self.waiting:
            yield self.waiting.popleft()


class Running:
    """A sync of one stream that appends, and what it sent."""

    def __init__(self, sync: Sync, cancel: Cancel, queues: ImportQueues, sent: list[bytes]) -> None:
        self.sync = sync
        self.cancel = cancel
        self.queues = queues
        self.now = 0.0
        self._lines = Lines()
        self._steps = run_and_follow(sync, self._lines, ThenRun(None, None, (), 0.0))  # type: ignore[arg-type] # nothing follows
        self._sent = sent

    @property
    def sent(self) -> int:
        """How many states were sent."""
        return len(b"".join(self._sent).splitlines())

    def consume(self, lines: bytes) -> None:
        """Give lines to the sync."""
        self._lines.waiting.append(lines)
        next(self._steps)

    def end(self, rest: bytes = b"") -> None:
        """End the input, or the cancelled sync; raises what the sync raises."""
        self._lines.rest = rest
        for _ in self._steps:
            pass


@contextmanager
def running(
    importer: Importing,
    *,
    max_rows: int = 1,
    memory_bytes: int = 10**6,
    configured: Mapping[str, Any] = MappingProxyType({}),
    is_followed: bool = False,
    is_dry_run: bool = False,
) -> Iterator[Running]:
    cancel, sent = Cancel(), list[bytes]()
    schema = {"properties": {"id": {"type": "string"}}}
    chosen = {"stream": {"name": "s", "json_schema": schema}, "destination_sync_mode": "append", **configured}
    catalog = {"streams": [chosen]}
    with Spool() as spool:
        limits = FileLimits(10**6, max_rows, timedelta(minutes=10))
        (stream,) = parse_catalog(catalog)
        files = StreamFiles(RecordConverter(stream, (), CsvDialect()), spool, limits, clock=lambda: there.now)
        queues = ImportQueues(importer)  # type: ignore[arg-type] # stands in
        streams = {stream.key: Changes(stream, Target("c"), files, spool)}
        state_spool = StateSpool(lambda: spool.new_path(".states"), memory_bytes=memory_bytes, at_once_bytes=1)
        states = StateOutput(state_spool, sent.append, cancel)
        sync = Sync(
            streams,
            Loader(streams, queues, states, cancel, MAX_AGE_SECONDS, UNCOUNTED),
            states,
            cancel,
            Patience(still_wanted_seconds=0.0),
            is_followed=is_followed,
            is_dry_run=is_dry_run,
        )
        there = Running(sync, cancel, queues, sent)
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

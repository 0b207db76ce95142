"""What the end of a cancelled sync may say of imports that have not ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from destination_pigment import sync as module
from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.held_states import HeldStates
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import FileOptions, StreamFiles
from destination_pigment.imports.append import Append
from destination_pigment.imports.deletions import Deletions
from destination_pigment.imports.queue import ImportQueues
from destination_pigment.imports.report import Imported, RowRules
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.configured_streams import parse_catalog
from destination_pigment.states import States
from destination_pigment.sync import Pace, Streams, Sync
from destination_pigment.targets import Target
from pigment_client.models import ImportCounts
from pigment_csv.dialect import CsvDialect


class SlowAtSecond:
    """Stands in for the importer: the second import does not end."""

    rules = RowRules(fail_on_rejected=False, may_leave_rows=False)
    cancelled = False

    def __init__(self) -> None:
        self.deletions = Deletions()
        self.pushes = 0
        self.ended = Event()

    def import_file(self, _file: SpoolFile, *_: Any, **__: Any) -> Imported:
        self.pushes += 1
        if self.pushes == 2:
            self.ended.wait(30)
        return Imported(ImportCounts(1), 0)


def messages(number: int) -> bytes:
    descriptor = {"name": "s"}
    record = {"type": "RECORD", "record": {"stream": "s", "data": {"id": str(number)}}}
    content = {"id": number, "stream": {"stream_descriptor": descriptor, "stream_state": {"x": number}}}
    return b"".join(json.dumps(each).encode() + b"\n" for each in (record, {"type": "STATE", "state": content}))


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


@pytest.mark.parametrize("ends", [False, True], ids=["still running", "ended in time"])
def test_a_first_result_stays_back_while_what_followed_it_may_delete_it(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ends:
        monkeypatch.setattr(module, "_END_WHEN_CANCELLED_SECONDS", 0.0)
    importer, cancel, sent = SlowAtSecond(), Cancel(), []
    schema = {"properties": {"id": {"type": "string"}}}
    catalog = {"streams": [{"stream": {"name": "s", "json_schema": schema}, "destination_sync_mode": "append"}]}
    with Spool(CsvDialect()) as spool:
        options = FileOptions(CsvDialect(), FileLimits(10**6, 1, timedelta(minutes=10)), lambda: 0.0)
        (stream,) = parse_catalog(catalog)
        files = StreamFiles(stream, RecordConverter(stream, (), CsvDialect()), spool, options)
        append = Append(stream, Target("c"), files, spool)
        states = States(HeldStates(lambda: spool.new_path(".states")), sent.append, cancel)
        queues = ImportQueues(importer)  # type: ignore[arg-type] # stands in
        sync = Sync(Streams({stream.key: append}, {}), queues, states, cancel, Pace(0.0, Patience()))
        sync.take(messages(1))
        sync.take(messages(2))
        wait_until(lambda: importer.pushes == 2)
        cancel.request()
        if ends:
            importer.ended.set()
        sync.end()
        importer.ended.set()
    assert len(b"".join(sent).splitlines()) == (2 if ends else 0)

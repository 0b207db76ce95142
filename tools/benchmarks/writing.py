"""The destination's cases: RECORD lines to CSV files, sent to a server that stores nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airbyte_platform.process import write_files
from benchmarks.feed import complete, opening, state
from benchmarks.floors import IN_C, OF_BYTES
from benchmarks.ledger import Ledger
from benchmarks.measure import Command
from benchmarks.peers import WRITING
from benchmarks.rows import Shape, wide
from benchmarks.run import PEER, PLAIN, WITHOUT, Case, Options, Runs, Way, plain_rows
from benchmarks.sink import Sink
from local_pigment.workspace import new_id

_HERE = Path(__file__).parent
_PLAIN = str(_HERE / "stock_destination.py")
_FLOOR = str(_HERE / "floors.py")
_PEERS = str(_HERE / "peers.py")

# States for each stream of all rows, as a source sends them on its way; fewer rows have fewer.
_STATES = 10


@dataclass(frozen=True, slots=True)
class WriteCase:
    """What is written: how many streams of which shape, their records in turn; with a primary key, deduplicated."""

    name: str
    shape: Shape = field(default_factory=Shape)
    streams: int = 1
    options: tuple[tuple[str, Any], ...] = ()
    part: float = 1
    primary_key: str | None = None
    # Also run without the library, and by the peers.
    compared: bool = False


_CHECK = {"stream": "Big 0", "column": "Department", "list_id": new_id("departments"), "on_unknown": "fail"}
_WITH_TIME = (("csv", {"dates": "yyyy-MM-dd HH:mm:ss"}),)
CASES = (
    WriteCase("one stream", part=0.5),
    WriteCase("10 streams interleaved", streams=10, part=2),
    WriteCase("50 streams interleaved", streams=50, part=4),
    WriteCase("200 streams interleaved", streams=200, part=4),
    WriteCase("wide (200 columns)", shape=wide(), part=20),
    WriteCase("multi-line", shape=Shape(multi_line=0.5)),
    WriteCase("nested objects", shape=Shape(objects=True), part=2),
    WriteCase("0.05 % numbers in a text column", shape=Shape(numbers_in_texts=0.0005), part=2),
    WriteCase("a foreign _airbyte_ key", shape=Shape(airbyte_key=True), part=2),
    WriteCase("dates as sent", shape=Shape(dates=True), part=2),
    WriteCase("dates dd/MM/yyyy", shape=Shape(dates=True), options=(("csv", {"dates": "dd/MM/yyyy"}),), part=2),
    # More different moments than a column keeps: each is looked at.
    WriteCase("dates all different", shape=Shape(dates=True, distinct=200_000), options=_WITH_TIME, part=2),
    # Of 50,000 keys each record is one of many.
    WriteCase("repeated keys", shape=Shape(distinct=50_000), part=2, primary_key="Entry"),
    WriteCase("ledger", shape=Ledger(), compared=True),
    WriteCase("dimension check", options=(("dimension_checks", [_CHECK]),), part=2),
)


class WriteBench:
    """One case: its messages in a file, and the files that the connectors are given."""

    def __init__(self, case: WriteCase, rows: int, folder: Path, url: str) -> None:
        self._case = case
        self._folder = folder
        self._url = url
        self._rows = max(int(rows / case.part), case.streams)
        self._objects = case.shape.objects_of_rows()

    def ways(self, options: Options) -> list[Way]:
        """Every checkout that knows the options, the stock way and the floor."""
        words, whole, few = self._given(), self._messages("whole", self._rows), plain_rows(self._rows)
        plain = Command([sys.executable, _PLAIN, *words], self._messages("part", few))
        return [
            *(
                Way(each.name, Command([each.script("destination"), *words], whole), self._rows, options.times)
                for each in options.checkouts
                if each.knows("destination", dict(self._case.options))
            ),
            *(
                Way(
                    f"{each.name}{WITHOUT}",
                    Command([each.script("destination"), *words], whole, each.without_library(self._folder)),
                    self._rows,
                    options.times,
                )
                for each in options.checkouts
                if self._case.compared
            ),
            *self._peers(options, whole, self._rows),
            Way(PLAIN, plain, few, min(options.times, 2)),
            self._floor(options, whole, self._rows),
        ]

    def few(self, options: Options, command: str, times: int) -> list[Way]:
        """A command that moves hardly any rows, by every way that has a start-up."""
        given = {"spec": 0, "check": 2, "write": 4}[command]
        words = [command, *self._given()[1 : 1 + given]]
        messages = self._messages("few", 10)
        scripts = [(each.name, [each.script("destination")]) for each in options.checkouts]
        scripts.append((PLAIN, [sys.executable, _PLAIN]))
        ways = [Way(name, Command([*script, *words], messages), 0, times) for name, script in scripts]
        if command == "write":
            ways.append(replace(self._floor(options, messages, 0), times=times))
            ways += self._peers(options, messages, 0)
        return ways

    def _floor(self, options: Options, messages: Path, rows: int) -> Way:
        if options.floors is None:
            return Way(OF_BYTES, Command([sys.executable, _FLOOR, "copy"], messages), rows, options.times)
        address = urlsplit(self._url)
        columns = sorted(self._case.shape.schema()["properties"])
        words = [options.floors, "write", str(address.hostname), str(address.port), *columns]
        return Way(IN_C, Command(words, messages), rows, options.times)

    def _peers(self, options: Options, messages: Path, rows: int) -> list[Way]:
        if options.peers is None or not self._case.compared:
            return []
        words = [options.peers, _PEERS, "write"]
        return [Way(PEER + each, Command([*words, each, self._url], messages), rows) for each in WRITING]

    def _names(self) -> list[str]:
        return [f"Big {number}" for number in range(self._case.streams)]

    def _messages(self, name: str, rows: int) -> Path:
        """The streams' records in turn, states on the way, and at the end a COMPLETE status for each."""
        names = self._names()
        openings = [opening(stream) for stream in names]
        each = max(rows // len(names), 1)
        apart = max(self._rows // len(names) // _STATES, 1)
        path = self._folder / f"{name}.jsonl"
        with path.open("wb") as file:
            for number in range(each):
                passes, row = divmod(number, len(self._objects))
                data = self._case.shape.again(self._objects[row], passes)
                file.writelines(opening + data + b"}}\n" for opening in openings)
                if (number + 1) % apart == 0 or number + 1 == each:
                    file.writelines(state(stream, number + 1) for stream in names)
            file.writelines(complete(stream) for stream in names)
        return path

    def _given(self) -> list[str]:
        """The arguments of `write`."""
        configuration = "import_configuration_id"
        config = {
            "credentials": {"auth_type": "single_key", "api_key": "pgmt_bench"},
            "base_url": self._url,
            "sink": self._url,
            "targets": [{"stream": stream, configuration: new_id(stream)} for stream in self._names()],
            **dict(self._case.options),
        }
        catalog = self._case.shape.catalog(self._names())
        if self._case.primary_key is not None:
            for each in catalog["streams"]:
                each |= {"destination_sync_mode": "append_dedup", "primary_key": [[self._case.primary_key]]}
        return ["write", *write_files(self._folder, {"config": config, "catalog": catalog})]


def run_writing(options: Options, folder: Path) -> Runs:
    """All cases; a sync of hardly any rows runs beside each of them, so that start-up meets the same machine."""
    runs = Runs()
    with Sink() as sink:
        start = WriteBench(CASES[0], options.rows, folder, sink.url)
        for command in ("spec", "check"):
            runs.run(Case("destination", command), start.few(options, command, options.times))
        for case in CASES:
            if options.chooses(case.name):
                bench = WriteBench(case, options.rows, folder, sink.url)
                runs.run(Case("destination", "few rows"), (bench if case.compared else start).few(options, "write", 1))
                runs.run(Case("destination", case.name, "few rows"), bench.ways(options))
    return runs

"""The destination's cases: RECORD lines to CSV files, taken by a server that stores nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Self

from airbyte_platform.process import write_files
from benchmarks.measure import Command, run_once
from benchmarks.rows import Shape, wide
from benchmarks.run import Options, Runs, Way, plain_rows
from local_pigment.http_messages import Request, Response, as_json, problem
from local_pigment.server import Server
from local_pigment.workspace import new_id

_HERE = Path(__file__).parent
_PLAIN = str(_HERE / "stock_destination.py")
_FLOOR = str(_HERE / "floors.py")

# States for each stream, as a source sends them on its way.
_STATES = 10


@dataclass(frozen=True, slots=True)
class WriteCase:
    """What is written: how many streams of which shape, their records in turn."""

    name: str
    shape: Shape = field(default_factory=Shape)
    streams: int = 1
    options: tuple[tuple[str, Any], ...] = ()
    part: int = 1


_CHECK = {"stream": "Big 0", "column": "Department", "list_id": new_id("departments"), "on_unknown": "fail"}
_WITH_TIME = (("csv", {"dates": "yyyy-MM-dd HH:mm:ss"}),)
CASES = (
    WriteCase("one stream"),
    WriteCase("10 streams interleaved", streams=10, part=2),
    WriteCase("50 streams interleaved", streams=50, part=4),
    WriteCase("wide (200 columns)", shape=wide(), part=20),
    WriteCase("multi-line", shape=Shape(multi_line=0.5)),
    WriteCase("nested objects", shape=Shape(objects=True), part=2),
    WriteCase("0.05 % numbers in a text column", shape=Shape(numbers_in_texts=0.0005), part=2),
    WriteCase("a foreign _airbyte_ key", shape=Shape(airbyte_key=True), part=2),
    WriteCase("dates as sent", shape=Shape(dates=True), part=2),
    WriteCase("dates dd/MM/yyyy", shape=Shape(dates=True), options=(("csv", {"dates": "dd/MM/yyyy"}),), part=2),
    # More different moments than a column keeps: each is looked at.
    WriteCase("dates all different", shape=Shape(dates=True, distinct=200_000), options=_WITH_TIME, part=2),
    WriteCase("dimension check", options=(("dimension_checks", [_CHECK]),), part=2),
)


class Sink:
    """Takes whatever is posted and calls every import completed: here the connector is measured, not Pigment."""

    def __init__(self) -> None:
        self._server = Server(("127.0.0.1", 0), self._respond, None)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, request: Request) -> Response:
        request.body.read()
        if "/export/" in request.path:
            items = "".join(f"Department {number}\r\n" for number in range(40))
            return Response(200, f"Department\r\n{items}".encode(), {"Content-Type": "text/csv"})
        if request.method == "POST":
            return as_json({"importId": new_id("import")})
        if new_id("import") not in request.path:
            return problem(404, "Not found")
        return as_json(
            {"importId": new_id("import"), "createdAt": "2026-01-01T00:00:00Z", "importStatus": "Completed"} | _REPORT
        )


# A connector that learns nothing of what an import deleted asks again for a while.
_REPORT = {"detailedReport": {"insertedCount": 0, "updatedCount": 0, "deletedCount": 0, "skippedCount": 0}}


class WriteBench:
    """One case: its messages in a file, and the files that the connectors are given."""

    def __init__(self, case: WriteCase, rows: int, folder: Path, url: str) -> None:
        self._case = case
        self._folder = folder
        self._url = url
        self._rows = max(rows // case.part, case.streams)
        self._objects = case.shape.objects_of_rows()

    def ways(self, options: Options) -> list[Way]:
        """Every checkout, the stock way and the floor."""
        words, whole, few = self._given(), self._messages("whole", self._rows), plain_rows(self._rows)
        return [
            *(
                Way(each.name, Command([each.script("destination-pigment"), *words], whole), self._rows, options.times)
                for each in options.checkouts
            ),
            Way("plain", Command([sys.executable, _PLAIN, *words], self._messages("part", few)), few),
            Way("floor", Command([sys.executable, _FLOOR, "copy"], whole), self._rows),
        ]

    def few(self, options: Options, command: str, times: int) -> list[Way]:
        """A command that moves hardly any rows, by every way that has a start-up."""
        given = {"spec": 0, "check": 2, "write": 4}[command]
        words = [command, *self._given()[1 : 1 + given]]
        messages = self._messages("few", 10) if command == "write" else None
        scripts = [(each.name, [each.script("destination-pigment")]) for each in options.checkouts]
        scripts.append(("plain", [sys.executable, _PLAIN]))
        return [Way(name, Command([*script, *words], messages), 0, times) for name, script in scripts]

    def _names(self) -> list[str]:
        return [f"Big {number}" for number in range(self._case.streams)]

    def _messages(self, name: str, rows: int) -> Path:
        """The streams' records in turn, states on the way, and at the end the word that they are complete."""
        names = self._names()
        openings = [_opening(stream) for stream in names]
        each = max(rows // len(names), 1)
        states = [max(each * number // _STATES, 1) for number in range(1, _STATES + 1)]
        path = self._folder / f"{name}.jsonl"
        with path.open("wb") as file:
            for number in range(each):
                data = self._objects[number % len(self._objects)]
                file.writelines(opening + data + b"}}\n" for opening in openings)
                if number + 1 in states:
                    file.writelines(_state(stream, number) for stream in names)
            file.writelines(_complete(stream) for stream in names)
        return path

    def _given(self) -> list[str]:
        """The words of `write`."""
        configuration = "import_configuration_id"
        config = {
            "credentials": {"auth_type": "single_key", "api_key": "pgmt_bench"},
            "base_url": self._url,
            "sink": self._url,
            "targets": [{"stream": stream, configuration: new_id(stream)} for stream in self._names()],
            **dict(self._case.options),
        }
        catalog = self._case.shape.catalog(self._names())
        return ["write", *write_files(self._folder, {"config": config, "catalog": catalog})]


def _opening(stream: str) -> bytes:
    return f'{{"type":"RECORD","record":{{"stream":{json.dumps(stream)},"emitted_at":1,"data":'.encode()


def _state(stream: str, number: int) -> bytes:
    state = {"stream_descriptor": {"name": stream}, "stream_state": {"rows": number}}
    return json.dumps({"type": "STATE", "state": {"type": "STREAM", "stream": state, "id": number}}).encode() + b"\n"


def _complete(stream: str) -> bytes:
    status = {"stream_descriptor": {"name": stream}, "status": "COMPLETE"}
    trace = {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status}
    return json.dumps({"type": "TRACE", "trace": trace}).encode() + b"\n"


def run_writing(options: Options, folder: Path) -> Runs:
    """All cases; a sync of hardly any rows runs beside each of them, so that start-up meets the same machine."""
    runs = Runs()
    with Sink() as sink:
        start = WriteBench(CASES[0], options.rows, folder, sink.url)
        for way in start.few(options, "spec", 1):
            run_once(way.command)  # compiles what is not compiled
        for command in ("spec", "check"):
            runs.run(command, start.few(options, command, options.times))
        for case in CASES:
            if options.chooses(case.name):
                runs.run("few rows", start.few(options, "write", 1))
                runs.run(case.name, WriteBench(case, options.rows, folder, sink.url).ways(options))
    return runs

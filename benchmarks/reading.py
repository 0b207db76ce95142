"""The source's cases: exports of a local Pigment to RECORD lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airbyte_platform.process import write_files
from benchmarks.measure import Command, run_once
from benchmarks.rows import Shape, wide
from benchmarks.run import Options, Runs, Way, plain_rows
from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id

_HERE = Path(__file__).parent
_PLAIN = str(_HERE / "plain_source.py")
_FLOOR = str(_HERE / "floors.py")


@dataclass(frozen=True, slots=True)
class ReadCase:
    """What is read: how many streams of which shape, and how."""

    name: str
    shape: Shape = field(default_factory=Shape)
    streams: int = 1
    slices: int = 0
    tls: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    part: int = 1


CASES = (
    ReadCase("one stream"),
    ReadCase("10 streams, 3 workers", streams=10),
    ReadCase("10 streams, 10 workers", streams=10, options=(("num_workers", 10),)),
    ReadCase("wide (200 columns)", shape=wide(), part=20),
    ReadCase("multi-line", shape=Shape(multi_line=0.5)),
    ReadCase("row metadata", options=(("row_metadata", True),)),
    ReadCase("4 slices", slices=4),
    ReadCase("HTTP/2 with gzip", tls=True),
)


class ReadBench:
    """One case: a server with its blocks, and the files that the connectors are given."""

    def __init__(self, case: ReadCase, rows: int, folder: Path) -> None:
        self._case = case
        self._folder = folder
        self._lines = case.shape.csv()
        self._rows = max(rows // case.part, 1)
        self._workspace = planning_model(ledger_rows=1)
        self._workspace.variants.gzip = case.tls
        self._workspace.limits.requests = 1_000_000
        self.pigment = LocalPigment(self._workspace, tls=case.tls)

    def ways(self, options: Options) -> list[Way]:
        """Every checkout, the plain way and the floor."""
        ours, part = self._blocks("Big", self._rows), plain_rows(self._rows)
        words = self._given("big", ours)
        plain = self._given("small", self._blocks("Small", part))
        urls = [f"{self.pigment.url}/api/v1/export/list/{id_}" for id_ in ours.values()] * max(self._case.slices, 1)
        # The plain way knows no slices: it reads what one of them holds.
        part //= max(self._case.slices, 1)
        return [
            *(
                Way(each.name, self._command([each.script("source-pigment"), *words]), self._rows, options.times)
                for each in options.checkouts
            ),
            Way("plain", self._command([sys.executable, _PLAIN, *plain]), part),
            Way(
                "floor",
                self._command([sys.executable, _FLOOR, "receive", self._workspace.secret("all"), *urls]),
                self._rows,
            ),
        ]

    def few(self, options: Options, command: str, times: int) -> list[Way]:
        """A command that moves hardly any rows, by every way that has a start-up."""
        given = {"spec": 0, "check": 2, "read": 4}[command]
        words = [command, *self._given("few", self._blocks("Few", 10))[1 : 1 + given]]
        scripts = [(each.name, [each.script("source-pigment")]) for each in options.checkouts]
        scripts.append(("plain", [sys.executable, _PLAIN]))
        return [Way(name, self._command([*script, *words]), 0, times) for name, script in scripts]

    def _command(self, words: list[str]) -> Command:
        authority = self.pigment.ca_file
        return Command(words, environment=(("REQUESTS_CA_BUNDLE", str(authority)),) if authority else ())

    def _blocks(self, name: str, rows: int) -> dict[str, str]:
        """Put blocks into the workspace that hold so many rows together; their ids by name."""
        case = self._case
        exports = case.streams * max(case.slices, 1)
        blocks = {f"{name} {number}": new_id("bench", name, str(number)) for number in range(case.streams)}
        for title, id_ in blocks.items():
            properties = [Property(column) for column in case.shape.columns]
            stream = self._export(max(rows // exports, 1))
            self._workspace.application(PLANNING).put(ListBlock(id_, title, properties, False, stream=stream))
        return blocks

    def _export(self, rows: int) -> Any:
        header = (";".join(self._case.shape.columns) + "\r\n").encode()
        chunks, rest = divmod(rows, len(self._lines))
        chunk, last = b"".join(self._lines), b"".join(self._lines[:rest])

        def body() -> Iterator[bytes]:
            yield header
            for _ in range(chunks):
                yield chunk
            yield last

        return body

    def _given(self, name: str, blocks: dict[str, str]) -> list[str]:
        """The words of `read` for these blocks."""
        config = {
            "credentials": {"auth_type": "single_key", "api_key": self._workspace.secret("all")},
            "application_id": self._workspace.application(PLANNING).id,
            "base_url": self.pigment.url,
            "lists": blocks,
            "schema": self._case.shape.schema(),
            **dict(self._case.options),
        }
        if self._case.slices:
            slices = [{"listFilter": [new_id("slice", str(number))]} for number in range(self._case.slices)]
            config["block_requests"] = [{"block": block, "slices": json.dumps(slices)} for block in blocks]
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return ["read", *write_files(folder, {"config": config, "catalog": self._case.shape.catalog(blocks)})]


def run_reading(options: Options, folder: Path) -> Runs:
    """All cases; a sync of hardly any rows runs beside each of them, so that start-up meets the same machine."""
    runs = Runs()
    start = ReadBench(CASES[0], options.rows, folder)
    with start.pigment:
        for way in start.few(options, "spec", 1):
            run_once(way.command)  # compiles what is not compiled
        for command in ("spec", "check"):
            runs.run(command, start.few(options, command, options.times))
        for case in CASES:
            if options.chooses(case.name):
                bench = ReadBench(case, options.rows, folder)
                with bench.pigment:
                    runs.run("few rows", start.few(options, "read", 1))
                    runs.run(case.name, bench.ways(options))
    return runs

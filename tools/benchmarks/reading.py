"""The source's cases: exports of a local Pigment to RECORD lines."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airbyte_platform.process import write_files
from benchmarks.checkouts import Checkout
from benchmarks.floors import IN_C, OF_BYTES
from benchmarks.ledger import Ledger
from benchmarks.measure import Command
from benchmarks.peers import READING
from benchmarks.rows import Shape, wide
from benchmarks.run import PEER, PLAIN, WITHOUT, Case, Options, Runs, Way, plain_rows
from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id

_HERE = Path(__file__).parent
_PLAIN = str(_HERE / "plain_source.py")
_FLOOR = str(_HERE / "floors.py")
_PEERS = str(_HERE / "peers.py")


@dataclass(frozen=True, slots=True)
class ReadCase:
    """What is read: how many streams of which shape, and how."""

    name: str
    shape: Shape = field(default_factory=Shape)
    streams: int = 1
    slices: int = 0
    tls: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    part: float = 1
    # Also run without the library, and by the peers.
    compared: bool = False


CASES = (
    ReadCase("one stream", part=0.5),
    ReadCase("10 streams, 3 workers", streams=10),
    ReadCase("10 streams, 10 workers", streams=10, options=(("num_workers", 10),)),
    ReadCase("wide (200 columns)", shape=wide(), part=20),
    ReadCase("multi-line", shape=Shape(multi_line=0.5)),
    ReadCase("row metadata", options=(("row_metadata", True),)),
    ReadCase("4 slices", slices=4),
    ReadCase("HTTP/2 with gzip", tls=True),
    ReadCase("ledger", shape=Ledger(), compared=True),
    ReadCase("ledger, HTTP/2 with gzip", shape=Ledger(), tls=True),
)
_PIECE_BYTES = 1 << 20


class ReadBench:
    """One case: a server with its blocks, and the files that the connectors are given."""

    def __init__(self, case: ReadCase, rows: int, folder: Path) -> None:
        self._case = case
        self._folder = folder
        self._rows = max(int(rows / case.part), 1)
        self._lines = replace(case.shape, distinct=min(case.shape.distinct, max(self._rows, 10))).csv()
        self._workspace = planning_model(ledger_rows=1)
        self._workspace.variants.gzip = False
        self._workspace.limits.requests = 1_000_000
        self.pigment = LocalPigment(self._workspace, tls=case.tls)

    def ways(self, options: Options) -> list[Way]:
        """Every checkout that knows the options, the plain way and the floor."""
        blocks, part = self._blocks("Big", self._rows), plain_rows(self._rows)
        plain = self._given("small", self._blocks("Small", part))
        return [
            *self.own_ways(options, blocks),
            *(self._without(each, options) for each in options.checkouts if self._case.compared),
            *self._peers(options, blocks, self._rows),
            # The plain way has no slices: it reads what one of them contains.
            Way(PLAIN, self._command([sys.executable, _PLAIN, *plain]), part // self._slices, min(options.times, 2)),
            self._floor(options, [*blocks.values()] * self._slices, self._rows),
        ]

    def own_ways(self, options: Options, blocks: dict[str, str] | None = None) -> list[Way]:
        """Every checkout that knows the options of the case."""
        words = self._given("big", self._blocks("Big", self._rows) if blocks is None else blocks)
        return [
            Way(each.name, self._command([each.script("source"), *words]), self._rows, options.times)
            for each in options.checkouts
            if self._is_known(each)
        ]

    def _without(self, checkout: Checkout, options: Options) -> Way:
        words = [checkout.script("source"), *self._given("big", self._blocks("Big", self._rows))]
        command = self._command(words, *checkout.without_library(self._folder))
        return Way(f"{checkout.name}{WITHOUT}", command, self._rows, options.times)

    def _peers(self, options: Options, blocks: dict[str, str], rows: int) -> list[Way]:
        if options.peers is None or not self._case.compared:
            return []
        url = f"{self.pigment.url}/api/v1/export/list/{next(iter(blocks.values()))}"
        words = [options.peers, _PEERS, "read"]
        key = self._workspace.secret("all")
        return [Way(PEER + each, self._command([*words, each, url, key]), rows) for each in READING]

    def few(self, options: Options, command: str, times: int) -> list[Way]:
        """A command that moves hardly any rows, by every way that has a start-up."""
        blocks = self._blocks("Few", 10)
        given = {"spec": 0, "check": 2, "read": 4}[command]
        words = [command, *self._given("few", blocks)[1 : 1 + given]]
        scripts = [(each.name, [each.script("source")]) for each in options.checkouts if self._is_known(each)]
        scripts.append((PLAIN, [sys.executable, _PLAIN]))
        ways = [Way(name, self._command([*script, *words]), 0, times) for name, script in scripts]
        if command == "read":
            ways.append(replace(self._floor(options, [*blocks.values()], 0), times=times))
            ways += self._peers(options, blocks, 0)
        return ways

    @property
    def _slices(self) -> int:
        return max(self._case.slices, 1)

    def _is_known(self, checkout: Checkout) -> bool:
        slices = {"block_requests": [{"block": "", "slices": ""}]} if self._case.slices else {}
        return checkout.knows("source", dict(self._case.options) | slices)

    def _floor(self, options: Options, ids: list[str], rows: int) -> Way:
        key, paths = self._workspace.secret("all"), [f"/api/v1/export/list/{id_}" for id_ in ids]
        if options.floors is None or self._case.tls:
            words = [sys.executable, _FLOOR, "receive", key, *(self.pigment.url + path for path in paths)]
            return Way(OF_BYTES, self._command(words), rows, options.times)
        address = urlsplit(self.pigment.url)
        kinds = "t" * len(self._case.shape.texts) + "n" * len(self._case.shape.numbers)
        words = [options.floors, "read", str(address.hostname), str(address.port), key, kinds, *paths]
        return Way(IN_C, self._command(words), rows, options.times)

    def _command(self, words: list[str], *environment: tuple[str, str]) -> Command:
        authority = self.pigment.ca_file
        trusted = (("REQUESTS_CA_BUNDLE", str(authority)),) if authority else ()
        return Command(words, environment=(*environment, *trusted))

    def _blocks(self, name: str, rows: int) -> dict[str, str]:
        """Put blocks into the workspace that have `rows` rows together; returns their ids by name."""
        case = self._case
        exports = case.streams * self._slices
        blocks = {f"{name} {number}": new_id("bench", name, str(number)) for number in range(case.streams)}
        for title, id_ in blocks.items():
            properties = [Property(column) for column in case.shape.columns]
            stream = self._export(max(rows // exports, 1))
            if case.tls:
                stream = _gzipped(stream())
            block = ListBlock(id_, title, properties, False, stream=stream, is_gzip=case.tls)
            self._workspace.application(PLANNING).put(block)
        return blocks

    def _export(self, rows: int) -> Any:
        header = (";".join(self._case.shape.columns) + "\r\n").encode()
        chunks, rest = divmod(rows, len(self._lines))
        chunk, last = b"".join(self._lines), b"".join(self._lines[:rest])

        def body() -> Iterator[bytes]:
            yield header
            for number in range(chunks):
                yield from _pieces(self._case.shape.again(chunk, number))
            yield from _pieces(self._case.shape.again(last, chunks))

        return body

    def _given(self, name: str, blocks: dict[str, str]) -> list[str]:
        """The arguments of `read` for these blocks."""
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


def _gzipped(body: Iterator[bytes]) -> Callable[[], Iterator[bytes]]:
    """A body that is compressed once, before anything is measured: the server's work is no part of the figures."""
    packer = zlib.compressobj(1, wbits=31)
    packed = b"".join([*map(packer.compress, body), packer.flush()])
    return lambda: _pieces(packed)


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[at : at + _PIECE_BYTES] for at in range(0, len(content), _PIECE_BYTES))


def run_reading(options: Options, folder: Path) -> Runs:
    """All cases; a sync of hardly any rows runs beside each of them, so that start-up meets the same machine."""
    runs = Runs()
    start = ReadBench(CASES[0], options.rows, folder)
    with start.pigment:
        for command in ("spec", "check"):
            runs.run(Case("source", command), start.few(options, command, options.times))
    for case in CASES:
        if options.chooses(case.name):
            bench = ReadBench(case, options.rows, folder)
            start_shape = replace(case.shape, distinct=10) if case.compared else Shape()
            few = ReadBench(replace(case, shape=start_shape, streams=1, slices=0, options=()), options.rows, folder)
            name = "few rows over HTTP/2" if case.tls else "few rows"
            with bench.pigment, few.pigment:
                runs.run(Case("source", name), few.few(options, "read", 3 if case.tls else 1))
                runs.run(Case("source", case.name, name), bench.ways(options))
    return runs

"""The same sync with ever more rows, as whole processes: what grows, and how fast.

Rows come as a stream on both sides: of ten million, no side holds more than a hundredth in memory.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from airbyte_platform.process import write_files
from benchmarks.feed import opening
from benchmarks.ledger import Ledger
from benchmarks.measure import Command
from benchmarks.reading import ReadBench, ReadCase
from benchmarks.run import Case, Options, Runs, Way
from benchmarks.sink import CLEARS, Sink
from local_pigment.workspace import new_id

_STREAM = "Big"
_TARGET = {
    "stream": _STREAM,
    "import_configuration_id": new_id("adds"),
    "replace_import_configuration_id": CLEARS,
}


def read_growth(options: Options, folder: Path) -> Runs:
    """One stream of the source."""
    runs = Runs()
    shape = Ledger()
    for size in _sizes(options):
        bench = ReadBench(ReadCase("", shape=shape), size, folder)
        with bench.pigment:
            ways = bench.own_ways(replace(options, times=_times(options, size)))
            runs.run(Case("source", "one stream", size=size), ways, disk=True)
    return runs


def write_growth(options: Options, folder: Path) -> Runs:
    """One stream of the destination, which adds to its block or replaces what is in it."""
    runs = Runs()
    shape = Ledger()
    file, lines = folder / "lines.jsonl", [opening(_STREAM) + each + b"}}\n" for each in shape.objects_of_rows()]
    with Sink() as sink:
        for mode in ("append", "overwrite"):
            words = _given(folder, shape, sink.url, mode)
            for size in _sizes(options):
                file.write_bytes(b"".join(lines[:size]))
                feed = [sys.executable, "-m", "benchmarks.feed", str(file), str(size), _STREAM]
                ways = [
                    Way(each.name, Command([each.script("destination"), *words], feed), size, _times(options, size))
                    for each in options.checkouts
                    if each.knows("destination", {"targets": [_TARGET]})
                ]
                runs.run(Case("destination", mode, size=size), ways, disk=True)
    return runs


def _sizes(options: Options) -> tuple[int, ...]:
    """A tenth of the rows, the rows, and ten times as many."""
    return options.rows // 10, options.rows, options.rows * 10


def _times(options: Options, size: int) -> int:
    """The most rows are enough of a sample in one run."""
    return 1 if size > options.rows else options.times


def _given(folder: Path, shape: Ledger, url: str, mode: str) -> list[str]:
    config = {
        "credentials": {"auth_type": "single_key", "api_key": "pgmt_bench"},
        "base_url": url,
        "targets": [_TARGET],
    }
    catalog: dict[str, Any] = shape.catalog([_STREAM])
    for each in catalog["streams"]:
        each["destination_sync_mode"] = mode
    place = folder / mode
    place.mkdir(exist_ok=True)
    return ["write", *write_files(place, {"config": config, "catalog": catalog})]

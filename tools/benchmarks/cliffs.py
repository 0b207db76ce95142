"""Cases that have little in common with a usual sync and cost far more than one: each beside the usual one.

What is measured is a whole process, because many of them have hardly any rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from airbyte_platform.process import write_files
from benchmarks.feed import complete, opening, state
from benchmarks.measure import Command
from benchmarks.rows import Shape, wide
from benchmarks.run import Case, Options, Runs, Way
from benchmarks.sink import Sink
from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id

Messages = Callable[[], Iterator[bytes]]

_ROWS = 200_000
_STREAM = "Big"
_BLOCK = new_id("cliff")


def run_cliffs(connector: str, options: Options, folder: Path) -> Runs:
    """Every cliff of a connector, by every checkout."""
    runs = Runs()
    for name, rows, command in _CLIFFS[connector](options, folder):
        ways = [Way(each.name, command(each.script(connector)), rows, options.times) for each in options.checkouts]
        runs.run(Case(connector, name), ways)
    return runs


Cliffs = Iterator[tuple[str, int, Callable[[str], Command]]]


def _command(words: list[str], stdin: Path | None, script: str) -> Command:
    return Command([script, *words], stdin)


def _write_cliffs(options: Options, folder: Path) -> Cliffs:
    with Sink() as sink:
        for name, rows, shape, streams, messages, config in _written():
            if not options.chooses(name):
                continue
            file = folder / "messages.jsonl"
            with file.open("wb") as lines:
                lines.writelines(messages())
                lines.writelines(map(complete, streams))
            given = _given(folder, sink.url, shape, streams, config)
            yield name, rows, partial(_command, ["write", *given], file)


def _written() -> Iterator[tuple[str, int, Shape, list[str], Messages, dict[str, Any]]]:
    """Name, rows, shape, streams, messages and what the configuration has beside its targets."""
    usual, one = Shape(), [_STREAM]
    objects = usual.objects_of_rows()

    def records(*, odd: bytes = b"", each: int = 0, meta: bytes = b"", states: int = _ROWS) -> Messages:
        """Records of one stream; every `each`-th ends with `odd` in its data, and with `meta` after it."""
        begin = opening(_STREAM)

        def lines() -> Iterator[bytes]:
            for number in range(_ROWS):
                data, is_odd = objects[number % len(objects)], each and number % each == 0
                yield begin + (data[:-1] + odd + b"}" + meta if is_odd else data) + b"}}\n"
                if (number + 1) % states == 0:
                    yield state(_STREAM, number + 1)

        return lines

    yield "a usual stream", _ROWS, usual, one, records(), {}
    yield "a state after every record", _ROWS, usual, one, records(states=1), {}
    yield "an unknown field in 1 of 20 records", _ROWS, usual, one, records(odd=b',"Extra":1', each=20), {}
    meta = b',"meta":{"changes":[{"field":"Memo","change":"NULLED","reason":"SOURCE_RETRIEVAL_ERROR"}]}'
    yield "meta in 1 of 10 records", _ROWS, usual, one, records(meta=meta, each=10), {}
    huge = Shape(numbers=("Net", "Tax", "Gross", "Huge"))
    yield "numbers like 1e300", _ROWS, huge, one, records(odd=b',"Huge":1.5e300', each=1), {}
    moments = Shape(dates=True, distinct=_ROWS)
    pattern = {"csv": {"dates": "yyyy-MM-dd HH:mm:ss"}}
    yield "all date-times different, a pattern", _ROWS, moments, one, _all_of(moments), pattern
    many = [f"Big {number}" for number in range(200)]
    yield "200 streams in turn", _ROWS, usual, many, _in_turn(objects, many, globals_=0), {}
    yield "200 streams in turn, 5,000 GLOBAL states", _ROWS, usual, many, _in_turn(objects, many, globals_=5000), {}
    most = [f"Big {number}" for number in range(2000)]
    yield "2,000 targets, one with rows", 0, usual, most, lambda: iter([opening(most[0]) + objects[0] + b"}}\n"]), {}


def _all_of(shape: Shape) -> Messages:
    begin = opening(_STREAM)
    return lambda: (begin + each + b"}}\n" for each in shape.objects_of_rows())


def _in_turn(objects: list[bytes], streams: list[str], *, globals_: int) -> Messages:
    """Records of the streams in turn, and with `globals_` of them states of all streams on the way."""
    openings = [opening(each) for each in streams]
    descriptors = [{"stream_descriptor": {"name": each}, "stream_state": {"rows": 1}} for each in streams]
    apart = _ROWS // globals_ if globals_ else 0

    def lines() -> Iterator[bytes]:
        for number in range(_ROWS):
            yield openings[number % len(openings)] + objects[number % len(objects)] + b"}}\n"
            if apart and (number + 1) % apart == 0:
                content = {"shared_state": {"rows": number}, "stream_states": descriptors}
                yield json.dumps({"type": "STATE", "state": {"type": "GLOBAL", "global": content}}).encode() + b"\n"

    return lines


def _given(folder: Path, url: str, shape: Shape, streams: list[str], config: dict[str, Any]) -> list[str]:
    targets = [{"stream": each, "import_configuration_id": new_id(each)} for each in streams]
    credentials = {"auth_type": "single_key", "api_key": "pgmt_bench"}
    whole = {"credentials": credentials, "base_url": url, "targets": targets, **config}
    return write_files(folder, {"config": whole, "catalog": shape.catalog(streams)})


def _read_cliffs(options: Options, folder: Path) -> Cliffs:
    for name, command, rows, columns, body, catalog in _read():
        if not options.chooses(name):
            continue
        workspace = planning_model(ledger_rows=1)
        workspace.limits.requests = 1_000_000
        application = workspace.application(PLANNING)
        application.put(ListBlock(_BLOCK, _STREAM, [Property(each) for each in columns], False, stream=body))
        for number in range(10_000 if "10,000 blocks" in name else 0):
            title = f"Other {number}"
            application.put(ListBlock(new_id(title), title, [Property("Item")], False, stream=body))
        with LocalPigment(workspace) as pigment:
            config = {
                "credentials": {"auth_type": "single_key", "api_key": workspace.secret("all")},
                "application_id": application.id,
                "base_url": pigment.url,
                # Without it, the discovery reads a sample of every block.
                **({"include": [_STREAM]} if command == "discover" else {}),
            }
            given = [command, *write_files(folder, {"config": config, "catalog": catalog})]
            words = given[: 3 if command in {"check", "discover"} else None]
            yield name, rows, partial(_command, words, None)


def _read() -> Iterator[tuple[str, str, int, tuple[str, ...], Messages, dict[str, Any]]]:
    """Name, command, rows, columns of the block, body of its export, and configured catalog."""
    usual, broad = Shape(), wide()
    lines, broad_lines = usual.csv(), broad.csv()
    columns, catalog = usual.columns, usual.catalog([_STREAM])

    def body(*, columns: tuple[str, ...] = columns, lines: list[bytes] = lines, rows: int = _ROWS) -> Messages:
        header = (";".join(columns) + "\r\n").encode()
        return lambda: iter([header, *[b"".join(lines)] * (rows // len(lines))])

    yield "a usual stream", "read", _ROWS, columns, body(), catalog
    few = body(rows=len(lines))
    for command in ("check", "discover", "read"):
        yield f"10,000 blocks, {command}", command, 0, columns, few, catalog
    single = (";".join(columns) + "\r\n").encode()
    yield "chunks of one row", "read", 150_000, columns, lambda: iter([single, *lines * 15]), catalog
    cell = "long " * 800_000
    large = [f'E{number};a;b;c;"{cell}";1;2;3\r\n'.encode() for number in range(10)]
    yield "cells of 4 MB", "read", 40, columns, body(lines=large, rows=40), catalog
    broad_body = body(columns=broad.columns, lines=broad_lines, rows=20_000)
    yield "200 columns", "read", 20_000, broad.columns, broad_body, broad.catalog([_STREAM])
    ten = broad.catalog([_STREAM])
    schema = ten["streams"][0]["stream"]["json_schema"]
    schema["properties"] = dict(list(schema["properties"].items())[:10])
    yield "10 of 200 columns, annotation lost", "read", 20_000, broad.columns, broad_body, ten
    kept = json.loads(json.dumps(ten))
    kept["streams"][0]["stream"]["json_schema"]["x-pigment"] = {"id": _BLOCK, "header": list(broad.columns)}
    yield "10 of 200 columns, annotation kept", "read", 20_000, broad.columns, broad_body, kept


_CLIFFS = {"source": _read_cliffs, "destination": _write_cliffs}

"""Blocks of raw bytes for the source to read, at once or slowly, and what came of them."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

from airbyte_platform.process import Run, as_run
from airbyte_platform.rules import SourceRules
from connectors import Runner
from local_pigment.blocks import Application, ListBlock, Property
from local_pigment.sample import PLANNING
from local_pigment.workspace import new_id


def planning(source: Runner) -> Application:
    return source.pigment.workspace.application(PLANNING)


def add_raw(source: Runner, name: str, *chunks: bytes, is_dimension: bool = False) -> ListBlock:
    block = ListBlock(new_id("raw", name), name, [Property("x")], is_dimension)
    block.stream = lambda: iter(chunks)
    planning(source).put(block)
    return block


def held_to_the_rules(run: Run, catalog: dict[str, Any], *, strict: bool = True) -> SourceRules:
    rules = SourceRules(catalog, strict_schemas=strict)
    for line, message in zip(run.lines, run.messages, strict=True):
        rules.see(message, len(line.decode()))
    rules.end(run.exit_code)
    return rules


def data_of(run: Run, stream: str) -> list[dict[str, Any]]:
    return [record["data"] for record in run.records if record["stream"] == stream]


def logged(run: Run, words: str) -> list[str]:
    return [each["message"] for each in run.of("LOG") if words in each["message"]]


def as_multiset(rows: list[list[str]] | list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def add_list(source: Runner, name: str, header: list[str], rows: list[list[str]], **more: Any) -> ListBlock:
    block = ListBlock(new_id("extra", name, str(len(header))), name, [Property(each) for each in header], **more)
    for row in rows:
        block.add(*row)
    planning(source).put(block)
    return block


def properties(stream: dict[str, Any]) -> dict[str, Any]:
    return {name: each.get("format", each["type"][1]) for name, each in stream["json_schema"]["properties"].items()}


ROW = b"0123456789;abcdefghij\r\n"


def add_numbered(
    source: Runner, name: str, rows: int, *, chunk_rows: int = 1000, header: bytes = b"a;b\r\n"
) -> ListBlock:
    """A list whose rows are numbered, so that a lost or doubled one is seen."""
    block = ListBlock(new_id("attack", name), name, [Property("x")], is_dimension=False)

    def body() -> Iterator[bytes]:
        yield header
        for start in range(0, rows, chunk_rows):
            yield b"".join(b"%d;row-%d\r\n" % (n, n * 7919) for n in range(start, min(start + chunk_rows, rows)))

    block.stream = body
    source.pigment.workspace.application(PLANNING).put(block)
    return block


def add_wide(source: Runner, name: str, rows: int, *, header: bytes = b"a;b\r\n", wait: float = 0) -> ListBlock:
    """Few rows of a kilobyte that gzip cannot make small: what flows fills every buffer on the way."""
    block = ListBlock(new_id("attack", name), name, [Property("x")], is_dimension=False)
    chance = random.Random(rows)
    text = b"%0500x" % chance.getrandbits(2000)
    more = b";" * (header.count(b";") - 1)

    def body() -> Iterator[bytes]:
        time.sleep(wait)
        yield header
        for start in range(0, rows, 50):
            yield b"".join(b"%d;%b%b%b\r\n" % (n, text, text[::-1], more) for n in range(start, min(start + 50, rows)))

    block.stream = body
    source.pigment.workspace.application(PLANNING).put(block)
    source.pigment.workspace.variants.gzip = False
    return block


def numbers(run: Run, stream: str) -> list[int]:
    return [int(record["data"]["a"]) for record in run.records if record["stream"] == stream]


def read_slowly(source: Runner, catalog: Any, *, pause: float, first: int = 1, **config: Any) -> Run:
    """Read with a destination that takes a few bytes and then nothing for a while."""
    process = source.start("read", catalog=catalog, **config)
    os.close(process.stdin)
    head = os.read(process.stdout, first)
    time.sleep(pause)
    with os.fdopen(process.stdout, "rb") as pipe:
        rest = pipe.read()
    return as_run(process.wait(), head + rest, (process.folder / "stderr").read_bytes())

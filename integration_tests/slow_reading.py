"""Lists of numbered rows, and a destination that reads them slowly; for tests."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from typing import Any

from airbyte_platform.process import Run, as_run
from connectors import Runner
from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import PLANNING
from local_pigment.workspace import new_id

ROW = b"0123456789;abcdefghij\r\n"


def add(source: Runner, name: str, rows: int, *, chunk_rows: int = 1000, header: bytes = b"a;b\r\n") -> ListBlock:
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

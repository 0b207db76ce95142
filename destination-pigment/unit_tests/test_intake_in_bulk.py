"""Whatever comes, in whatever blocks: with the library and without, the same rows are written, in their order."""

from __future__ import annotations

import ctypes
import json
from collections import Counter
from datetime import timedelta
from itertools import groupby
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destination_pigment.config import FileLimits, OnUnknown
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rejected import Rejection, RejectionsOnDisk
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import StreamKey, parse_catalog
from destination_pigment.input.completion import Completion
from destination_pigment.intake import Intake
from destination_pigment.state_output import StateOutput, StateSpool
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect
from pigment_native.library import LIBRARY

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="there is no library for this machine")

SCHEMA = {"properties": {"a": {"type": "string"}, "n": {"type": "number"}, "d": {"type": "string", "format": "date"}}}
KEYS: tuple[StreamKey, ...] = (("x", "s"), ("y", "s"), (None, "t"))
CATALOG = {
    "streams": [
        {"stream": {"name": name, "namespace": namespace, "json_schema": SCHEMA}, "destination_sync_mode": "append"}
        for namespace, name in KEYS
    ]
}
DATES = CsvDialect(",", decimal_separator=",", dates=parse_date_pattern("dd/MM/yyyy"))
DATA = [
    *['{"a":"x","n":1,"d":"2026-04-30"}', '{"a":"y\\n;","n":-1.50,"d":null}', '{"d":"","n":"","a":null}'] * 4,
    *(
        '{"a":"é","n":1.5e3}',
        '{"n":1e99999}',
        '{"a":"q","a":"x"}',
        '{"a":{"b": [1, 2]},"_airbyte_meta":{}}',
        "{}",
        "null",
    ),
    *('{"a":"unknown","n":7}', '{"a":"z","d":"soon"}', '{"a":"x","new":1}', '{"a":"\\ud83d"}', "[1]", '{"a":NaN}'),
]
OTHERS = [
    *("nonsense", "", '{"type":"LOG","log":{"level":"INFO","message":"m"}}', "[" * 3000 + "]" * 3000, "\ufeff{}"),
    json.dumps({"type": "RECORD", "record": {"stream": "stray", "data": {"a": 1}}}),
    *(
        json.dumps({"type": "STATE", "state": {"stream": {"stream_descriptor": {"name": name, "namespace": space}}}})
        for space, name in KEYS
    ),
    json.dumps({"type": "STATE", "state": {"data": {}, "sourceStats": {"recordCount": 7.0}}}),
]


def lines_of(chance: Random) -> list[bytes]:
    """Lines of a sync: runs of one stream, streams in turn, and whatever else comes between."""
    lines = []
    key = KEYS[0]
    for _ in range(chance.randrange(60)):
        if chance.random() < 0.3:
            key = chance.choice(KEYS)
        if chance.random() < 0.1:
            lines.append(chance.choice(OTHERS))
        space = chance.choice([None, ""]) if key[0] is None else key[0]
        record = json.dumps({"stream": key[1], "namespace": space, "data": 0, "emitted_at": 1})
        lines.append('{"type":"RECORD","record":' + record.replace("0", chance.choice(DATA), 1) + "}")
    return [line.encode("utf-8", "surrogatepass") + b"\n" for line in lines]


class Noted(RejectionsOnDisk):
    """The rejections of a stream, in any order."""

    def __init__(self) -> None:
        self.rejected: Counter[tuple[str, bytes | tuple[object, ...]]] = Counter()

    def keep(self, rejection: Rejection) -> None:
        """Note them."""
        if isinstance(rejection.rejected, bytes):
            self.rejected[rejection.reason, rejection.rejected] += 1
        else:
            for row in zip(*rejection.rejected.columns, strict=True):
                self.rejected[rejection.reason, (rejection.rejected.header, *row)] += 1

    def read_back(self, _count: int) -> None:
        """Nothing is written anywhere."""


class Run:
    """An intake, and what becomes of its input."""

    def __init__(self, spool: Spool, dialect: CsvDialect, library: ctypes.CDLL | None, gathered_bytes: int) -> None:
        limits = FileLimits(300, 7, timedelta(minutes=10))
        self._files = {}
        self._rejected = {key: Noted() for key in KEYS}
        for stream in parse_catalog(CATALOG):
            check = CheckedColumn(stream, "a", frozenset({"x", "y\n;", "é", "q", "z"}), OnUnknown.SKIP)
            converter = RecordConverter(stream, [check], dialect, library)
            self._files[stream.key] = StreamFiles(converter, spool, limits, self._rejected[stream.key])
        self._states = StateOutput(StateSpool(lambda: spool.new_path(".states")), list[bytes]().append, Cancel())
        completion = Completion(has_generations=False)
        self._intake = Intake(self._files, completion, self._states, gathered_bytes=gathered_bytes)

    def take(self, blocks: list[bytes]) -> dict[str, Any]:
        """What there is when all blocks have come."""
        for block in blocks:
            self._intake.consume(block)
        self._intake.consume_rest(b"")
        return {
            "rejected": {key: noted.rejected for key, noted in self._rejected.items()},
            "unreadable": self._intake.unreadable,
            "problems": [(str(error), key) for error, key in self._intake.problems()],
            "waiting states": self._states.checkpoints.waiting,
            "confirmed": {key: self._confirmed_rows(files) for key, files in self._files.items()},
            "others": {key: self._other_rows(files) for key, files in self._files.items()},
        }

    def _other_rows(self, files: StreamFiles) -> list[tuple[object, list[object]]]:
        files.raise_watermark()
        return self._confirmed_rows(files)

    def _confirmed_rows(self, files: StreamFiles) -> list[tuple[object, list[object]]]:
        """The rows that the source has confirmed, in their order, under their headers."""
        found = [
            (cut.file.columns, row)
            for cut in files.pop_confirmed()
            if cut.file is not None
            for rows in cut.file.read_rows()
            for row in rows
        ]
        return [(header, [row for _, row in group]) for header, group in groupby(found, key=lambda each: each[0])]


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0),
    dialect=st.sampled_from([CsvDialect(), DATES]),
    gathered_bytes=st.sampled_from([8, 4000, 2 << 20]),
)
def test_the_same_rows_are_written_with_the_library_and_without(
    seed: int, dialect: CsvDialect, gathered_bytes: int
) -> None:
    chance = Random(seed)
    lines = lines_of(chance)
    blocks, rest = [], lines
    while rest:
        count = chance.randrange(1, len(rest) + 1)
        blocks.append(b"".join(rest[:count]))
        rest = rest[count:]
    with Spool() as spool:
        fast = Run(spool, dialect, LIBRARY, gathered_bytes).take(blocks)
        by_row = Run(spool, dialect, None, 8).take(lines)

    assert fast == by_row

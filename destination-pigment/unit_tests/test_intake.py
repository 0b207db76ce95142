"""Records that the source has counted and that did not arrive: counted once, and nothing after them is confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import StreamKey, parse_catalog
from destination_pigment.input.completion import Completion
from destination_pigment.intake import Intake
from destination_pigment.state_output import StateOutput, StateSpool
from pigment_csv.dialect import CsvDialect

A, B = (None, "a"), (None, "b")


@pytest.fixture
def files() -> Iterator[dict[StreamKey, StreamFiles]]:
    schema = {"properties": {"id": {"type": "string"}}}
    chosen = [
        {"stream": {"name": name, "json_schema": schema}, "destination_sync_mode": "append"} for name in ("a", "b")
    ]
    limits = FileLimits(10**6, 1000, timedelta(minutes=10))
    with Spool() as spool:
        yield {
            each.key: StreamFiles(RecordConverter(each, (), CsvDialect()), spool, limits)
            for each in parse_catalog({"streams": chosen})
        }


def consumed(files: dict[StreamKey, StreamFiles], *messages: dict[str, Any]) -> Intake:
    states = StateOutput(StateSpool(lambda: next(iter(())), memory_bytes=10**6), lambda _lines: None, Cancel())
    intake = Intake(files, Completion(has_generations=False), states)
    intake.consume(b"".join(json.dumps(each).encode() + b"\n" for each in messages))
    return intake


def record(name: str) -> dict[str, Any]:
    return {"type": "RECORD", "record": {"stream": name, "data": {"id": "1"}}}


def state(count: int, name: str | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"type": "GLOBAL", "global": {"shared_state": {"x": 1}, "stream_states": []}}
    if name is not None:
        content = {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": {"x": 1}}}
    return {"type": "STATE", "state": {**content, "sourceStats": {"recordCount": float(count)}}}


def problems(intake: Intake) -> list[tuple[str, StreamKey | None]]:
    return [(str(error).split(" did not arrive")[0], key) for error, key in intake.problems()]


def test_what_a_state_of_all_streams_misses_is_counted_once(files: dict[StreamKey, StreamFiles]) -> None:
    intake = consumed(files, record("a"), record("b"), state(5), state(2))
    assert problems(intake) == [("5 records that the source has counted for all streams together", None)]
    assert intake.misses_records(A)
    assert intake.misses_records(B)


def test_what_the_state_of_one_stream_misses_is_counted_for_that(files: dict[StreamKey, StreamFiles]) -> None:
    intake = consumed(files, record("a"), state(3, "a"), record("b"), state(1, "b"))
    assert problems(intake) == [('2 records of the stream "a" that the source has counted', A)]
    assert not intake.misses_records(B)


def test_nothing_is_confirmed_after_a_state_of_all_that_misses_records(files: dict[StreamKey, StreamFiles]) -> None:
    consumed(files, record("a"), state(1), record("a"), state(2), state(0, "a"))
    assert sum(cut.records for cut in files[A].pop_confirmed()) == 1


def test_nothing_is_missing_where_the_counts_agree(files: dict[StreamKey, StreamFiles]) -> None:
    assert not problems(consumed(files, record("a"), record("b"), state(2), record("a"), state(1, "a")))


def test_records_of_streams_in_turn_are_gathered_only_while_input_comes_fast(
    files: dict[StreamKey, StreamFiles],
) -> None:
    many = b"".join(json.dumps(record(name)).encode() + b"\n" for name in ("a", "b") * 20)

    def written(*blocks: bytes, gathered_bytes: int) -> list[int]:
        states = StateOutput(StateSpool(lambda: next(iter(())), memory_bytes=10**6), lambda _lines: None, Cancel())
        intake = Intake(files, Completion(has_generations=False), states, gathered_bytes=gathered_bytes)
        before, counts = sum(each.records for each in files.values()), list[int]()
        for block in blocks:
            intake.consume(block)
            counts.append(sum(each.records for each in files.values()) - before)
        return counts

    assert written(many, b"", gathered_bytes=8 * len(many)) == [0, 40]
    assert written(many, many[: len(many) // 2], gathered_bytes=8 * len(many)) == [0, 60]
    assert written(many, many, gathered_bytes=len(many) * 2) == [0, 80]
    assert written(many, gathered_bytes=20 * len(many)) == [40]


def test_a_last_line_without_an_end_is_written_however_long(files: dict[StreamKey, StreamFiles]) -> None:
    states = StateOutput(StateSpool(lambda: next(iter(())), memory_bytes=10**6), lambda _lines: None, Cancel())
    intake = Intake(files, Completion(has_generations=False), states, gathered_bytes=1000)
    intake.consume_rest(json.dumps(record("a")).encode() + b" " * 500)
    assert files[A].records == 1

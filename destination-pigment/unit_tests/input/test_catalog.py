"""What the destination learns of a stream from the configured catalog."""

from __future__ import annotations

from typing import Any

import pytest

from destination_pigment.input.catalog import CursorKind, DestinationStream, WriteMode, parse_catalog
from pigment_airbyte.failures import ConfigProblem

PROPERTIES: dict[str, Any] = {
    "id": {"type": "string"},
    "line": {"type": ["null", "integer"]},
    "amount": {"type": ["null", "number"]},
    "big": {"type": "string", "airbyte_type": "big_integer"},
    "either": {"oneOf": [{"type": "number"}, {"type": "string"}]},
    "number or null": {"oneOf": [{"type": "null"}, {"type": "number"}]},
    "day": {"type": ["null", "string"], "format": "date"},
    "updated": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
    "inside": {"type": "object", "properties": {"id": {"type": "string"}}},
}
DEDUP = {"destination_sync_mode": "append_dedup", "primary_key": [["id"]]}
FULL = {"sync_mode": "full_refresh"}
REPLACED = {"generation_id": 4, "minimum_generation_id": 4, "sync_id": 9}
KEPT = {"generation_id": 4, "minimum_generation_id": 0, "sync_id": 9}
PYAIRBYTE = {"generation_id": 1, "minimum_generation_id": 1, "sync_id": 1}


def parsed(of_stream: dict[str, Any] | None = None, **configured: Any) -> DestinationStream:
    stream = {"name": "s", "json_schema": {"properties": PROPERTIES}, **(of_stream or {})}
    chosen = {"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append", **configured}
    return parse_catalog({"streams": [chosen]})[0]


@pytest.mark.parametrize(
    ("configured", "mode"),
    [
        ({}, WriteMode.APPEND),
        (DEDUP, WriteMode.APPEND_DEDUP),
        ({"destination_sync_mode": "overwrite"}, WriteMode.REPLACE),
        ({**DEDUP, "destination_sync_mode": "overwrite_dedup"}, WriteMode.REPLACE),
        (REPLACED, WriteMode.REPLACE),
        ({**REPLACED, **FULL}, WriteMode.REPLACE),
        ({**DEDUP, **REPLACED}, WriteMode.REPLACE),
        ({"generation_id": 3, "minimum_generation_id": 3}, WriteMode.REPLACE),
        ({"generation_id": 1, "minimum_generation_id": 1, "sync_id": 2}, WriteMode.REPLACE),
        (KEPT, WriteMode.APPEND),
        ({**KEPT, **FULL}, WriteMode.APPEND),
        (PYAIRBYTE, WriteMode.APPEND),
        ({**PYAIRBYTE, **FULL}, WriteMode.APPEND),
        ({**PYAIRBYTE, **FULL, "destination_sync_mode": "overwrite"}, WriteMode.REPLACE),
    ],
)
def test_what_a_sync_does_to_its_block(configured: dict[str, Any], mode: WriteMode) -> None:
    assert parsed(**configured).mode is mode


@pytest.mark.parametrize(
    "configured", [DEDUP, {**DEDUP, "destination_sync_mode": "overwrite_dedup"}, {**DEDUP, **REPLACED}]
)
def test_a_stream_that_is_deduplicated_has_its_key(configured: dict[str, Any]) -> None:
    assert parsed(**configured).primary_key == ("id",)
    assert parsed(**{**configured, "primary_key": [["line"], ["id"], ["line"]]}).primary_key == ("line", "id")


def test_a_key_that_the_source_defines_counts_where_none_is_chosen() -> None:
    of_stream = {"source_defined_primary_key": [["line"]]}
    assert parsed(of_stream, **{**DEDUP, "primary_key": None}).primary_key == ("line",)


@pytest.mark.parametrize("configured", [{}, {"destination_sync_mode": "overwrite"}, REPLACED])
def test_a_stream_that_is_not_deduplicated_has_no_key_whatever_is_configured(configured: dict[str, Any]) -> None:
    assert parsed(**configured, primary_key=[["gone"], ["inside", "id"]]).primary_key == ()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, 'stream "s" is to be deduplicated and has no primary key'),
        ([], "has no primary key"),
        ([[]], "has no primary key"),
        ([["id"], ["inside", "id"]], 'stream "s" has the field "inside.id", which is inside a column'),
        ([["id"], ["gone"]], 'stream "s" has the column "gone", which this connection does not send'),
        ([["_airbyte_raw_id"]], "does not send"),
    ],
)
@pytest.mark.parametrize("more", [{}, REPLACED, {"destination_sync_mode": "overwrite_dedup"}])
def test_a_key_that_cannot_be_written_stops_the_sync(more: dict[str, Any], key: Any, words: str) -> None:
    with pytest.raises(ConfigProblem, match=words):
        parsed(**{**DEDUP, **more, "primary_key": key})


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("line", CursorKind.NUMBER),
        ("amount", CursorKind.NUMBER),
        ("big", CursorKind.NUMBER),
        ("number or null", CursorKind.NUMBER),
        ("day", CursorKind.INSTANT),
        ("updated", CursorKind.INSTANT),
        ("id", CursorKind.TEXT),
        ("either", CursorKind.TEXT),
    ],
)
def test_a_cursor_compares_as_its_schema_says(column: str, kind: CursorKind) -> None:
    found = parsed(**DEDUP, cursor_field=[column])
    assert (found.cursor, found.cursor_kind) == (column, kind)
    by_source = parsed({"default_cursor_field": [column]}, **DEDUP, cursor_field=[])
    assert (by_source.cursor, by_source.cursor_kind) == (column, kind)


@pytest.mark.parametrize("path", [None, [], ["gone"]])
def test_a_cursor_that_is_no_column_is_none(path: Any) -> None:
    assert parsed(**DEDUP, cursor_field=path).cursor is None


def test_a_cursor_inside_a_column_stops_only_a_deduplicated_stream() -> None:
    """It cannot be compared, and an old version that comes last would count."""
    assert parsed(cursor_field=["inside", "id"]).cursor is None
    with pytest.raises(ConfigProblem, match=r'"inside\.id", which is inside a column'):
        parsed(**DEDUP, cursor_field=["inside", "id"])


@pytest.mark.parametrize(
    ("is_resumable", "configured", "waits"),
    [
        (False, {}, False),
        (True, {}, False),
        (False, FULL, True),
        (True, FULL, True),
        (False, {**FULL, **KEPT}, True),
        (True, {**FULL, **KEPT}, False),
        (True, {**FULL, **REPLACED}, True),
        (True, REPLACED, True),
        (False, KEPT, False),
        (False, {**FULL, **PYAIRBYTE}, True),
    ],
)
def test_rows_wait_for_the_source_where_a_state_proves_nothing(
    is_resumable: bool, configured: dict[str, Any], waits: bool
) -> None:
    assert parsed({"is_resumable": is_resumable}, **configured).waits_for_proof is waits


def test_a_stream_is_incremental_unless_all_of_it_is_sent() -> None:
    assert parsed().is_incremental
    assert parsed(destination_sync_mode="overwrite").is_incremental
    assert not parsed(**FULL).is_incremental
    assert not parsed(**REPLACED).is_incremental


@pytest.mark.parametrize(
    ("configured", "is_refreshed"),
    [
        (REPLACED, True),
        ({**DEDUP, **REPLACED}, True),
        ({**REPLACED, **FULL}, False),
        ({**REPLACED, "destination_sync_mode": "overwrite"}, False),
        (KEPT, False),
        (DEDUP, False),
    ],
)
def test_an_incremental_stream_that_replaces_is_refreshed_and_appends_the_next_time(
    configured: dict[str, Any], is_refreshed: bool
) -> None:
    assert parsed(**configured).is_refreshed is is_refreshed


@pytest.mark.parametrize(
    ("schema", "is_number"),
    [
        ({"type": ["null", "number"]}, True),
        ({"type": "string", "airbyte_type": "big_number"}, True),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, True),
        ({"type": ["null", "string"], "airbyte_type": "big_integer"}, True),
        ({"airbyte_type": "big_integer", "oneOf": [{"type": "string"}, {"type": "null"}]}, True),
        ({"anyOf": [{"oneOf": [{"type": "number"}, {"type": "null"}]}, {"type": "boolean"}]}, True),
        ({"anyOf": [{"type": ["null", "number"]}, {"type": "string"}]}, False),
        ({"oneOf": [{"type": "number"}, {}]}, False),
        ({"oneOf": [{"type": "number"}, True]}, False),
        ({"type": ["number", "string"]}, False),
        ({"type": "boolean"}, False),
        ({"type": "null"}, False),
        ({"type": "string"}, False),
        ({}, False),
        (True, False),
    ],
)
def test_columns_whose_texts_are_numbers_are_known(schema: Any, is_number: bool) -> None:
    of_stream = {"json_schema": {"properties": {"x": schema}}}
    assert parsed(of_stream).number_columns == (frozenset("x") if is_number else frozenset())


HALF = "a\ud83d"


@pytest.mark.parametrize(
    ("of_stream", "words"),
    [
        ({"name": HALF}, 'stream "a\\?" has a name'),
        ({"namespace": HALF}, "has a namespace"),
        ({"json_schema": {"properties": {"b": {}, HALF: {}}}}, 'has a column "a\\?" that is not valid Unicode'),
        ({"json_schema": {"properties": {"\ude00": {}}}}, "has a column"),
    ],
)
def test_half_of_a_character_in_a_name_is_a_problem_that_can_be_solved(of_stream: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigProblem, match=words) as raised:
        parsed(of_stream)
    assert str(raised.value).encode()

"""source-pigment against hostile tables and catalogs: every cell as it came, or a stop."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import Runner, running, source_config
from local_pigment.blocks import ListBlock
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from reading import add_raw

pytestmark = pytest.mark.long

TABLES = int(os.environ.get("TABLES", "30"))


@pytest.fixture
def source(source_fork_server: ForkServer) -> Iterator[Runner]:
    with LocalPigment(planning_model(ledger_rows=50)) as pigment:
        pigment.workspace.limits.requests = 1_000_000
        with running(source_fork_server, pigment, source_config(pigment)) as runner:
            yield runner


SIGNS = [
    "a", "Z", "0", "1", "9", "-", ".", "e", "E", "+", " ", "\t", ";", ",", '"', "'", "\r\n", "\n", "\r", "\\", "/",
    "\u0085", "\u2028", "\u2029", "\x00", "\x01", "\x1b", "\x1c", "\x1f", "\x7f", "\x80", "\xa0", "\ufeff", "\u200b",
    "é", "ß", "\u0130", "日", "\U0001f680", "\ud7ff", "\ue000", "\uffff", "\U0010ffff", "<", "&", "{", "}", "null",
    "TRUE", "FALSE", "2026-04-30", "2026-02-30", "1e400", "-0", "00", "1.50", "NaN", "Infinity",
]  # fmt: skip


def cell(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.15:
        return ""
    if kind < 0.5:
        return chance.choice(["1", "-2.5", "1e5", "12345678901234567890.123456789", "TRUE", "FALSE", "2026-01-31", "x"])
    size = chance.choice([1, 2, 3, 10, 200]) if kind < 0.998 else chance.choice([5000, 140_000])
    return "".join(chance.choice(SIGNS) for _ in range(size))


def quoted(text: str, chance: random.Random) -> str:
    needs = any(sign in text for sign in ';"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs or chance.random() < 0.1 else text


def table(chance: random.Random) -> tuple[list[str], list[list[str]], bytes]:
    width = chance.choice([1, 1, 2, 3, 8, 40])
    header = [f"c{n}" for n in range(width)]
    rows = [
        [cell(chance) for _ in range(width)] for _ in range(chance.choice([0, 1, 2, 20] if width > 3 else [1, 50, 200]))
    ]
    end = chance.choice(["\r\n", "\n"])
    lines = [";".join(quoted(text, chance) for text in row) for row in rows]
    if width == 1:
        lines = [line or '""' for line in lines]
    text = end.join([";".join(header), *lines])
    if lines or chance.random() < 0.5:
        text += end if chance.random() < 0.8 or text.endswith('""') else ""
    return header, rows, (chance.choice(["", "\ufeff"]) + text).encode()


def split_at_random(body: bytes, chance: random.Random) -> list[bytes]:
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.choice([0, 1, 5, 50])))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    return getattr(value, "text", None) or str(value)


@pytest.mark.parametrize("types", ["infer", "text"])
def test_random_tables_arrive_cell_by_cell(source: Runner, types: str) -> None:
    chance = random.Random(int(os.environ.get("SEED", "1")))
    tables = {f"Table {n}": table(chance) for n in range(TABLES)}
    for name, (_, _, body) in tables.items():
        add_raw(source, name, *split_at_random(body, chance))
    config: dict[str, Any] = {"include": ["Table *"], "types": types, "row_metadata": True}
    catalog = source.catalog(**config)
    run = source.run("read", catalog=catalog, **config)
    assert run.exit_code == 0, [each["message"] for each in run.errors]
    got: dict[str, list[list[str]]] = {name: [] for name in tables}
    for line in run.lines:
        # One message a line, whichever line ends a reader splits at.
        assert len(line.decode().splitlines()) == 1
    for record in run.records:
        header = tables[record["stream"]][0]
        assert list(record["data"])[: len(header)] == header
        got[record["stream"]].append([as_text(record["data"][name]) for name in header])
    for name, (_, rows, _) in tables.items():
        assert rows == got[name], name


LONG = "x" * 200_000


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (f"{LONG};b\r\n1;2\r\n".encode(), [{LONG: "1", "b": 2}]),
        (b'"a\r\nb";c\r\n1;2\r\n', [{"a\r\nb": "1", "c": 2}]),
        ("\u2028;\u0085\r\nx;y\r\n".encode(), [{"\u2028": "x", "\u0085": "y"}]),
        ("a;\U0001f680\r\nx;y\r\n".encode(), [{"a": "x", "\U0001f680": "y"}]),
        (b'a;"q""q"\r\nx;y\r\n', [{"a": "x", 'q"q': "y"}]),
        (b"a; b \r\nx;y\r\n", [{"a": "x", " b ": "y"}]),
        (b"a;A\r\nx;y\r\n", [{"a": "x", "A": "y"}]),
        (b"a;a_2;a\r\nx;y;z\r\n", [{"a": "x", "a_2": "y", "a_3": "z"}]),
        (b"_pigment_record_id;b\r\nx;y\r\n", [{"_pigment_record_id_2": "x", "b": "y"}]),
        (b"a\r\n\r\nx\r\n", None),
        (b'a\r\n""\r\nx\r\n', [{"a": None}, {"a": "x"}]),
        (b"a;b\r\n\r\n1;2\r\n", None),
        (b"a;b\r\n1;2\r\n\r\n", None),
        (b"a;b\r\n;\r\n", [{"a": None, "b": None}]),
        (b"a;b\n1;2\r\n3;4\n", [{"a": "1", "b": 2}, {"a": "3", "b": 4}]),
        (b"a;b\r1;2\r", None),
        (b"a;b\r\n1;2\r\r\n", None),
        (b"a;b\r\r\n1;2\r\n", None),
        (b"a;b\r\n1;-0\r\n2;-0.0\r\n3;1E+5\r\n", None),
        (b"a;b\r\nx;1e400\r\n", None),
        (b"\xef\xbb\xbf\xef\xbb\xbfa;b\r\nx;1\r\n", None),
        (b"a;b\r\nx;\x00\r\n", [{"a": "x", "b": "\x00"}]),
        (("a;b\r\n" + "\ufeffx;y\r\n" * 3).encode(), [{"a": "\ufeffx", "b": "y"}] * 3),
        (
            ("a;b\r\n" + ("\ufeff" + "x" * 50 + ";y\r\n") * 30_000).encode(),
            [{"a": "\ufeff" + "x" * 50, "b": "y"}] * 30_000,
        ),
        (b"a\r\n" + b"\r\n" * 5, None),
        (b'"a";"b"\r\n"x;1";"y""z"\r\n', [{"a": "x;1", "b": 'y"z'}]),
    ],
    ids=range(26),
)
def test_a_table_on_the_edge_arrives_as_it_is_or_not_at_all(
    source: Runner, body: bytes, rows: list[dict[str, Any]] | None
) -> None:
    add_raw(source, "Edge", body)
    discovered = source.run("discover", include=["Edge"])
    assert "Traceback" not in discovered.stderr
    if discovered.exit_code:
        assert rows is None, discovered.errors
        return
    catalog = source.catalog("Edge", include=["Edge"])
    run = source.run("read", catalog=catalog, include=["Edge"], max_retries=0)
    assert "Traceback" not in run.stderr
    assert (run.exit_code == 0) == (not run.errors)
    if rows is not None:
        assert [record["data"] for record in run.records] == rows, run.errors


# catalogs and states ------------------------------------------------------------------------------------------------


def changed(catalog: dict[str, Any], **stream: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(catalog))
    for name, value in stream.items():
        copy["streams"][0]["stream"][name] = value
    return copy


SCHEMAS: list[Any] = [
    {},
    {"type": "object"},
    {"properties": None},
    {"properties": {}},
    {"properties": {"Month": True}},
    {"properties": {"Month": False}},
    {"properties": {"Month": None}},
    {"properties": {"Month": []}},
    {"properties": {"Month": {"type": None}}},
    {"properties": {"Month": {"type": ["null", "string", "number"]}}},
    {"properties": {"Month": {"oneOf": [{"type": "null"}, {"type": "string"}]}}},
    {"properties": {"Month": {"$ref": "#/x"}}},
    {"properties": []},
    {"x-pigment": 7},
    {"x-pigment": {"id": 7}},
    {"x-pigment": {"id": "not-an-id"}},
    {"x-pigment": {"id": None, "header": None}},
    {"x-pigment": {"header": "Month"}},
    {"x-pigment": {"header": [1, 2]}},
    {"x-pigment": {"header": ["only one"]}},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_a_schema_of_any_making_ends_as_complete_or_as_a_config_error(source: Runner, schema: Any) -> None:
    catalog = source.catalog("Months")
    full = catalog["streams"][0]["stream"]["json_schema"]
    for given in (schema, {**full, **schema}):
        run = source.run("read", catalog=changed(catalog, json_schema=given))
        assert "Traceback" not in run.stderr, run.stderr[-3000:]
        statuses = [status for _, status in run.statuses]
        assert statuses[-1] == ("COMPLETE" if run.exit_code == 0 else "INCOMPLETE")
        assert {each["failure_type"] for each in run.errors} <= {"config_error"}


BLOBS: list[Any] = [
    None, {}, {"a": 1}, {"__ab_full_refresh_sync_complete": True}, {"__ab_no_cursor_state_message": True},
    {"finished_slices": 1}, {"finished_slices": -1}, {"finished_slices": "1", "slices": "x"}, {"finished_slices": 1e9},
    {"finished_slices": [0]}, {"finished_slices": {"a": 1}, "slices": None}, {"slices": []},
    {"__ab_full_refresh_sync_complete": True, "slices": "whatever"},
]  # fmt: skip


@pytest.mark.parametrize("blob", BLOBS, ids=range(len(BLOBS)))
def test_no_state_makes_a_stream_without_slices_yield_nothing(source: Runner, blob: Any) -> None:
    catalog = source.catalog("Months")
    state = {"type": "STREAM", "stream": {"stream_descriptor": {"name": "Months"}, "stream_state": blob}}
    run = source.run("read", catalog=catalog, state=[state])
    assert run.exit_code == 0, run.errors
    assert run.records
    assert "Traceback" not in run.everything


def test_an_empty_catalog_ends(source: Runner) -> None:
    run = source.run("read", catalog={"streams": []})
    assert "Traceback" not in run.everything


def test_a_filter_in_the_words_of_pigment_s_own_samples_is_sent_as_described(source: Runner) -> None:
    headcount, departments = (source.pigment.workspace.block(name, PLANNING) for name in ("Headcount", "Departments"))
    assert isinstance(departments, ListBlock)
    department = {"dimensionId": departments.id, "modalityIds": [departments.items[0].id]}
    condition = {"metricId": headcount.id, "condition": {"type": "isNotBlank"}}
    tree = {
        "type": "AND",
        "and": [{"type": "value", "value": condition}, {"type": "Dimension", "dimension": department}],
    }
    request = json.dumps({"exportFilter": tree})
    config: dict[str, Any] = {
        "block_types": ["metric"],
        "block_requests": [{"block": "Headcount", "request": request}],
    }
    run = source.run("read", catalog=source.catalog("Headcount", **config), **config)
    assert run.exit_code == 0, run.errors
    assert {next(iter(record["data"].values())) for record in run.records} == {departments.items[0].values[0]}

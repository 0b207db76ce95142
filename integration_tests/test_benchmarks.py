"""The bench: its tables from given figures, its marks in the docs, what it sees of a process, and its floors."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from benchmarks.checkouts import Checkout, knows
from benchmarks.feed import opening, state
from benchmarks.floors import IN_C, built
from benchmarks.ledger import Ledger
from benchmarks.measure import Command, Figures
from benchmarks.reading import ReadBench, ReadCase
from benchmarks.rows import Shape
from benchmarks.run import Case, Options, Runs, Way
from benchmarks.table import cases_table, cliffs_table, filled, goals_table, page_table
from documents.generated import ROOT

TOOLS = os.pathsep.join(str(ROOT / each) for each in ("testbench", "tools", "integration_tests"))
FEW = Case("source", "few rows")
ONE = Case("source", "ledger", "few rows")


def cells(table: str) -> list[list[str]]:
    """The rows below the heading; a row has as many cells as the heading."""
    heading, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    assert all(len(row) == len(heading) for row in rows)
    return rows


def runs_of(*ways: tuple[str, list[Figures], list[Figures], int]) -> Runs:
    """Runs of one stream: the way's name, what few rows cost, what the rows cost, and how many they were."""
    runs = Runs()
    for name, few, many, rows in ways:
        runs.figures[FEW, name], runs.rows[FEW, name] = few, 0
        runs.figures[ONE, name], runs.rows[ONE, name] = many, rows
    return runs


THREE_WAYS = runs_of(
    (
        "ours",
        [Figures(1.0, 0.8, 80), Figures(1.5, 0.9, 80), Figures(0.9, 0.8, 80)],
        [Figures(2.0, 1.8, 140), Figures(3.0, 2.2, 130), Figures(1.9, 1.8, 130)],
        10**6,
    ),
    ("plain", [Figures(1.0, 1.0, 77)], [Figures(5.0, 5.0, 80)], 200_000),
    ("floor (C)", [Figures(0.0, 0.0, 1)], [Figures(0.8, 0.3, 2)], 10**6),
)


def test_a_case_is_the_middle_run_beyond_the_middle_start_beside_plain_and_floor() -> None:
    assert cells(cases_table(THREE_WAYS)) == [
        ["ledger", "ours", "1,000,000", "1,000", "1.00", "5%", "9%", "80%", "140", "11%"],
        ["ledger", "plain", "200,000", "50", "20.00", "100%", "100%", "4%", "80", "-"],
        ["ledger", "floor (C)", "1,000,000", "1,250", "0.30", "2%", "1%", "100%", "2", "-"],
    ]


def test_the_checkouts_are_beside_one_another_on_the_line_of_a_cliff() -> None:
    runs = runs_of(("ours", [Figures(1, 0.8, 80)], [Figures(2, 1.8, 90)], 5), ("before", [], [Figures(2, 9, 91)], 5))
    runs.failures[Case("source", "a new field"), "before"] = "ended with 1"
    runs.rows[Case("source", "a new field"), "before"] = 5

    assert cells(cliffs_table(runs)) == [
        ["few rows", "0", "0.80", "80", "failed", "-"],
        ["ledger", "5", "1.80", "90", "9.00", "91"],
        ["a new field", "5", "failed", "-", "failed", "-"],
    ]


def test_the_page_shows_this_checkout_beside_the_other_and_the_libraries_below() -> None:
    runs = runs_of(
        ("ours", [Figures(1, 1, 80)], [Figures(3, 3, 90)], 10**6),
        ("base", [Figures(1, 1, 80)], [Figures(5, 5, 95)], 10**6),
        ("ours, no library", [], [Figures(9, 8, 99)], 10**6),
        ("plain", [Figures(1, 1, 80)], [Figures(6, 5, 80)], 10**5),
        ("peer: pandas", [Figures(1, 1, 80)], [Figures(7, 7, 300)], 10**6),
    )
    lines, peers = page_table(runs).split("\n\n")

    assert cells(lines) == [["ledger", "1,000,000", "4.00", "2.00", "7.00", "40.00", "-", "7%", "500", "95", "90"]]
    assert cells(peers) == [["pandas", "6.00", "167", "300"]]


def test_goals_are_held_against_the_first_checkout() -> None:
    assert [row[1:] for row in cells(goals_table(THREE_WAYS))] == [["20.0", "yes"], ["140", "no"]]
    assert goals_table(Runs()) == ""


def test_a_way_that_fails_leaves_the_others_and_what_it_did_before(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    once = f"import pathlib; pathlib.Path({str(mark)!r}).touch(exist_ok=False)"
    ways = [
        Way("once", Command([sys.executable, "-c", once]), 5, 3),
        Way("always", Command([sys.executable, "-c", ""]), 5, 3),
    ]
    runs = Runs()

    runs.run(ONE, ways)

    assert {way: len(figures) for (_, way), figures in runs.figures.items()} == {"once": 1, "always": 3}
    assert list(runs.failures) == [(ONE, "once")]


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = "before\n<!-- a: written by make bench -->\nold\n<!-- end of a -->\nbehind \\1\n"

    written = filled(page, "a", "| new \\1 |\n")

    assert written == "before\n<!-- a: written by make bench -->\n\n| new \\1 |\n\n<!-- end of a -->\nbehind \\1\n"
    assert filled(written, "a", "| new \\1 |\n") == written
    with pytest.raises(ValueError, match="no marks for b"):
        filled(page, "b", "")


def test_the_page_has_the_marks_of_everything_that_is_written() -> None:
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")

    for connector in ("source", "destination"):
        for kind in ("cases", "growth", "cliffs"):
            assert "| x |" in filled(page, f"{kind} of the {connector}", "| x |")
    assert len(re.findall("written by make bench", page)) == 6


def test_no_row_of_the_ledger_repeats_and_both_connectors_are_given_the_same_rows() -> None:
    shape = Ledger(distinct=500)
    lines = shape.again(b"".join(shape.csv()), 0) + shape.again(b"".join(shape.csv()), 1)
    rows = list(csv.reader(io.StringIO(lines.decode(), newline=""), delimiter=";"))
    records = [json.loads(row, parse_float=str) for row in shape.objects_of_rows()]

    assert len({tuple(row) for row in rows}) == 1000
    assert rows[:500] == [[value or "" for value in record.values()] for record in records]
    assert all(list(record) == list(shape.columns) for record in records)


def test_the_feed_sends_as_many_different_rows_as_were_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_bytes(b"".join(opening("Big") + row + b"}}\n" for row in Ledger(distinct=3).objects_of_rows()))
    words = [sys.executable, "-m", "benchmarks.feed", str(file), "8", "Big"]

    fed = subprocess.run(words, env={**os.environ, "PYTHONPATH": TOOLS}, capture_output=True, check=True).stdout

    lines = [line for line in fed.splitlines() if b'"RECORD"' in line]
    assert len(set(lines)) == len(lines) == 8


def test_without_the_library_a_connector_converts_in_python(tmp_path: Path) -> None:
    checkout = Checkout("before today", ROOT, {})
    words = [sys.executable, "-c", "from pigment_native.library import LIBRARY; assert LIBRARY is None"]

    subprocess.run(words, env={**os.environ, **dict(checkout.without_library(tmp_path))}, check=True)


def test_a_form_knows_the_fields_that_it_has() -> None:
    choice = {"oneOf": [{"properties": {"kind": {}, "key": {}}}, {"properties": {"kind": {}}}]}
    form = {"properties": {"a": {}, "card": {"properties": {"b": {}}}, "list": {"items": choice}}}

    assert knows(form, {"a": 1, "card": {"b": 2}, "list": [{"kind": 1, "key": 2}]})
    assert not knows(form, {"c": 1})
    assert not knows(form, {"card": {"c": 1}})
    assert not knows(form, {"list": [{"kind": 1}, {"lock": 1}]})


@pytest.fixture(scope="module")
def floors(tmp_path_factory: pytest.TempPathFactory) -> str:
    program = built(tmp_path_factory.mktemp("floors"))
    if program is None:
        pytest.skip("no C compiler")
    return program


SHAPE = Shape(multi_line=0.3, objects=True, airbyte_key=True, distinct=300)


def test_the_floor_reads_every_row_as_it_is(floors: str, tmp_path: Path) -> None:
    bench = ReadBench(ReadCase("", shape=Shape(multi_line=0.3)), 300, tmp_path)
    with bench.pigment:
        way = next(each for each in bench.ways(Options(300, 1, (), (), floors)) if each.name == IN_C)
        printed = subprocess.run(list(way.command.words), capture_output=True, check=True).stdout

    expected = csv.reader(io.StringIO(b"".join(Shape(multi_line=0.3).csv()[:300]).decode(), newline=""), delimiter=";")
    found = [json.loads(line, parse_float=str, parse_int=str)["record"]["data"] for line in printed.splitlines()]
    assert [[value or "" for value in row.values()] for row in found] == list(expected)


def test_the_floor_writes_every_row_as_it_is(floors: str) -> None:
    rows = SHAPE.objects_of_rows()
    lines = b"".join(opening("Big") + row + b"}}\n" + state("Big", 1) for row in rows)
    columns = sorted(SHAPE.schema()["properties"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = [floors, "write", "127.0.0.1", str(server.getsockname()[1]), *columns]
        with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(lines)
            process.stdin.close()
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as received:
                text = body_in_chunks(received)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert process.returncode == 0

    header, *found = csv.reader(io.StringIO(text.decode(), newline=""))
    assert header == columns
    for row, line in zip(found, rows, strict=True):
        record = json.loads(line, parse_float=str, parse_int=str)
        tags = row.pop(columns.index("Tags"))
        assert json.loads(tags, parse_float=str, parse_int=str) == record["Tags"]
        assert row == [record[name] or "" for name in columns if name != "Tags"]


def body_in_chunks(received: IO[bytes]) -> bytes:
    while received.readline().strip():
        pass
    body = b""
    while size := int(received.readline(), 16):
        body += received.read(size)
        received.readline()
    return body

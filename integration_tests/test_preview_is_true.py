"""What a dry run promises is what the load then does, row for row; judged by the block before and afterwards."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airbyte_platform.process import as_lines
from connectors import Runner
from destination_pigment import opening
from destination_pigment.imports import preview
from destination_pigment.imports.preview import StreamPreview
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import parse_catalog
from destination_pigment.write import write_blocks
from local_pigment.imports import UnknownItem
from small_blocks import (
    a_catalog,
    add_list,
    add_metric,
    configure,
    configured,
    contents,
    goes_to,
    let_pigment,
    pushed,
    table,
    whole,
)

COLUMNS = ("Entry", "Month", "Posted", "Amount", "Memo")
LEDGER = table("Ledger", *COLUMNS)

# The same number, and the same day, in several forms; keys that differ in blanks, case and zeros at their beginning.
KEYS = ("E1", "e1", " E1", "E01", "Ä9", "E-2", "E-3")
MONTHS = ("Jan 26", "Feb 26", "Mar 26")
AMOUNTS = ("1.5", "1.50", "-0.0", "12345678901234567890.01", "1e2", "")
MEMOS = ("", "rent", "1.50", "1.5", 'a "quote";, ', "TRUE")
ROW = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(MONTHS),
    st.sampled_from(["2026-01-31", "2026-02-01"]),
    st.sampled_from(AMOUNTS),
    st.sampled_from(MEMOS),
)
ROWS = st.lists(ROW, max_size=8)
ONE_OF_A_KEY = st.lists(ROW, max_size=8, unique_by=lambda row: row[0])
CSV: Mapping[str, Any] = {"decimal_separator": "comma", "delimiter": "semicolon", "dates": "dd/MM/yyyy"}

Row = tuple[str, ...]


class Lines:
    """What standard input gives."""

    rest = b""

    def __init__(self, lines: bytes) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        yield self._lines


def load(destination: Runner, caplog: pytest.LogCaptureFixture, rows: Sequence[Any], given: Any, **config: Any) -> Any:
    """Run `write` in this process; the lines of the log and the error that ended it, if one did."""
    streams = parse_catalog(a_catalog(given))
    lines = Lines(as_lines(whole(given["stream"]["name"], rows)))
    sent: list[bytes] = []
    caplog.clear()
    problem = None
    with caplog.at_level(logging.INFO):
        try:
            form = {**destination.config, **config}
            list(write_blocks(form, streams, lines, Cancel(), sent.append, Patience(0, 0)))
        except Exception as error:  # noqa: BLE001 - what ended the sync is judged
            problem = error
    return [each.getMessage() for each in caplog.records], problem


def numbers_of(log: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The lines of the table: what is sent and what is there, by the words of their beginning."""
    found: dict[str, tuple[int, int]] = {}
    for line in log:
        words = [each for each in line.split("  ") if each.strip()]
        counts = [int(each.replace(",", "")) for each in words[1:] if each.strip().replace(",", "").isdigit()]
        if line.startswith("  ") and counts:
            found.setdefault(words[0].strip(), (counts[0], counts[:2][-1]))
    return found


def cells_of(log: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """The cells of the table's lines by their section, if they are in one, and their label."""
    found: dict[tuple[str, str], list[str]] = {}
    section = ""
    for line in log:
        if line.startswith("  "):
            label, *cells = re.split(r"\s{2,}", line.strip())
            is_in_section = line.startswith("    ")
            section = section if is_in_section else label
            found[section if is_in_section and cells and label != "to push" else "", label] = cells
    return found


def exact(cell: str) -> Fraction:
    return Fraction(cell.replace(",", ""))


def total(rows: Iterable[Row], month: str | None = None) -> Fraction:
    return sum((Fraction(row[3] or 0) for row in rows if month in {None, row[1]}), Fraction(0))


def check_sums(log: Sequence[str], sent: Collection[Row], before: Collection[Row], now: Collection[Row]) -> None:
    """The sums of each month, and what the block has after the load, where that is promised."""
    cells = cells_of(log)
    assert cells["", "rows"][:2] == [f"{len(sent):,}", f"{len(before):,}"]
    if "after the load" in cells["", "to push"]:
        assert cells["", "rows"][2] == f"{len(now):,}"
        assert exact(cells["", 'sum of "Amount"'][2]) == total(now)
    for (section, month), found in cells.items():
        if section == 'sum of "Amount" by "Month"':
            ours, theirs = total(sent, month), total(before, month)
            assert [exact(each) for each in found] == [ours, theirs, ours - theirs][: len(found)]


def as_stored(value: str) -> str:
    return {"1.50": "1.5", "2.50": "2.5", "-0.0": "0", "1e2": "100"}.get(value, value)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(
    [("E1", "Jan 26", "2026-01-31", "1.50", "rent")],
    [("E1", "Jan 26", "2026-01-31", "7", ""), ("E-2", "Feb 26", "2026-02-01", "12345678901234567890.01", "")],
    "scope",
    False,
    False,
)
@given(ROWS, ONE_OF_A_KEY, st.sampled_from(["all", "scope", "adds"]), st.booleans(), st.booleans())
def test_a_list_with_a_unique_identifier_becomes_what_the_preview_says(
    destination: Runner,
    caplog: pytest.LogCaptureFixture,
    sent: list[Row],
    stored: list[Row],
    effect: str,
    has_forms: bool,
    is_split: bool,
) -> None:
    let_pigment(destination, immediate_results=True)
    before = [(*row[:3], as_stored(row[3]), row[4]) for row in stored]
    block = add_list(destination, "Ledger", COLUMNS, before)
    forms = {"delimiter": ";", "decimal_separator": ",", "date_format": "dd/MM/yyyy"} if has_forms else {}
    clearing = {} if effect == "adds" else {"clear_before_import": True}
    scope = {"scope": ("Month",)} if effect == "scope" else {}
    ident = configure(destination, block, "Ledger", key="Entry", **clearing, **scope, **forms)
    target = goes_to("Ledger", ident, block_id=block.id, csv=CSV if has_forms else {}, minimum_rows=0)
    if effect == "adds":
        del target["minimum_rows"]
    elif effect == "scope":
        target |= {"scope": "Month"}
    else:
        adds = configure(destination, block, "Ledger (adds)", key="Entry", **forms)
        target |= {"import_configuration_id": adds, "replace_import_configuration_id": ident}
    if effect == "adds":
        mode = configured(LEDGER, "append_dedup", "incremental", primary_key=[["Entry"]])
    else:
        mode = configured(LEDGER, "overwrite_dedup", primary_key=[["Entry"]])
    config = {"targets": [target], "max_file_rows": 2 if is_split and effect != "scope" else 1000}
    records = [dict(zip(COLUMNS, row, strict=True)) for row in sent]
    earlier = len(pushed(destination))
    log, promised = load(destination, caplog, records, mode, dry_run=True, **config)
    assert len(pushed(destination)) == earlier
    assert contents(block) == sorted(before)

    _, problem = load(destination, caplog, records, mode, **config)
    assert (problem is None) == (promised is None), (problem, promised)
    if problem is not None:
        assert contents(block) == sorted(before)
        return
    numbers = numbers_of(log)
    if not sent:
        return
    if effect == "scope" or not is_split:
        check_sums(log, list(by_key(sent).values()), before, contents(block))
    ours, theirs, now = {row[0] for row in sent}, by_key(before), by_key(contents(block))
    if "new" not in numbers:
        assert any("fewer than half of the keys" in line for line in log)
        return
    both = theirs.keys() & ours
    assert numbers["new"][0] == len(now.keys() - theirs.keys())
    assert numbers["changed"][0] == sum(
        now[key] != theirs[key] for key in both if not only_in_form(now[key], theirs[key])
    )
    assert numbers["unchanged"][0] == sum(
        now[key] == theirs[key] or only_in_form(now[key], theirs[key]) for key in both
    )
    if effect != "adds":
        assert numbers["gone"][0] == len(theirs.keys() - now.keys())
    if effect == "scope":
        for month, count in Counter(row[1] for row in by_key(sent).values()).items():
            assert numbers[month][0] == count


def by_key(rows: Sequence[Row]) -> dict[str, Row]:
    return {row[0]: row for row in rows}


def only_in_form(one: Row, other: Row) -> bool:
    """Whether rows differ only in the text "1.50" for "1.5", which the preview counts apart."""
    return one != other and [*map(as_stored, one)] == [*map(as_stored, other)]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["1", "2.5", "2.50", "", None])),
    st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["1", "2.5"])),
    st.booleans(),
)
def test_a_metric_becomes_what_the_preview_says(
    destination: Runner,
    caplog: pytest.LogCaptureFixture,
    sent: dict[str, str | None],
    stored: dict[str, str],
    clears: bool,
) -> None:
    """A blank is no cell, and deletes the one there is."""
    let_pigment(destination, immediate_results=True)
    teams = add_list(destination, "Team", ("Team",), [(each,) for each in "ABCD"], is_dimension=True)
    block = add_metric(destination, "Amount", [teams], {(key,): value for key, value in stored.items()})
    ident = configure(destination, block, "Amount", clear_before_import=clears)
    target = goes_to("Ledger", ident, block_id=block.id, **({"clears_before_import": True} if clears else {}))
    stream = table("Ledger", "Team", "Amount")
    given_stream = configured(
        stream,
        "overwrite_dedup" if clears else "append_dedup",
        "full_refresh" if clears else "incremental",
        primary_key=[["Team"]],
    )
    records = [{"Team": key, "Amount": value} for key, value in sent.items()]
    if not records:
        return
    log, _ = load(destination, caplog, records, given_stream, dry_run=True, targets=[target])
    load(destination, caplog, records, given_stream, targets=[target])
    now = {key: as_stored(value) for key, value in contents(block)}
    numbers = numbers_of(log)
    if "new" not in numbers:
        assert any("fewer than half of the keys" in line for line in log)
        return
    lost = stored.keys() - now.keys()
    assert numbers["rows"] == (len(sent), len(stored))
    assert numbers["new"][0] == len(now.keys() - stored.keys())
    assert numbers["changed"][0] == sum(now[key] != stored[key] for key in now.keys() & stored.keys())
    assert numbers["unchanged"][0] == sum(now[key] == stored[key] for key in now.keys() & stored.keys() & sent.keys())
    assert numbers.get("blank", (0, 0))[0] + numbers.get("gone", (0, 0))[0] == len(lost)


def test_a_row_that_is_rejected_on_arrival_and_items_that_are_created_are_promised(
    destination: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    let_pigment(destination, richer_metadata=True)
    teams = add_list(destination, "Team", ("Team",), [("Sales",)], is_dimension=True)
    block = add_list(destination, "Staff", ("Entry", "Team", "Posted"), dimensions={"Team": teams})
    more: dict[str, Any] = {"key": "Entry", "date_format": "dd/MM/yyyy"}
    ident = configure(destination, block, "Staff", unknown_item=UnknownItem.CREATE, **more)
    stream = table("Staff", "Entry", "Team", "Posted")
    days = ["2026-01-31", "2026-01-31", "soon", "2026-02-01"]
    teams_sent = ["Sales", "sales ", "Sales", "Field"]
    records = [
        {"Entry": f"E{number}", "Team": team, "Posted": day}
        for number, (team, day) in enumerate(zip(teams_sent, days, strict=True))
    ]
    target = goes_to("Staff", ident, csv={"dates": "dd/MM/yyyy"}, block_id=block.id)
    given_stream = configured(stream, "append", "incremental")
    log, _ = load(destination, caplog, records, given_stream, dry_run=True, targets=[target])
    load(destination, caplog, records, given_stream, targets=[target])
    assert numbers_of(log)["rows"] == (len(contents(block)), 0)
    assert numbers_of(log)["rejected before upload"][0] == len(records) - len(contents(block))
    (created,) = [line for line in log if "Items that would be created" in line]
    names = {item.values[0] for item in teams.items} - {"Sales"}
    assert names == {"sales ", "Field"}
    assert all(f"{json.dumps(each)} (1" in created for each in names)


def test_lines_of_progress_are_true_and_come_each_half_minute_at_most(
    destination: Runner, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the clock takes 9 s."""
    total, now = 20_000, [0]
    lines: list[tuple[int, str]] = []

    def clock() -> int:
        now[0] += 9
        return now[0]

    monkeypatch.setattr(opening, "StreamPreview", partial(StreamPreview, clock=clock))
    monkeypatch.setattr(preview.logger, "info", lambda text, *values: lines.append((now[0], text % values)))
    block = add_list(destination, "Ledger", ("Entry",), [(f"E{number:060}",) for number in range(total)])
    target = goes_to("Ledger", configure(destination, block, "Ledger"), block_id=block.id)
    given_stream = configured(table("Ledger", "Entry"), "append_dedup", "incremental", primary_key=[["Entry"]])
    rows = [{"Entry": f"E{number:060}"} for number in range(total)]
    load(destination, caplog, rows, given_stream, dry_run=True, targets=[target], max_file_rows=1000)
    words = re.compile(r'Dry run: ([\d,]+) rows of (the files|the block) of the stream "Ledger" read so far.')
    found = [(when, match) for when, line in lines if (match := words.fullmatch(line))]
    for part in ("the files", "the block"):
        counts = [int(match[1].replace(",", "")) for _, match in found if match[2] == part]
        assert counts
        assert counts == sorted(set(counts))
        assert counts[-1] <= total
    assert all(later - earlier >= 30 for (earlier, _), (later, _) in pairwise(found))

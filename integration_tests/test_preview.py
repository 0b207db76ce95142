"""What a dry run shows: what would go where, and what it would change in the block as it is now."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from airbyte_platform.process import Run, as_lines
from connectors import Runner
from local_pigment.blocks import ListBlock
from small_blocks import (
    a_catalog,
    add_list,
    add_metric,
    clears,
    config_error,
    configure,
    configured,
    contents,
    deduplicated,
    goes_to,
    let_pigment,
    pushed,
    table,
    whole,
    without_export_key,
)
from writing import write

COLUMNS = ("Entry", "Month", "Amount")
LEDGER = table("Ledger", *COLUMNS)


def month(name: str, rows: int, amount: str = "1.5") -> list[tuple[str, str, str]]:
    return [(f"{name}-{number}", name, amount) for number in range(rows)]


def as_records(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def preview(run: Run) -> list[str]:
    """The lines of the table, with single blanks, and what is below it."""
    found = [each["message"] for each in run.of("LOG")]
    first = next(place for place, each in enumerate(found) if each.startswith("Preview of the stream"))
    lines = [found[first]]
    for each in found[first + 1 :]:
        if not each.startswith("  "):
            break
        lines.append(" ".join(each.split()))
    return lines


def dry_run(
    destination: Runner, rows: list[dict[str, Any]], target: dict[str, Any], catalog: Any = None, **config: Any
) -> Run:
    catalog = catalog or a_catalog(configured(LEDGER, "overwrite"))
    run = write(destination, whole("Ledger", rows), catalog, targets=[target], dry_run=True, **config)
    assert not pushed(destination)
    assert not run.states
    return run


def by_month(destination: Runner, block: ListBlock, **more: Any) -> dict[str, Any]:
    ident = configure(destination, block, "Ledger by month", clear_before_import=True, scope=("Month",))
    return goes_to("Ledger", ident, scope="Month", block_id=block.id, **more)


def test_a_reload_by_month_is_compared_with_the_block(destination: Runner) -> None:
    """One month is new, one has shrunk, one is gone, and one row has another amount."""
    block = add_list(
        destination, "Ledger", COLUMNS, [*month("Dec 25", 3), *month("Jan 26", 10), *month("Feb 26", 10, "2")]
    )
    rows = as_records(*month("Jan 26", 10), *month("Feb 26", 4, "2.00"), *month("Mar 26", 2))
    rows[0]["Amount"] = "99999999999999999999.01"
    catalog = a_catalog(configured(LEDGER, "overwrite_dedup", primary_key=[["Entry"]]))
    run = dry_run(destination, rows, by_month(destination, block), catalog)
    assert run.exit_code == 0
    lines = preview(run)
    assert '"Ledger by month"' in lines[0]
    assert 'into "Ledger"' in lines[0]
    assert lines[1:] == [
        "to push in block now after the load",
        "rows 16 23 19",
        "files 1",
        'sum of "Amount" 100,000,000,000,000,000,023.51 39.5 100,000,000,000,000,000,028.01',
        'rows by "Month"',
        "Jan 26 10 10 replaced",
        "Feb 26 4 10 replaced",
        "Mar 26 2 0 new",
        "Dec 25 3 not sent, stays",
        'sum of "Amount" by "Month" to push in block now difference',
        "Jan 26 100,000,000,000,000,000,012.51 15.0 +99,999,999,999,999,999,997.51",
        "Feb 26 8.00 20 -12.00",
        "Mar 26 3.0 0 +3.0",
        'rows by "Entry"',
        "new 2",
        'changed 1 1 "Amount" 1',
        "unchanged 13 13",
        "gone 6 deleted by this load",
        "The block was read as the owner of the Export key sees it.",
    ]
    assert len(contents(block)) == 23


def test_the_example_of_the_guide_is_what_a_dry_run_logs(destination: Runner) -> None:
    """A month has shrunk, one is new, one is closed, and one is not sent."""
    block = add_list(
        destination, "Ledger", COLUMNS, [*month("Dec 25", 900), *month("Jan 26", 1000), *month("Feb 26", 1000, "2")]
    )
    rows = as_records(*month("Jan 26", 1000), *month("Feb 26", 400, "2.00"), *month("Mar 26", 2), *month("Nov 25", 2))
    rows[0]["Amount"] = "-12000.55"
    target = by_month(
        destination, block, minimum_percent=90, protected_values=[{"column": "Month", "values": ["Nov 25"]}]
    )
    catalog = a_catalog(configured(LEDGER, "overwrite_dedup", primary_key=[["Entry"]]))
    run = dry_run(destination, rows, target, catalog)
    logged = [each["message"] for each in run.of("LOG")]
    assert all(
        each in config_error(run) for each in ['2 rows with "Nov 25"', "Also: ", '1 value of the column "Month"']
    )
    _, example, _ = Path("docs/guides/preview.md").read_text(encoding="utf-8").split("```")
    first, *lines = example.strip().splitlines()
    begin = next(place for place, each in enumerate(logged) if each.startswith(first.partition("(")[0]))
    assert logged[begin + 1 : begin + 1 + len(lines)] == lines
    assert all(each.startswith("Dry run: a sync would stop.") for each in logged[begin + 1 + len(lines) :][:2])


def test_the_values_of_a_large_scope_are_shown_in_part(destination: Runner) -> None:
    """A line says how many values, and how many columns with numbers, are left out."""
    amounts = ("Amount", "Budget", "Forecast", "Hours")
    stream = table("Ledger", "Month", *amounts)
    stream["json_schema"]["properties"] |= {each: {"type": ["null", "number"]} for each in amounts}
    block = add_list(destination, "Ledger", ("Month", *amounts))
    rows = [{"Month": f"M {number}", **dict.fromkeys(amounts, number)} for number in range(40)]
    lines = preview(
        dry_run(destination, rows, by_month(destination, block), a_catalog(configured(stream, "overwrite")))
    )
    assert lines.count("and 10 more") == 4
    assert "and 1 more column with numbers" in lines
    assert 'sum of "Hours" by "Month" to push in block now difference' not in lines


def test_stamps_are_no_difference(destination: Runner) -> None:
    """They differ in each sync, and every row would look changed."""
    stamps = ("_pigment_loaded_at", "_pigment_sync_id")
    block = add_list(destination, "Ledger", (*COLUMNS, *stamps), [(*row, "before", "41") for row in month("Feb 26", 2)])
    ident = configure(destination, block, "Ledger by month", clear_before_import=True, scope=("Month",))
    target = goes_to("Ledger", ident, scope="Month", block_id=block.id)
    catalog = a_catalog(configured(LEDGER, "overwrite_dedup", primary_key=[["Entry"]]))
    run = dry_run(destination, as_records(*month("Feb 26", 2)), target, catalog, stamp_columns=True)
    assert "unchanged 2 2" in preview(run)


def test_what_would_stop_a_sync_stops_a_dry_run_after_its_table(destination: Runner) -> None:
    """A share is rounded down, or 39.6 % would look like the 40 % that are enough."""
    block = add_list(destination, "Ledger", COLUMNS, [*month("Jan 26", 9), *month("Feb 26", 101)])
    protected = [{"column": "Month", "values": ["Jan 26"]}]
    target = by_month(destination, block, minimum_percent=40, protected_values=protected)
    run = dry_run(destination, as_records(*month("Jan 26", 1), *month("Feb 26", 40)), target)
    assert '1 row with "Jan 26" in the column "Month"' in config_error(run)
    assert 'Also: The stream "Ledger" has too few rows with 1 value' in config_error(run)
    assert '"Feb 26" (40 rows, and 101 in Pigment)' in config_error(run)
    assert "Feb 26 40 101 39 % of the rows in the block, would stop the sync" in preview(run)


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_row_of_a_closed_month_is_in_the_table_and_stops_the_dry_run(destination: Runner, mode: str) -> None:
    block = add_list(destination, "Ledger", COLUMNS, month("Feb 26", 10))
    target = by_month(destination, block)
    if mode == "append":
        target = goes_to("Ledger", configure(destination, block, "Ledger"), block_id=block.id)
    protected = [{"column": "Month", "values": ["Jan 26"]}]
    catalog = a_catalog(configured(LEDGER, mode, "incremental" if mode == "append" else "full_refresh"))
    run = dry_run(destination, as_records(*month("Jan 26", 2)), {**target, "protected_values": protected}, catalog)
    assert '2 rows with "Jan 26" in the column "Month"' in config_error(run)
    assert any(each.startswith("rows 2 10") for each in preview(run))


def test_a_share_of_the_whole_block_stops_a_dry_run(destination: Runner) -> None:
    block = add_list(destination, "Ledger", COLUMNS, month("Feb 26", 10))
    target = clears("Ledger", configure(destination, block, "Ledger", clear_before_import=True))
    run = dry_run(destination, as_records(*month("Feb 26", 4)), {**target, "minimum_percent": 50, "block_id": block.id})
    assert "has 4 rows, its block in Pigment has 10" in config_error(run)


@pytest.mark.parametrize(
    ("mode", "remark"),
    [
        ("create", 'changed 1 1 "Amount" 1; not changed, because "Import mode" is create'),
        ("update", 'new 1 not added, because "Import mode" is update'),
    ],
)
def test_what_the_import_mode_leaves_out_is_remarked(destination: Runner, mode: str, remark: str) -> None:
    block = add_list(destination, "Ledger", COLUMNS, month("Feb 26", 3))
    target = goes_to("Ledger", configure(destination, block, "Ledger"), block_id=block.id)
    rows = as_records(*month("Feb 26", 2), ("Feb 26-2", "Feb 26", "9"), *month("Mar 26", 1))
    lines = preview(dry_run(destination, rows, target, a_catalog(deduplicated(LEDGER, cursor=None)), import_mode=mode))
    assert remark in lines
    assert sum("because" in each for each in lines) == 1


def test_rows_that_a_scope_does_not_clear_are_counted(destination: Runner) -> None:
    """A row has moved to another month since: its old one stays."""
    block = add_list(destination, "Ledger", COLUMNS, [*month("Feb 26", 3), ("Mar 26-0", "Jan 26", "1.5")])
    catalog = a_catalog(configured(LEDGER, "overwrite_dedup", primary_key=[["Entry"]]))
    rows = as_records(*month("Feb 26", 3), *month("Mar 26", 1))
    lines = preview(dry_run(destination, rows, by_month(destination, block), catalog))
    (note,) = [each for each in lines if each.startswith("Rows of the block with the same")]
    assert '"Entry" that this load does not clear: 1. Pigment updates rows that are there only if' in note


def test_a_date_as_scope_may_clear_more_than_its_values(destination: Runner) -> None:
    block = add_list(destination, "Ledger", ("Entry", "Posted"), [("E1", "2026-01-31"), ("E2", "2026-01-30")])
    ident = configure(destination, block, "By month", clear_before_import=True, scope=("Posted",), coarse_scope=True)
    target = goes_to("Ledger", ident, scope="Posted", block_id=block.id)
    catalog = a_catalog(configured(table("Ledger", "Entry", "Posted"), "overwrite"))
    lines = preview(dry_run(destination, [{"Entry": "E1", "Posted": "2026-01-31"}], target, catalog))
    assert "2026-01-30 1 not sent" in lines
    assert any(each.startswith('"Posted" is a date: if the import configuration clears by month') for each in lines)


def test_the_digests_of_a_comparison_are_gone_after_sigterm(destination: Runner, tmp_path: Path) -> None:
    destination.environment["TMPDIR"] = str(tmp_path)
    block = add_list(destination, "Ledger", COLUMNS, month("Feb 26", 10))
    reached, until = Event(), Event()

    def rows() -> Iterator[bytes]:
        yield b"Entry;Month;Amount\r\n"
        if any(tmp_path.glob("destination-pigment-*/*.rows")):
            reached.set()
            until.wait(20)
        yield b"Feb 26-0;Feb 26;1.5\r\n"

    block.stream = rows
    catalog = a_catalog(configured(LEDGER, "overwrite_dedup", primary_key=[["Entry"]]))
    target = by_month(destination, block)
    process = destination.start("write", catalog=catalog, targets=[target], dry_run=True)
    process.feed(as_lines(whole("Ledger", as_records(*month("Feb 26", 4)))))
    assert reached.wait(20)
    process.send_signal(signal.SIGTERM)
    until.set()
    process.finish()
    assert not list(tmp_path.iterdir())


def test_nothing_is_gone_in_what_only_adds(destination: Runner) -> None:
    block = add_list(destination, "Ledger", COLUMNS, month("Feb 26", 10))
    target = goes_to("Ledger", configure(destination, block, "Ledger"), block_id=block.id)
    rows = as_records(*month("Feb 26", 8), *month("Mar 26", 1))
    catalog = a_catalog(deduplicated(LEDGER, cursor=None))
    lines = preview(dry_run(destination, rows, target, catalog))
    assert lines[lines.index('rows by "Entry"') + 1 : -2] == ["new 1", "changed 0 0", "unchanged 8 8"]
    assert lines[-1].startswith("Pigment updates rows that are there only if the import configuration matches them")


def test_a_whole_block_loses_what_the_file_does_not_have(destination: Runner) -> None:
    """The richer interface marks the key, and says which block it is."""
    let_pigment(destination, richer_metadata=True, respects_dry_run=True)
    block = add_list(destination, "Ledger", COLUMNS, month("Feb 26", 10))
    ident = configure(destination, block, "Ledger", clear_before_import=True, key="Entry")
    run = write(
        destination,
        whole("Ledger", as_records(*month("Feb 26", 8))),
        a_catalog(configured(LEDGER, "overwrite")),
        targets=[clears("Ledger", ident)],
        dry_run=True,
    )
    assert run.exit_code == 0
    assert "gone 2 deleted by this load" in preview(run)
    assert len(contents(block)) == 10


def test_dates_and_numbers_are_compared_as_they_are_meant(destination: Runner) -> None:
    block = add_list(destination, "Ledger", ("Entry", "Posted", "Amount"), [("E1", "2026-01-31", "1234.5")])
    stream = table("Ledger", "Entry", "Posted", "Amount")
    csv = {"dates": "dd/MM/yyyy", "decimal_separator": "comma", "delimiter": "semicolon"}
    target = goes_to("Ledger", configure(destination, block, "Ledger"), block_id=block.id, csv=csv)
    rows = [{"Entry": "E1", "Posted": "2026-01-31", "Amount": "1234.50"}]
    run = dry_run(destination, rows, target, a_catalog(deduplicated(stream, cursor=None)))
    assert "unchanged 1 1" in preview(run)
    assert 'sum of "Amount" 1,234.50 1,234.5' in preview(run)


@pytest.mark.parametrize(
    ("block_id", "has_key", "reason"),
    [
        (False, True, 'because its target has no "Block ID".'),
        (True, False, 'because the connection has no API key of the type "Export".'),
    ],
)
def test_what_cannot_be_compared_is_said(destination: Runner, block_id: bool, has_key: bool, reason: str) -> None:
    block = add_list(destination, "Ledger", COLUMNS, month("Feb 26", 10))
    if not has_key:
        without_export_key(destination)
    target = goes_to("Ledger", configure(destination, block, "Ledger"), **({"block_id": block.id} if block_id else {}))
    catalog = a_catalog(configured(LEDGER, "append", "incremental"))
    run = dry_run(destination, as_records(*month("Mar 26", 3)), target, catalog)
    assert preview(run)[-1].endswith(reason)
    assert 'sum of "Amount" 4.5' in preview(run)


def test_columns_that_the_block_does_not_have_are_named(destination: Runner) -> None:
    block = add_list(destination, "Ledger", ("Code", "Month", "Amount"), month("Feb 26", 10))
    mapping = {"Entry": "Code", "Month": "Month", "Amount": "Amount"}
    target = goes_to("Ledger", configure(destination, block, "Ledger", mapping=mapping), block_id=block.id)
    catalog = a_catalog(deduplicated(LEDGER, cursor=None))
    lines = preview(dry_run(destination, as_records(*month("Feb 26", 3)), target, catalog))
    assert 'Not compared, because the block has no property of that name, or several: "Entry".' in lines
    assert lines[-1].startswith("Rows were not compared by key, because the file and the block do not both have")


def test_a_metric_is_counted_and_summed(destination: Runner) -> None:
    teams = add_list(destination, "Team", ("Team",), [("A",), ("B",)], is_dimension=True)
    block = add_metric(destination, "Amount", [teams], {("A",): "1", ("B",): "2.5"})
    target = goes_to("Ledger", configure(destination, block, "Amount"), block_id=block.id)
    rows = [{"Team": "A", "Amount": 4}]
    catalog = a_catalog(configured(table("Ledger", "Team", "Amount"), "append", "incremental"))
    lines = preview(dry_run(destination, rows, target, catalog))
    assert "rows 1 2" in lines
    assert 'sum of "Amount" 4 3.5' in lines
    assert lines[-2].endswith("in the default scenario.")


def test_items_that_would_be_created_or_are_not_known_are_named(destination: Runner) -> None:
    let_pigment(destination, richer_metadata=True, respects_dry_run=True)
    teams = add_list(destination, "Team", ("Team",), [("Sales",)], is_dimension=True)
    block = add_list(destination, "Ledger", ("Entry", "Team"), dimensions={"Team": teams})
    run = write(
        destination,
        whole("Ledger", [{"Entry": "E1", "Team": "sales "}, {"Entry": "E2", "Team": "Sales"}]),
        a_catalog(configured(table("Ledger", "Entry", "Team"), "append", "incremental")),
        targets=[goes_to("Ledger", configure(destination, block, "Ledger"))],
        dry_run=True,
    )
    assert (
        'Items that are not known in the column "Team", with their rows: "sales " (1; "Sales" is an item).'
        in preview(run)
    )

"""The same rows and sums in the ledger, in both closing lines and in the block, so that a load can be reconciled."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal, localcontext
from random import Random

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run
from connectors import Runner, running, sliced_by_department, source_config
from local_pigment.blocks import ListBlock, Property, ValueType
from local_pigment.faults import CutAfter, ResetBeforeResponse
from local_pigment.imports import UnknownItem
from local_pigment.sample import LEDGER, PLANNING
from local_pigment.workspace import new_id
from small_blocks import (
    a_catalog,
    add_list,
    add_metric,
    clears,
    configure,
    deduplicated,
    entries_of,
    goes_to,
    records,
    table,
    whole,
)
from small_blocks import configured as configured_stream
from writing import imports, logged, state, status, write

COLUMNS = ("Entry", "Memo", "Amount", "Hours")
SUMMED = re.compile(r'sum of "([^"]+)" (-?[0-9,]+(?:\.[0-9]+)?)')


def sums_in(line: str) -> dict[str, Decimal]:
    """The sums that a line shows."""
    return {name: Decimal(number.replace(",", "")) for name, number in SUMMED.findall(line)}


def the_line(run: Run, beginning: str) -> str:
    """The only line of the log that begins like that."""
    (found,) = [each["message"] for each in run.of("LOG") if each["message"].startswith(beginning)]
    return str(found)


def totals_of(run: Run) -> str:
    """What the closing line of the only stream says of its totals."""
    return the_line(run, "Stored the stream").partition("; sent: ")[2]


def a_ledger(rows: int) -> str:
    """A ledger as a file: amounts of many digits, credits, blanks, and memos with line breaks and quotes."""
    random, text = Random(7), io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for number in range(rows):
        amount = f"{random.randint(-(10**22), 10**22)}.{random.randint(0, 10**9):09d}" if number % 5 else ""
        writer.writerow([f"GL-{number}", 'a "quoted"\r\nmemo; 1,5', amount, f"{random.randint(-900, 900) / 4}"])
    return text.getvalue()


@pytest.fixture
def both(destination: Runner, source_fork_server: ForkServer) -> Iterator[tuple[Runner, Runner]]:
    """Both connectors against one Pigment."""
    with running(source_fork_server, destination.pigment, source_config(destination.pigment)) as source:
        yield source, destination


def test_ledger_source_destination_and_block_have_the_same_totals(both: tuple[Runner, Runner]) -> None:
    source, destination = both
    ledger = list(csv.DictReader(io.StringIO(a_ledger(400), newline="")))
    with localcontext(prec=60):
        expected = {name: sum((Decimal(row[name]) for row in ledger if row[name]), Decimal(0)) for name in COLUMNS[2:]}
    properties = [Property(each, ValueType.NUMBER if each in expected else ValueType.TEXT) for each in COLUMNS]
    there = ListBlock(new_id("ledger of four places"), "Ledger of four", properties)
    for row in ledger:
        there.add(*(row[name] for name in COLUMNS))
    source.pigment.workspace.application(PLANNING).put(there)
    block = add_list(destination, "Ledger of four", COLUMNS)
    for each in block.properties:
        each.type = ValueType.NUMBER if each.name in expected else ValueType.TEXT
    target = clears("Ledger of four", configure(destination, block, "Ledger of four", clear_before_import=True))

    catalog = source.catalog("Ledger of four", mode="overwrite", include=["Ledger of four"])
    read = source.run("read", catalog=catalog, include=["Ledger of four"], control_totals=True)
    written = destination.run(
        "write",
        stdin=b"\n".join(read.lines) + b"\n",
        catalog=catalog,
        targets=[target],
        control_totals=True,
        count_blocks="always",
    )

    assert (read.exit_code, written.exit_code) == (0, 0)
    of_source = the_line(read, 'Read the list "Ledger of four": 400 rows')
    of_import = the_line(written, 'Imported the stream "Ledger of four"')
    of_both = the_line(written, 'Stored the stream "Ledger of four": 400 rows, none rejected')
    of_destination, of_block = of_both.split("; in Pigment: 400 rows")
    lines = (of_source, of_import, of_destination, of_block)
    assert [sums_in(line) for line in lines] == [expected] * 4
    assert len({line[line.index("; sum of") :].rstrip(".") for line in lines}) == 1


@pytest.mark.parametrize("side", ["source", "destination"])
def test_nothing_is_summed_unless_it_is_asked_for(both: tuple[Runner, Runner], side: str) -> None:
    source, destination = both
    if side == "source":
        run = source.run("read", catalog=source.catalog(LEDGER))
    else:
        block = add_list(destination, "Plain", ("Entry", "Amount"))
        targets = [goes_to("Plain", configure(destination, block, "Plain"))]
        catalog = a_catalog(configured_stream(table("Plain", "Entry", "Amount"), "append"))
        run = write(destination, whole("Plain", entries_of(a=1)), catalog, targets=targets)
    assert run.exit_code == 0
    assert not logged(run, "sum of")
    assert not logged(run, "sent:")


def test_sums_are_of_what_was_written_into_files(destination: Runner) -> None:
    """One row of each key, without a rejected record; texts in a column of numbers are counted."""
    block = add_list(destination, "Sent", ("Entry", "Amount"))
    target = goes_to("Sent", configure(destination, block, "Sent", key="Entry", decimal_separator=","))
    big = {"type": ["null", "string"], "airbyte_type": "big_number"}
    stream = table("Sent", "Entry", "Amount")
    stream["json_schema"]["properties"]["Amount"] = {"oneOf": [{"type": "number"}, big]}
    rows = [
        {"Entry": "a", "Amount": 1},
        {"Entry": "a", "Amount": "1.50e2"},
        {"Entry": "b", "Amount": 0.25},
        {"Entry": None, "Amount": 1000},
        {"Entry": "c", "Amount": None},
    ]
    run = write(
        destination,
        whole("Sent", rows),
        a_catalog(deduplicated(stream, cursor=None)),
        targets=[target],
        control_totals=True,
        csv={"delimiter": "comma", "decimal_separator": "comma"},
    )
    assert run.exit_code == 0
    assert totals_of(run) == '3 rows; sum of "Amount" 150.25.'


def test_rows_that_pigment_rejects_stay_in_the_totals_and_the_line_says_so(destination: Runner) -> None:
    names = add_list(destination, "Known", ("Known",), [("x",)], is_dimension=True)
    block = add_list(destination, "Referring", ("Entry", "Known", "Amount"), dimensions={"Known": names})
    target = goes_to("Referring", configure(destination, block, "Referring", unknown_item=UnknownItem.SKIP_ROW))
    rows = [{"Entry": "a", "Known": "x", "Amount": 1.5}, {"Entry": "b", "Known": "y", "Amount": 2}]
    catalog = a_catalog(configured_stream(table("Referring", "Entry", "Known", "Amount"), "append"))

    run = write(destination, whole("Referring", rows), catalog, targets=[target], control_totals=True)

    assert run.exit_code == 0
    assert totals_of(run) == '2 rows, with 1 that Pigment rejected; sum of "Amount" 3.5.'
    assert logged(run, "Imported the stream")[0].endswith('; sum of "Amount" 3.5, with what was skipped.')


def test_files_that_are_sent_again_count_once(destination: Runner) -> None:
    block = add_list(destination, "Again", ("Entry", "Amount"))
    target = clears("Again", configure(destination, block, "Again", clear_before_import=True))
    destination.pigment.faults.queue("push_csv", ResetBeforeResponse(carried_out=True))
    catalog = a_catalog(configured_stream(table("Again", "Entry", "Amount"), "overwrite"))

    run = write(
        destination,
        whole("Again", entries_of(a=1, b=2)),
        catalog,
        targets=[target],
        control_totals=True,
        count_blocks="always",
    )

    assert run.exit_code == 0
    assert totals_of(run) == '2 rows; sum of "Amount" 3; in Pigment: 2 rows; sum of "Amount" 3.'


def test_a_second_push_counts_nothing_again_and_has_the_same_stamps(destination: Runner) -> None:
    """Pigment names the row that it rejects, so that is pushed once more."""
    destination.pigment.workspace.variants.immediate_results = True
    columns = ("Entry", "Amount", "_pigment_loaded_at", "_pigment_sync_id")
    block = add_list(destination, "Second push", columns)
    block.properties[1].type = ValueType.NUMBER
    target = goes_to("Second push", configure(destination, block, "Second push"))
    catalog = a_catalog(configured_stream(table("Second push", "Entry", "Amount"), "append"))
    rows = [{"Entry": "a", "Amount": "x"}, *entries_of(b=2, c=3)]

    run = write(
        destination,
        whole("Second push", rows),
        catalog,
        targets=[target],
        control_totals=True,
        stamp_columns=True,
    )

    first, second = (each.received.decode().splitlines()[1:] for each in imports(destination))
    assert len(first) == 3
    assert second == first[:1]
    assert totals_of(run) == '3 rows, with 1 that Pigment rejected; sum of "Amount" 5 (1 not a number).'


def test_all_files_of_a_stream_add_up(destination: Runner) -> None:
    block = add_list(destination, "In parts", ("Entry", "Amount"))
    target = goes_to("In parts", configure(destination, block, "In parts"))
    rows = [{"Entry": f"e{number}", "Amount": number} for number in range(1, 101)]
    sent = [*records("In parts", rows[:50]), state(1, "In parts"), *records("In parts", rows[50:])]
    sent += [state(2, "In parts"), status("COMPLETE", "In parts")]
    catalog = a_catalog(configured_stream(table("In parts", "Entry", "Amount"), "append", "incremental"))

    run = write(destination, sent, catalog, targets=[target], control_totals=True, max_file_rows=30)

    assert len(logged(run, "Imported the stream")) > 3
    assert totals_of(run) == '100 rows; sum of "Amount" 5,050.'


def test_a_metric_that_changed_a_sum_shows_the_difference(destination: Runner) -> None:
    """Two rows of the same cell: the metric has the last one."""
    teams = add_list(destination, "Teams", ("Teams",), [("A",)], is_dimension=True)
    metric = add_metric(destination, "Cost", [teams])
    target = clears("Cost", configure(destination, metric, "Cost", clear_before_import=True))
    stream = table("Cost", "Teams")
    stream["json_schema"]["properties"]["Cost"] = {"type": ["null", "number"]}
    rows = [{"Teams": "A", "Cost": 10.5}, {"Teams": "A", "Cost": 2.25}]

    run = write(
        destination,
        whole("Cost", rows),
        a_catalog(configured_stream(stream, "overwrite")),
        targets=[target],
        control_totals=True,
        count_blocks="always",
    )

    assert totals_of(run) == '2 rows; sum of "Cost" 12.75; in Pigment: 1 row; sum of "Cost" 2.25 (10.50 less).'


def test_slices_and_an_export_that_was_repeated_count_once(both: tuple[Runner, Runner]) -> None:
    source, _ = both
    ledger, departments = (source.pigment.workspace.block(name, PLANNING) for name in (LEDGER, "Departments"))
    assert isinstance(ledger, ListBlock)
    assert isinstance(departments, ListBlock)
    for number, name in enumerate([*departments.names()][:6]):
        ledger.add(f"more {number}", "", name, "", "1000.25", "", "")
    config = sliced_by_department(source.pigment, 2)
    catalog = source.catalog(LEDGER, **config)
    source.pigment.faults.queue("export_list", CutAfter(40))

    run = source.run("read", catalog=catalog, control_totals=True, **config)

    assert run.exit_code == 0
    sent = [json.loads(line, parse_float=Decimal) for line in run.lines if b'"RECORD"' in line[:20]]
    amounts = [each["record"]["data"]["Amount"] for each in sent]
    assert len(amounts) >= 6
    assert sums_in(the_line(run, f'Read the list "{LEDGER}"')) == {"Amount": sum(filter(None, amounts))}

"""destination-pigment as a process: values that are no items of their dimension, found before the push."""

from __future__ import annotations

import pytest

from connectors import Runner
from local_pigment.faults import (
    CutAfter,
    Fault,
    RespondStatus,
    RespondWith,
)
from local_pigment.sample import CONSOLIDATION
from writing import (
    LEDGER,
    entries,
    entry,
    imports,
    ledger,
    logged,
    many,
    names,
    record,
    rows,
    skip_unknown,
    state,
    write,
)

pytestmark = pytest.mark.long


@pytest.mark.parametrize("on_unknown", ["fail", "skip", "report"])
def test_dimension_checks_compare_before_anything_is_pushed(destination: Runner, on_unknown: str) -> None:
    skip_unknown(destination)
    list_id = destination.pigment.workspace.block("Departments", CONSOLIDATION).id
    check = {"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": on_unknown}
    messages = [*many(3), record(entry(4, Department="Nobody")), state(1)]
    run = write(destination, messages, dimension_checks=[check])

    if on_unknown == "fail":
        assert run.exit_code != 0
        assert '"Nobody"' in run.errors[0]["message"]
        assert not imports(destination)
        return
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (3.0, 1.0)
    assert imports(destination)[0].data_rows == (3 if on_unknown == "skip" else 4)
    assert logged(run, "with an unknown item")


def test_a_column_whose_items_are_created_is_not_rejected(destination: Runner) -> None:
    destination.pigment.workspace.variants.richer_metadata = True
    list_id = destination.pigment.workspace.block("Departments", CONSOLIDATION).id
    check = {"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": "fail"}
    run = write(destination, [*many(3), state(1)], dimension_checks=[check])
    assert run.exit_code == 0
    assert len(rows(destination)) == 3


def test_a_column_of_items_is_compared_automatically_where_metadata_names_its_list(destination: Runner) -> None:
    """Whether targets are found by name or by ID: the listing depends on no other stream."""
    destination.pigment.workspace.variants.richer_metadata = True
    skip_unknown(destination)
    targets = [{"stream": LEDGER, "import_configuration_id": ledger(destination)}]
    run = write(destination, [*many(3), record(entry(4, Department="Nobody")), state(1)], targets=targets)

    assert run.exit_code == 0
    assert run.states[0]["destinationStats"] == {"recordCount": 3.0, "rejectedRecordCount": 1.0}
    assert imports(destination)[0].data_rows == 4
    (said,) = logged(run, "unknown item")
    assert said.startswith('The column "Department" of the stream "General Ledger" has 1 row with an unknown item')
    assert said.endswith('sent anyway: "Nobody" (1).')
    exported = [each.operation for each in destination.pigment.requests].count("export_list")
    assert exported == len({"Department", "Account"})


def test_a_list_is_exported_once_for_all_its_checks(destination: Runner) -> None:
    list_id = destination.pigment.workspace.block("Departments", CONSOLIDATION).id
    checks = [
        {"stream": LEDGER, "column": column, "list_id": list_id, "on_unknown": "report"}
        for column in ("Department", "Account")
    ]
    assert write(destination, [*many(3), state(1)], dimension_checks=checks).exit_code == 0
    assert [each.operation for each in destination.pigment.requests].count("export_list") == 1


def test_a_long_unknown_item_is_shortened(destination: Runner) -> None:
    list_id = destination.pigment.workspace.block("Departments", CONSOLIDATION).id
    for on_unknown in ("report", "fail"):
        check = {"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": on_unknown}
        run = write(destination, [record(entry(1, Department="x" * 1_000_000)), state(1)], dimension_checks=[check])
        assert max(len(line) for line in run.lines) < 10_000


@pytest.mark.parametrize(
    "fault", [CutAfter(20), RespondWith('Department;Head\r\n"Sal', "text/csv")], ids=["broken off", "cut within a cell"]
)
def test_a_list_whose_export_is_cut_once_is_read_again(destination: Runner, fault: Fault) -> None:
    skip_unknown(destination)
    list_id = destination.pigment.workspace.block("Departments", CONSOLIDATION).id
    check = {"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": "fail"}
    destination.pigment.faults.queue("export_list", fault)
    run = write(destination, [*many(3), state(1)], dimension_checks=[check])
    assert run.exit_code == 0
    assert entries(destination) == names(3)


@pytest.mark.parametrize(("operation", "times"), [("export_list", 2), ("list_blocks", 1)])
@pytest.mark.parametrize("fault", [RespondStatus(503), RespondStatus(429, retry_after="1"), CutAfter(20)], ids=repr)
def test_a_check_that_was_not_asked_for_is_attempted_once(
    destination: Runner, operation: str, times: int, fault: Fault
) -> None:
    destination.pigment.workspace.variants.richer_metadata = True
    skip_unknown(destination)
    destination.pigment.faults.queue(operation, fault, times=times)
    targets = [{"stream": LEDGER, "import_configuration_id": ledger(destination)}]
    run = write(destination, [*many(3), state(1)], targets=targets)

    assert run.exit_code == 0
    assert entries(destination) == names(3)
    assert [each.operation for each in destination.pigment.requests].count(operation) == times

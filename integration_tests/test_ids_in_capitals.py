"""A Pigment that writes its IDs in capitals: they are compared with pasted ones, which are in small letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors import Runner
from local_pigment import wire
from local_pigment.sample import CONSOLIDATION, PLANNING
from reading import data_of
from small_blocks import (
    a_catalog,
    add_list,
    configure,
    configured,
    contents,
    goes_to,
    let_pigment,
    table,
    whole,
)
from writing import write

COLUMNS = ("Entry", "Month")
LEDGER = table("Ledger", *COLUMNS)


def in_capitals(write_object: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def write_it(*args: Any, **options: Any) -> dict[str, Any]:
        found = write_object(*args, **options)
        for column in found.get("columns", ()):
            column["dimensionRef"] = column["dimensionRef"] and column["dimensionRef"].upper()
        for block in (found.get("detailedReport") or {}).get("impactedBlocks", ()):
            block["blockId"] = block["blockId"].upper()
        return {**found, **({"id": found["id"].upper()} if "id" in found else {})}

    return write_it


@pytest.fixture(autouse=True)
def capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("application", "block", "view", "import_configuration", "import_report"):
        monkeypatch.setattr(wire, name, in_capitals(getattr(wire, name)))


def test_a_target_found_by_name_keeps_what_its_entry_says(destination: Runner) -> None:
    """Without its scope and what clears, nothing would say that the load replaces a month."""
    block = add_list(destination, "Ledger", COLUMNS, [("old", "Jan"), ("older", "Dec")])
    ident = configure(destination, block, "By month", clear_before_import=True, scope=("Month",))
    given = configured(LEDGER, "overwrite", destination_object_name="By month")
    target = goes_to("Ledger", ident, scope="Month", block_id=block.id, minimum_percent=1)
    run = write(destination, whole("Ledger", [{"Entry": "E1", "Month": "Jan"}]), a_catalog(given), targets=[target])
    assert run.exit_code == 0, run.errors
    assert contents(block) == [("E1", "Jan"), ("older", "Dec")]


def test_a_preview_finds_the_block_and_the_items(destination: Runner) -> None:
    let_pigment(destination, richer_metadata=True, respects_dry_run=False)
    months = add_list(destination, "Months", ("Month",), [("Jan",)], is_dimension=True)
    block = add_list(destination, "Ledger", COLUMNS, [("E1", "Jan")], dimensions={"Month": months})
    ident = configure(destination, block, "Ledger", key="Entry")
    rows = [{"Entry": "E1", "Month": "Jan"}, {"Entry": "E2", "Month": "Feb"}]
    target = goes_to("Ledger", ident, block_id=block.id)
    given = a_catalog(configured(LEDGER, "append", "incremental"))
    run = write(destination, whole("Ledger", rows), given, targets=[target], dry_run=True)
    lines = [each["message"] for each in run.of("LOG")]
    assert any('through "Ledger"' in each and each.endswith('into "Ledger":') for each in lines)
    assert any("not known in the column" in each and '"Feb"' in each for each in lines)


@pytest.mark.parametrize("written", [str.lower, str.upper], ids=["small letters", "capitals"])
def test_a_catalog_of_either_case_reads_its_block(source: Runner, written: Callable[[str], str]) -> None:
    """A catalog of an older version has the ID as Pigment wrote it."""
    block = add_list(source, "Ledger", COLUMNS, [("E1", "Jan")])
    source.config["application_id"] = source.pigment.workspace.application(CONSOLIDATION).id
    catalog = source.catalog("Ledger")
    annotation = catalog["streams"][0]["stream"]["json_schema"]["x-pigment"]
    assert annotation["id"] == block.id
    annotation["id"] = written(block.id)
    catalog["streams"][0]["stream"]["name"] = "Renamed"
    run = source.run("read", catalog=catalog)
    assert run.exit_code == 0, run.errors
    assert [each["Entry"] for each in data_of(run, "Renamed")] == ["E1"]


def test_the_model_of_an_application_is_read(source: Runner) -> None:
    """The records have the IDs as Pigment writes them."""
    application = source.pigment.workspace.application(PLANNING).id
    source.config.update(application_id=application, model_streams=True)
    run = source.run("check")
    assert run.of("CONNECTION_STATUS")[0]["status"] == "SUCCEEDED"
    run = source.run("read", catalog=source.catalog("_pigment_applications"))
    assert run.exit_code == 0, json.dumps(run.errors)
    assert [each["id"] for each in data_of(run, "_pigment_applications")] == [application.upper()]

"""A stream that replaces a whole block, and another that is imported into the same one."""

from __future__ import annotations

from typing import Any

import pytest

from connectors import Runner
from small_blocks import (
    a_catalog,
    add_list,
    clears,
    config_error,
    configure,
    configured,
    entries_of,
    goes_to,
    long,
    table,
    whole,
)
from writing import write

ACTUALS, ADJUSTMENTS = table("Actuals", "Entry", "Amount"), table("Adjustments", "Entry", "Amount")


@pytest.mark.parametrize("mode", ["append", long("append_dedup"), "overwrite"])
@pytest.mark.parametrize("first", ["Actuals", "Adjustments"])
def test_a_block_that_one_stream_replaces_takes_no_other(destination: Runner, mode: str, first: str) -> None:
    """Every night the adjustments would be deleted, and their states have long left."""
    block = add_list(destination, "Block", ("Entry", "Amount"), [("old", "1")])
    into: list[dict[str, Any]] = [
        clears("Actuals", configure(destination, block, "C1", clear_before_import=True)),
        goes_to("Adjustments", configure(destination, block, "C2")),
    ]
    if mode == "overwrite":
        into[1] = clears("Adjustments", configure(destination, block, "C2", clear_before_import=True))
    second = configured(
        ADJUSTMENTS, mode, "full_refresh" if mode == "overwrite" else "incremental", primary_key=[["Entry"]]
    )
    sent = {"Actuals": whole("Actuals", entries_of(E1=1, E2=2)), "Adjustments": whole("Adjustments", entries_of(A1=3))}
    order = sorted(sent, key=lambda name: name != first)
    run = write(
        destination,
        [line for name in order for line in sent[name]],
        a_catalog(configured(ACTUALS, "overwrite"), second),
        targets=into,
        flush_interval_minutes=0.001,
    )
    message = config_error(run)
    assert '"Actuals"' in message
    assert '"Adjustments"' in message
    assert "Actuals" not in {each["stream"]["stream_descriptor"]["name"] for each in run.states}


def test_the_parts_of_a_block_that_two_scopes_replace_go_together(destination: Runner) -> None:
    block = add_list(destination, "Block", ("Entry", "Part"), [("old 1", "a"), ("old 2", "b")])
    targets, messages = [], []
    for name, part in (("Actuals", "a"), ("Adjustments", "b")):
        configuration = configure(destination, block, name, clear_before_import=True, scope=("Part",))
        targets.append(goes_to(name, configuration, scope="Part"))
        messages += whole(name, [{"Entry": f"new {part}", "Part": part}])
    catalog = a_catalog(*(configured(table(name, "Entry", "Part"), "overwrite") for name in ("Actuals", "Adjustments")))
    run = write(destination, messages, catalog, targets=targets)
    assert run.exit_code == 0
    assert sorted(item.values[0] for item in block.items) == ["new a", "new b"]


@pytest.mark.long
def test_two_streams_may_add_to_one_block(destination: Runner) -> None:
    block = add_list(destination, "Block", ("Entry", "Amount"))
    configuration = configure(destination, block, "C")
    targets = [goes_to(name, configuration) for name in ("Actuals", "Adjustments")]
    catalog = a_catalog(*(configured(each, "append", "incremental") for each in (ACTUALS, ADJUSTMENTS)))
    messages = [*whole("Actuals", entries_of(E1=1)), *whole("Adjustments", entries_of(A1=3))]
    assert write(destination, messages, catalog, targets=targets).exit_code == 0
    assert len(block.items) == 2

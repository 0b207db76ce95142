"""A sync without a record: a Clear, or a source that is empty now."""

from __future__ import annotations

from typing import Any

import pytest

from airbyte_platform.process import Message
from connectors import Runner
from local_pigment.blocks import ListBlock
from local_pigment.faults import FailImport, RespondStatus
from small_blocks import (
    a_catalog,
    add_list,
    clears,
    config_error,
    configure,
    configured,
    contents,
    deduplicated,
    entries_of,
    failure,
    goes_to,
    let_pigment,
    long,
    numbers,
    pushed,
    table,
    warnings,
    whole,
    with_state,
    without_export_key,
)
from writing import empty_state, state, status, write

STREAM = table("Entries", "Entry", "Amount")
REPLACED = a_catalog(configured(STREAM, "overwrite"))
GENERATIONS = {"generation_id": 4, "minimum_generation_id": 4, "sync_id": 30}
DONE = status("COMPLETE", "Entries")


def filled(destination: Runner, name: str = "Entries", **more: Any) -> tuple[ListBlock, list[dict[str, Any]]]:
    """A list with three rows, and the target that replaces them."""
    block = add_list(destination, name, ("Entry", "Amount"), [(f"old {number}", "1") for number in range(3)])
    return block, [clears(name, configure(destination, block, name, clear_before_import=True), **more)]


def stream_state(content: Any) -> Message:
    given = state(1, "Entries")
    given["state"]["stream"]["stream_state"] = content
    return given


def legacy_state(content: Any) -> Message:
    return {"type": "STATE", "state": {"type": "LEGACY", "id": 1, "data": content}}


def global_state(content: Any) -> Message:
    states = [{"stream_descriptor": {"name": "Entries"}, "stream_state": content}]
    return {"type": "STATE", "state": {"type": "GLOBAL", "id": 1, "global": {"stream_states": states}}}


@pytest.mark.parametrize(
    "lines",
    [[stream_state(None), DONE], [global_state(None), DONE], [DONE], [legacy_state({}), DONE]],
    ids=["null", "null in a global state", "no state of any stream", "empty legacy state"],
)
@pytest.mark.parametrize(
    "way", [long({"mode": "overwrite"}), {"mode": "append", **GENERATIONS}], ids=["overwrite", "minimum"]
)
def test_a_clear_empties_the_block(destination: Runner, lines: list[Message], way: dict[str, Any]) -> None:
    block, targets = filled(destination)
    mode = way["mode"]
    catalog = a_catalog(configured(STREAM, mode, **{name: value for name, value in way.items() if name != "mode"}))
    run = write(destination, lines, catalog, targets=targets)
    assert run.exit_code == 0
    assert not contents(block)
    assert len(run.states) == len(lines) - 1


@pytest.mark.parametrize(
    "content",
    [{}, {"__ab_no_cursor_state_message": True}, long({"place": 4})],
    ids=["empty", "no cursor", "somewhere"],
)
def test_a_source_that_is_empty_now_leaves_the_block_and_says_so(destination: Runner, content: Any) -> None:
    """`{}` is a state of some sources whose query was empty."""
    block, targets = filled(destination)
    run = write(destination, [stream_state(content), DONE], REPLACED, targets=targets)
    message = config_error(run)
    assert '"Entries"' in message
    assert '"Fewest rows"' in message
    assert len(contents(block)) == 3
    assert not pushed(destination)


def test_a_block_may_be_emptied_where_the_user_says_so(destination: Runner) -> None:
    block, targets = filled(destination, minimum_rows=0)
    run = write(destination, [stream_state({"place": 4}), DONE], REPLACED, targets=targets)
    assert run.exit_code == 0
    assert not warnings(run)
    assert not contents(block)
    assert with_state(run) == {"Entries"}


def test_one_empty_stream_of_several_stops_none_of_the_others(destination: Runner) -> None:
    names = ["Entries", *(f"List {number}" for number in range(4))]
    blocks, targets, messages = {}, [], []
    for name in names:
        blocks[name], more = filled(destination, name)
        targets += more
        messages += whole(name, [] if name in {"List 1", "List 3"} else entries_of(new=2))
    catalog = a_catalog(*(configured(table(name, "Entry", "Amount"), "overwrite") for name in names))
    run = write(destination, messages, catalog, targets=targets)
    message = config_error(run)
    assert '"List 1"' in message
    assert '"List 3"' in message
    assert '"List 2"' not in message
    for name, block in blocks.items():
        assert len(contents(block)) == (3 if name in {"List 1", "List 3"} else 1)


@pytest.mark.parametrize("lines", [[], [stream_state(None)]], ids=["nothing whatever", "null"])
def test_a_custom_image_empties_nothing_unless_a_state_says_so(destination: Runner, lines: list[Message]) -> None:
    destination.environment["PATIENCE_SECONDS"] = "1"
    block, targets = filled(destination)
    run = write(destination, lines, REPLACED, targets=targets)
    if lines:
        assert run.exit_code == 0
        assert not contents(block)
    else:
        config_error(run)
        assert len(contents(block)) == 3
        assert not pushed(destination)


def test_a_null_state_beside_a_record_of_another_stream_is_no_clear(destination: Runner) -> None:
    block, targets = filled(destination)
    other, more = filled(destination, "Others")
    catalog = a_catalog(configured(STREAM, "overwrite"), configured(table("Others", "Entry", "Amount"), "overwrite"))
    lines = [stream_state(None), DONE, *whole("Others", entries_of(new=1))]
    run = write(destination, lines, catalog, targets=targets + more)
    assert '"Entries"' in config_error(run)
    assert len(contents(block)) == 3
    assert len(contents(other)) == 1


@pytest.mark.parametrize("counts", [True, False], ids=["can be counted", "cannot be counted"])
def test_a_clear_that_cleared_nothing_is_found_by_counting(destination: Runner, counts: bool) -> None:
    """A header-only file that names no key and no month may delete nothing."""
    let_pigment(destination, header_only_clears=False)
    if not counts:
        without_export_key(destination)
    block, targets = filled(destination)
    run = write(destination, [stream_state(None), DONE], REPLACED, targets=targets)
    assert len(contents(block)) == 3
    if counts:
        assert "cancel" in config_error(run)
        assert not run.states
    else:
        assert run.exit_code == 0


@pytest.mark.long
def test_a_clear_of_an_empty_block_ends_well(destination: Runner) -> None:
    block, targets = filled(destination)
    block.items.clear()
    run = write(destination, [stream_state(None), DONE], REPLACED, targets=targets)
    assert run.exit_code == 0
    assert not warnings(run)


@pytest.mark.parametrize("fault", [RespondStatus(403), long(FailImport())], ids=["forbidden", "failed"])
def test_a_clear_that_fails_says_that_it_comes_back(destination: Runner, fault: Any) -> None:
    _, targets = filled(destination)
    destination.pigment.faults.queue("push_csv", fault)
    run = write(destination, [stream_state(None), DONE], REPLACED, targets=targets)
    message = failure(run)[1]
    assert "ancel" in message
    assert "before every sync" in message
    assert not run.states


@pytest.mark.parametrize("way", [long({}), GENERATIONS], ids=["overwrite", "minimum"])
def test_a_clear_of_a_target_that_adds_pushes_nothing_and_ends_well(destination: Runner, way: dict[str, Any]) -> None:
    block, _ = filled(destination)
    targets = [goes_to("Entries", configure(destination, block, "Added"))]
    catalog = a_catalog(configured(STREAM, "append" if way else "overwrite", **way))
    run = write(destination, [stream_state(None), DONE], catalog, targets=targets)
    assert run.exit_code == 0
    assert not pushed(destination)
    assert len(contents(block)) == 3
    (warning,) = warnings(run)
    assert '"Entries"' in warning
    assert with_state(run) == {"Entries"}


@pytest.mark.parametrize(("percent", "stops"), [(50, True), long(30, False)])
def test_a_replacement_with_too_small_a_share_of_the_rows_stops_before_it_is_pushed(
    destination: Runner, percent: int, stops: bool
) -> None:
    block, targets = filled(destination)
    for number in range(7):
        block.add(f"more {number}", "1")
    targets[0] |= {"minimum_percent": percent, "block_id": block.id}
    rows = entries_of(E1=1, E2=2, E3=3, E4=4)
    run = write(destination, whole("Entries", rows), REPLACED, targets=targets)
    if stops:
        message = config_error(run)
        assert "10" in message
        assert "4" in message
        assert not pushed(destination)
        assert len(contents(block)) == 10
        assert not run.states
    else:
        assert run.exit_code == 0
        assert len(contents(block)) == 4


@pytest.mark.long
def test_two_streams_that_are_cleared_are_both_empty(destination: Runner) -> None:
    """The platform sends no state of a stream that has none any more."""
    blocks, targets = [], []
    for name in ("Entries", "Others"):
        block, more = filled(destination, name)
        blocks.append(block)
        targets += more
    catalog = a_catalog(*(configured(table(name, "Entry", "Amount"), "overwrite") for name in ("Entries", "Others")))
    lines = [empty_state(1, "Entries"), empty_state(2, "Others"), DONE, status("COMPLETE", "Others")]
    run = write(destination, lines, catalog, targets=targets)
    assert run.exit_code == 0
    assert [contents(block) for block in blocks] == [[], []]


@pytest.mark.parametrize("may_be_empty", [False, True], ids=["not expected", "fewest rows 0"])
def test_a_reload_of_which_every_row_was_deleted_leaves_no_old_row_silently(
    destination: Runner, may_be_empty: bool
) -> None:
    block = add_list(destination, "Entries", ("Entry", "Amount"), [("old", "1")])
    configuration = configure(destination, block, "R", key="Entry", clear_before_import=True)
    targets = [clears("Entries", configuration, **({"minimum_rows": 0} if may_be_empty else {}))]
    stream = table("Entries", "Entry", "Amount", "_ab_cdc_deleted_at")
    catalog = a_catalog(deduplicated(stream, cursor=None, **GENERATIONS))
    rows = [{"Entry": "E5", "Amount": 1}, {"Entry": "E5", "Amount": 1, "_ab_cdc_deleted_at": "2026-04-30T12:00:00Z"}]
    run = write(destination, whole("Entries", rows), catalog, targets=targets)
    if may_be_empty:
        assert run.exit_code == 0
        assert not contents(block)
        assert sum(numbers(run)[0]) == 2
    else:
        assert '"Fewest rows"' in config_error(run)
        assert len(contents(block)) == 1


def test_a_clear_of_two_streams_of_one_block_ends_well(destination: Runner) -> None:
    """Neither can delete what the other has put there."""
    block = add_list(destination, "Items", ("Entry",), [("E1",)])
    one, other = (configure(destination, block, name, clear_before_import=True) for name in ("One", "Other"))
    catalog = a_catalog(*(configured(table(name, "Entry"), "overwrite") for name in ("One", "Other")))
    sent = [empty_state(1, "One"), empty_state(2, "Other"), status("COMPLETE", "One"), status("COMPLETE", "Other")]
    run = write(destination, sent, catalog, targets=[clears("One", one), clears("Other", other)])
    assert run.exit_code == 0
    assert contents(block) == []

"""A full refresh that appends waits for the proof of its source: a state proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from airbyte_platform.job import CUSTOM_IMAGE
from airbyte_platform.process import Message
from connectors import Runner
from local_pigment.faults import RespondStatus
from small_blocks import (
    a_catalog,
    add_list,
    configure,
    configured,
    contents,
    entries_of,
    failure,
    goes_to,
    long,
    numbers,
    pushed,
    records,
    table,
    whole,
)
from writing import FAILED, Attempt, Succeeded, state, status, write

STREAM = table("Entries", "Entry", "Amount")
TWENTY = entries_of(**{f"E{number:02d}": number for number in range(20)})
GENERATION = {"generation_id": 3, "minimum_generation_id": 0, "sync_id": 12}


def final_state(number: int = 1) -> Message:
    """What a stock source sends of a stream at its end, and also of one that failed."""
    last = state(number, "Entries")
    last["state"]["stream"]["stream_state"] = {"__ab_no_cursor_state_message": True}
    return last


def target(destination: Runner) -> tuple[Any, list[dict[str, Any]]]:
    block = add_list(destination, "Entries", ("Entry", "Amount"))
    return block, [goes_to("Entries", configure(destination, block, "Entries"))]


@pytest.mark.parametrize("ending", [[], long([status("INCOMPLETE", "Entries")])], ids=["no status", "INCOMPLETE"])
def test_the_last_state_of_a_source_that_failed_pushes_nothing(destination: Runner, ending: list[Message]) -> None:
    """It failed on page 3; the platform reads everything again."""
    block, targets = target(destination)
    catalog = a_catalog(configured(STREAM, "append", **GENERATION))
    failed = [*records("Entries", TWENTY[:10]), final_state(), *ending]
    run = write(destination, failed, catalog, targets=targets)
    assert failure(run)[0] == "transient_error"
    assert not pushed(destination)
    assert not run.states
    again = [*records("Entries", TWENTY), final_state(), status("COMPLETE", "Entries")]
    assert write(destination, again, catalog, targets=targets).exit_code == 0
    assert contents(block) == [(row["Entry"], str(row["Amount"])) for row in TWENTY]


@pytest.mark.parametrize("more", [{}, {"is_resumable": True}], ids=["not resumable", "resumable"])
@pytest.mark.parametrize("fails", [True, long(False)], ids=["fails", "succeeds"])
def test_a_custom_image_waits_until_the_source_has_succeeded(
    fast_destination: Runner, more: dict[str, Any], fails: bool
) -> None:
    """Without generations the platform begins a second attempt from the start, resumable or not."""
    block, targets = target(fast_destination)
    messages = [*records("Entries", TWENTY[:6]), state(1, "Entries"), *records("Entries", TWENTY[6:]), final_state(2)]
    attempt = Attempt([{**STREAM, **more}], "append", CUSTOM_IMAGE, messages)
    run = attempt.run(fast_destination, FAILED if fails else Succeeded(), targets=targets)
    assert (run.exit_code == 0) is not fails
    assert len(contents(block)) == (0 if fails else 20)
    assert len(run.states) == (0 if fails else 2)


def test_what_a_resumable_source_confirms_goes_before_its_end(destination: Runner) -> None:
    block, targets = target(destination)
    catalog = a_catalog(configured({**STREAM, "is_resumable": True}, "append", **GENERATION))
    lines = [*records("Entries", TWENTY[:6]), state(1, "Entries", records=6), *records("Entries", TWENTY[6:])]
    run = write(destination, [*lines, status("INCOMPLETE", "Entries")], catalog, targets=targets)
    assert run.exit_code != 0
    assert len(contents(block)) == 6
    assert numbers(run) == [(6.0, 0.0)]


def test_it_goes_in_several_files_in_the_order_in_which_it_came(destination: Runner) -> None:
    block, targets = target(destination)
    catalog = a_catalog(configured(STREAM, "append", **GENERATION))
    run = write(destination, whole("Entries", TWENTY), catalog, targets=targets, max_file_rows=6)
    assert run.exit_code == 0
    assert [item.values[0] for item in block.items] == [row["Entry"] for row in TWENTY]
    assert len(pushed(destination)) == 4


def test_a_stream_that_is_incremental_goes_while_the_source_goes_on(destination: Runner) -> None:
    block, targets = target(destination)
    catalog = a_catalog(configured(STREAM, "append", "incremental", **GENERATION))
    lines = [*records("Entries", TWENTY[:6]), state(1, "Entries", records=6), status("INCOMPLETE", "Entries")]
    run = write(destination, lines, catalog, targets=targets)
    assert len(contents(block)) == 6
    assert numbers(run) == [(6.0, 0.0)]


@pytest.mark.parametrize("ends", ["INCOMPLETE", long("COMPLETE")])
def test_what_is_stored_stops_the_automatic_retry_for_another_stream(destination: Runner, ends: str) -> None:
    """The platform begins a full refresh again without its state, and every row would be added once more."""
    block, targets = target(destination)
    other = add_list(destination, "Others", ("Entry", "Amount"))
    targets += [goes_to("Others", configure(destination, other, "Others"))]
    catalog = a_catalog(
        configured(STREAM, "append", **GENERATION),
        configured(table("Others", "Entry", "Amount"), "append", "incremental", **GENERATION),
    )
    sent = [
        *whole("Entries", TWENTY),
        *records("Others", TWENTY[:1]),
        state(2, "Others", records=3 if ends == "COMPLETE" else 1),
        status(ends, "Others"),
    ]
    run = write(destination, sent, catalog, targets=targets)
    assert len(contents(block)) == 20
    kind, message = failure(run)
    assert kind == "config_error"
    assert '20 rows of the stream "Entries"' in message


OTHER = a_catalog(configured(table("Other", "Entry", "Amount"), "append", "incremental", **GENERATION))["streams"][0]


@pytest.mark.parametrize(
    ("stream", "more", "read_again"),
    [
        (STREAM, {}, True),
        long(STREAM, {"sync_mode": "incremental"}, False),
        long({**STREAM, "is_resumable": True}, {}, False),
        (STREAM, {"destination_sync_mode": "append_dedup", "primary_key": [["Entry"]]}, False),
    ],
    ids=["full refresh", "incremental", "resumable", "deduplicated"],
)
def test_what_a_second_attempt_reads_again_is_not_repeated_automatically(
    destination: Runner, stream: dict[str, Any], more: dict[str, Any], read_again: bool
) -> None:
    """Another stream ends in an error that passes; the platform would add all rows of the full refresh once more."""
    block, targets = target(destination)
    targets.append(
        goes_to("Other", configure(destination, add_list(destination, "Other", ("Entry", "Amount")), "Other"))
    )
    catalog = a_catalog({**configured(stream, "append", **GENERATION), **more}, OTHER)
    missing = [*records("Other", TWENTY[:1]), state(2, "Other", records=3), status("COMPLETE", "Other")]
    run = write(destination, [*whole("Entries", TWENTY), *missing], catalog, targets=targets)
    kind, message = failure(run)
    assert len(contents(block)) == 20
    # One record of each key is written, so no state of a deduplicated stream is true before all of the sync is stored.
    assert numbers(run) == ([] if "primary_key" in more else [(20.0, 0.0)])
    assert kind == ("config_error" if read_again else "transient_error")
    assert ('20 rows of the stream "Entries"' in message) is read_again


@pytest.mark.long
def test_what_a_custom_image_reads_again_is_not_repeated_automatically(fast_destination: Runner) -> None:
    """There is no generation, so a state of a stream that can resume is of no use either."""
    block, targets = target(fast_destination)
    other = add_list(fast_destination, "Other", ("Entry", "Amount"))
    targets.append(goes_to("Other", configure(fast_destination, other, "Other"), load_order=2))
    fast_destination.pigment.faults.queue("push_csv", RespondStatus(429), after=1, times=60)
    streams = [{**STREAM, "is_resumable": True}, table("Other", "Entry", "Amount")]
    messages = [*records("Entries", TWENTY), final_state(), *records("Other", TWENTY[:1]), state(2, "Other")]
    run = Attempt(streams, "append", CUSTOM_IMAGE, messages).run(fast_destination, Succeeded(), targets=targets)
    fast_destination.pigment.faults.forget()
    kind, message = failure(run)
    assert kind == "config_error"
    assert '20 rows of the stream "Entries"' in message
    assert len(contents(block)) == 20

"""The lines that end the log of a sync: stored, rejected, files and seconds of each stream."""

from __future__ import annotations

import logging
import re

import pytest
from several_streams import INCREMENTAL, OVERWRITE, Importing, Message, records, run_sync, state, status

from destination_pigment.closing_lines import ClosingLines
from destination_pigment.imports.verdicts import Imported
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.opening import log_streams_that_fit
from destination_pigment.targets import Target
from pigment_client.errors import ImportFailed
from pigment_client.models import ImportCounts


def closing_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines about what was stored, without their seconds."""
    return [
        re.sub(r" in [0-9.]+ s\.$", " in # s.", each.message)
        for each in caplog.records
        if each.message.startswith("Stored") or "not stored completely" in each.message
    ]


def test_a_stream_has_a_line_if_its_only_import_did_not_log_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    streams = {"a": (INCREMENTAL, Target("a")), "b": (OVERWRITE, Target("b", "b")), "none": (INCREMENTAL, Target("n"))}
    messages: list[Message] = [
        *records("a", 5),
        *records("b", 3),
        *(state(number, name) for number, name in enumerate("ab", start=1)),
        *(status(name, "COMPLETE") for name in streams),
    ]
    importer = Importing({"b": Imported(ImportCounts(2, 0, 4, skipped=1))})
    assert run_sync(streams, messages, importer).error is None
    assert closing_lines(caplog) == [
        'Stored the stream "b": 2 rows, 1 rejected, 1 file in # s.',
    ]


def test_a_stream_of_several_files_has_their_sum(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    messages = [*records("a", 5), state(1, "a"), status("a", "COMPLETE")]
    run_sync({"a": (INCREMENTAL, Target("a"))}, messages, Importing(), max_rows=2)
    assert closing_lines(caplog) == ['Stored the stream "a": 5 rows, none rejected, 3 files in # s.']


def test_what_is_not_confirmed_of_a_stream_is_not_called_stored(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    streams = {"a": (INCREMENTAL, Target("a")), "b": (INCREMENTAL, Target("b"))}
    messages = [*records("a", 5), state(1, "a"), *records("b", 3), state(2, "b")]
    messages += [status("a", "COMPLETE"), status("b", "COMPLETE")]
    assert run_sync(streams, messages, Importing({"b": ImportFailed("push CSV")})).error is not None
    assert closing_lines(caplog)[-1] == (
        'The stream "b" was not stored completely: 3 records are not confirmed; confirmed: 0 rows, none rejected, '
        "0 files in # s."
    )


@pytest.mark.parametrize(("streams", "is_logged"), [(225, False), (226, True)])
def test_a_sync_of_more_streams_than_the_limit_carries_says_how_many_fit(
    streams: int, is_logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log_streams_that_fit(streams, 450)
    assert any("About 225 streams fit into 5 minutes" in each.message for each in caplog.records) is is_logged


@pytest.mark.parametrize(
    ("unconfirmed", "words"), [(0, ""), (1, ", 1 record not confirmed"), (4, ", 4 records not confirmed")]
)
def test_the_last_line_counts_what_may_not_be_stored(unconfirmed: int, words: str) -> None:
    """Or it would promise that nothing was rejected of a file that Pigment rejected in part."""
    lines = ClosingLines()
    lines.log_streams([DestinationStream(None, "a", WriteMode.APPEND, ("a",))], lambda _key: unconfirmed)
    assert lines.summary().startswith(f"Stored 0 rows of 0 streams, none rejected{words}, in ")

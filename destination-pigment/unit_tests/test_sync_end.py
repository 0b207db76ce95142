"""When the states of stored rows leave: soon, never before it is certain that they stay, and on every way out."""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from one_stream import MAX_AGE_SECONDS, Importing, Running, messages, record, running, wait_until

from destination_pigment import dispatch
from destination_pigment.checkpoints import Checkpoints
from destination_pigment.files.spool import SpoolFile
from destination_pigment.imports.report import Imported
from destination_pigment.imports.then_run import Concern, find_obstacle
from pigment_client.models import ImportCounts


def settled(there: Running) -> bool:
    """Whether every import has ended and its result was taken."""
    there.sync.take(b"")
    return not there.queues.outstanding


@pytest.mark.parametrize("ends", [False, True], ids=["still running", "ended in time"])
def test_a_first_result_stays_back_while_what_followed_it_may_delete_it(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ends:
        monkeypatch.setattr(dispatch, "_END_WHEN_CANCELLED_SECONDS", 0.0)
    importer = Importing(slow=2)
    with running(importer) as there:
        there.sync.take(messages(1))
        there.sync.take(messages(2))
        wait_until(lambda: importer.pushes == 2)
        there.cancel.request()
        if ends:
            importer.ended.set()
        said = pytest.raises(AirbyteTracedException, match='2 rows of the stream "s" may be')
        with nullcontext() if ends else said:
            there.sync.end()
        assert there.sent == (2 if ends else 0)


def test_a_first_state_waits_for_one_interval_and_not_for_two() -> None:
    """The second file shows that the first one stays, so it goes as soon as there is one, and only that one does."""
    importer = Importing()
    with running(importer, max_rows=1000) as there:
        there.sync.take(messages(1))
        there.now = MAX_AGE_SECONDS
        wait_until(lambda: settled(there) and importer.pushes == 1)
        assert there.sent == 0
        there.sync.take(messages(2))
        wait_until(lambda: settled(there) and importer.pushes == 2)
        assert there.sent == 2
        there.sync.take(messages(3))
        assert settled(there)
        assert importer.pushes == 2


def test_an_import_that_stored_nothing_does_not_make_every_state_a_file() -> None:
    """No second import could show anything, and 300 an hour are all that there are."""
    importer = Importing(done=Imported(ImportCounts(0, 0, 0, skipped=1), 1))
    with running(importer, max_rows=1000) as there:
        there.sync.take(messages(1))
        there.now = MAX_AGE_SECONDS
        wait_until(lambda: settled(there) and importer.pushes == 1)
        for number in range(5):
            there.sync.take(messages(number))
            assert settled(there)
        assert importer.pushes == 1


def test_a_state_that_the_disk_does_not_give_back_is_an_error_that_nobody_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not a cancel: all imports are waited for, and the failure is said."""

    def broken(*_: Any) -> bytes:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "pread", broken)
    with running(Importing(), memory_bytes=0) as there:
        for number in range(3):
            there.sync.take(messages(number))
        with pytest.raises(AirbyteTracedException, match="cannot be read again") as raised:
            there.sync.finish()
        assert raised.value.failure_type is FailureType.config_error
        assert not there.cancel.requested
        assert (there.queues.outstanding, there.sent) == (0, 0)


def test_states_before_one_that_the_disk_does_not_give_back_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    read, asked = os.pread, []

    def broken(*args: Any) -> bytes:
        asked.append(1)
        if len(asked) == 3:
            raise OSError(5, "input/output error")
        return read(*args)

    monkeypatch.setattr(os, "pread", broken)
    with running(Importing(), memory_bytes=0, max_rows=1000) as there:
        for number in range(4):
            there.sync.take(messages(number))
        with pytest.raises(AirbyteTracedException, match="cannot be read again"):
            there.sync.finish()
        assert there.sent == 2


def test_a_file_that_cannot_be_removed_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError(30, "read-only file system")

    with running(Importing()) as there:
        monkeypatch.setattr(SpoolFile, "remove", broken)
        for number in range(3):
            there.sync.take(messages(number))
        there.sync.finish()
        assert there.sent == 3


def test_a_defect_in_settling_one_import_leaves_none_unawaited(monkeypatch: pytest.MonkeyPatch) -> None:
    settle, calls = Checkpoints.settle, []

    def broken(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("more records settled than came")
        settle(*args, **kwargs)

    monkeypatch.setattr(Checkpoints, "settle", broken)
    with running(Importing()) as there:
        for number in range(4):
            there.sync.take(messages(number))
        with pytest.raises(AirbyteTracedException, match="unexpected"):
            there.sync.finish()
        assert there.queues.outstanding == 0
        assert there.sent <= 2


GENERATION = {"generation_id": 2, "minimum_generation_id": 1}
INCOMPLETE = (
    b'{"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1, '
    b'"stream_status": {"stream_descriptor": {"name": "s"}, "status": "INCOMPLETE"}}}\n'
)


@pytest.mark.parametrize(
    ("sent", "rest", "configured", "concern"),
    [
        (messages(1), b"", {}, None),
        (b"", b"", {}, Concern.ROWS),
        (INCOMPLETE, b"", {}, Concern.AGAIN),
        (b"", b"", GENERATION, Concern.AGAIN),
        (messages(1), b'{"type": "REC', {}, Concern.AGAIN),
        (record(1), b"", {}, Concern.SAID),
    ],
    ids=["a state", "no state", "INCOMPLETE", "no COMPLETE", "cut", "no state behind the last record"],
)
def test_a_source_that_did_not_fail_is_not_asked_to_send_everything_again(
    sent: bytes, rest: bytes, configured: dict[str, Any], concern: Concern | None, caplog: pytest.LogCaptureFixture
) -> None:
    """What repeats by itself would add the rows of a full refresh once more."""
    caplog.set_level(logging.INFO)
    with running(Importing(), configured=configured, proves_all=True) as there, suppress(AirbyteTracedException):
        there.sync.take(sent)
        there.sync.finish(rest)
    obstacle = find_obstacle(there.sync.ending)
    assert (None if obstacle is None else obstacle.concern) is concern
    # A platform whose source failed would end the sync within that time.
    has_waited = any("waiting" in each for each in caplog.messages)
    assert has_waited is (concern in {None, Concern.ROWS})

"""How a sync ends: states leave once their rows are certain to stay, and nothing follows a sync that failed."""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from one_stream import MAX_AGE_SECONDS, Importing, Running, messages, record, running, wait_until

from destination_pigment.checkpoints import Checkpoints
from destination_pigment.files.spool import SpoolFile
from destination_pigment.imports import polling
from destination_pigment.imports.then_run import Concern, Obstacle
from destination_pigment.imports.verdicts import Imported
from destination_pigment.write import run_and_follow
from pigment_client.models import ImportCounts


def settled(there: Running) -> bool:
    """Whether every import has ended and its result was taken."""
    there.consume(b"")
    return not there.queues.unfinished


@pytest.mark.parametrize("ends", [False, True], ids=["still running", "ended in time"])
def test_a_first_result_stays_back_while_what_followed_it_may_delete_it(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ends:
        monkeypatch.setattr(polling, "CANCEL_GRACE_SECONDS", 0.0)
    importer = Importing(slow=2)
    with running(importer) as there:
        there.consume(messages(1))
        there.consume(messages(2))
        wait_until(lambda: importer.pushes == 2)
        there.cancel.request()
        if ends:
            importer.ended.set()
        raises = pytest.raises(AirbyteTracedException, match='2 rows of the stream "s" may be')
        with nullcontext() if ends else raises:
            there.end()
        assert there.sent == (2 if ends else 0)


def test_a_first_state_waits_for_one_interval_and_not_for_two() -> None:
    """The second file shows that the first one stays, so it goes as soon as there is one, and only that one does."""
    importer = Importing()
    with running(importer, max_rows=1000) as there:
        there.consume(messages(1))
        there.now = MAX_AGE_SECONDS
        wait_until(lambda: settled(there) and importer.pushes == 1)
        assert there.sent == 0
        there.consume(messages(2))
        wait_until(lambda: settled(there) and importer.pushes == 2)
        assert there.sent == 2
        there.consume(messages(3))
        assert settled(there)
        assert importer.pushes == 2


def test_an_import_that_stored_nothing_does_not_make_every_state_a_file() -> None:
    """No second import could show anything, and 300 an hour are all that there are."""
    importer = Importing(done=Imported(ImportCounts(0, 0, 0, skipped=1)))
    with running(importer, max_rows=1000) as there:
        there.consume(messages(1))
        there.now = MAX_AGE_SECONDS
        wait_until(lambda: settled(there) and importer.pushes == 1)
        for number in range(5):
            there.consume(messages(number))
            assert settled(there)
        assert importer.pushes == 1


def test_a_state_that_the_disk_does_not_give_back_is_an_error_that_is_not_retried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not a cancel: all imports are waited for, and the failure is reported."""

    def broken(*_: Any) -> bytes:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "pread", broken)
    with running(Importing(), memory_bytes=0) as there:

        def sync_all() -> None:
            """It may end at any message: imports are under way, and the first one that has ended shows the fault."""
            for number in range(3):
                there.consume(messages(number))
            there.end()

        with pytest.raises(AirbyteTracedException, match="cannot be read back") as raised:
            sync_all()
        assert raised.value.failure_type is FailureType.config_error
        assert not there.cancel.requested
        assert (there.queues.unfinished, there.sent) == ([], 0)


def test_states_before_one_that_the_disk_does_not_give_back_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    read, contents = os.pread, list[bytes]()

    def broken(*args: Any) -> bytes:
        if b"".join(contents).count(b"\n") == 2:
            raise OSError(5, "input/output error")
        contents.append(read(*args))
        return contents[-1]

    monkeypatch.setattr(os, "pread", broken)
    with running(Importing(), memory_bytes=0, max_rows=1000) as there:
        for number in range(4):
            there.consume(messages(number))
        with pytest.raises(AirbyteTracedException, match="cannot be read back"):
            there.end()
        assert there.sent == 2


def test_a_file_that_cannot_be_removed_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError(30, "read-only file system")

    with running(Importing()) as there:
        monkeypatch.setattr(SpoolFile, "remove", broken)
        for number in range(3):
            there.consume(messages(number))
        there.end()
        assert there.sent == 3


def test_a_defect_in_confirming_one_import_leaves_none_unawaited(monkeypatch: pytest.MonkeyPatch) -> None:
    confirm, calls = Checkpoints.confirm, []

    def broken(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("more records confirmed than came")
        confirm(*args, **kwargs)

    monkeypatch.setattr(Checkpoints, "confirm", broken)
    with running(Importing()) as there:
        for number in range(4):
            there.consume(messages(number))
        with pytest.raises(AirbyteTracedException, match="unexpected"):
            there.end()
        assert not there.queues.unfinished
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
        (record(1), b"", {}, Concern.REPORTED),
    ],
    ids=["a state", "no state", "INCOMPLETE", "no COMPLETE", "cut", "no state after the last record"],
)
def test_a_source_that_did_not_fail_is_not_asked_to_send_everything_again(
    sent: bytes, rest: bytes, configured: dict[str, Any], concern: Concern | None, caplog: pytest.LogCaptureFixture
) -> None:
    """An automatic retry would add the rows of a full refresh once more."""
    caplog.set_level(logging.INFO)
    with running(Importing(), configured=configured, is_followed=True) as there, suppress(AirbyteTracedException):
        there.consume(sent)
        there.end(rest)
    obstacle = there.sync.find_obstacle(has_failed=False)
    assert (None if obstacle is None else obstacle.concern) is concern
    # A platform whose source failed would end the sync within that time.
    has_waited = any("waiting" in each for each in caplog.messages)
    assert has_waited is (concern in {None, Concern.ROWS})


class EndingSync:
    """Ends with an error that it does not expect, and believes that everything is stored."""

    def __init__(self, error: BaseException | None) -> None:
        self._error = error
        self.has_failed: list[bool] = []
        self.order: list[str] = []

    def run(self, _blocks: Any) -> Any:
        yield
        if self._error is not None:
            raise self._error

    def find_obstacle(self, *, has_failed: bool) -> Obstacle | None:
        self.has_failed.append(has_failed)
        return None

    def start_all(self, _obstacle: Obstacle | None) -> None:
        """Stands in for what follows, too."""
        self.order.append("what follows")

    def send_last_states(self) -> None:
        self.order.append("last states")


@pytest.mark.parametrize("error", [ValueError(), MemoryError(), KeyboardInterrupt(), SystemExit(), None], ids=repr)
def test_nothing_follows_a_sync_that_ends_with_an_error_that_it_does_not_expect(error: BaseException | None) -> None:
    sync: Any = EndingSync(error)
    with nullcontext() if error is None else pytest.raises(type(error)):
        list(run_and_follow(sync, sync, sync))
    assert sync.has_failed == [error is not None]
    assert sync.order == ["what follows", "last states"]

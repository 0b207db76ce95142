"""What is stored and not yet covered by a state is never doubled by the platform: it retries no config error."""

from __future__ import annotations

from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from one_stream import STORED, Importing, messages, record, running, state, wait_until

from destination_pigment.ending import describe_uncovered, find_uncovered
from destination_pigment.files.segments import FileSegment
from destination_pigment.imports.queue import Job
from destination_pigment.imports.verdicts import NotPushed, NotPushedYet
from destination_pigment.input.catalog import DestinationStream, parse_catalog
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown, KeyRejected, LimitReached, Unavailable

WITHIN_ONE_STATE = record(1) + record(2) + state(1)
SAID = (
    '1 row of the stream "s" is stored and not yet covered by a state: look at the block before you run the sync again'
)
MATCHED = {"destination_sync_mode": "append_dedup", "primary_key": [["id"]]}

PASSING = [
    LimitReached("push CSV", status=429),
    Unavailable("push CSV", arrived=False),
    NotPushedYet("The bucket is slow: run the sync again."),
    MemoryError(),
]
LASTING = [
    KeyRejected("push CSV", status=401),
    NotPushed("The bucket is gone: make another."),
    ImportFailed("import", object_id="1"),
    ImportOutcomeUnknown(reason="The response was lost."),
]


def failure(sent: bytes, *ends: Any, **options: Any) -> AirbyteTracedException:
    """How a sync fails whose imports end so, one row in each file."""
    with running(Importing(ends=ends), **options) as there:
        there.consume(sent)
        with pytest.raises(AirbyteTracedException) as raised:
            there.end()
        assert there.sent == sent.count(b"STATE") - 1
    return raised.value


@pytest.mark.parametrize("error", [*PASSING, *LASTING], ids=repr)
def test_whatever_fails_after_files_of_the_same_state_is_not_retried_by_the_platform(error: Exception) -> None:
    failed = failure(WITHIN_ONE_STATE, STORED, error)
    assert failed.failure_type is FailureType.config_error
    assert (failed.message or "").count("before you run the sync again, which sends this row once more") == 1
    is_certain = not isinstance(error, ImportOutcomeUnknown | ImportFailed)
    assert (SAID if is_certain else SAID.replace(" is ", " may be ")) in (failed.message or "")


@pytest.mark.parametrize("error", PASSING[:3], ids=repr)
def test_what_passes_is_repeated_where_the_states_before_it_have_left(error: Exception) -> None:
    failed = failure(messages(1) + messages(2), STORED, error)
    assert failed.failure_type is FailureType.transient_error
    assert "is stored" not in (failed.message or "")


@pytest.mark.parametrize("error", [*PASSING[:3], ImportOutcomeUnknown(reason="The response was lost.")], ids=repr)
def test_what_passes_is_repeated_where_rows_are_matched_by_a_key(error: Exception) -> None:
    failed = failure(WITHIN_ONE_STATE, STORED, error, configured=MATCHED)
    assert failed.failure_type is FailureType.transient_error


@pytest.mark.parametrize("error", PASSING[:3], ids=repr)
def test_what_passes_is_repeated_where_nothing_is_stored(error: Exception) -> None:
    assert failure(WITHIN_ONE_STATE, error).failure_type is FailureType.transient_error


@pytest.mark.parametrize("error", PASSING[:2], ids=repr)
def test_a_dry_run_stores_nothing_that_a_repeat_could_double(error: Exception) -> None:
    assert failure(WITHIN_ONE_STATE, STORED, error, is_dry_run=True).failure_type is FailureType.transient_error


def test_a_sync_that_is_stopped_between_the_files_of_a_state_says_what_is_stored() -> None:
    """The platform stops a sync whose source has failed, and repeats it."""
    importer = Importing(slow=2)
    with running(importer) as there:
        there.consume(record(1) + record(2) + record(3) + state(1))
        wait_until(lambda: importer.pushes == 2)
        there.cancel.request()
        importer.cancelled = True
        importer.ended.set()
        with pytest.raises(AirbyteTracedException) as raised:
            there.end()
    assert raised.value.failure_type is FailureType.config_error
    assert (raised.value.message or "").startswith("The sync was stopped before its end. 2 rows of")


def test_a_sync_that_is_stopped_before_anything_is_stored_ends_as_ever() -> None:
    with running(Importing()) as there:
        there.cancel.request()
        there.consume(WITHIN_ONE_STATE)
        there.end()
    assert there.sent == 0


def stream(name: str, mode: str) -> DestinationStream:
    schema = {"properties": {"id": {"type": "string"}}}
    chosen = {"stream": {"name": name, "json_schema": schema}, "destination_sync_mode": mode, "primary_key": [["id"]]}
    return parse_catalog({"streams": [chosen]})[0]


class Handed:
    """A job of four records, one of which was rejected on arrival."""

    segments = (FileSegment(rows=2, rejected=1), FileSegment(rows=1))

    def __init__(self, stream: DestinationStream) -> None:
        self.stream = stream


def test_only_streams_that_add_are_looked_at() -> None:
    streams = [stream("a", "append"), stream("b", "append_dedup"), stream("c", "overwrite"), stream("d", "append")]
    handed: Any = [Handed(each) for each in streams[:3]]
    jobs: list[Job] = handed
    found = find_uncovered(streams, lambda _: (2, 0), jobs)
    assert found == {'stream "a"': (2, 3), 'stream "d"': (2, 0)}
    assert not find_uncovered(streams, lambda _: (0, 0), ())


@pytest.mark.parametrize(
    ("uncovered", "said"),
    [
        ({"x": (1, 0)}, "1 row of the x is stored and not yet covered by a state: look at the block"),
        (
            {"x": (2000, 0)},
            "2,000 rows of the x are stored and not yet covered by a state: look at the block before",
        ),
        (
            {"x": (1, 1)},
            "2 rows of the x may be stored and not yet covered by a state: look at the block before",
        ),
        (
            {"x": (1, 0), "y": (1, 0)},
            "1 row of the x and 1 row of the y are stored and not yet covered by a state: look at the blocks before",
        ),
    ],
)
def test_what_is_stored_is_described_in_one_sentence(uncovered: dict[str, tuple[int, int]], said: str) -> None:
    assert describe_uncovered(uncovered).startswith(said)

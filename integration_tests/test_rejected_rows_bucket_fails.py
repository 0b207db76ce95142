"""A bucket that fails: no rejected row is counted that is not in it, and nothing is doubled."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from airbyte_platform.process import as_lines
from connectors import Runner
from local_bucket.front import FORBIDDEN, FULL, SLOW_DOWN, Late, ResetBeforeResponse, Respond
from local_bucket.server import NAME, LocalBucket
from writing import (
    LEDGER,
    NO_AWS_ACCOUNT,
    catalog,
    clearing,
    counts,
    deliver_to_bucket,
    entries,
    entry,
    imports,
    ledger,
    many,
    names,
    record,
    skip_unknown,
    state,
    status,
    write_to_bucket,
)


def test_nothing_is_pushed_where_what_was_rejected_on_arrival_cannot_be_written(
    destination: Runner, bucket: LocalBucket
) -> None:
    bucket.faults.queue(None)
    bucket.faults.always = FORBIDDEN
    run = deliver_to_bucket(destination, bucket, [record(7), *many(3), state(1)], [record(8), *many(3, 4), state(2)])

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert run.errors[0]["message"] == (
        f'1 rejected row of the stream "{LEDGER}" could not be written to the bucket "{NAME}", because the bucket '
        "rejected PutObject (AccessDenied), so nothing of the file that they came with was sent to Pigment: allow it "
        '"s3:PutObject" and "s3:DeleteObject" under that path, and run the sync again.'
    )
    assert [each["id"] for each in run.states] == [1]
    assert entries(destination) == names(3)
    assert [each["_airbyte_data"] for each in bucket.rows()] == ["7"]


@pytest.mark.long
def test_an_append_whose_rejected_rows_could_not_be_written_stops_and_says_so(
    destination: Runner, bucket: LocalBucket
) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    bucket.faults.always = FORBIDDEN
    messages = [*many(3), state(1), *many(2, 4), record(entry(6, Department="Nobody")), state(2), *many(6, 7), state(3)]
    run = write_to_bucket(destination, bucket, messages, max_file_rows=3)

    assert run.errors[0]["failure_type"] == "config_error"
    assert run.errors[0]["message"] == (
        f'Pigment stored 2 rows of the stream "{LEDGER}", and 1 row that it rejected could not be written to the '
        f'bucket "{NAME}", because the bucket rejected PutObject (AccessDenied): allow it "s3:PutObject" and '
        '"s3:DeleteObject" under that path, and look at the block before you run the sync again, which sends '
        "these rows once more."
    )
    assert [each["id"] for each in run.states] == [1], "what was certain before it stays certain"
    assert entries(destination) == names(5)


@pytest.mark.long
def test_the_first_file_of_an_append_is_not_reported_either(destination: Runner, bucket: LocalBucket) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    bucket.faults.always = FORBIDDEN
    messages = [*many(2), record(entry(3, Department="Nobody")), state(1), *many(3, 4), state(2)]
    run = write_to_bucket(destination, bucket, messages, max_file_rows=3)

    assert run.errors[0]["failure_type"] == "config_error"
    assert not run.states
    assert entries(destination) == names(2)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["append_dedup", "overwrite"])
def test_what_may_be_repeated_is_repeated_once_the_bucket_works(
    fast_destination: Runner, bucket: LocalBucket, mode: str
) -> None:
    destination = fast_destination
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    keyed = [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (by entry)")}]
    targets = keyed if mode == "append_dedup" else clearing(destination)
    messages = [*many(3), record(entry(4, Department="Nobody")), state(1), status("COMPLETE")]
    bucket.faults.always = SLOW_DOWN
    run = write_to_bucket(destination, bucket, messages, catalog(mode=mode), targets=targets)

    assert run.errors[0]["failure_type"] == "transient_error"
    assert "the bucket rejected PutObject (SlowDown)" in run.errors[0]["message"]
    assert "run the sync again" in run.errors[0]["message"]
    assert not run.states
    assert len(bucket.front.writes) == 5

    bucket.faults.always = None
    run = write_to_bucket(destination, bucket, messages, catalog(mode=mode), targets=targets)
    assert counts(run) == [(1, 3.0, 1.0)]
    assert entries(destination) == names(3)
    assert [each["Entry"] for each in bucket.rows()] == ["GL-0000004"]


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        SLOW_DOWN,
        Respond(500, "InternalError"),
        ResetBeforeResponse(written=True),
        ResetBeforeResponse(written=False),
    ],
    ids=str,
)
def test_what_passes_is_waited_for_and_doubles_nothing(
    fast_destination: Runner, bucket: LocalBucket, fault: Any
) -> None:
    bucket.faults.queue(fault, fault, Late(1.0))
    run = write_to_bucket(fast_destination, bucket, [*many(3), record(7), state(1)])

    assert run.exit_code == 0
    assert counts(run) == [(1, 3.0, 1.0)]
    assert len(bucket.rows()) == 1


@pytest.mark.long
def test_what_was_stored_before_the_bucket_failed_is_reported(fast_destination: Runner, bucket: LocalBucket) -> None:
    # The platform repeats this automatically, and would send the first file once more.
    bucket.faults.always = SLOW_DOWN
    run = deliver_to_bucket(fast_destination, bucket, [*many(3), state(1)], [record(8), *many(3, 4), state(2)])

    assert run.errors[0]["failure_type"] == "transient_error"
    assert [each["id"] for each in run.states] == [1]
    assert entries(fast_destination) == names(3)


@pytest.mark.long
def test_one_state_for_many_files_finds_a_bucket_that_fails_before_the_first_is_pushed(
    destination: Runner, bucket: LocalBucket
) -> None:
    bucket.faults.always = FORBIDDEN
    run = write_to_bucket(destination, bucket, [*many(8), record(9), state(1)], max_file_rows=3)

    assert run.errors[0]["failure_type"] == "config_error"
    assert not imports(destination)


@pytest.mark.long
def test_where_files_of_one_state_are_stored_already_the_sync_says_so(
    fast_destination: Runner, bucket: LocalBucket
) -> None:
    # The second file begins within the first state, and brings a row that is rejected after it.
    bucket.faults.always = SLOW_DOWN
    run = deliver_to_bucket(fast_destination, bucket, [*many(4), state(1)], [record(8), *many(2, 5), state(2)])

    assert run.errors[0]["failure_type"] == "config_error"
    assert run.errors[0]["message"].endswith(
        'and run the sync again. 3 rows of the stream "General Ledger" are stored and not yet covered by a state: '
        "look at the block before you run the sync again, which sends these rows once more."
    )
    assert not run.states
    assert entries(fast_destination) == names(3)


@pytest.mark.long
def test_a_full_bucket_is_a_config_error(fast_destination: Runner, bucket: LocalBucket) -> None:
    bucket.faults.always = FULL
    run = write_to_bucket(fast_destination, bucket, [*many(3), record(7), state(1)])

    assert run.errors[0]["failure_type"] == "config_error"
    assert "because the bucket rejected PutObject (XMinioStorageFull)" in run.errors[0]["message"]
    assert "free some space in it" in run.errors[0]["message"]
    assert not run.states
    assert not imports(fast_destination)


@pytest.mark.long
def test_a_cancel_while_the_bucket_is_slow_ends_the_sync(destination: Runner, bucket: LocalBucket) -> None:
    destination.environment |= NO_AWS_ACCOUNT
    bucket.faults.always = SLOW_DOWN
    process = destination.start("write", catalog=catalog(), object_storage_config=bucket.config())
    process.feed(as_lines([*many(3), record(7), state(1)]))
    while not bucket.front.writes:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    run = process.finish()

    assert run.exit_code != 0
    assert not run.states
    assert not imports(destination)

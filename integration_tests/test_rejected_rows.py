"""Rejected rows in a bucket: there before a state counts them, exactly those; a bucket that fails stops the sync."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from airbyte_platform.endings import Succeeded
from airbyte_platform.process import Run, as_lines
from connectors import Runner
from local_bucket.faults import FORBIDDEN, FULL, SLOW_DOWN, Late, ResetBeforeResponse, Respond
from local_bucket.server import KEY_ID, NAME, ROLE_ARN, SECRET, LocalBucket
from local_pigment.faults import Misreport
from other_sites import html_site, site_without_such_pages
from writing import (
    LEDGER,
    catalog,
    clearing,
    entries,
    entry,
    imports,
    ledger,
    logged,
    many,
    names,
    pair,
    record,
    skip_unknown,
    state,
    status,
    stream,
    write,
)

# What the machine of the tests is known as in AWS is nobody's business.
NOBODY = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture
def bucket() -> Iterator[LocalBucket]:
    with LocalBucket() as running:
        yield running


def stored(runner: Runner, bucket: LocalBucket, messages: list[Any], configured: Any = None, **config: Any) -> Run:
    """Run `write` with the bucket."""
    runner.environment |= NOBODY
    config = {"object_storage_config": bucket.config(), **config}
    return write(runner, messages, configured, **config)


def delivered(runner: Runner, bucket: LocalBucket, *parts: list[Any]) -> Run:
    """Send the first part in files of three rows, and the second once the first file is pushed."""
    runner.environment |= NOBODY
    delivery = runner.deliver(catalog(), max_file_rows=3, object_storage_config=bucket.config())
    delivery.send_messages(*parts[0])
    while not imports(runner):
        time.sleep(0.02)
    delivery.send_messages(*parts[1])
    return delivery.end(Succeeded())


def counts(run: Run) -> list[tuple[int, float, float]]:
    return [
        (each["id"], each["destinationStats"]["recordCount"], each["destinationStats"]["rejectedRecordCount"])
        for each in run.states
    ]


def unknown_items(destination: Runner, **more: Any) -> list[dict[str, Any]]:
    list_id = destination.pigment.workspace.block("Departments", "Planning").id
    return [{"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": "skip", **more}]


# What is there -----------------------------------------------------------------------------------------------------


def test_each_row_that_a_state_counts_as_rejected_is_in_the_bucket(destination: Runner, bucket: LocalBucket) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    awkward = 'a,b;"c"\r\n=é\u2028'
    messages = [
        *many(3),
        record(7),
        record(entry(4, Department="Nobody", Memo=awkward, Amount=0)),
        state(1),
        record("no object"),
        record(entry(5, Account="Nowhere", Memo="")),
        record(entry(6)),
        state(2),
        # Nobody has confirmed these: another attempt brings them again.
        record(8),
        record(entry(7, Department="Nobody")),
    ]
    run = stored(
        destination,
        bucket,
        messages,
        catalog(sync_id=27),
        dimension_checks=unknown_items(destination),
    )

    assert "held back" in run.errors[0]["message"]
    assert [each["id"] for each in run.states] == [1, 2]
    assert sum(rejected for _, _, rejected in counts(run)) == len(bucket.rows()) == 4
    assert entries(destination) == [*names(3), *names(1, 6)]
    found = bucket.rows()
    assert [(each["rejected_reason"], each.get("Entry"), each.get("_airbyte_data")) for each in found] == [
        ("its data is not an object", "", "7"),
        ('the column "Department" holds an unknown item of its dimension', "GL-0000004", ""),
        ("its data is not an object", "", '"no object"'),
        (found[3]["rejected_reason"], "GL-0000005", None),
    ]
    assert found[1]["Memo"] == awkward
    assert found[1]["Amount"] == "0"
    assert found[3]["rejected_field"] == "Account"
    assert {(each["stream"], each["namespace"]) for each in found} == {(LEDGER, "")}
    assert all(name.startswith(f"pigment/rejected/27/{LEDGER}/") and name.endswith(".csv") for name in bucket.objects())
    assert not logged(run, "GL-000000")
    assert SECRET not in str(run.lines)


@pytest.mark.long
def test_what_is_only_counted_is_there_as_counts(destination: Runner, bucket: LocalBucket) -> None:
    skip_unknown(destination)
    run = stored(destination, bucket, [*many(3), record(entry(4, Department="Nobody")), state(1)])

    assert counts(run) == [(1, 3.0, 1.0)]
    assert not bucket.rows()
    (found,) = bucket.rows(counts=True)
    assert (found["rejected_field"], found["rejected_times"], found["samples"]) == ("Department", "1", '["Nobody"]')


@pytest.mark.long
@pytest.mark.parametrize("first_row", [0, 2], ids=["numbers from zero", "numbers outside the file"])
def test_numbers_that_cannot_be_right_name_no_row(destination: Runner, bucket: LocalBucket, first_row: int) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    destination.pigment.faults.queue("push_csv", Misreport(first_row=first_row))
    run = stored(destination, bucket, [*many(3), record(entry(4, Department="Nobody")), state(1)])

    assert counts(run) == [(1, 3.0, 1.0)]
    assert not bucket.rows()
    assert sum(int(each["rejected_times"]) for each in bucket.rows(counts=True)) == 1


@pytest.mark.long
def test_rows_of_a_replacement_are_there_once(destination: Runner, bucket: LocalBucket) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    messages = [*many(12), record(entry(13, Department="Nobody")), *many(10, 14), record(7), state(1)]
    run = stored(
        destination,
        bucket,
        [*messages, status("COMPLETE")],
        catalog(mode="overwrite"),
        targets=pair(destination),
        max_file_rows=10,
    )

    assert counts(run) == [(1, 22.0, 2.0)]
    assert sorted(each.get("Entry", "") for each in bucket.rows()) == ["", "GL-0000013"]


@pytest.mark.long
def test_a_row_that_is_taken_the_second_time_is_not_there(destination: Runner, bucket: LocalBucket) -> None:
    # Rejected in the first file because its item comes only in the second: the list creates what is sent.
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    destination.pigment.faults.queue("push_csv", Misreport(counts={}))
    bad = [record(entry(number, Department="Nobody")) for number in (2, 5)]
    run = stored(destination, bucket, [*many(1), bad[0], *many(2, 3), bad[1], state(1)])

    assert counts(run) == [(1, 3.0, 2.0)]
    assert [each["Entry"] for each in bucket.rows()] == ["GL-0000002", "GL-0000005"]


@pytest.mark.long
def test_rows_are_there_where_the_user_wants_the_sync_to_fail(destination: Runner, bucket: LocalBucket) -> None:
    run = stored(destination, bucket, [*many(3), record(7), state(1)], rejected_rows="fail")

    assert run.exit_code != 0
    assert not run.states
    assert len(bucket.rows()) == 1


@pytest.mark.long
def test_streams_of_one_name_have_folders_of_their_own(destination: Runner, bucket: LocalBucket) -> None:
    configured = catalog(stream(namespace="a/b"), stream(namespace=".."), sync_id=3)
    target = {"stream": LEDGER, "import_configuration_id": ledger(destination)}
    messages = [record(7, namespace="a/b"), record(8, namespace="..")]
    states = [state(1, namespace="a/b"), state(2, namespace="..")]
    targets = [{**target, "namespace": each} for each in ("a/b", "..")]
    run = stored(destination, bucket, [*messages, *states], configured, targets=targets)

    assert run.exit_code == 0
    assert sorted(name.split("/")[3] for name in bucket.objects()) == ["_", "a_b"]
    assert sorted((each["namespace"], each["_airbyte_data"]) for each in bucket.rows()) == [("..", "8"), ("a/b", "7")]


@pytest.mark.long
def test_many_rows_become_several_files_of_which_none_is_large(destination: Runner, bucket: LocalBucket) -> None:
    run = stored(destination, bucket, [*(record(number) for number in range(45_000)), state(1)])

    assert counts(run) == [(1, 0.0, 45_000.0)]
    assert len(bucket.objects()) == 3
    assert sorted(int(each["_airbyte_data"]) for each in bucket.rows()) == list(range(45_000))


@pytest.mark.long
@pytest.mark.parametrize("storage", [None, {"storage_type": "None"}], ids=["not said", "None"])
def test_without_a_bucket_everything_is_as_it_was(destination: Runner, storage: Any) -> None:
    messages = [*many(3), record(7), state(1)]
    run = write(destination, messages, object_storage_config=storage)

    assert run.exit_code == 0
    assert counts(run) == [(1, 3.0, 1.0)]
    assert not logged(run, "bucket")


# A bucket that fails -------------------------------------------------------------------------------------------------


def test_nothing_is_pushed_where_what_was_rejected_on_arrival_cannot_be_written(
    destination: Runner, bucket: LocalBucket
) -> None:
    bucket.faults.queue(None)
    bucket.faults.always = FORBIDDEN
    run = delivered(destination, bucket, [record(7), *many(3), state(1)], [record(8), *many(3, 4), state(2)])

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert run.errors[0]["message"] == (
        f'1 rejected row of the stream "{LEDGER}" could not be written to the bucket "{NAME}", because the key or role '
        "may not write there, so nothing of the file that they came with was sent to Pigment: allow it "
        '"s3:PutObject" and "s3:DeleteObject" under that path, and run the sync again.'
    )
    assert [each["id"] for each in run.states] == [1]
    assert entries(destination) == names(3)
    assert [each["_airbyte_data"] for each in bucket.rows()] == ["7"]


@pytest.mark.long
def test_an_append_that_is_stored_beside_rows_nobody_finds_stops_and_says_so(
    destination: Runner, bucket: LocalBucket
) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    bucket.faults.always = FORBIDDEN
    messages = [*many(3), state(1), *many(2, 4), record(entry(6, Department="Nobody")), state(2), *many(6, 7), state(3)]
    run = stored(destination, bucket, messages, max_file_rows=3)

    assert run.errors[0]["failure_type"] == "config_error"
    assert run.errors[0]["message"] == (
        f'Pigment stored 2 rows of the stream "{LEDGER}", and 1 row that it rejected could not be written to the '
        f'bucket "{NAME}", because the key or role may not write there: allow it "s3:PutObject" and "s3:DeleteObject" '
        "under that path, and look at the block before you run the sync again, which sends these rows once more."
    )
    assert [each["id"] for each in run.states] == [1], "what was certain before it stays certain"
    assert entries(destination) == names(5)


@pytest.mark.long
def test_the_first_file_of_an_append_is_not_reported_either(destination: Runner, bucket: LocalBucket) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    bucket.faults.always = FORBIDDEN
    messages = [*many(2), record(entry(3, Department="Nobody")), state(1), *many(3, 4), state(2)]
    run = stored(destination, bucket, messages, max_file_rows=3)

    assert run.errors[0]["failure_type"] == "config_error"
    assert not run.states
    assert entries(destination) == names(2)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["append_dedup", "overwrite"])
def test_what_may_be_repeated_is_repeated_once_the_bucket_is_well(
    fast_destination: Runner, bucket: LocalBucket, mode: str
) -> None:
    destination = fast_destination
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    keyed = [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (by entry)")}]
    targets = keyed if mode == "append_dedup" else clearing(destination)
    messages = [*many(3), record(entry(4, Department="Nobody")), state(1), status("COMPLETE")]
    bucket.faults.always = SLOW_DOWN
    run = stored(destination, bucket, messages, catalog(mode=mode), targets=targets)

    assert run.errors[0]["failure_type"] == "transient_error"
    assert "HTTP 503, SlowDown" in run.errors[0]["message"]
    assert "run the sync again" in run.errors[0]["message"]
    assert not run.states
    assert len(bucket.front.writes) == 5

    bucket.faults.always = None
    run = stored(destination, bucket, messages, catalog(mode=mode), targets=targets)
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
    run = stored(fast_destination, bucket, [*many(3), record(7), state(1)])

    assert run.exit_code == 0
    assert counts(run) == [(1, 3.0, 1.0)]
    assert len(bucket.rows()) == 1


@pytest.mark.long
def test_what_was_stored_before_the_bucket_failed_is_told(fast_destination: Runner, bucket: LocalBucket) -> None:
    # The platform repeats this by itself, and would send the first file once more.
    bucket.faults.always = SLOW_DOWN
    run = delivered(fast_destination, bucket, [*many(3), state(1)], [record(8), *many(3, 4), state(2)])

    assert run.errors[0]["failure_type"] == "transient_error"
    assert [each["id"] for each in run.states] == [1]
    assert entries(fast_destination) == names(3)


@pytest.mark.long
def test_one_state_for_many_files_finds_a_bucket_that_fails_before_the_first_is_pushed(
    destination: Runner, bucket: LocalBucket
) -> None:
    bucket.faults.always = FORBIDDEN
    run = stored(destination, bucket, [*many(8), record(9), state(1)], max_file_rows=3)

    assert run.errors[0]["failure_type"] == "config_error"
    assert not imports(destination)


@pytest.mark.long
def test_where_files_of_one_state_are_stored_already_the_sync_says_so(
    fast_destination: Runner, bucket: LocalBucket
) -> None:
    # The second file begins within the first state, and brings a row that is rejected behind it.
    bucket.faults.always = SLOW_DOWN
    run = delivered(fast_destination, bucket, [*many(4), state(1)], [record(8), *many(2, 5), state(2)])

    assert run.errors[0]["failure_type"] == "config_error"
    assert run.errors[0]["message"].endswith(
        'and run the sync again. 3 rows of the stream "General Ledger" are stored and no state says so: look at the '
        "block before you run the sync again, which sends these rows once more."
    )
    assert not run.states
    assert entries(fast_destination) == names(3)


@pytest.mark.long
def test_a_full_bucket_is_a_config_error(fast_destination: Runner, bucket: LocalBucket) -> None:
    bucket.faults.always = FULL
    run = stored(fast_destination, bucket, [*many(3), record(7), state(1)])

    assert run.errors[0]["failure_type"] == "config_error"
    assert "because it is full" in run.errors[0]["message"]
    assert "make room in it" in run.errors[0]["message"]
    assert not run.states
    assert not imports(fast_destination)


@pytest.mark.long
def test_a_cancel_while_the_bucket_is_slow_ends_the_sync(destination: Runner, bucket: LocalBucket) -> None:
    destination.environment |= NOBODY
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


# check ---------------------------------------------------------------------------------------------------------------

NO_BUCKET = (
    'The bucket "nowhere" under "Storage of rejected rows" cannot be written, because there is no bucket of that name: '
    'correct the "S3 bucket name".'
)
NO_KEY = 'because there is no key for it: enter "Access key ID" and "Secret access key", or give the connector a role.'
OTHER_SECRET = 'because the secret does not belong to the access key: enter the "Secret access key" again.'
HALF_A_KEY = (
    '"Storage of rejected rows" has the "Access key ID" and no "Secret access key": enter both, or leave both empty '
    "where the connector runs in AWS with a role that may write to the bucket."
)
IN_CLEAR = (
    'The "S3 endpoint" is not encrypted, and rejected rows would travel in clear: enter an address that begins with '
    "https://."
)
UNREACHABLE = 'because 127.0.0.1 cannot be reached: correct the "S3 endpoint"'
NO_ROLE = 'because the role may not be assumed: correct the "Role ARN"'

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such bucket": ({"s3_bucket_name": "nowhere"}, NO_BUCKET),
    "unknown key": ({"access_key_id": "AKIAIOSFODNN7OTHERS1"}, 'correct the "Access key ID".'),
    "wrong secret": ({"secret_access_key": "another"}, OTHER_SECRET),
    "no key": ({"access_key_id": None, "secret_access_key": None}, NO_KEY),
    "half a key": ({"secret_access_key": None}, HALF_A_KEY),
    "nobody there": ({"s3_endpoint": "http://127.0.0.1:9"}, UNREACHABLE),
    "no such host": ({"s3_endpoint": "https://nowhere.invalid"}, "because nowhere.invalid cannot be reached"),
    "in clear": ({"s3_endpoint": "http://s3.example.com"}, IN_CLEAR),
    "no address": ({"s3_endpoint": "s3.example.com"}, 'The "S3 endpoint" is no address'),
    "a path in the name": ({"s3_bucket_name": "s3://rejected-rows/x"}, '"S3 bucket name"'),
    "no region": ({"s3_bucket_region": "Europe (Ireland)"}, '"S3 bucket region"'),
    "no bucket": ({"s3_bucket_name": None}, '"S3 bucket name"'),
    "another's role": ({"role_arn": f"{ROLE_ARN}s"}, NO_ROLE),
    "no role": ({"role_arn": "nonsense"}, '"Role ARN"'),
    "nobody assumes it": ({"role_arn": ROLE_ARN, "access_key_id": None, "secret_access_key": None}, NO_KEY),
}


@pytest.mark.long
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_the_bucket_is_said_in_one_sentence(
    destination: Runner, bucket: LocalBucket, wrong: str
) -> None:
    changed, words = WRONG[wrong]
    run = checked(destination, bucket, **changed)

    (found,) = run.of("CONNECTION_STATUS")
    assert found["status"] == "FAILED"
    assert words in found["message"]
    assert not bucket.objects()
    assert SECRET not in str(run.lines) + run.stderr
    assert KEY_ID not in str(run.lines) + run.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FORBIDDEN, "because the key or role may not write there"),
        (FULL, "because it is full"),
        (Respond(400, "AuthorizationHeaderMalformed", "us-east-2"), "because it is in the region us-east-2"),
        (Respond(301, "PermanentRedirect"), "because it is in another region"),
        (Respond(500, "<b>"), "because what answers at 127.0.0.1 is no S3, or not well (HTTP 500)"),
    ],
    ids=str,
)
def test_what_the_storage_answers_is_explained(
    destination: Runner, bucket: LocalBucket, fault: Any, words: str
) -> None:
    bucket.faults.always = fault
    (found,) = checked(destination, bucket).of("CONNECTION_STATUS")

    assert found["status"] == "FAILED"
    assert words in found["message"]


@pytest.mark.long
@pytest.mark.parametrize("site", [html_site, site_without_such_pages])
def test_what_is_no_storage_is_not_taken_for_one(destination: Runner, bucket: LocalBucket, site: Any) -> None:
    with site() as address:
        (found,) = checked(destination, bucket, s3_endpoint=address).of("CONNECTION_STATUS")

    assert found["status"] == "FAILED"
    assert "because what answers at 127.0.0.1 is no" in found["message"]
    assert 'correct the "S3 endpoint"' in found["message"]


@pytest.mark.long
def test_a_redirection_is_followed_nowhere(destination: Runner, bucket: LocalBucket) -> None:
    bucket.faults.always = Respond(307, "TemporaryRedirect")
    (found,) = checked(destination, bucket).of("CONNECTION_STATUS")

    assert found["status"] == "FAILED"
    assert 'correct the "S3 bucket region"' in found["message"]
    assert len(bucket.front.writes) == 1


@pytest.mark.long
def test_what_left_a_block_as_it_was_can_be_opened(destination: Runner, bucket: LocalBucket) -> None:
    messages = [record(7), record(8), state(1), status("COMPLETE")]
    run = stored(destination, bucket, messages, catalog(mode="overwrite"), targets=clearing(destination))

    assert "was rejected (2 in all)" in run.errors[0]["message"]
    assert not imports(destination)
    assert [each["_airbyte_data"] for each in bucket.rows()] == ["7", "8"]

    bucket.faults.always = FORBIDDEN
    run = stored(destination, bucket, messages, catalog(mode="overwrite"), targets=clearing(destination))
    assert "was rejected (2 in all)" in run.errors[0]["message"]
    assert logged(run, "could not be written to the bucket")


def test_check_writes_a_file_and_removes_it(destination: Runner, bucket: LocalBucket) -> None:
    bucket.faults.queue(SLOW_DOWN)
    # What was filled in and cleared again comes as an empty text.
    (found,) = checked(destination, bucket, role_arn="").of("CONNECTION_STATUS")

    assert found == {"status": "SUCCEEDED", "message": found["message"]}
    assert f'Rejected rows go to the bucket "{NAME}".' in found["message"]
    assert len(bucket.front.writes) == 2
    assert not bucket.objects()


@pytest.mark.long
def test_a_role_is_assumed_with_the_key_of_the_form(destination: Runner, bucket: LocalBucket) -> None:
    destination.environment |= {"AWS_ASSUME_ROLE_EXTERNAL_ID": "workspace"}
    (found,) = checked(destination, bucket, role_arn=ROLE_ARN).of("CONNECTION_STATUS")

    assert found["status"] == "SUCCEEDED"
    (asked,) = bucket.front.roles_asked
    assert asked["RoleArn"] == [ROLE_ARN]
    assert asked["ExternalId"] == ["workspace"]


def checked(destination: Runner, bucket: LocalBucket, **changed: Any) -> Run:
    destination.environment |= {**NOBODY, "AWS_ENDPOINT_URL_STS": bucket.endpoint}
    return destination.run("check", object_storage_config=bucket.config(**changed))

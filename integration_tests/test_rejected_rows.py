"""Rejected rows in a bucket: there before a state counts them, exactly those."""

from __future__ import annotations

from typing import Any

import pytest

from connectors import Runner
from local_bucket.front import FORBIDDEN
from local_bucket.server import SECRET, LocalBucket
from local_pigment.faults import Misreport
from writing import (
    LEDGER,
    catalog,
    clearing,
    counts,
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
    unknown_items,
    write,
    write_to_bucket,
)


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
        # No state confirms these: another attempt sends them again.
        record(8),
        record(entry(7, Department="Nobody")),
    ]
    run = write_to_bucket(
        destination,
        bucket,
        messages,
        catalog(sync_id=27),
        dimension_checks=unknown_items(destination),
    )

    assert "without confirming the last" in run.errors[0]["message"]
    assert [each["id"] for each in run.states] == [1, 2]
    assert sum(rejected for _, _, rejected in counts(run)) == len(bucket.rows()) == 4
    assert entries(destination) == [*names(3), *names(1, 6)]
    found = bucket.rows()
    assert [(each["rejected_reason"], each.get("Entry"), each.get("_airbyte_data")) for each in found] == [
        ("its data is not an object", "", "7"),
        ('the column "Department" contains an unknown item of its dimension', "GL-0000004", ""),
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
    run = write_to_bucket(destination, bucket, [*many(3), record(entry(4, Department="Nobody")), state(1)])

    assert counts(run) == [(1, 3.0, 1.0)]
    assert not bucket.rows()
    (found,) = bucket.rows(counts=True)
    assert (found["rejected_field"], found["rejected_times"], found["samples"]) == ("Department", "1", '["Nobody"]')


@pytest.mark.long
@pytest.mark.parametrize("first_row", [0, 2], ids=["numbers from zero", "numbers outside the file"])
def test_impossible_numbers_name_no_row(destination: Runner, bucket: LocalBucket, first_row: int) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    destination.pigment.faults.queue("push_csv", Misreport(first_row=first_row))
    run = write_to_bucket(destination, bucket, [*many(3), record(entry(4, Department="Nobody")), state(1)])

    assert counts(run) == [(1, 3.0, 1.0)]
    assert not bucket.rows()
    assert sum(int(each["rejected_times"]) for each in bucket.rows(counts=True)) == 1


@pytest.mark.long
def test_rows_of_a_replacement_are_there_once(destination: Runner, bucket: LocalBucket) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    messages = [*many(12), record(entry(13, Department="Nobody")), *many(10, 14), record(7), state(1)]
    run = write_to_bucket(
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
def test_rows_are_there_where_the_user_wants_the_sync_to_fail(destination: Runner, bucket: LocalBucket) -> None:
    run = write_to_bucket(destination, bucket, [*many(3), record(7), state(1)], rejected_rows="fail")

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
    run = write_to_bucket(destination, bucket, [*messages, *states], configured, targets=targets)

    assert run.exit_code == 0
    assert sorted(name.split("/")[3] for name in bucket.objects()) == ["_", "a_b"]
    assert sorted((each["namespace"], each["_airbyte_data"]) for each in bucket.rows()) == [("..", "8"), ("a/b", "7")]


@pytest.mark.long
def test_many_rows_become_several_files_of_which_none_is_large(destination: Runner, bucket: LocalBucket) -> None:
    run = write_to_bucket(destination, bucket, [*(record(number) for number in range(45_000)), state(1)])

    assert counts(run) == [(1, 0.0, 45_000.0)]
    assert len(bucket.objects()) == 3
    assert sorted(int(each["_airbyte_data"]) for each in bucket.rows()) == list(range(45_000))


@pytest.mark.long
@pytest.mark.parametrize("storage", [None, {"storage_type": "None"}], ids=["missing", "None"])
def test_without_a_bucket_everything_is_as_it_was(destination: Runner, storage: Any) -> None:
    messages = [*many(3), record(7), state(1)]
    run = write(destination, messages, object_storage_config=storage)

    assert run.exit_code == 0
    assert counts(run) == [(1, 3.0, 1.0)]
    assert not logged(run, "bucket")


@pytest.mark.long
def test_what_left_a_block_as_it_was_can_be_opened(destination: Runner, bucket: LocalBucket) -> None:
    messages = [record(7), record(8), state(1), status("COMPLETE")]
    run = write_to_bucket(destination, bucket, messages, catalog(mode="overwrite"), targets=clearing(destination))

    assert "was rejected (2 in all)" in run.errors[0]["message"]
    assert not imports(destination)
    assert [each["_airbyte_data"] for each in bucket.rows()] == ["7", "8"]

    bucket.faults.always = FORBIDDEN
    run = write_to_bucket(destination, bucket, messages, catalog(mode="overwrite"), targets=clearing(destination))
    assert "was rejected (2 in all)" in run.errors[0]["message"]
    assert logged(run, "could not be written to the bucket")

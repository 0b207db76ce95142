"""Where rejected rows go, in objects of bounded size, each written until it is there under one name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.rejected_rows.csv_table import KeptRow
from destination_pigment.rejected_rows.store import (
    RETRIES,
    Bucket,
    BucketFailed,
    ObjectNames,
    RejectedRowStore,
    folder,
    parse_bucket,
    probe_bucket,
)
from pigment_airbyte.failures import ConfigProblem
from pigment_client.http.clock import Clock

NOW = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
BUCKET = Bucket("rows", "eu-west-1", "p", "AKIA", "secret")
PASSING = BucketFailed("it is slow", "wait", is_passing=True)
FINAL = BucketFailed("it is gone", "make another")


class Memory:
    """A bucket in memory, which fails as it is asked."""

    def __init__(self, *failures: BucketFailed | None, keeps_files: bool = False) -> None:
        self.failures = list(failures)
        self.objects: dict[str, bytes] = {}
        self.tried: list[str] = []
        self.opened = 0
        self._keeps_files = keeps_files

    def open(self, _bucket: Bucket) -> Memory:
        self.opened += 1
        return self

    def put(self, name: str, content: bytes) -> None:
        self.tried.append(name)
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        assert self.objects.setdefault(name, content) == content
        self.objects[name] = content

    def remove(self, name: str) -> None:
        if self._keeps_files:
            raise FINAL
        del self.objects[name]


def store(memory: Memory, waits: list[float] | None = None) -> RejectedRowStore:
    sleep: Callable[[float], None] = [].append if waits is None else waits.append
    clock = Clock(sleep=sleep, random=lambda: 1.0, now=lambda: NOW)
    return RejectedRowStore(BUCKET, ObjectNames("p", "27", NOW, "t"), clock, memory.open)


def row(text: str = "x") -> KeptRow:
    return KeptRow("why", None, NOW, ("a",), (text,))


def test_without_a_row_the_bucket_is_not_even_opened() -> None:
    memory = Memory()
    store(memory).write_rows((None, "s"), [])

    assert memory.opened == 0


def test_large_rows_and_many_rows_are_cut_into_objects() -> None:
    memory = Memory()
    kept = store(memory)
    kept.write_rows((None, "s"), [row("x" * 1_500_000) for _ in range(4)])
    kept.write_rows((None, "s"), [row() for _ in range(20_001)])

    assert [content.count(b"why") for content in memory.objects.values()] == [2, 2, 20_000, 1]
    assert len(memory.objects) == len(memory.tried) == 4
    assert memory.opened == 1


def test_one_row_larger_than_an_object_is_an_object() -> None:
    memory = Memory()
    store(memory).write_rows((None, "s"), [row("x" * 5_000_000), row()])

    assert len(memory.objects) == 2


def test_what_passes_is_tried_again_under_the_same_name() -> None:
    memory, waits = Memory(PASSING, PASSING, None, PASSING), list[float]()
    store(memory, waits).write_rows((None, "s"), [row(), row("x" * 4_000_000)])

    assert len(memory.objects) == 2
    assert memory.tried == [memory.tried[0]] * 3 + [memory.tried[3]] * 2
    assert waits == [1.0, 2.0, 1.0]


def test_what_does_not_pass_is_given_up() -> None:
    memory, waits = Memory(*[PASSING] * 9), list[float]()
    with pytest.raises(BucketFailed, match="it is slow"):
        store(memory, waits).write_rows((None, "s"), [row()])

    assert len(memory.tried) == RETRIES.retries + 1
    assert sum(waits) == 15.0


def test_what_the_user_must_fix_is_not_tried_again() -> None:
    memory, waits = Memory(FINAL), list[float]()
    with pytest.raises(BucketFailed, match="it is gone"):
        store(memory, waits).write_rows((None, "s"), [row()])

    assert len(memory.tried) == 1
    assert not waits


# The probe --------------------------------------------------------------------------------------------------------

CLOCK = Clock(sleep=lambda _seconds: None, now=lambda: NOW)


def test_a_key_that_may_write_and_not_delete_is_enough_and_the_file_is_named() -> None:
    memory = Memory(keeps_files=True)

    found = probe_bucket(BUCKET, memory.open, CLOCK)

    (name,) = memory.objects
    assert found == (
        f'Rejected rows go to the bucket "rows", where the file "{name}" of this test stays, because it is gone.'
    )


@pytest.mark.parametrize("failures", [(FINAL,), (PASSING, PASSING), (PASSING, FINAL)])
def test_a_bucket_that_cannot_be_written_is_a_config_problem(failures: tuple[BucketFailed, ...]) -> None:
    with pytest.raises(ConfigProblem, match='The bucket "rows" under "Storage of rejected rows" cannot be written, be'):
        probe_bucket(BUCKET, Memory(*failures).open, CLOCK)


# Settings -----------------------------------------------------------------------------------------------------------

S3 = {"storage_type": "S3", "s3_bucket_name": " rows ", "s3_bucket_region": "eu-west-1", "bucket_path": ""}


@pytest.mark.parametrize(
    "storage", [None, {}, {"storage_type": "None"}, {"storage_type": "None", "s3_bucket_name": "x"}]
)
def test_without_storage_there_is_no_bucket(storage: Any) -> None:
    assert parse_bucket({"object_storage_config": storage}) is None


@pytest.mark.parametrize(
    ("path", "kept"), [("", ""), ("/", ""), ("a", "a"), ("a/b/", "a/b"), ("/a//", "a"), (" a ", "a"), (None, "")]
)
def test_the_path_has_no_slash_around_it(path: str | None, kept: str) -> None:
    bucket = parse_bucket({"object_storage_config": {**S3, "bucket_path": path}})

    assert bucket is not None
    assert (bucket.name, bucket.path) == ("rows", kept)


def test_keys_are_in_no_text_of_it() -> None:
    bucket = parse_bucket({"object_storage_config": {**S3, "access_key_id": "AKIA1", "secret_access_key": "hidden"}})

    assert bucket is not None
    assert (bucket.access_key_id, bucket.secret_access_key) == ("AKIA1", "hidden")
    assert "AKIA1" not in repr(bucket)
    assert "hidden" not in repr(bucket)


@pytest.mark.parametrize("given", ["access_key_id", "secret_access_key"])
def test_half_a_key_is_a_config_problem(given: str) -> None:
    with pytest.raises(ConfigProblem, match="enter both, or leave both empty"):
        parse_bucket({"object_storage_config": {**S3, given: "x", "role_arn": "arn:aws:iam::123456789012:role/r"}})


@pytest.mark.parametrize("endpoint", ["https://s3.example.com", "https://s3.example.com/", "http://localhost:9000"])
def test_an_endpoint_is_an_address(endpoint: str) -> None:
    bucket = parse_bucket({"object_storage_config": {**S3, "s3_endpoint": endpoint}})

    assert bucket is not None
    assert bucket.endpoint is not None
    assert bucket.endpoint.base_url == endpoint.rstrip("/")


@pytest.mark.parametrize(
    "endpoint",
    [
        "s3.example.com",
        "ftp://s3.example.com",
        "https://",
        "http://s3.example.com",
        "x",
        "https://key:secret@s3.example.com",
        "https://key@s3.example.com",
        "https://s3.example.com?region=x",
        "https://s3.example.com/#x",
        "https://s3 .example.com",
        "https://s3.exam\nple.com",
    ],
)
def test_any_other_endpoint_is_a_config_problem(endpoint: str) -> None:
    with pytest.raises(ConfigProblem, match='"S3 endpoint"'):
        parse_bucket({"object_storage_config": {**S3, "s3_endpoint": endpoint}})


# Names --------------------------------------------------------------------------------------------------------------


def test_files_are_where_airbyte_s_destinations_have_them() -> None:
    names = ObjectNames("pigment/rejected", "27", NOW, "1f3a9c2e")

    assert (
        names.rows(("Finance", "P&L"), 0) == "pigment/rejected/27/Finance/P&L/2026_11_21_1795280700000_1f3a9c2e_0.csv"
    )
    assert names.rows((None, "P&L"), 1) == "pigment/rejected/27/P&L/2026_11_21_1795280700000_1f3a9c2e_1.csv"
    assert names.counts((None, "P&L"), 2).endswith("/27/P&L/2026_11_21_1795280700000_1f3a9c2e_2_counts.csv")
    assert names.probe() == "pigment/rejected/_check_1f3a9c2e"


def test_without_a_path_nothing_begins_with_a_slash() -> None:
    assert ObjectNames("", "27", NOW, "t").rows((None, "s"), 0).startswith("27/s/")
    assert ObjectNames("", "27", NOW, "t").probe() == "_check_t"


def test_without_a_job_number_the_files_of_an_attempt_stay_together() -> None:
    names = ObjectNames.of_attempt("p", None, NOW)

    assert (
        names.rows((None, "a"), 0).split("/")[:2] == names.rows((None, "b"), 1).split("/")[:2] == ["p", "1795280700000"]
    )


def test_two_attempts_at_the_same_moment_have_different_names() -> None:
    one, other = (ObjectNames.of_attempt("p", "27", NOW) for _ in range(2))

    assert one.rows((None, "s"), 0) != other.rows((None, "s"), 0)


@given(st.text(st.characters(), max_size=300))
def test_any_name_is_one_folder(name: str) -> None:
    made = folder(name)

    assert 0 < len(made.encode()) <= 200
    assert made not in {".", ".."}
    assert made == made.strip()
    assert not any(each in made for each in "/\\\n\r\x00")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=40))
def test_a_name_that_can_be_a_folder_stays_as_it_is(name: str) -> None:
    if name.strip() == name and name not in {".", ".."}:
        assert folder(name) == name

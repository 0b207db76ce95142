"""Objects are of bounded size, written until they are there, and never under another name when tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from destination_pigment.rejected_rows.csv_table import KeptRow
from destination_pigment.rejected_rows.store import (
    RETRIES,
    Bucket,
    BucketFailed,
    ObjectNames,
    RejectedRowStore,
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
    store(memory).keep((None, "s"), [])

    assert memory.opened == 0


def test_large_rows_and_many_rows_are_cut_into_objects() -> None:
    memory = Memory()
    kept = store(memory)
    kept.keep((None, "s"), [row("x" * 1_500_000) for _ in range(4)])
    kept.keep((None, "s"), [row() for _ in range(20_001)])

    assert [content.count(b"why") for content in memory.objects.values()] == [2, 2, 20_000, 1]
    assert len(memory.objects) == len(memory.tried) == 4
    assert memory.opened == 1


def test_one_row_larger_than_an_object_is_an_object() -> None:
    memory = Memory()
    store(memory).keep((None, "s"), [row("x" * 5_000_000), row()])

    assert len(memory.objects) == 2


def test_what_passes_is_tried_again_under_the_same_name() -> None:
    memory, waits = Memory(PASSING, PASSING, None, PASSING), list[float]()
    store(memory, waits).keep((None, "s"), [row(), row("x" * 4_000_000)])

    assert len(memory.objects) == 2
    assert memory.tried == [memory.tried[0]] * 3 + [memory.tried[3]] * 2
    assert waits == [1.0, 2.0, 1.0]


def test_what_does_not_pass_is_given_up() -> None:
    memory, waits = Memory(*[PASSING] * 9), list[float]()
    with pytest.raises(BucketFailed, match="it is slow"):
        store(memory, waits).keep((None, "s"), [row()])

    assert len(memory.tried) == RETRIES.retries + 1
    assert sum(waits) == 15.0


def test_what_the_user_must_mend_is_not_tried_again() -> None:
    memory, waits = Memory(FINAL), list[float]()
    with pytest.raises(BucketFailed, match="it is gone"):
        store(memory, waits).keep((None, "s"), [row()])

    assert len(memory.tried) == 1
    assert not waits


# The probe --------------------------------------------------------------------------------------------------------

CLOCK = Clock(sleep=lambda _seconds: None, now=lambda: NOW)


def test_a_probe_leaves_nothing() -> None:
    memory = Memory(PASSING)

    assert probe_bucket(BUCKET, memory.open, CLOCK) == 'Rejected rows go to the bucket "rows".'
    assert not memory.objects


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

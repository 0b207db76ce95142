"""The states of streams: what they contain, and what is read again when they are given back."""

from __future__ import annotations

from typing import Any

import pytest

from source_pigment.reading.state import fingerprint, finished_slices, state_after, sync_identity

SLICES = [{"a": 1}, {"a": 2}, {"a": 3}]
JOB = "job 7"


def test_a_stream_of_one_export_says_so_and_is_always_read() -> None:
    state = state_after([0], [{}], JOB)
    assert state == {"__ab_no_cursor_state_message": True}
    for given in (state, {"__ab_full_refresh_sync_complete": True, "slices": fingerprint([{}])}):
        assert finished_slices(given, [{}], JOB) == frozenset()


def test_a_state_names_what_is_finished_whatever_the_order() -> None:
    state = state_after([2, 0], SLICES, JOB)
    assert state["finished_slices"] == [0, 2]
    assert finished_slices(state, SLICES, JOB) == {0, 2}
    # An interrupted sync is also resumed where nothing tells one sync from another.
    assert finished_slices(state_after([1], SLICES, None), SLICES, None) == {1}


@pytest.mark.parametrize(("written", "read"), [(None, JOB), (JOB, None), (JOB, "job 8")])
def test_a_state_of_another_sync_is_read_again(written: str | None, read: str | None) -> None:
    assert finished_slices(state_after([1], SLICES, written), SLICES, read) == frozenset()


@pytest.mark.parametrize(("written", "read"), [(None, None), (None, JOB), (JOB, None), (JOB, "job 8")])
def test_a_finished_state_is_read_again_by_another_sync(written: str | None, read: str | None) -> None:
    assert finished_slices(state_after([0, 1, 2], SLICES, written), SLICES, read) == frozenset()


def test_a_finished_state_is_not_read_again_by_a_later_attempt_of_its_sync() -> None:
    assert finished_slices(state_after([0, 1, 2], SLICES, JOB), SLICES, JOB) == {0, 1, 2}


def test_a_state_of_the_cdk_begins_again() -> None:
    old = {"__ab_full_refresh_sync_complete": True, "slices": fingerprint(SLICES)}
    assert finished_slices(old, SLICES, JOB) == frozenset()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"finished_slices": [0]},
        {"finished_slices": [3], "slices": fingerprint(SLICES)},
        {"finished_slices": [-1], "slices": fingerprint(SLICES)},
        {"finished_slices": ["0"], "slices": fingerprint(SLICES)},
        {"finished_slices": "all", "slices": fingerprint(SLICES)},
        {"finished_slices": 2, "slices": fingerprint(SLICES)},
        {"finished_slices": [0], "slices": fingerprint(SLICES[:2])},
    ],
)
def test_a_state_of_anything_else_begins_again(state: dict[str, Any]) -> None:
    assert finished_slices(state, SLICES, JOB) == frozenset()


def test_a_sync_is_known_by_its_job_or_the_catalog_s_sync_id() -> None:
    assert sync_identity("7", [(9, 4)]) == JOB
    assert sync_identity(None, [(9, 4), (None, None)]) == "sync 9"
    assert sync_identity(None, [(None, None)]) is None
    # PyAirbyte says 1 always, which tells no sync from another.
    assert sync_identity(None, [(1, 1)]) is None

"""Whether the source has succeeded, or the platform clears."""

from __future__ import annotations

import pytest

from destination_pigment.input.completion import Completion, Proof
from destination_pigment.input.messages import StreamStatus

A, B = (None, "a"), (None, "b")


def test_a_null_state_asks_for_a_clear_of_its_stream_alone() -> None:
    completion = Completion(has_generations=True)
    completion.on_state(A, {A})
    completion.on_status(A, StreamStatus.COMPLETE)
    completion.on_status(B, StreamStatus.COMPLETE)
    assert completion.asks_for_clear(A)
    # A second stream that has succeeded in a sync with a state may simply be empty.
    assert not completion.asks_for_clear(B)


def test_complete_asks_for_a_clear_where_no_stream_had_a_state() -> None:
    completion = Completion(has_generations=True)
    completion.on_status(A, StreamStatus.COMPLETE)
    assert completion.asks_for_clear(A)
    assert not completion.asks_for_clear(B)


@pytest.mark.parametrize("what", ["a record of it", "a record of another", "something unusable"])
def test_a_sync_with_a_record_is_no_clear(what: str) -> None:
    completion = Completion(has_generations=True)
    match what:
        case "a record of it":
            completion.on_records(A)
        case "a record of another":
            completion.on_records(B)
        case _:
            completion.on_unusable()
    completion.on_state(A, {A})
    completion.on_status(A, StreamStatus.COMPLETE)
    assert not completion.asks_for_clear(A)


def test_a_later_state_takes_the_clear_back() -> None:
    completion = Completion(has_generations=False)
    completion.on_state(A, {A})
    completion.on_state(B, {B})
    completion.on_state(A, ())
    assert (completion.asks_for_clear(A), completion.asks_for_clear(B)) == (False, True)
    completion.on_state(None, ())
    assert not completion.asks_for_clear(B)


def test_nothing_whatever_is_neither_a_clear_nor_a_proof() -> None:
    completion = Completion(has_generations=False)
    assert completion.is_silent
    assert not completion.asks_for_clear(A)
    assert completion.proof(A) is Proof.UNPROVED


@pytest.mark.parametrize("what", ["state", "status", "record", "unusable", "half a line"])
def test_whatever_comes_breaks_the_silence(what: str) -> None:
    completion = Completion(has_generations=False)
    match what:
        case "state":
            completion.on_state(A, {A})
        case "status":
            completion.on_status(A, StreamStatus.STARTED)
        case "record":
            completion.on_records(A)
        case "unusable":
            completion.on_unusable()
        case _:
            completion.on_cut()
    assert not completion.is_silent


def test_half_a_line_is_no_end() -> None:
    completion = Completion(has_generations=True)
    completion.on_status(A, StreamStatus.COMPLETE)
    completion.on_cut()
    assert completion.proof(A) is Proof.INCOMPLETE


def test_a_platform_that_sends_a_status_proves_by_complete_alone() -> None:
    completion = Completion(has_generations=False)
    completion.on_state(A, ())
    assert completion.proof(A) is Proof.IF_STILL_WANTED
    completion.on_status(B, StreamStatus.STARTED)
    assert completion.proof(A) is Proof.INCOMPLETE
    completion.on_status(A, StreamStatus.COMPLETE)
    assert completion.proof(A) is Proof.COMPLETE

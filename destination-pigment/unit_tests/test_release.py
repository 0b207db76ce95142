"""What goes when the input has ended, in which order, and what an error or a doubt before it holds back."""

from __future__ import annotations

from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from hypothesis import given
from hypothesis import strategies as st
from several_streams import (
    FULL,
    INCREMENTAL,
    OVERWRITE,
    Importing,
    block,
    records,
    run_sync,
    state,
    state_of_all,
    status,
)

from destination_pigment.imports.verdicts import Imported
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.input.completion import Proof
from destination_pigment.release import Release, decide_release
from destination_pigment.targets import Target
from pigment_client.errors import ImportOutcomeUnknown, KeyRejected
from pigment_client.models import ImportCounts, ImportedBlock

CUSTOM: dict[str, Any] = {"generation_id": None, "minimum_generation_id": None}


def adds(name: str, step: int = 1) -> Target:
    return Target(name, step=step)


def replaces(name: str, step: int = 1, **more: Any) -> Target:
    return Target(name, name, step=step, **more)


@given(
    proof=st.sampled_from(Proof),
    has_gone=st.booleans(),
    replaces=st.booleans(),
    records=st.integers(0, 2),
    misses_records=st.booleans(),
    needs_all=st.booleans(),
)
def test_what_waited_goes_only_with_a_proof_of_its_source(proof: Proof, **known: Any) -> None:
    stream = DestinationStream(None, "s", WriteMode.APPEND, ("id",))
    known["has_gone"] = known["has_gone"] and not known["replaces"]
    decided = decide_release(stream, proof, has_waited=True, **known)
    is_proved = proof in {Proof.COMPLETE, Proof.IF_STILL_WANTED} and not known["misses_records"]
    has_rows = known["records"] > 0 or known["replaces"]
    goes = is_proved and not known["has_gone"]
    assert (decided is Release.GO) is (goes or not has_rows)
    waits = decide_release(stream, proof, has_waited=False, **known) is Release.WAIT
    needs_wait = known["needs_all"] or (has_rows and not known["has_gone"])
    assert not waits or (proof in {Proof.IF_STILL_WANTED, Proof.UNPROVED} and needs_wait)
    assert waits or proof is not Proof.IF_STILL_WANTED or not needs_wait


@pytest.mark.parametrize("word", ["COMPLETE", "INCOMPLETE", None])
def test_the_rows_of_a_full_refresh_that_appends_wait_for_complete(word: str | None) -> None:
    """A stock source sends a last state for a stream that failed on its third page."""
    importer = Importing()
    messages = [*records("a", 5), state(1, "a"), *([status("a", word)] if word else [])]
    ended = run_sync({"a": (FULL, adds("a"))}, messages, importer, max_rows=2)
    assert importer.order == (["a", "a", "a"] if word == "COMPLETE" else [])
    assert ended.states == ([1] if word == "COMPLETE" else [])
    if word != "COMPLETE":
        assert ended.error is not None
        assert ended.error.failure_type is FailureType.transient_error
        assert "5 records of it were not sent to Pigment" in ended.message


def test_a_full_refresh_that_can_resume_goes_at_its_states_where_it_has_a_generation() -> None:
    resumable: dict[str, Any] = {"json_schema": {"properties": {"id": {}}}, "name": "a", "is_resumable": True}
    messages = [*records("a", 2), state(1, "a"), *records("a", 1)]
    importer = Importing()
    assert run_sync({"a": ({**FULL, "stream": resumable}, adds("a"))}, messages, importer).states == [1]
    assert importer.order == ["a"]
    importer = Importing()
    custom = {**FULL, "stream": resumable, **CUSTOM}
    assert run_sync({"a": (custom, adds("a"))}, messages, importer).states == []
    assert importer.order == []


STEPS = {
    "facts": (INCREMENTAL, adds("facts", 2)),
    "lists": (INCREMENTAL, adds("lists", 1)),
    "reload": (OVERWRITE, replaces("reload", 1)),
    "last": (OVERWRITE, replaces("last", 7)),
}
NUMBERS = {"facts": 1, "lists": 2, "reload": 3, "last": 4}
ALL = [line for name, number in NUMBERS.items() for line in (*records(name, 2), state(number, name))]
COMPLETE = [status(name) for name in STEPS]
CLEARS = {"reload": block("r"), "last": block("l")}


def test_later_steps_go_one_after_the_other_with_their_states() -> None:
    importer = Importing(CLEARS)
    ended = run_sync(STEPS, [*ALL, *COMPLETE], importer)
    assert ended.error is None
    assert set(importer.order[:2]) == {"lists", "reload"}
    assert importer.order[2:] == ["facts", "last"]
    assert sorted(ended.states) == sorted(NUMBERS.values())


def test_a_state_of_all_streams_leaves_when_every_step_is_stored() -> None:
    streams = {name: STEPS[name] for name in ("facts", "lists")}
    messages = [*records("facts"), *records("lists"), state_of_all(1), status("facts"), status("lists")]
    assert run_sync(streams, messages, Importing()).states == [1]
    broken = Importing({"facts": KeyRejected("push CSV", status=401)})
    ended = run_sync(streams, messages, broken)
    assert ended.states == []
    assert ended.error is not None
    assert ended.error.failure_type is FailureType.config_error  # the rows of the first step are stored


@pytest.mark.parametrize("error", [KeyRejected("push CSV", status=401), ImportOutcomeUnknown(reason="Lost.")], ids=repr)
def test_what_fails_holds_back_the_steps_after_it(error: Exception) -> None:
    importer = Importing({**CLEARS, "lists": error})
    ended = run_sync(STEPS, [*ALL, *COMPLETE], importer)
    assert not set(importer.order) & {"facts", "last"}
    assert not set(ended.states) & {NUMBERS["facts"], NUMBERS["last"]}
    assert ended.error is not None


def test_no_state_of_a_replaced_stream_leaves_where_a_later_step_fails() -> None:
    """A second attempt would begin after it, and replace the whole block by the few rows that came since."""
    streams = {name: STEPS[name] for name in ("facts", "reload")}
    messages = [*records("reload", 2), state(3, "reload"), *records("facts"), state(1, "facts")]
    importer = Importing({**CLEARS, "facts": KeyRejected("push CSV", status=401)})
    ended = run_sync(streams, [*messages, status("reload"), status("facts")], importer)
    assert importer.order == ["reload", "facts"]
    assert ended.error is not None
    assert ended.states == []


@pytest.mark.parametrize("failed", sorted(STEPS))
def test_a_source_that_did_not_finish_one_stream_holds_back_every_later_step(failed: str) -> None:
    importer = Importing(CLEARS)
    statuses = [status(name, "INCOMPLETE" if name == failed else "COMPLETE") for name in STEPS]
    ended = run_sync(STEPS, [*ALL, *statuses], importer)
    assert not set(importer.order) & {"facts", "last"}
    assert ended.error is not None
    assert ended.error.failure_type is FailureType.transient_error


def test_a_doubt_about_a_replacement_holds_back_the_steps_after_it_unless_a_count_settles_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    doubtful = Imported(ImportCounts(2, 0, 0), blocks=(ImportedBlock("r"),))
    for rows, pushed in ((2, ["facts", "last"]), (4, []), (None, [])):
        importer = Importing({**CLEARS, "reload": doubtful})
        ended = run_sync(STEPS, [*ALL, *COMPLETE], importer, rows_in_blocks=rows)
        assert importer.order[2:] == pushed
        assert (ended.error is None) is (rows == 2)
        assert (sorted(ended.states) == sorted(NUMBERS.values())) is (rows == 2)
    assert "Also: Pigment reports no deleted" not in caplog.text


def test_states_of_a_doubtful_replacement_stay_and_those_of_others_leave() -> None:
    doubtful = Imported(ImportCounts(2, 0, 0), blocks=(ImportedBlock("b"),))
    streams = {name: (OVERWRITE, replaces(name)) for name in "abc"}
    messages = [line for n, name in enumerate("abc") for line in (*records(name, 2), state(n, name), status(name))]
    importer = Importing({"a": block("a"), "b": doubtful, "c": block("c")})
    ended = run_sync(streams, messages, importer)
    assert sorted(ended.states) == [0, 2]
    assert "If it has 2 rows, nothing is there twice: make sure that" in ended.message


def test_an_empty_stream_stops_no_other_and_is_named_at_the_end() -> None:
    streams = {name: (OVERWRITE, replaces(name)) for name in "abc"}
    messages = [*records("b", 2), *(line for name in "abc" for line in (state(ord(name), name), status(name)))]
    importer = Importing({"b": block("b")})
    ended = run_sync(streams, messages, importer)
    assert importer.order == ["b"]
    assert sorted(ended.states) == [97, 98, 99]
    assert 'the stream "a" and the stream "c"' in ended.message
    assert ended.error is not None
    assert ended.error.failure_type is FailureType.config_error


@pytest.mark.parametrize(
    ("target", "pushed", "is_error"),
    [
        (replaces("a", minimum_rows=0), [b"id;month\r\n"], False),
        (replaces("a", minimum_rows=1), [], True),
        (replaces("a", scope="month"), [], False),
        (replaces("a", scope="month", minimum_rows=1), [], True),
    ],
    ids=["may be emptied", "has a minimum", "scope", "scope with a minimum"],
)
def test_what_the_target_says_decides_about_a_source_without_a_row(
    target: Target, pushed: list[bytes], is_error: bool
) -> None:
    importer = Importing()
    ended = run_sync({"a": (OVERWRITE, target)}, [state(1, "a"), status("a")], importer, rows_in_blocks=0)
    assert [content for _, content in importer.pushed] == pushed
    assert (ended.error is not None) is is_error
    assert ended.states == [1]


@pytest.mark.parametrize(("rows", "is_emptied"), [(0, True), (3, False), (None, True)])
def test_a_clear_that_leaves_rows_is_an_error_that_says_how_to_end_it(rows: int | None, is_emptied: bool) -> None:
    blocks = (ImportedBlock("a"),)
    importer = Importing({"a": Imported(ImportCounts(0, 0, 0), blocks=blocks)})
    ended = run_sync({"a": (OVERWRITE, replaces("a"))}, [status("a")], importer, rows_in_blocks=rows)
    assert importer.pushed == [("a", b"id;month\r\n")]
    assert (ended.error is None) is is_emptied
    if not is_emptied:
        assert "it still has 3 rows in Pigment" in ended.message
        assert "cancel it in Airbyte, or it runs again before every sync" in ended.message


def test_two_streams_of_which_one_replaces_the_block_of_the_other_keep_their_states() -> None:
    """The one that adds has its first state provisional; nothing of either leaves once it is known."""
    streams = {"actuals": (OVERWRITE, replaces("actuals")), "more": (INCREMENTAL, adds("more"))}
    messages = [
        *records("more"),
        state(1, "more"),
        *records("actuals"),
        state(2, "actuals"),
        status("more"),
        status("actuals"),
    ]
    importer = Importing(
        {"actuals": block("ledger"), "more": Imported(ImportCounts(1, 0, 0), blocks=block("ledger").blocks)}
    )
    ended = run_sync(streams, messages, importer)
    assert ended.states == []
    assert 'stream "actuals" and the stream "more" were imported into the same block' in ended.message
    assert ended.error is not None
    assert ended.error.failure_type is FailureType.config_error


def test_two_scenarios_of_one_metric_are_two_places() -> None:
    def into(scenario: str) -> Imported:
        return Imported(ImportCounts(1, 0, 1), blocks=(ImportedBlock("m", scenario_id=scenario),))

    streams = {name: (OVERWRITE, replaces(name)) for name in ("actual", "budget")}
    messages = [line for name in streams for line in (*records(name), state(1, name), status(name))]
    ended = run_sync(streams, messages, Importing({name: into(name) for name in streams}))
    assert ended.error is None


def test_rows_that_only_complete_confirmed_are_not_repeated_where_another_stream_failed() -> None:
    """The platform begins again at the last state of all streams, and would add them once more."""
    streams = {name: (INCREMENTAL, adds(name)) for name in "ab"}
    messages = [*records("a"), state_of_all(1), *records("a", 2), status("a"), status("b", "INCOMPLETE")]
    ended = run_sync(streams, messages, Importing())
    assert ended.states == [1]
    assert ended.error is not None
    assert ended.error.failure_type is FailureType.config_error
    assert 'The source did not finish the stream "b". 2 rows of the stream "a" are stored' in ended.message


def test_nothing_at_all_may_be_a_clear_or_an_empty_source() -> None:
    importer = Importing()
    ended = run_sync({"a": ({**OVERWRITE, **CUSTOM}, replaces("a"))}, [], importer)
    assert importer.pushed == []
    assert ended.error is not None
    assert ended.error.failure_type is FailureType.config_error
    assert "if this was a Clear, empty the block in Pigment and cancel the Clear in Airbyte" in ended.message

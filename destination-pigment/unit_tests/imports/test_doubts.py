"""What settles a doubt about a replaced block, and what its errors say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from destination_pigment.imports.doubts import (
    Replacement,
    block_to_count,
    describe_believed,
    judge_count,
    problem_of_doubts,
)
from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_client.models import ExportKind, ImportedBlock

LEDGER = DestinationStream(None, "Ledger", WriteMode.REPLACE, ("Entry",))
SIX = Replacement(LEDGER, "config", 6, 6, (ImportedBlock("b", ExportKind.LIST),))


@pytest.mark.parametrize(
    ("before", "after", "is_settled", "is_error"),
    [
        (None, 6, True, False),
        (None, 12, False, True),
        (None, 7, False, True),
        (None, 5, False, False),
        (None, None, False, False),
        (0, 6, True, False),
        (0, 12, False, True),
        (6, 12, False, True),
        # The owner of the key sees half: a doubled block of 12 looks like one of 6.
        (3, 6, False, False),
        (0, 0, False, False),
        (0, None, False, False),
    ],
)
def test_a_count_settles_accuses_or_proves_nothing(
    before: int | None, after: int | None, is_settled: bool, is_error: bool
) -> None:
    found = judge_count(replace(SIX, before=before), after)
    assert (found.is_settled, found.problem is not None) == (is_settled, is_error)


def test_where_the_files_were_sent_before_as_well_an_equal_count_proves_nothing_of_a_block_that_was_counted() -> None:
    """Half of the rows of two imports, which is what the owner of the key may see, are as many as those of one."""
    repeated = replace(SIX, is_repeated=True)

    assert not judge_count(replace(repeated, before=0), 6).is_settled
    assert judge_count(replace(repeated, before=0), 7).problem is not None
    assert judge_count(repeated, 6).is_settled


def test_rows_that_share_a_cell_settle_it_where_the_block_was_empty() -> None:
    assert judge_count(replace(SIX, inserted=5, before=0), 5).is_settled


def test_a_list_with_unchanged_rows_that_pigment_does_not_count_is_settled_by_all_its_rows() -> None:
    assert judge_count(replace(SIX, inserted=3, expected_rows=1000), 1000).is_settled


def test_both_numbers_are_reported() -> None:
    assert "counted in Pigment: 6 rows, as many as were written" in judge_count(SIX, 6).information
    problem = str(judge_count(replace(SIX, expected_rows=6000), 12000).problem)
    assert "12,000 rows" in problem
    assert "wrote 6,000" in problem


@given(
    old=st.integers(1, 50),
    sent=st.integers(1, 50),
    sees_old=st.integers(0, 50),
    sees_new=st.integers(0, 50),
    counts_before=st.booleans(),
)
def test_a_doubled_block_is_never_settled_where_it_was_counted_before(
    old: int, sent: int, sees_old: int, sees_new: int, counts_before: bool
) -> None:
    """Whatever share of the rows the owner of the key sees; without a count before, he must see all."""
    assume(sees_old <= old and sees_new <= sent)
    if not counts_before:
        sees_old, sees_new = old, sent
    elif sees_new == sent:
        assume(sees_old > 0)
    doubt = replace(SIX, inserted=sent, expected_rows=sent, before=sees_old if counts_before else None)
    assert not judge_count(doubt, sees_old + sees_new).is_settled


def test_one_error_for_all_doubts_never_says_run_again_without_look() -> None:
    actuals = replace(SIX, stream=replace(LEDGER, name="Actuals"), configuration_id="other", inserted=1200)
    for doubts in ([SIX], [SIX, actuals]):
        text = str(problem_of_doubts(doubts))
        assert all(each.stream.subject in text and each.configuration_id in text for each in doubts)
        assert text.index("Open") < text.index("run the sync again")
        assert "empty it" in text
        assert text.index("make sure that") < text.index("run the sync again")
    assert "1,200 rows" in text


def test_after_a_refresh_that_is_in_doubt_no_plain_sync_is_advised() -> None:
    doubt = replace(SIX, stream=replace(LEDGER, is_refreshed=True))
    for text in (str(problem_of_doubts([doubt])), str(judge_count(doubt, 12).problem)):
        assert "run the sync again" not in text
        assert "refresh the" in text


def test_a_doubt_that_is_believed_names_the_configuration() -> None:
    assert "config" in describe_believed(SIX)


def test_one_block_and_one_scenario_can_be_counted() -> None:
    block = ImportedBlock("b", ExportKind.METRIC, "budget")
    assert block_to_count([block, block]) == block
    assert block_to_count([]) is None
    assert block_to_count([block, replace(block, scenario_id="actuals")]) is None
    assert block_to_count([block, replace(block, block_id="c")]) is None

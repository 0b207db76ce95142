"""What the report of one file means: every number that Pigment may give for every effect that a target promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from destination_pigment.imports.skipped import (
    NO_WRITE_ACCESS,
    NOT_IN_SNAPSHOT,
    STORED_BLANK,
    UNKNOWN_ITEM,
    UNREADABLE,
    describe_skipped,
)
from destination_pigment.imports.verdicts import (
    ClearingEvidence,
    Effect,
    Imported,
    PartialWrite,
    Sent,
    Verdict,
    judge,
)
from destination_pigment.input.catalog import DateKind, DestinationStream, WriteMode
from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ExportKind, ImportCounts, ImportedBlock, RejectedRow, SkippedData
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect

LEDGER = DestinationStream(
    None,
    "Ledger",
    WriteMode.APPEND,
    ("Amount", "Entry", "Posted"),
    date_columns={"Posted": DateKind.DAY},
    number_columns=frozenset({"Amount"}),
)
DIALECT = CsvDialect(",", ",", dates=parse_date_pattern("dd/MM/yyyy"))
LIST = (ImportedBlock("list", ExportKind.LIST),)
METRIC = (ImportedBlock("metric", ExportKind.METRIC, "scenario"),)
CLEARING = [Effect.CLEARS_ALL, Effect.CLEARS_SCOPE]


def sent(rows: int, *, blanks: int = 0, mode: WriteMode = WriteMode.APPEND) -> Sent:
    return Sent(replace(LEDGER, mode=mode), rows, LEDGER.columns, DIALECT, lambda: blanks)


def report(
    inserted: int = 0,
    updated: int = 0,
    deleted: int | None = 0,
    skipped_count: int = 0,
    *skipped: SkippedData,
    **more: Any,
) -> Imported:
    return Imported(ImportCounts(inserted, updated, deleted, skipped_count), skipped=skipped, **more)


def judged(
    file: Sent, done: Imported, effect: Effect = Effect.ADDS, evidence: ClearingEvidence = ClearingEvidence.NOTHING
) -> Verdict:
    return judge(file, "config", done, effect=effect, evidence=evidence, is_dry_run=False)


def replaced(rows: int, done: Imported, blanks: int = 0) -> Verdict:
    return judged(sent(rows, blanks=blanks, mode=WriteMode.REPLACE), done, Effect.CLEARS_ALL)


def test_an_ordinary_night_of_a_list_with_a_unique_identifier_is_neither_error_nor_warning() -> None:
    for done in (report(0, 3, 0), report(1, 2, 0), report(1, 2, 4), report(0, 0, 2), report(0, 0, 0)):
        verdict = replaced(3, done)
        assert (verdict.problem, verdict.is_doubtful, verdict.warnings) == (None, False, ())


@pytest.mark.parametrize(("inserted", "deleted", "is_in_doubt"), [(3, 0, True), (3, 1, False), (3, None, False)])
def test_inserted_rows_without_updated_or_deleted_ones_are_a_doubt(
    inserted: int, deleted: int | None, is_in_doubt: bool
) -> None:
    found = replaced(4, report(inserted, 0, deleted, 1, SkippedData(UNREADABLE, 1), blocks=LIST))
    assert (found.is_doubtful, found.rejected) == (is_in_doubt, 1)


def test_a_list_into_which_fewer_rows_were_inserted_than_sent_had_the_others() -> None:
    assert not replaced(4, report(1, blocks=LIST)).is_doubtful
    assert replaced(4, report(1, 0, 0, 3, SkippedData("MissingModalitySkippedDataRow", 3), blocks=LIST)).is_doubtful
    assert replaced(4, report(1, blocks=METRIC)).is_doubtful


def test_a_file_without_rows_leaves_no_doubt() -> None:
    assert not replaced(0, report(0, 0, 0)).is_doubtful


def test_cells_that_blanks_have_deleted_do_not_show_that_a_metric_was_cleared() -> None:
    assert replaced(6, report(3, 0, 3, blocks=METRIC), blanks=3).is_doubtful
    assert not replaced(6, report(3, 0, 4, blocks=METRIC), blanks=3).is_doubtful
    assert not replaced(6, report(3, 0, 3, blocks=LIST), blanks=3).is_doubtful


def test_of_a_scope_nothing_is_claimed_of_the_whole_block() -> None:
    def scoped(done: Imported) -> Verdict:
        return judged(sent(30, mode=WriteMode.REPLACE), done, Effect.CLEARS_SCOPE)

    for done in (report(30, 0, 0), report(0, 30, 0), report(30, 0, 30), report(30, 0, 41)):
        assert (scoped(done).problem, scoped(done).is_doubtful) == (None, False)
    assert "its scope is another column" in scoped(report(30, 0, 0)).information[0]
    (warning,) = scoped(report(30, 0, 41)).warnings
    assert "deleted 41 rows" in warning
    assert "wrote 30" in warning


@pytest.mark.parametrize(("deleted", "is_warning"), [(40, False), (41, True)])
def test_rows_of_later_files_replace_what_the_first_file_deletes(deleted: int, is_warning: bool) -> None:
    file = replace(sent(30, mode=WriteMode.REPLACE), rows_to_follow=10)
    warnings = judged(file, report(30, 0, deleted), Effect.CLEARS_SCOPE).warnings
    assert ["wrote 30, with 10 to follow in later files" in each for each in warnings] == [True] * is_warning


@pytest.mark.parametrize(("deleted", "is_warning"), [(40, False), (41, True)])
def test_a_deletion_that_the_share_of_rows_allows_is_no_warning(deleted: int, is_warning: bool) -> None:
    file = replace(sent(30, mode=WriteMode.REPLACE), may_delete=40)
    verdict = judged(file, report(30, 0, deleted), Effect.CLEARS_SCOPE)
    assert bool(verdict.warnings) is is_warning
    assert f"deleted {deleted} rows of the scope" in (*verdict.warnings, *verdict.information)[0]


@pytest.mark.parametrize(
    ("blocks", "deleted", "blanks", "is_error"),
    [
        (METRIC, 3, 3, False),
        ((), 3, 3, False),
        (METRIC, 4, 3, True),
        ((), 4, 3, True),
        (LIST, 1, 3, True),
        (LIST, 0, 0, False),
    ],
)
@pytest.mark.parametrize("effect", [Effect.ADDS, Effect.ADDS_AGAIN, Effect.ADDS_TO_RELOAD])
def test_only_deletions_that_blank_cells_explain_are_no_clearing(
    effect: Effect, blocks: tuple[ImportedBlock, ...], deleted: int, blanks: int, is_error: bool
) -> None:
    verdict = judged(sent(6, blanks=blanks), report(3, 0, deleted, blocks=blocks), effect)
    assert isinstance(verdict.problem, PartialWrite) is is_error


def test_blank_cells_are_counted_only_where_something_was_deleted() -> None:
    file = replace(sent(3), count_blanks=lambda: pytest.fail("the file was read again"))
    for effect in Effect:
        judged(file, report(3, 0, 0), effect)


def test_deletions_that_blanks_explain_do_not_prove_that_a_configuration_adds() -> None:
    file = sent(6, blanks=3)
    first = judged(file, report(3, 0, 3, blocks=METRIC))
    assert first.is_provisional
    second = judged(file, report(3, 0, 3, blocks=METRIC), evidence=first.evidence)
    assert second.is_provisional
    third = judged(file, report(3, 0, 0, blocks=METRIC), evidence=second.evidence)
    assert not third.is_provisional
    assert not judged(file, report(3, 0, 3, blocks=METRIC), evidence=third.evidence).is_provisional


@pytest.mark.parametrize(
    ("rows", "done", "rejected"),
    [
        (10, report(8, 0, 0, 2), 2),
        (10, report(8, 0, 0, 25), 2),
        (10, report(0, 0, 0, 25), 10),
        (10, report(8, 0, 0, 1), 1),
        (10, report(8, 0, 0, 2, SkippedData(UNREADABLE, 1), SkippedData(STORED_BLANK, 1)), 1),
        (3, report(3, 0, 0, 0, SkippedData(STORED_BLANK, 1)), 0),
        (3, report(3, 0, 0, 1, SkippedData(STORED_BLANK, 1)), 0),
        (3, report(2, 0, 0, 2, SkippedData(STORED_BLANK, 1), SkippedData("MissingModalitySkippedDataRow", 1)), 1),
        (3, report(1, 0, 0, 1, SkippedData(UNREADABLE, 2)), 1),
        (10, report(8, 0, 0, 0, SkippedData(UNREADABLE, 2)), 2),
        (3, report(7, 0, 0, 2), 2),
        (3, report(5, 0, 0, 8), 3),
        (3, report(7, 0, 0, 1, SkippedData(STORED_BLANK, 1)), 0),
        (3, report(3, 0, 0, 5), 1),
        (3, Imported(None, (RejectedRow(1), RejectedRow(1), RejectedRow(2))), 2),
        (3, Imported(None), 0),
    ],
)
def test_rejected_are_at_most_the_rows_that_were_not_written(rows: int, done: Imported, rejected: int) -> None:
    assert judged(sent(rows), done).rejected == rejected


@given(st.integers(0, 20), st.data())
def test_a_report_of_rows_that_are_all_accounted_for_gives_them_back(rows: int, data: st.DataObject) -> None:
    """The oracle: each row has a fate, and Pigment counts values that it stored as blank among the skipped, or not."""
    fates = data.draw(st.lists(st.sampled_from("iubrR"), min_size=rows, max_size=rows))
    blank, bad = fates.count("b"), fates.count("r") + fates.count("R")
    # A row may be wrong in two columns, and be counted for both.
    reasons = [SkippedData(STORED_BLANK, blank), SkippedData(UNREADABLE, fates.count("r") + 2 * fates.count("R"))]
    counts = ImportCounts(
        fates.count("i") + blank, fates.count("u"), 0, bad + (blank if data.draw(st.booleans()) else 0)
    )
    done = Imported(counts, skipped=tuple(each for each in reasons if each.count))
    verdict = judged(sent(rows), done)
    assert (verdict.rejected, verdict.problem) == (bad, None)
    assert len(verdict.warnings) == bool(blank)


def test_months_as_columns_are_counted_as_cells() -> None:
    file = Sent(LEDGER, 3, tuple(f"column {number}" for number in range(13)), DIALECT, lambda: 0)
    for inserted, skipped in ((36, 0), (31, 5), (39, 0)):
        verdict = judged(file, report(inserted, 0, 0, skipped))
        assert verdict.problem is None
        assert verdict.rejected == min(3, skipped)
    assert "it counts cells" in judged(file, report(36)).information[0]
    assert isinstance(judged(file, report(40)).problem, PartialWrite)


def test_fewer_rows_than_were_sent_are_information() -> None:
    verdict = judged(sent(5), report(3))
    assert (verdict.problem, verdict.warnings) == (None, ())
    assert "has 5 rows, and Pigment reports 3 inserted" in verdict.information[0]


@pytest.mark.parametrize(
    ("mode", "effect", "is_error"),
    [
        (WriteMode.APPEND, Effect.ADDS, True),
        (WriteMode.APPEND_DEDUP, Effect.ADDS, False),
        (WriteMode.REPLACE, Effect.CLEARS_ALL, False),
        (WriteMode.REPLACE, Effect.CLEARS_SCOPE, False),
        (WriteMode.REPLACE, Effect.ADDS_TO_RELOAD, False),
    ],
)
def test_nothing_at_all_is_a_contradiction_only_where_every_row_is_new(
    mode: WriteMode, effect: Effect, is_error: bool
) -> None:
    assert (judged(sent(5, mode=mode), report(), effect).problem is not None) is is_error


@pytest.mark.parametrize("reason", [NO_WRITE_ACCESS, NOT_IN_SNAPSHOT])
@pytest.mark.parametrize("effect", [Effect.ADDS, *CLEARING])
def test_missing_rights_are_an_error_of_the_set_up(effect: Effect, reason: str) -> None:
    mode = WriteMode.APPEND if effect is Effect.ADDS else WriteMode.REPLACE
    problem = judged(sent(3, mode=mode), report(1, 0, 0, 2, SkippedData(reason, 2)), effect).problem
    assert isinstance(problem, ConfigProblem)
    assert "did not store 2 rows" in str(problem)
    assert reason in str(problem)
    assert str(problem).endswith("1 row of this file is stored, and the next sync sends it once more.") is (
        effect is Effect.ADDS
    )


@pytest.mark.parametrize(
    ("column", "sample", "is_set_up"),
    [
        ("Posted", "25/12/2024", True),
        ("Posted", "2024-12-25", False),
        ("Posted", "12/25/2024", False),
        ("Posted", "31/12/9999", False),
        ("Posted", "n/a", False),
        ("Amount", "1,25", True),
        ("Amount", "-1500", True),
        ("Amount", "1.5", False),
        ("Amount", "n/a", False),
        ("Entry", "25/12/2024", False),
        ("Entry", "1,5", False),
        (None, "1,5", False),
    ],
)
def test_a_value_in_the_form_that_was_written_is_an_error_of_the_set_up(
    column: str | None, sample: str, is_set_up: bool
) -> None:
    skipped = SkippedData(UNREADABLE, 1, column, ("n/a", sample))
    verdict = judged(sent(3), report(2, 0, 0, 1, skipped))
    assert verdict.rejected == 1
    assert (verdict.problem is not None) is is_set_up
    if is_set_up:
        assert f'the column "{column}"' in str(verdict.problem)
        assert sample not in str(verdict.problem)
        assert str(verdict.problem).endswith("2 rows of this file are stored, and the next sync sends them once more.")


def test_an_error_of_dates_says_the_form_by_an_example() -> None:
    skipped = SkippedData(UNREADABLE, 1, "Posted", ("25/12/2024",))
    assert "2024-12-01 is sent as 01/12/2024" in str(judged(sent(3), report(2, 0, 0, 1, skipped)).problem)


def test_no_sample_is_quoted_but_names_of_items() -> None:
    secret, item = "a secret", "Nobody"
    done = report(
        1, 0, 0, 2, SkippedData(UNREADABLE, 1, "Posted", (secret,)), SkippedData(STORED_BLANK, 1, "E", (item,))
    )
    verdict = judged(sent(3), done)
    quoted = " ".join((*verdict.warnings, *verdict.information, str(verdict.problem)))
    assert secret not in quoted
    assert item in quoted


@pytest.mark.parametrize(
    ("done", "is_error"),
    [
        (report(3, was_repeated=True), True),
        (report(2, 0, 0, 1, was_repeated=True), True),
        (report(3), False),
        (report(2, 1, was_repeated=True), False),
        (report(2, was_repeated=True), False),
        (report(0, 3, was_repeated=True), False),
        (report(0, 0, was_repeated=True), False),
    ],
)
def test_a_repeated_file_that_inserts_all_its_rows_may_be_there_twice(done: Imported, is_error: bool) -> None:
    verdict = judged(sent(3, mode=WriteMode.APPEND_DEDUP), done)
    assert ("may be in the block twice" in str(verdict.problem)) is is_error


@given(
    st.sampled_from(Effect),
    st.sampled_from(WriteMode),
    st.integers(0, 5),
    st.tuples(*[st.integers(0, 6)] * 3, st.integers(0, 20)),
    st.sampled_from([(), LIST, METRIC]),
    st.lists(st.builds(SkippedData, st.sampled_from([STORED_BLANK, UNREADABLE, NO_WRITE_ACCESS]), st.integers(0, 9))),
)
def test_whatever_pigment_reports_rejected_rows_are_rows_of_the_file(
    effect: Effect,
    mode: WriteMode,
    rows: int,
    counts: tuple[int, int, int, int],
    blocks: tuple[ImportedBlock, ...],
    skipped: list[SkippedData],
) -> None:
    # Rows are sent once more only where some were rejected.
    assume(rows or effect is not Effect.ADDS_AGAIN)
    done = Imported(ImportCounts(*counts), skipped=tuple(skipped), blocks=blocks)
    verdict = judged(sent(rows, mode=mode), done, effect)
    assert 0 <= verdict.rejected <= rows
    assert not verdict.is_doubtful or verdict.problem is not None or effect is Effect.CLEARS_ALL
    if verdict.rejected == 0 and verdict.problem is None:
        assert not any(each.count for each in skipped if each.reason == NO_WRITE_ACCESS)


def test_a_dry_run_leaves_no_doubt() -> None:
    file = sent(3)
    dry = judge(
        replace(file, stream=replace(LEDGER, mode=WriteMode.REPLACE)),
        "config",
        report(3),
        effect=Effect.CLEARS_ALL,
        evidence=ClearingEvidence.NOTHING,
        is_dry_run=True,
    )
    assert not dry.is_doubtful


@pytest.mark.parametrize(
    ("skipped", "line"),
    [
        (
            SkippedData(UNKNOWN_ITEM, 1, "Department", ("Sales ",)),
            'Skipped 1 row of the stream "s": the dimension of the column "Department" has no item "Sales ".',
        ),
        (
            SkippedData(UNKNOWN_ITEM, 1200, "Department", ("A",)),
            'Skipped 1,200 rows of the stream "s": the dimension of the column "Department" lacks items such as "A".',
        ),
        (
            SkippedData(UNREADABLE, 2, "Amount", ("secret",)),
            'Skipped 2 values of the stream "s": ParsingError in the column "Amount".',
        ),
        (
            SkippedData(NO_WRITE_ACCESS, 3, None, ("secret",)),
            'Skipped 3 rows of the stream "s": MissingWriteAccessRights.',
        ),
    ],
)
def test_a_reason_is_one_line_that_counts_rows_where_pigment_does(skipped: SkippedData, line: str) -> None:
    assert describe_skipped('stream "s"', skipped) == line

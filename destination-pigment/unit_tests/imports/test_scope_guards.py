"""When the values of a scope can be compared with those of a block: judged by plain words."""

from __future__ import annotations

import pytest

from destination_pigment.imports.scope_guards import (
    ScopeInBlock,
    Unread,
    compare_scope,
    describe_gone,
    require_enough_of_each,
)
from destination_pigment.imports.verdicts import NotPushed


def of(*values: str, rows: int = 10) -> dict[str, int]:
    return dict.fromkeys(values, rows)


@pytest.mark.parametrize(
    ("in_files", "in_block"),
    [
        (of("2026-02"), of("Feb 26")),
        (of("FEB 26"), of("Jan 26", "Feb 26")),
        (of("2026-2"), of("2026-01")),
        (of("2"), of("02")),
        (of("February"), of("Feb")),
        (of("01/31/2026", "02/28/2026"), of("2026-01-31")),
        (of("Jan 26", "2026-02", "2026-03"), of("Jan 26")),
        (of("Jan 26", "feb 26"), of("Jan 26", "Feb 26")),
        (of("Jan 26", "Feb 26 "), of("Jan 26", "Feb 26")),
        (of("Jan 26", "Fe\u0301v 26"), of("Jan 26", "F\u00e9v 26")),
        (of("2025", "2026.0"), of("2025", "2026")),
        (of("Jan 26", "Feb 26"), of("January 26", "February 26")),
        (of("Mar 26", "April 26"), of("Mar 26", "Apr 26")),
    ],
    ids=str,
)
def test_values_in_another_form_are_not_compared(in_files: dict[str, int], in_block: dict[str, int]) -> None:
    found = compare_scope(in_files, in_block)
    assert isinstance(found, Unread)
    with pytest.raises(NotPushed):
        require_enough_of_each("stream", "Month", 1, in_files, found)


@pytest.mark.parametrize(
    ("in_files", "in_block", "gone"),
    [
        (of("Jan 26"), {}, {}),
        (of("Mar 26"), of("Jan 26", "Feb 26"), {}),
        (of("2026-10"), of("2026-08", "2026-09"), {}),
        (of("Mar 26"), of("May 26", "Mar 25"), {}),
        (of("October 26"), of("August 26", "September 26"), {}),
        (of("Spain", "France"), of("France", "Italy"), of("Italy")),
        (of("Plan", "Planned"), of("Plan"), {}),
        (of("Jan 26", "Feb 26"), of("Jan 26", "Dec 25"), of("Dec 25")),
    ],
    ids=str,
)
def test_values_that_are_new_in_the_block_are_compared(
    in_files: dict[str, int], in_block: dict[str, int], gone: dict[str, int]
) -> None:
    found = compare_scope(in_files, in_block)
    assert found == ScopeInBlock({each: in_block.get(each, 0) for each in in_files}, gone)


@pytest.mark.parametrize(("rows", "passes"), [(8, True), (7, False)])
def test_a_value_needs_its_share_of_rows(rows: int, passes: bool) -> None:
    in_files = of("Jan 26", rows=rows)
    in_block = ScopeInBlock(of("Jan 26"), {})
    if passes:
        require_enough_of_each("stream", "Month", 80, in_files, in_block)
    else:
        with pytest.raises(NotPushed, match=r'"Jan 26" \(7 rows, and 10 in Pigment\)'):
            require_enough_of_each("stream", "Month", 80, in_files, in_block)


def test_a_long_list_of_values_is_cut() -> None:
    in_files = of(*(f"M{number}" for number in range(26)), rows=1)
    with pytest.raises(NotPushed, match=r"and 16 more\."):
        require_enough_of_each("stream", "Month", 80, in_files, ScopeInBlock(dict.fromkeys(in_files, 2), {}))


@pytest.mark.parametrize(("value", "may_go"), [("2026-01-31", True), ("Jan 26", False), ("2026-01", False)])
def test_days_that_were_not_sent_may_go_with_their_month(value: str, may_go: bool) -> None:
    """Where the import configuration clears by month, which nothing tells."""
    assert ("unless the import configuration clears by month" in describe_gone("s", "Day", of(value))) is may_go

"""Sums of columns are exact: judged by fractions, which never round."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from pigment_csv.totals import Total, Totals

WHOLE = st.integers(-(10**60), 10**60).map(str)
DECIMAL = st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})\.[0-9]{1,40}\Z")
EXPONENT = st.from_regex(r"\A-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,9})?[eE][+-]?[0-9]{1,2}\Z")
TEXTS = ("0012", "+5", ".5", "5.", "1,5", "NaN", "Infinity", "1_000", "1\n2", " 5", "\u0663", "1e999999999", "x")
CELL = st.one_of(WHOLE, DECIMAL, EXPONENT, st.sampled_from(TEXTS), st.sampled_from([None, ""]))


def shown(total: Total) -> Fraction:
    return Fraction(total.digits.replace(",", ""))


@given(st.lists(st.lists(CELL, min_size=1)))
@example([["0.1"] * 10, ["-1"]])
@example([["9" * 2000, "0." + "0" * 2000 + "1"]])
def test_a_sum_has_every_digit(blocks: list[list[str | None]]) -> None:
    total = Total()
    for block in blocks:
        total.add(block)
    cells = [cell for block in blocks for cell in block if cell]
    assert shown(total) == sum((Fraction(cell) for cell in cells if cell not in TEXTS), Fraction(0))
    assert total.texts == sum(cell in TEXTS for cell in cells)


@given(st.lists(st.one_of(WHOLE, DECIMAL), min_size=1))
def test_a_decimal_comma_changes_no_sum(cells: list[str]) -> None:
    dot, comma = Total(), Total(",")
    dot.add(cells)
    comma.add([cell.replace(".", ",") for cell in cells])
    assert str(dot) == str(comma)


def test_a_dot_is_no_decimal_comma() -> None:
    total = Total(",")
    total.add(["1,5", "1.500"])
    assert str(total) == "1.5 (1 not a number)"


def test_a_sum_is_written_as_people_read_it() -> None:
    total = Total()
    total.add(["-1234567.50", None, "0.25"])
    assert str(total) == "-1,234,567.25"
    total.add(["1234567.25", "x", "y"])
    assert str(total) == "0.00 (2 not numbers)"


@given(st.lists(CELL, min_size=1))
def test_sums_that_were_kept_are_the_same(cells: list[str | None]) -> None:
    kept = Totals(["Amount"])
    kept.add_rows(["Amount"], [[each] for each in cells])
    found = Totals.of_sums(kept.sums())
    assert found.sums_in_words == kept.sums_in_words
    assert found.by_column["Amount"].sum == kept.by_column["Amount"].sum


def test_totals_are_the_end_of_a_sentence() -> None:
    totals = Totals(["Hours", "Amount"])
    totals.add_rows(["Amount", "Hours"], [["1234.50", "x"], ["-0.25", None]])
    assert totals.sums_in_words == '; sum of "Amount" 1,234.25, sum of "Hours" 0 (1 not a number)'
    assert Totals().sums_in_words == ""


def test_a_sum_that_no_one_reads_is_shown_without_its_middle() -> None:
    totals = Totals(["Amount"])
    totals.add_rows(["Amount"], [["1" * 3000]])
    assert len(totals.sums_in_words) < 200
    assert "(3,999 characters)" in totals.sums_in_words


def test_totals_of_files_add_up() -> None:
    one, other = Totals(["Amount", "Missing"]), Totals(["Amount", "Missing"])
    one.add_rows(["Entry", "Amount"], [["a", "1.5"], ["b", None]])
    other.add_rows(["Amount"], [["2"]])
    one.add_totals(other)
    assert (one.rows, {name: str(total) for name, total in one.by_column.items()}) == (
        3,
        {"Amount": "3.5", "Missing": "0"},
    )

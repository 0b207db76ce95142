"""Sums of the columns of CSV rows, judged by the standard library and by fractions, which never round."""

from __future__ import annotations

import csv
import ctypes
import io
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pigment_csv.dialect import CsvDialect
from pigment_csv.values import JSON_NUMBER
from pigment_native.library import LIBRARY
from pigment_native.number_columns import NumberColumns

NUMBERS = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})\.[0-9]{1,30}\Z"),
    st.from_regex(r"\A-?[1-9](\.[0-9]{1,5})?[eE][+-]?[0-9]{1,2}\Z"),
)
TEXTS = ("null", '"', '"1"', "1,5", "1.5.5", "0012", "+5", "NaN", "true", "\\u0031", "a\nb", "1\r\n2", "é\u2028", " 1")
CELLS = st.one_of(NUMBERS, st.sampled_from(["", *TEXTS]))
ROWS = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12)
)


def written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";", quoting=csv.QUOTE_MINIMAL).writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize("library", [LIBRARY, None], ids=["library", "python"])
@pytest.mark.parametrize("separator", [".", ","])
@given(rows=ROWS, data=st.data())
@example(rows=[["9" * 4000, "x"], ["0." + "0" * 4000 + "1", ""]], data=None)
def test_a_sum_has_every_digit_and_every_other_cell_is_counted(
    library: ctypes.CDLL | None, separator: str, rows: list[list[str]], data: st.DataObject | None
) -> None:
    width = len(rows[0])
    places = list(range(width)) if data is None else data.draw(st.lists(st.integers(0, width - 1), unique=True))
    if separator == ",":
        rows = [[cell.replace(".", ",") if JSON_NUMBER.fullmatch(cell) else cell for cell in row] for row in rows]
    dialect = CsvDialect(";", separator)

    totals = NumberColumns({f"c{at}": at for at in places}, width, dialect, library).totals(written(rows))

    assert set(totals.by_column) == {f"c{at}" for at in places}
    for at in places:
        cells = [row[at] for row in rows if row[at]]
        # With a decimal comma a dot is part of no number.
        plain = ["" if separator == "," and "." in cell else cell.replace(separator, ".") for cell in cells]
        numbers = [cell for cell in plain if JSON_NUMBER.fullmatch(cell)]
        total = totals.by_column[f"c{at}"]
        assert Fraction(total.sum) == sum(map(Fraction, numbers), Fraction(0))
        assert total.texts == len(cells) - len(numbers)

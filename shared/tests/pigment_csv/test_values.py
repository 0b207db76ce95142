"""Digits stay digits."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_csv.values import NumberTooLong, is_iso_date, is_json_number, write_out

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(NUMBERS)
def test_a_written_out_number_has_the_same_value_and_no_exponent(number: str) -> None:
    written = write_out(number)

    assert is_json_number(written)
    assert "e" not in written.lower()
    assert Decimal(written) == Decimal(number)
    if "e" not in number.lower():
        assert written == number


@pytest.mark.parametrize(("number", "written"), [("1e-7", "0.0000001"), ("1.5e3", "1500"), ("-1.50E+1", "-15.0")])
def test_repeated_and_empty_titles_get_suffixes(number: str, written: str) -> None:
    assert write_out(number) == written


def test_an_absurd_exponent_is_rejected_at_once() -> None:
    with pytest.raises(NumberTooLong):
        write_out("1e999999999")


@given(st.text(st.sampled_from(list("0123456789+-.,eE NaIf")), max_size=6))
def test_a_json_number_is_what_json_takes(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda _: pytest.fail("a constant"))
        expected = text.strip() == text
    except (ValueError, pytest.fail.Exception):
        expected = False

    assert is_json_number(text) is expected


@pytest.mark.parametrize("text", ["0012", "+5", "1,5", "NaN", ".5", "5.", "", "1 000", "٣"])
def test_a_text_that_looks_like_a_number_is_not_one(text: str) -> None:
    assert not is_json_number(text)


@pytest.mark.parametrize("text", ["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1"])
def test_a_day_that_does_not_exist_is_no_date(text: str) -> None:
    assert not is_iso_date(text)

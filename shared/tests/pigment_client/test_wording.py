"""Numbers with their nouns and units."""

from __future__ import annotations

import pytest

from pigment_client.wording import byte_size, counted, listed, nearest_of_each, shortened


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (21, "21 rows"), (2_500_001, "2,500,001 rows")]
)
def test_only_one_is_singular(count: int, words: str) -> None:
    assert counted(count, "row") == words


def test_a_fraction_is_written_short() -> None:
    assert (counted(1.0, "minute"), counted(0.5, "minute")) == ("1 minute", "0.5 minutes")


def test_a_verb_agrees_with_its_number() -> None:
    assert counted(1, "entry was", "entries were") == "1 entry was"
    assert counted(3, "entry was", "entries were") == "3 entries were"


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (25_000_000, "25 MB"),
        (1_250_000_000, "1.2 GB"),
        (1e13, "10000.0 GB"),
    ],
)
def test_bytes_are_named_in_a_unit_that_fits(num_bytes: float, words: str) -> None:
    assert byte_size(num_bytes) == words


def test_names_are_sorted_and_named_once() -> None:
    assert listed(["b", "A", "c", "b"]) == "A, b, c"


def test_nothing_has_a_word() -> None:
    assert listed([]) == "none"


def test_after_twenty_only_the_number_of_the_others_is_said() -> None:
    phrase = listed(f"name {number:03d}" for number in range(345))
    assert phrase.endswith("name 019 and 325 more")
    assert phrase.count(",") == 19


def test_several_missing_names_are_each_answered_with_what_is_nearest() -> None:
    known = ["Departments", "Ledger", "Headcount", "Plan"]
    said = nearest_of_each(["departments", "Leger"], known)

    assert said.startswith('For "departments": There is "Departments": names are case-sensitive')
    assert 'For "Leger": The nearest are "Ledger", ' in said
    assert nearest_of_each(list("abcde"), known).endswith("And 2 more names are missing.")
    assert nearest_of_each(list("abcd"), known).endswith("And 1 more name is missing.")
    assert nearest_of_each(["a", "b"], []) == "There are none."


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028"], ids=ascii)
def test_a_value_stays_on_one_line(line_break: str) -> None:
    """Or it would break the table of a dry run, or write a line of the log of its own."""
    assert shortened(f"Jan{line_break}26") == "Jan↵26"


@pytest.mark.parametrize(("length", "shown"), [(80, "x" * 80), (81, f"{'x' * 80}…")])
def test_a_long_value_is_cut(length: int, shown: str) -> None:
    assert shortened("x" * length) == shown

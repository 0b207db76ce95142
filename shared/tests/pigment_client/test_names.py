"""Names that look the same: what is written exactly alike first, then Unicode's composed form."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client.names import matching_names, near_misses

TEXTS = st.text(st.sampled_from("aou\u0308\u00e4\u0301\u00e9\u212b\u00c5"), max_size=5)


@given(TEXTS, st.sampled_from(["NFC", "NFD"]), st.lists(TEXTS, max_size=5))
def test_a_name_is_found_however_it_is_stored(name: str, form: str, others: list[str]) -> None:
    stored = normalize(form, name)  # type: ignore[arg-type] # one of the forms
    found = matching_names(name, [*others, stored])
    assert found
    assert {normalize("NFC", each) for each in found} == {normalize("NFC", name)}


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (["\u00e4", "a\u0308"], ["\u00e4"]),
        (["a\u0308", "a"], ["a\u0308"]),
        (["a", "A"], []),
        ([], []),
    ],
)
def test_what_is_written_alike_comes_first(known: list[str], found: list[str]) -> None:
    assert matching_names("\u00e4", known) == found


@pytest.mark.parametrize(
    "wanted", ["france ", "FRANCE", " France", "Fr\u00e0nce", "Fra\u200bnce", "Fr\uff41nce", "\u00a0France"], ids=ascii
)
def test_a_name_that_differs_only_in_case_blanks_or_accents_is_a_near_miss(wanted: str) -> None:
    assert near_misses([wanted, "Spain"], ["Italy", "France"]) == {wanted: "France"}


@pytest.mark.parametrize("wanted", ["Franc", "Fran ce", "", "Frances"])
def test_other_names_are_none(wanted: str) -> None:
    assert near_misses([wanted], ["France"]) == {}


@pytest.mark.parametrize(("wanted", "known"), [("2026.0", "2026"), ("0012", "12"), ("1.50", "1.5"), ("-0.0", "-0")])
def test_numbers_of_the_same_value_are_near_misses(wanted: str, known: str) -> None:
    assert near_misses([wanted], [known]) == {wanted: known}


@pytest.mark.parametrize(
    ("wanted", "known"), [("1.5", "15"), ("120", "12"), ("1,000", "1"), ("1.2.0", "1.2"), ("-1", "1")]
)
def test_other_numbers_are_none(wanted: str, known: str) -> None:
    assert near_misses([wanted], [known]) == {}

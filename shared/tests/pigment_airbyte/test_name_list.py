"""Lists of names in messages have an end."""

from __future__ import annotations

from pigment_client.wording import listed


def test_names_are_sorted_and_named_once() -> None:
    assert listed(["b", "A", "c", "b"]) == "A, b, c"


def test_nothing_has_a_word() -> None:
    assert listed([]) == "none"


def test_after_twenty_only_the_number_of_the_others_is_said() -> None:
    phrase = listed(f"name {number:03d}" for number in range(345))
    assert phrase.endswith("name 019 and 325 more")
    assert phrase.count(",") == 19

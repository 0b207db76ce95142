"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from pigment_client.wording import counted


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

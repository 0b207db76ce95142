"""Whether everything of a sync is stored: only where nothing at all speaks against it."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import Any

import pytest

from destination_pigment.imports.then_run import Concern, Ending, find_obstacle

SAID = {"has_failed", "is_cancelled", "is_dry_run", "is_empty"}
AGAINST: dict[str, Any] = {
    "has_failed": True,
    "is_cancelled": True,
    "is_dry_run": True,
    "is_empty": True,
    "unfinished": ('stream "a"', 'stream "b"'),
    "unproved": ('stream "c"',),
    "unsettled": 3,
    "unreadable": 1,
    "unsent_states": 2,
    "rejected": 1,
}


def test_each_fact_of_an_ending_has_its_case() -> None:
    assert {each.name for each in fields(Ending)} == set(AGAINST)


@pytest.mark.parametrize("chosen", list(product([False, True], repeat=len(AGAINST))))
def test_everything_is_stored_only_where_nothing_speaks_against_it(chosen: tuple[bool, ...]) -> None:
    against = {name: value for (name, value), is_so in zip(AGAINST.items(), chosen, strict=True) if is_so}
    obstacle = find_obstacle(Ending(**against))

    assert (obstacle is None) is (not against)
    if obstacle is not None and SAID & set(against):
        assert obstacle.concern is Concern.SAID
    elif obstacle is not None:
        assert obstacle.concern is (Concern.AGAIN if "unfinished" in against else Concern.ROWS)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("is_empty", "the sync has no stream"),
        ("unfinished", 'the source did not finish the stream "a", stream "b"'),
        ("unproved", 'no state came that proves the stream "c" complete'),
        ("unsettled", "3 records are not stored"),
        ("unreadable", "1 line of the input could not be read and may have been records"),
        ("unsent_states", "2 states were not sent"),
        ("rejected", "1 row was rejected"),
    ],
)
def test_the_reason_names_what_is_missing(name: str, reason: str) -> None:
    obstacle = find_obstacle(Ending(**{name: AGAINST[name]}))
    assert obstacle is not None
    assert obstacle.reason == reason

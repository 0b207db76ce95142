"""Which import configuration takes a stream, and whether it does what the sync mode of the stream needs."""

from __future__ import annotations

from typing import Any

import pytest

from destination_pigment.config import TargetEntry
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.targets import Target, find_targets, require_suitable_targets
from pigment_airbyte.failures import ConfigProblem

ADDING, CLEARING = "1" * 8 + "-0000-4000-8000-" + "1" * 12, "2" * 8 + "-0000-4000-8000-" + "2" * 12
OTHER = "3" * 8 + "-0000-4000-8000-" + "3" * 12
TICKED = TargetEntry("s", None, CLEARING, clears=True)
PAIR = TargetEntry("other", None, ADDING, CLEARING)
SCOPED = TargetEntry("s", None, CLEARING, scope="month")
SCOPED_PAIR = TargetEntry("s", None, ADDING, CLEARING, scope="month")
ADDS = [WriteMode.APPEND, WriteMode.APPEND_DEDUP]


def stream(mode: WriteMode, name: str = "s", **more: Any) -> DestinationStream:
    return DestinationStream(None, name, mode, ("a", "month"), **more)


def suited(streams: list[DestinationStream], *entries: TargetEntry) -> dict[str, Target]:
    """The targets by the names of the streams; raises `ConfigProblem` where one does not suit."""
    targets = find_targets(streams, entries, None)
    require_suitable_targets(streams, targets, entries)
    return {each.name: targets[each.key] for each in streams}


@pytest.mark.parametrize("mode", ADDS)
@pytest.mark.parametrize(
    ("entries", "object_name", "words"),
    [
        ((TICKED,), None, '"Clears before import" is ticked'),
        ((TICKED,), CLEARING, '"Clears before import" is ticked'),
        ((TargetEntry("other", None, CLEARING, clears=True),), CLEARING, '"Clears before import" is ticked'),
        ((TargetEntry("s", None, CLEARING, ADDING, clears=True),), None, '"Clears before import" is ticked'),
        ((PAIR, TargetEntry("s", None, CLEARING)), None, 'entered as "Replacing import configuration ID"'),
        ((TargetEntry("other", None, CLEARING, scope="month"),), CLEARING, 'it has a "Scope"'),
    ],
    ids=["own entry", "own entry and object name", "entry of another", "pair that is ticked", "pair", "scope"],
)
def test_nothing_appends_through_a_configuration_that_is_said_to_clear(
    mode: WriteMode, entries: tuple[TargetEntry, ...], object_name: str | None, words: str
) -> None:
    with pytest.raises(ConfigProblem, match=words):
        suited([stream(mode, object_name=object_name)], *entries)


def test_a_stream_that_appends_goes_through_the_adding_one_of_a_pair_and_clears_nothing() -> None:
    assert suited([stream(WriteMode.APPEND, "other")], PAIR) == {"other": Target(ADDING)}


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.APPEND_DEDUP, WriteMode.REPLACE])
@pytest.mark.parametrize(("entry", "configuration"), [(SCOPED, CLEARING), (SCOPED_PAIR, ADDING)])
def test_a_full_refresh_replaces_its_scope_whether_it_appends_or_overwrites(
    mode: WriteMode, entry: TargetEntry, configuration: str
) -> None:
    assert suited([stream(mode)], entry) == {"s": Target(configuration, CLEARING, scope="month")}


@pytest.mark.parametrize("mode", [*ADDS, WriteMode.REPLACE])
@pytest.mark.parametrize("entry", [SCOPED, SCOPED_PAIR])
def test_an_incremental_sync_never_replaces_a_scope(mode: WriteMode, entry: TargetEntry) -> None:
    with pytest.raises(ConfigProblem, match=r'stream "s" is incremental.*would be deleted; nothing was pushed'):
        suited([stream(mode, is_incremental=True)], entry)


def test_a_scope_that_is_no_column_of_the_stream_stops_the_sync() -> None:
    with pytest.raises(ConfigProblem, match='stream "s" has no column "Month"'):
        suited([stream(WriteMode.REPLACE)], TargetEntry("s", None, CLEARING, scope="Month"))


def test_overwriting_through_a_target_that_adds_says_what_to_tick() -> None:
    with pytest.raises(ConfigProblem, match=r'tick "Clears before import".* as "Scope".*"Replacing import'):
        suited([stream(WriteMode.REPLACE)], TargetEntry("s", None, ADDING))


@pytest.mark.parametrize("entry", [TICKED, SCOPED, SCOPED_PAIR], ids=["whole", "scope", "pair of a scope"])
def test_what_replaces_shares_its_configuration_with_no_other_stream(entry: TargetEntry) -> None:
    same = TargetEntry("other", None, entry.configuration_id, scope=entry.scope, clears=entry.clears)
    with pytest.raises(ConfigProblem, match="go to the same import configuration"):
        suited([stream(WriteMode.REPLACE), stream(WriteMode.REPLACE, "other")], entry, same)


def test_what_an_entry_says_reaches_the_target() -> None:
    entry = TargetEntry("s", None, CLEARING, None, clears=True, minimum_rows=0, minimum_percent=80, block_id=OTHER)
    assert suited([stream(WriteMode.REPLACE)], entry) == {
        "s": Target(CLEARING, CLEARING, minimum_rows=0, minimum_percent=80, block_id=OTHER)
    }
    later = TargetEntry("s", None, ADDING, step=2)
    assert suited([stream(WriteMode.APPEND)], later)["s"].step == 2


def test_a_step_is_that_of_the_stream_whatever_takes_it() -> None:
    entry = TargetEntry("s", None, ADDING, minimum_rows=5, step=2)
    assert suited([stream(WriteMode.APPEND, object_name=OTHER)], entry) == {"s": Target(OTHER, step=2)}


def test_protected_values_are_those_of_the_stream_whatever_takes_it() -> None:
    protected = {"a": frozenset({"Jan 26"})}
    entry = TargetEntry("s", None, ADDING, protected=protected)

    assert suited([stream(WriteMode.APPEND, object_name=OTHER)], entry) == {"s": Target(OTHER, protected=protected)}

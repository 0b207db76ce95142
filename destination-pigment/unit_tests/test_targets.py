"""What the user says of an import configuration counts for every stream that goes through it."""

from __future__ import annotations

import pytest

from destination_pigment.config import TargetEntry
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.targets import find_targets
from pigment_airbyte.failures import ConfigProblem

ADDING, CLEARING = "1" * 8 + "-0000-4000-8000-" + "1" * 12, "2" * 8 + "-0000-4000-8000-" + "2" * 12
TICKED = TargetEntry("s", None, CLEARING, clears=True)
PAIR = TargetEntry("other", None, ADDING, CLEARING)


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.APPEND_DEDUP])
@pytest.mark.parametrize(
    ("entries", "object_name", "words"),
    [
        ((TICKED,), None, '"Clears before import" is ticked'),
        ((TICKED,), CLEARING, '"Clears before import" is ticked'),
        ((TargetEntry("other", None, CLEARING, clears=True),), CLEARING, '"Clears before import" is ticked'),
        ((TargetEntry("s", None, CLEARING, ADDING, clears=True),), None, '"Clears before import" is ticked'),
        ((PAIR, TargetEntry("s", None, CLEARING)), None, 'entered as "Replacing import configuration ID"'),
    ],
    ids=["own entry", "own entry and object name", "entry of another", "pair that is ticked", "pair of another"],
)
def test_nothing_appends_through_a_configuration_that_is_said_to_clear(
    mode: WriteMode, entries: tuple[TargetEntry, ...], object_name: str | None, words: str
) -> None:
    stream = DestinationStream(None, "s", mode, ("a",), object_name)
    with pytest.raises(ConfigProblem, match=words):
        find_targets([stream], entries, None)


def test_a_stream_that_appends_goes_through_the_adding_one_of_a_pair() -> None:
    stream = DestinationStream(None, "other", WriteMode.APPEND, ("a",))
    assert find_targets([stream], [PAIR], None)[stream.key].configuration_id == ADDING

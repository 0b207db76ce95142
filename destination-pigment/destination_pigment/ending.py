"""How a sync has ended, and whether everything of it is stored. Pure.

Only a sync of which everything is stored is followed by what the user wants started then: a copy made of a part would
look whole in Pigment. Whatever is not certain counts as not stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from pigment_client.quantities import counted


@dataclass(frozen=True, slots=True)
class Ending:
    """A sync once its imports have ended; by default one of which everything is stored.

    `is_empty` says that it has no stream, so that nothing can have been loaded. `unfinished` are the streams that the
    source has not read to their end; `unproved` those of which nothing says whether it has, although it did not fail.
    `unsettled` counts the records that are neither stored nor rejected, `unreadable` the lines that may have been
    records, `unsent_states` the states whose records were not confirmed.
    """

    has_failed: bool = False
    is_cancelled: bool = False
    is_dry_run: bool = False
    is_empty: bool = False
    unfinished: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()
    unsettled: int = 0
    unreadable: int = 0
    unsent_states: int = 0
    rejected: int = 0


class Concern(Enum):
    """Whose turn it is where not everything is stored."""

    SAID = auto()  # the sync ends with that by itself
    AGAIN = auto()  # another sync may store everything
    ROWS = auto()  # somebody must look at the rows


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why not everything is stored, as the end of a sentence that begins with "because"."""

    concern: Concern
    reason: str


def find_obstacle(ending: Ending) -> Obstacle | None:
    """Why not everything of a sync is stored; None where everything is."""
    lines = counted(ending.unreadable, "line of the input", "lines of the input")
    found = (
        (ending.has_failed, Concern.SAID, "the sync failed"),
        (ending.is_cancelled, Concern.SAID, "the sync was stopped"),
        (ending.is_dry_run, Concern.SAID, "this is a dry run"),
        (ending.is_empty, Concern.SAID, "the sync has no stream"),
        (ending.unfinished, Concern.AGAIN, f"the source did not finish the {', '.join(ending.unfinished)}"),
        (ending.unproved, Concern.ROWS, f"no state came that proves the {', '.join(ending.unproved)} complete"),
        (ending.unsettled, Concern.ROWS, f"{counted(ending.unsettled, 'record is', 'records are')} not stored"),
        (ending.unreadable, Concern.ROWS, f"{lines} could not be read and may have been records"),
        (ending.unsent_states, Concern.ROWS, f"{counted(ending.unsent_states, 'state was', 'states were')} not sent"),
        (ending.rejected, Concern.ROWS, f"{counted(ending.rejected, 'row was', 'rows were')} rejected"),
    )
    return next((Obstacle(concern, reason) for applies, concern, reason in found if applies), None)

"""May these rows go? Decided from the proof of the source, the step of the target and what the source confirmed. Pure.

Changes go while records come: `StreamFiles` gives away only what lies before its watermark, which `Intake` raises where
the source confirms. Everything else waits for the end of the input: streams that replace a block, full refreshes that
add to one (a state of a full refresh proves nothing), and the streams of later steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from destination_pigment.input.catalog import DestinationStream
from destination_pigment.input.completion import Proof
from pigment_client.wording import counted


class Release(Enum):
    """The rows may go, or they wait for as long as it takes to prove that the source has succeeded."""

    GO = auto()
    WAIT = auto()


@dataclass(frozen=True, slots=True)
class Hold:
    """The rows stay here; `sentence` tells the user why, None where another error does."""

    sentence: str | None


def goes_at_states(stream: DestinationStream, *, is_first_step: bool) -> bool:
    """Whether the rows of a stream that adds go while records still come, as far as the source has confirmed them."""
    return not stream.waits_for_proof and is_first_step


def decide_release(
    stream: DestinationStream,
    proof: Proof,
    *,
    has_gone: bool,
    replaces: bool,
    records: int,
    misses_records: bool,
    needs_all: bool,
    has_waited: bool,
) -> Release | Hold:
    """Whether what is still here of a stream may go when the input has ended.

    `has_gone`: what the source confirmed went while records came. `records` are those that are still here.
    `misses_records`: the source counted more than came. `needs_all`: a later step or other imports follow, so every
    stream must be proved complete.
    """
    waits = not has_gone and (replaces or records > 0)
    depends_on_wait = proof is Proof.IF_STILL_WANTED or (needs_all and proof is Proof.UNPROVED)
    if depends_on_wait and not has_waited and (waits or needs_all):
        return Release.WAIT
    if waits and misses_records:
        return Hold(None)
    if waits and not proof.is_good:
        were = "was" if records == 1 else "were"
        left = (
            "its block in Pigment was left as it was"
            if replaces
            else f"{counted(records, 'record')} of it {were} not sent to Pigment"
        )
        return Hold(
            f"The source did not finish the {stream.subject}, so {left}: fix what stopped the source, and run the sync "
            "again."
        )
    if has_gone and records:
        last, them = ("record", "it was") if records == 1 else (f"{records:,} records", "they were")
        return Hold(
            f"The source ended without confirming the last {last} of the {stream.subject}, so {them} not sent to "
            f"Pigment: run the sync again, and the source sends {'it' if records == 1 else 'them'} again."
        )
    return Release.GO

"""May these rows go to Pigment? Decided here, from the proof of the source and the watermark of its last state. Pure.

While the input lasts, the rows of a stream that adds go up to the watermark, which is where the source has confirmed
them. When the input has ended, what is still here is decided: rows after the watermark, and all rows of a stream that
replaces its block.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from destination_pigment.input.catalog import DestinationStream, WriteMode
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


def decide_release(
    stream: DestinationStream,
    proof: Proof,
    *,
    unconfirmed: int,
    misses_records: bool,
    is_followed: bool,
    has_waited: bool,
) -> Release | Hold:
    """Whether what is still here of a stream may go when the input has ended.

    `unconfirmed` counts the records after the watermark. `misses_records`: the source counted more records than came.
    `is_followed`: other imports are started after the sync, so every stream must be proved complete.
    """
    replaces = stream.mode is WriteMode.REPLACE
    depends_on_wait = proof is Proof.IF_STILL_WANTED or (is_followed and proof is Proof.UNPROVED)
    if depends_on_wait and not has_waited and (replaces or is_followed):
        return Release.WAIT
    if not replaces and unconfirmed:
        return Hold(
            f"The source did not finish the {stream.subject}, so what came after its last state "
            f"({counted(unconfirmed, 'record')}) was held back and not sent to Pigment: run the sync again, and the "
            "source sends it again."
        )
    if replaces and misses_records:
        return Hold(None)
    if replaces and proof in {Proof.UNPROVED, Proof.INCOMPLETE}:
        return Hold(
            f"The source did not finish the {stream.subject}, so its block in Pigment was left as it was: fix what "
            "stopped the source, and run the sync again."
        )
    return Release.GO

"""When the input has ended: may a block be replaced, and is anything left that the source has not confirmed? Pure.

Rows of a stream that adds never need a decision: `StreamFiles` gives away only what lies before its watermark, which
`Intake` raises where the source confirms. What lies after it then stays here, and this module says so to the user.
The rows of a stream that replaces its block all wait for the end, and this module decides whether they go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.input.completion import Proof


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
    after_watermark: int,
    misses_records: bool,
    is_followed: bool,
    has_waited: bool,
) -> Release | Hold:
    """Whether what is still here of a stream may go when the input has ended.

    `after_watermark` counts the records after the last that the source has confirmed. `misses_records`: the source
    counted more records than came. `is_followed`: other imports are started after the sync, so every stream must be
    proved complete.
    """
    replaces = stream.mode is WriteMode.REPLACE
    depends_on_wait = proof is Proof.IF_STILL_WANTED or (is_followed and proof is Proof.UNPROVED)
    if depends_on_wait and not has_waited and (replaces or is_followed):
        return Release.WAIT
    if not replaces and after_watermark:
        last, them = ("record", "it was") if after_watermark == 1 else (f"{after_watermark:,} records", "they were")
        return Hold(
            f"The source ended without confirming the last {last} of the {stream.subject}, so {them} not sent to "
            f"Pigment: run the sync again, and the source sends {'it' if after_watermark == 1 else 'them'} again."
        )
    if replaces and misses_records:
        return Hold(None)
    if replaces and proof in {Proof.UNPROVED, Proof.INCOMPLETE}:
        return Hold(
            f"The source did not finish the {stream.subject}, so its block in Pigment was left as it was: fix what "
            "stopped the source, and run the sync again."
        )
    return Release.GO

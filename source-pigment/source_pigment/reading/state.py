"""Which slices of a stream are finished: its state, as it leaves and as it comes back. Pure.

Slices finish in order, so a number says it all; a fingerprint of their payloads makes sure that the number is not
applied to other slices. A stream whose slices are all finished says so with the key that the CDK uses for this: when
an attempt fails after it, the next attempt does not read it again. A new sync begins without the state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

COMPLETE = {"__ab_full_refresh_sync_complete": True}


def state_after(finished: int, slices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The state when so many slices are finished."""
    if finished >= len(slices):
        return {**COMPLETE, "slices": fingerprint(slices)}
    return {"finished_slices": finished, "slices": fingerprint(slices)}


def finished_slices(state: Mapping[str, Any] | None, slices: Sequence[Mapping[str, Any]]) -> int:
    """How many slices the state says are finished; none where it is of other slices, or cannot be read."""
    if not state:
        return 0
    if state.get("slices", fingerprint(slices)) != fingerprint(slices):
        return 0
    if state.get("__ab_full_refresh_sync_complete") is True:
        return len(slices)
    finished = state.get("finished_slices")
    if "slices" not in state or not isinstance(finished, int):
        return 0
    return finished if 0 <= finished <= len(slices) else 0


def fingerprint(slices: Sequence[Mapping[str, Any]]) -> str:
    """A short text that differs when the payloads differ."""
    return hashlib.sha256(json.dumps(list(slices), sort_keys=True).encode()).hexdigest()[:16]

"""Which slices of a stream are finished: its state, as it is sent and as it is given back. Pure.

The state of a stream with several slices names those that are finished, with a fingerprint of their block and payloads,
so that the numbers are never applied to other slices. It is valid only for attempts of the same sync: a later attempt
must not send again what was stored, while another sync must not leave out what an earlier one read, because it may
replace all that was stored. So a state contains the identity of its sync, if there is a way to tell. Where there is
none, an interrupted sync is resumed, and once all slices are finished the state means nothing: clients that never clear
one (PyAirbyte, Meltano's tap-airbyte, airbyte-serverless) must not skip everything forever.

A stream of one export has nothing to resume: its state is the CDK's constant for that, and is never read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NOTHING_TO_RESUME = {"__ab_no_cursor_state_message": True}

Slices = Sequence[Mapping[str, Any]]


def sync_identity(job_id: str | None, sync_ids: Iterable[tuple[int | None, int | None]]) -> str | None:
    """What the attempts of one sync share and no other sync has; None if nothing tells.

    The platform names the job in the environment (`WORKER_JOB_ID`), and in the catalog where the destination supports
    refreshes (`sync_id`, set by its CatalogGenerationSetter). PyAirbyte writes a 1 for every id of the catalog.
    """
    if job_id:
        return f"job {job_id}"
    known = {sync_id for sync_id, generation_id in sync_ids if sync_id and (sync_id, generation_id) != (1, 1)}
    return f"sync {min(known)}" if known else None


def state_after(sent_slices: Iterable[int], slices: Slices, identity: str | None) -> dict[str, Any]:
    """The state when these slices are finished, in the sync with this identity."""
    if len(slices) < 2:
        return dict(NOTHING_TO_RESUME)
    state = {"finished_slices": sorted(sent_slices), "slices": fingerprint(slices)}
    return {**state, "sync": identity} if identity else state


def finished_slices(state: Mapping[str, Any] | None, slices: Slices, identity: str | None) -> frozenset[int]:
    """The slices that need not be read again; none if the state is of other slices or another sync, or not readable."""
    if not state or len(slices) < 2 or state.get("slices") != fingerprint(slices) or state.get("sync") != identity:
        return frozenset()
    finished = state.get("finished_slices")
    if not isinstance(finished, list) or not all(each in range(len(slices)) for each in finished):
        return frozenset()
    if len(set(finished)) == len(slices) and identity is None:
        return frozenset()
    return frozenset(finished)


def fingerprint(slices: Slices) -> str:
    """A short text that differs when the slices differ."""
    return hashlib.sha256(json.dumps(list(slices), sort_keys=True).encode()).hexdigest()[:16]

"""A job: the attempts of one sync, and what the platform keeps from one to the next.

A stream whose source says `is_resumable` keeps its state and its generation on the next attempt; every other
full-refresh stream begins without a state and, where there are generations, with a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airbyte_platform.process import Message
from airbyte_platform.ways import Way, catalog_for

_KEPT = {"type", "stream"}
_IN_PROTOCOL = {"overwrite_dedup": "overwrite"}


@dataclass(slots=True)
class Job:
    """One sync of full-refresh streams until it succeeds."""

    streams: Sequence[dict[str, Any]]
    mode: str
    way: Way
    first_generation: int = 1
    id: int = 1
    attempts: int = 1
    _generations: dict[int, int] = field(default_factory=dict)
    _states: dict[tuple[str | None, str], Message] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._generations = dict.fromkeys(range(len(self.streams)), self.first_generation)

    @property
    def catalog(self) -> dict[str, Any]:
        """The configured catalog of this attempt."""
        return catalog_for(self.streams, self.mode, self.way, generations=self._generations, sync_id=self.id)

    @property
    def source_catalog(self) -> dict[str, Any]:
        """The same for the source, in words that the protocol knows: it has no `overwrite_dedup`.

        Ours has no incremental streams; how a stream is read is nothing that the destination learns.
        """
        catalog = self.catalog
        for each in catalog["streams"]:
            each["sync_mode"] = "full_refresh"
            each["destination_sync_mode"] = _IN_PROTOCOL.get(
                each["destination_sync_mode"], each["destination_sync_mode"]
            )
        return catalog

    @property
    def environment(self) -> dict[str, str]:
        """What the platform says of the job in the environment of each connector."""
        return {"WORKER_JOB_ID": str(self.id), "WORKER_JOB_ATTEMPT": str(self.attempts - 1)}

    @property
    def state(self) -> list[Message] | None:
        """The states that this attempt of the source begins with."""
        return list(self._states.values()) or None

    def attempt_failed(self, states_back: Sequence[Message]) -> None:
        """The next attempt begins: what it begins with follows from the states that came back from this one."""
        self.attempts += 1
        resumable = {_key(each) for each in self.streams if each.get("is_resumable")}
        for state in states_back:
            # A global state is of no use to a stream that does not resume.
            key = _key(state["stream"]["stream_descriptor"]) if "stream" in state else None
            if key in resumable:
                self._states[key] = {name: value for name, value in state.items() if name in _KEPT}
        for position, each in enumerate(self.streams):
            if _key(each) not in resumable:
                self._generations[position] += 1


def _key(named: dict[str, Any]) -> tuple[str | None, str]:
    return named.get("namespace"), named["name"]

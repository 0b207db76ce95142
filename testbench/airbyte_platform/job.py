"""A job as the platform runs it: the attempts of one sync, what is kept between them, and what the catalog says.

The platform asks a destination for the same thing in two ways. A custom image gets neither generation ids nor stream
statuses, and "overwrite" as such. A connector whose definition claims `supportsRefreshes` gets both: COMPLETE for every
stream once the source has succeeded, and "overwrite" as "append" with `generation_id == minimum_generation_id > 0`.

"Refresh and remove records" sets the minimum of any stream to its generation and changes nothing else: a stream that is
incremental stays so (airbyte-platform, CatalogGenerationSetter).

A stream whose source says `is_resumable` keeps its state and its generation on the next attempt; every other
full-refresh stream begins without a state and, where there are generations, with a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airbyte_platform.process import Message

# Jobs of all connections are counted together, so that almost none has the number 1, which PyAirbyte gives.
FIRST_JOB = 7

_WITHOUT_OVERWRITE = {"overwrite": "append", "overwrite_dedup": "append_dedup"}


@dataclass(frozen=True, slots=True)
class Way:
    """What the platform gives a destination; `refreshes` is "Refresh and remove records" of incremental streams."""

    generations: bool
    statuses: bool
    refreshes: bool = False


CUSTOM_IMAGE = Way(generations=False, statuses=False)
REGISTRY = Way(generations=True, statuses=True)
REFRESH = Way(generations=True, statuses=True, refreshes=True)


def catalog_for(
    streams: Iterable[Mapping[str, Any]],
    mode: str,
    way: Way,
    *,
    generations: Mapping[int, int] | None = None,
    sync_id: int = FIRST_JOB,
    sync_mode: str = "full_refresh",
) -> dict[str, Any]:
    """The configured catalog; `generations` are the streams' by position, 1 where not given."""
    configured = []
    for position, stream in enumerate(streams):
        generation = (generations or {}).get(position, 1)
        replaces = way.refreshes or mode in _WITHOUT_OVERWRITE
        each: dict[str, Any] = {
            "stream": stream,
            "sync_mode": "incremental" if way.refreshes else sync_mode,
            "destination_sync_mode": _WITHOUT_OVERWRITE.get(mode, mode) if way.generations else mode,
        }
        if mode.endswith("dedup"):
            each["primary_key"] = stream.get("source_defined_primary_key") or []
        if way.generations:
            each |= {
                "generation_id": generation,
                "minimum_generation_id": generation if replaces else 0,
                "sync_id": sync_id,
            }
        configured.append(each)
    return {"streams": configured}


def refreshed(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """The catalog of "Refresh and remove records" for all streams of a catalog that has generations."""
    return {
        "streams": [
            {**each, "generation_id": generation, "minimum_generation_id": generation}
            for each in catalog["streams"]
            for generation in [each["generation_id"] + 1]
        ]
    }


def complete(stream: Mapping[str, Any]) -> dict[str, Any]:
    """The status that the platform sends for a stream whose source has succeeded."""
    descriptor = {name: stream[name] for name in ("name", "namespace") if stream.get(name)}
    status = {"stream_descriptor": descriptor, "status": "COMPLETE"}
    return {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status}}


_KEPT = {"type", "stream"}
_IN_PROTOCOL = {"overwrite_dedup": "overwrite"}


@dataclass(slots=True)
class Job:
    """One sync of full-refresh streams until it succeeds."""

    streams: Sequence[dict[str, Any]]
    mode: str
    way: Way
    first_generation: int = 1
    id: int = FIRST_JOB
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
        """What the platform sets about the job in the environment of each connector."""
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

"""The two ways in which the platform asks a destination for the same thing, and what its catalog says then.

A custom image gets neither generation ids nor stream statuses, and "overwrite" as such. A connector whose definition
claims `supportsRefreshes` gets both: COMPLETE for every stream once the source has succeeded, and "overwrite" as
"append" with `generation_id == minimum_generation_id > 0`.

"Refresh and remove records" sets the minimum of any stream to its generation and changes nothing else: a stream that is
incremental stays so (airbyte-platform, CatalogGenerationSetter).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
    sync_id: int = 1,
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
    """What the platform says of a stream whose source has succeeded."""
    descriptor = {name: stream[name] for name in ("name", "namespace") if stream.get(name)}
    status = {"stream_descriptor": descriptor, "status": "COMPLETE"}
    return {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status}}

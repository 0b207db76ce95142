"""The configured catalog as this destination needs it: which streams come, and what to do with them. Pure.

The platform asks for "replace" in two ways: as the sync mode `overwrite`, or, where it knows that a destination
supports refreshes, with `generation_id == minimum_generation_id > 0`. A stream that is refreshed this way stays
incremental (airbyte-platform, CatalogGenerationSetter). PyAirbyte sets equal generations without asking for a
replacement: its ids are all 1, while the platform's `sync_id` is the number of the job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pigment_airbyte.failures import ConfigProblem

StreamKey = tuple[str | None, str]


class WriteMode(StrEnum):
    """What a sync does to its block."""

    APPEND = "append"
    APPEND_DEDUP = "append_dedup"
    REPLACE = "replace"


class DateKind(StrEnum):
    """What a column of dates contains by its schema: days, or moments with or without a zone."""

    DAY = "date"
    MOMENT = "date-time"


class CursorKind(StrEnum):
    """How the values of a cursor compare."""

    NUMBER = "number"
    INSTANT = "instant"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class DestinationStream:
    """A stream of the sync; `has_generation` says whether the platform gave it a generation id.

    `sync_id` is the number of the platform's job, if it is given. `primary_key` are the columns by which the stream is
    deduplicated, none where it is not; of the records of one key the one with the greatest `cursor` counts.
    `waits_for_proof`: its rows go only when the source has succeeded, because a state proves nothing.
    """

    namespace: str | None
    name: str
    mode: WriteMode
    columns: tuple[str, ...]
    object_name: str | None = None
    has_generation: bool = False
    date_columns: Mapping[str, DateKind] = field(default_factory=dict, hash=False)
    sync_id: int | None = None
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    cursor_kind: CursorKind = CursorKind.TEXT
    waits_for_proof: bool = False

    @property
    def key(self) -> StreamKey:
        """Its identity: streams of one name in two namespaces are two streams."""
        return self.namespace, self.name

    @property
    def subject(self) -> str:
        """What the user calls it."""
        return named(self.key)


class StreamNames:
    """Finds the streams of the catalog by the names that messages use."""

    def __init__(self, keys: Iterable[StreamKey]) -> None:
        self._keys = frozenset(keys)
        counts = Counter(name for _, name in self._keys)
        self._only = {key[1]: key for key in self._keys if counts[key[1]] == 1}

    def resolve(self, key: StreamKey) -> StreamKey | None:
        """The stream that a message means: one without a namespace means the only stream of its name."""
        if key in self._keys:
            return key
        return self._only.get(key[1]) if key[0] is None else None


def named(key: StreamKey) -> str:
    """What the user calls a stream."""
    return f'stream "{key[1]}"' + (f' of "{key[0]}"' if key[0] else "")


def parse_catalog(catalog: Mapping[str, Any]) -> tuple[DestinationStream, ...]:
    """The streams of a configured catalog."""
    return tuple(_stream(each) for each in catalog.get("streams") or ())


def is_airbyte_column(name: str) -> bool:
    """Whether a column is Airbyte's own; these are not sent."""
    return name.startswith("_airbyte_")


def _stream(configured: Mapping[str, Any]) -> DestinationStream:
    stream = configured["stream"]
    properties: Mapping[str, Any] = (stream.get("json_schema") or {}).get("properties") or {}
    columns = tuple(sorted(name for name in properties if not is_airbyte_column(name)))
    return DestinationStream(
        namespace=stream.get("namespace") or None,
        name=stream["name"],
        mode=_mode(configured),
        columns=columns,
        has_generation=configured.get("generation_id") is not None,
        sync_id=configured.get("sync_id"),
        object_name=(configured.get("destination_object_name") or "").strip() or None,
        date_columns={name: kind for name in columns if (kind := _date_kind(properties[name])) is not None},
    )


def _mode(configured: Mapping[str, Any]) -> WriteMode:
    asked = configured.get("destination_sync_mode") or "append"
    if asked.startswith("overwrite") or _replaces_by_generation(configured):
        return WriteMode.REPLACE
    if asked not in {"append", "append_dedup"}:
        raise ConfigProblem(
            f'The sync mode "{asked}" of the stream "{configured["stream"]["name"]}" is not supported: choose append, '
            "append + deduped, or one that overwrites."
        )
    return WriteMode.APPEND_DEDUP if asked == "append_dedup" else WriteMode.APPEND


def _replaces_by_generation(configured: Mapping[str, Any]) -> bool:
    generation, minimum = configured.get("generation_id") or 0, configured.get("minimum_generation_id") or 0
    sync_id = configured.get("sync_id")
    if generation != minimum or minimum <= 0:
        return False
    return configured.get("sync_mode") == "full_refresh" or (sync_id is not None and {minimum, sync_id} != {1})


def _date_kind(schema: Any) -> DateKind | None:
    """What kind of dates a column contains; None if it may also contain other texts."""
    kinds = {_format(each) for each in _alternatives(schema)} - {"null"}
    if not kinds or not kinds <= set(DateKind):
        return None
    return DateKind.DAY if kinds == {DateKind.DAY} else DateKind.MOMENT


def _alternatives(schema: Any) -> Iterator[Mapping[str, Any]]:
    """The schemas of which one must match, at any depth of nesting."""
    if not isinstance(schema, dict):
        return
    inside = [each for word in ("oneOf", "anyOf", "allOf") for each in schema.get(word) or ()]
    if not inside or "format" in schema:
        yield schema
        return
    for each in inside:
        yield from _alternatives(each)


def _format(schema: Mapping[str, Any]) -> str | None:
    """What a schema calls its values: a format of dates, "null", or None for anything else.

    A format applies to strings only (JSON Schema), so a number that has one is a number.
    """
    words = schema.get("type")
    types = {words} if isinstance(words, str) else {each for each in words or () if isinstance(each, str)}
    if types == {"null"}:
        return "null"
    if types and "string" not in types:
        return None
    if str(schema.get("airbyte_type")).startswith("timestamp_with"):
        return DateKind.MOMENT
    found = schema.get("format")
    return found if isinstance(found, str) and found in set(DateKind) else None

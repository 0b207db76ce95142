"""The configured catalog as this destination needs it: which streams come, and what to do with them. Pure.

The platform asks for "replace" in two ways: as the sync mode `overwrite`, or, where it knows that a destination
supports refreshes, with `generation_id == minimum_generation_id > 0`. A stream that is refreshed this way stays
incremental (airbyte-platform, CatalogGenerationSetter). PyAirbyte sets equal generations without asking for a
replacement: its ids are all 1, while the platform's `sync_id` is the number of the job, which only the very first job
of a platform has in common with it.

The same record of a key must not stand twice in a file, so a stream that is deduplicated needs a primary key of whole
columns that the schema has. Without a cursor, the last record of a key to arrive counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pigment_airbyte.failures import ConfigProblem

StreamKey = tuple[str | None, str]

# What the connector adds to each row where the user wants it: when it was loaded, and by which sync.
LOADED_AT = "_pigment_loaded_at"
SYNC_ID = "_pigment_sync_id"
STAMP_COLUMNS = (LOADED_AT, SYNC_ID)


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
    `is_incremental`: the source sends only what is new. `waits_for_proof`: its rows go only when the source has
    succeeded, because a state proves nothing. `number_columns` are those whose texts are numbers by the schema.
    `is_refreshed`: it replaces only because a refresh was started, and appends in the next sync.
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
    is_incremental: bool = False
    number_columns: frozenset[str] = frozenset()
    is_refreshed: bool = False

    @property
    def key(self) -> StreamKey:
        """Its identity: streams of one name in two namespaces are two streams."""
        return self.namespace, self.name

    @property
    def subject(self) -> str:
        """What the user calls it."""
        return named(self.key)

    @property
    def sync_mode(self) -> str:
        """Its sync mode as Airbyte shows it: `Full Refresh | Overwrite`."""
        reads = "Incremental" if self.is_incremental or self.is_refreshed else "Full Refresh"
        writes = "Overwrite" if self.mode is WriteMode.REPLACE and not self.is_refreshed else "Append"
        return f"{reads} | {writes}{' + Deduped' if self.primary_key else ''}"


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
    return tuple(_stream(each) for each in catalog["streams"] or ())


def is_airbyte_column(name: str) -> bool:
    """Whether a column is Airbyte's own; these are not sent."""
    return name.startswith("_airbyte_")


def _stream(configured: Mapping[str, Any]) -> DestinationStream:
    stream = configured["stream"]
    key: StreamKey = stream.get("namespace") or None, stream["name"]
    _require_unicode(stream)
    properties: Mapping[str, Any] = (stream.get("json_schema") or {}).get("properties") or {}
    columns = tuple(sorted(name for name in properties if not is_airbyte_column(name)))
    mode = _mode(configured)
    is_full_refresh = configured.get("sync_mode") == "full_refresh"
    has_generation = configured.get("generation_id") is not None
    cursor = _cursor(configured, named(key), columns) if _is_deduplicated(configured) else None
    return DestinationStream(
        namespace=key[0],
        name=key[1],
        mode=mode,
        columns=columns,
        has_generation=has_generation,
        sync_id=configured.get("sync_id"),
        object_name=(configured.get("destination_object_name") or "").strip() or None,
        date_columns={name: kind for name in columns if (kind := _date_kind(properties[name])) is not None},
        primary_key=_primary_key(configured, named(key), columns) if _is_deduplicated(configured) else (),
        cursor=cursor,
        cursor_kind=CursorKind.TEXT if cursor is None else _cursor_kind(properties[cursor]),
        waits_for_proof=mode is WriteMode.REPLACE
        # Only with a generation id does the platform keep the states of such a stream for a second attempt.
        or (is_full_refresh and not (stream.get("is_resumable") and has_generation)),
        is_incremental=not (is_full_refresh or _replaces_by_generation(configured)),
        is_refreshed=mode is WriteMode.REPLACE
        and not (is_full_refresh or _asked_mode(configured).startswith("overwrite")),
        number_columns=frozenset(name for name in columns if _has_numbers(properties[name])),
    )


def _require_unicode(stream: Mapping[str, Any]) -> None:
    """Raise `ConfigProblem` for a name with half of a surrogate pair, which no file and no message can contain."""
    properties = (stream.get("json_schema") or {}).get("properties") or {}
    columns = [(f'column "{_printable(name)}"', name) for name in properties]
    for what, name in [("name", stream["name"]), ("namespace", stream.get("namespace") or ""), *columns]:
        if name != _printable(name):
            raise ConfigProblem(
                f'The stream "{_printable(stream["name"])}" has a {what} that is not valid Unicode (it contains half '
                "of a surrogate pair), so it cannot be sent: deselect it in Airbyte, or rename it in the source and "
                "refresh the schema of the connection."
            )


def _printable(name: str) -> str:
    return name.encode(errors="replace").decode()


def _mode(configured: Mapping[str, Any]) -> WriteMode:
    asked = _asked_mode(configured)
    if asked.startswith("overwrite") or _replaces_by_generation(configured):
        return WriteMode.REPLACE
    if asked not in {"append", "append_dedup"}:
        raise ConfigProblem(
            f'The sync mode "{asked}" of the stream "{configured["stream"]["name"]}" is not supported: choose append, '
            "append + deduped, or one that overwrites."
        )
    return WriteMode.APPEND_DEDUP if asked == "append_dedup" else WriteMode.APPEND


def _asked_mode(configured: Mapping[str, Any]) -> str:
    return configured.get("destination_sync_mode") or "append"


def _is_deduplicated(configured: Mapping[str, Any]) -> bool:
    return _asked_mode(configured).endswith("_dedup")


def _replaces_by_generation(configured: Mapping[str, Any]) -> bool:
    generation, minimum = configured.get("generation_id") or 0, configured.get("minimum_generation_id") or 0
    is_from_pyairbyte = minimum == 1 and configured.get("sync_id") in {None, 1}
    return bool(generation == minimum > 0 and not is_from_pyairbyte)


def _primary_key(configured: Mapping[str, Any], subject: str, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns of the key; raises `ConfigProblem` where it does not consist of columns of the stream."""
    paths = configured.get("primary_key") or configured["stream"].get("source_defined_primary_key") or ()
    if not any(paths):
        raise ConfigProblem(
            f"The {subject} is to be deduplicated and has no primary key, so it is not known which of its rows are the "
            'same: choose a primary key in Airbyte, or a sync mode without "Deduped".'
        )
    for path in paths:
        if len(path) > 1:
            raise ConfigProblem(
                f'The primary key of the {subject} has the field "{".".join(path)}", which is inside a column, and '
                "Pigment gets whole columns: choose a primary key of columns in Airbyte, or a sync mode without "
                '"Deduped".'
            )
        if path and path[0] not in columns:
            raise ConfigProblem(
                f'The primary key of the {subject} has the column "{path[0]}", which this connection does not send: '
                'select the column in Airbyte, or choose another primary key or a sync mode without "Deduped".'
            )
    return tuple(dict.fromkeys(path[0] for path in paths if path))


def _cursor(configured: Mapping[str, Any], subject: str, columns: Sequence[str]) -> str | None:
    """The column of the cursor, None where it is no column of the stream; raises `ConfigProblem` for a nested one."""
    path: Sequence[str] = configured.get("cursor_field") or configured["stream"].get("default_cursor_field") or ()
    if len(path) > 1:
        raise ConfigProblem(
            f'The cursor of the {subject} is the field "{".".join(path)}", which is inside a column, so it cannot be '
            "compared to find the latest of the records with the same key: choose a cursor that is a column in "
            'Airbyte, or a sync mode without "Deduped".'
        )
    return path[0] if len(path) == 1 and path[0] in columns else None


def _cursor_kind(schema: Any) -> CursorKind:
    if _date_kind(schema) is not None:
        return CursorKind.INSTANT
    return CursorKind.NUMBER if _has_numbers(schema) else CursorKind.TEXT


def _has_numbers(schema: Any) -> bool:
    """Whether the texts of a column are numbers: its schema allows a number, and no other text.

    Numbers of any length travel as texts (protocol: `big_number`, `big_integer`).
    """
    is_big = _is_big(schema)
    types = [
        {"number"} if "string" in words and (is_big or _is_big(each)) else words
        for each in _alternatives(schema)
        if (words := _types(each) - {"null"}) or "type" not in each
    ]
    return all(each and "string" not in each for each in types) and any(each & {"number", "integer"} for each in types)


def _is_big(schema: Any) -> bool:
    return isinstance(schema, dict) and str(schema.get("airbyte_type")).startswith("big_")


def _types(schema: Mapping[str, Any]) -> set[str]:
    words = schema.get("type")
    return {words} if isinstance(words, str) else {each for each in words or () if isinstance(each, str)}


def _date_kind(schema: Any) -> DateKind | None:
    """What kind of dates a column contains; None if it may also contain other texts."""
    kinds = {_format(each) for each in _alternatives(schema)} - {"null"}
    if not kinds or not kinds <= set(DateKind):
        return None
    return DateKind.DAY if kinds == {DateKind.DAY} else DateKind.MOMENT


def _alternatives(schema: Any) -> Iterator[Mapping[str, Any]]:
    """The schemas of which one must match, at any depth of nesting."""
    if not isinstance(schema, dict):
        yield {}  # true allows anything
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
    types = _types(schema)
    if types == {"null"}:
        return "null"
    if types and "string" not in types:
        return None
    if str(schema.get("airbyte_type")).startswith("timestamp_with"):
        return DateKind.MOMENT
    found = schema.get("format")
    return found if isinstance(found, str) and found in set(DateKind) else None

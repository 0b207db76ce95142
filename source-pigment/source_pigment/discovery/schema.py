"""The schema of a stream, as it leaves in the catalog and as it comes back in a configured one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pigment_airbyte.name_list import with_noun
from source_pigment.discovery.names import column_names

RECORD_ID = "_pigment_record_id"
CONTENT_HASH = "_pigment_content_hash"

# Beside `properties`: which block or view a stream is, whatever it is called by then, and what its columns were.
_ANNOTATION = "x-pigment"


class ColumnType(StrEnum):
    """What the values of a column are in a record."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


_JSON_SCHEMAS: dict[ColumnType, dict[str, Any]] = {
    ColumnType.TEXT: {"type": ["null", "string"]},
    ColumnType.NUMBER: {"type": ["null", "number"]},
    ColumnType.BOOLEAN: {"type": ["null", "boolean"]},
    ColumnType.DATE: {"type": ["null", "string"], "format": "date"},
}


@dataclass(frozen=True, slots=True)
class StreamSchema:
    """The columns of a stream in the order of the export, its primary key (empty if none), and the header line."""

    columns: dict[str, ColumnType]
    primary_key: tuple[str, ...]
    header: tuple[str, ...]

    def json_schema(self, object_id: str, *, row_metadata: bool, application_id: str | None = None) -> dict[str, Any]:
        """The schema of a record; every value may be null, because every value may be blank.

        The application is noted where the connection reads several.
        """
        application = {} if application_id is None else {"application": application_id}
        properties = {name: dict(_JSON_SCHEMAS[type_]) for name, type_ in self.columns.items()}
        if row_metadata:
            properties |= {name: {"type": ["null", "string"]} for name in (RECORD_ID, CONTENT_HASH)}
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": True,
            _ANNOTATION: {"id": object_id, **application, "header": list(self.header)},
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """What becomes of an export's columns: in their order the names under which they are sent (None: deselected).

    `new` are the columns that the schema does not know; they are sent as text, because nobody deselected them.
    """

    names: tuple[str | None, ...]
    types: tuple[ColumnType, ...]
    new: tuple[str, ...]


class ColumnsChanged(Exception):
    """The columns of an export are not those of the configured schema."""


class ColumnsMissing(ColumnsChanged):
    """Columns that the schema names are not there."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(with_noun("column", names))


class ColumnsAmbiguous(ColumnsChanged):
    """Columns that share a title, or have none, are more or fewer than they were: which is which is not known."""


@dataclass(frozen=True, slots=True)
class ConfiguredSchema:
    """What a configured stream's schema says: the columns that the user selected, and what discovery noted.

    `object_id` and `header` are None in a catalog that an older version discovered, `application_id` also where the
    connection read one application.
    """

    types: Mapping[str, ColumnType]
    object_id: str | None
    header: tuple[str, ...] | None
    application_id: str | None = None

    @classmethod
    def of(cls, json_schema: Mapping[str, Any]) -> ConfiguredSchema:
        """Read back what `json_schema` wrote, and whatever else a platform made of it."""
        properties = json_schema.get("properties")
        types = {name: _type_of(each) for name, each in properties.items()} if isinstance(properties, Mapping) else {}
        annotation = json_schema.get(_ANNOTATION)
        annotation = annotation if isinstance(annotation, Mapping) else {}
        object_id, header, application_id = (annotation.get(word) for word in ("id", "header", "application"))
        return cls(
            {name: type_ for name, type_ in types.items() if name not in (RECORD_ID, CONTENT_HASH)},
            object_id if isinstance(object_id, str) else None,
            tuple(map(str, header)) if isinstance(header, list) else None,
            application_id if isinstance(application_id, str) else None,
        )

    def select(self, header: Sequence[str]) -> Selection:
        """What becomes of the columns of this header line; raises `ColumnsChanged`."""
        names = _column_names(header)
        missing = sorted(set(self.types) - set(names))
        if missing:
            raise ColumnsMissing(missing)
        if self._is_ambiguous(header, names):
            raise ColumnsAmbiguous
        deselected = set(_column_names(self.header or ())) - set(self.types)
        return Selection(
            tuple(None if name in deselected else name for name in names),
            tuple(self.types.get(name, ColumnType.TEXT) for name in names),
            tuple(name for name in names if name not in self.types and name not in deselected),
        )

    def _is_ambiguous(self, header: Sequence[str], names: Sequence[str]) -> bool:
        """Whether the number of columns of one title, or of none, has changed and one of them is wanted."""
        counts = Counter(header)
        if self.header is None:
            # Without the header of the discovery, a column that is not selected may be a new one.
            return any(
                name not in self.types and (not title or counts[title] > 1)
                for name, title in zip(names, header, strict=True)
            )
        before = Counter(self.header)
        shared = {title for title in before | counts if not title or (before | counts)[title] > 1}
        # What is new, gone or deselected altogether mixes nothing up.
        known = zip((*names, *_column_names(self.header)), (*header, *self.header), strict=True)
        wanted = {title for name, title in known if name in self.types}
        return any(0 < before[title] != counts[title] > 0 for title in shared & wanted)


def _column_names(header: Sequence[str]) -> list[str]:
    return column_names(header, taken=(RECORD_ID, CONTENT_HASH))


def _type_of(schema: Any) -> ColumnType:
    if not isinstance(schema, Mapping):
        # `true` is a schema, too: of anything.
        return ColumnType.TEXT
    words = schema.get("type") or []
    words = [words] if isinstance(words, str) else words
    if "number" in words or "integer" in words:
        return ColumnType.NUMBER
    if "boolean" in words:
        return ColumnType.BOOLEAN
    return ColumnType.DATE if schema.get("format") == "date" else ColumnType.TEXT

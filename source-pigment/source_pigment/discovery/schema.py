"""The schema of a stream, as it leaves in the catalog and as it comes back in a configured one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pigment_client.models import Block, BlockType, ExportKind
from pigment_client.wording import with_noun
from pigment_csv.values import BOOLEANS, is_iso_date, is_json_number
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


# The field of a payload that is a metric's value; the others are dimensions and scenarios.
_VALUE_FIELD = "ValueField"


@dataclass(frozen=True, slots=True)
class Sample:
    """The header line of an export and its first rows."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names that explain the columns of an application's exports.

    `metrics` are the names that only metrics have, `dimensions` those of the dimension lists. A metric named like a
    dimension list explains nothing as a metric: the list's column has that name, too.
    """

    metrics: frozenset[str] = frozenset()
    dimensions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class InferenceOptions:
    """Whether to infer types, and what tells values from items.

    `field_types` are the types of the fields that a payload asks for, in their order (empty where it asks for none);
    `has_scenarios` says that it asks for scenarios, which makes a column of them.
    """

    infer: bool
    names: KnownNames = KnownNames()
    field_types: tuple[str, ...] = ()
    has_scenarios: bool = False


def make_schema(kind: ExportKind, block: Block | None, sample: Sample, options: InferenceOptions) -> StreamSchema:
    """The schema of a block's or view's stream; `block` is None for a view."""
    names = column_names(sample.header, taken=(RECORD_ID, CONTENT_HASH))
    values = _value_positions(kind, sample, options)
    columns: dict[str, ColumnType] = {}
    for position, name in enumerate(names):
        inferred = options.infer and position in values
        columns[name] = infer_type([row[position] for row in sample.rows]) if inferred else ColumnType.TEXT
    key = _key_positions(kind, block, sample, values, options)
    held = key if _holds(key, sample) else ()
    return StreamSchema(columns, tuple(names[position] for position in held), tuple(sample.header))


def infer_type(values: Sequence[str]) -> ColumnType:
    """The type that every value of a sample has; text where there is none but blanks."""
    present = [value for value in values if value]
    if not present:
        return ColumnType.TEXT
    if all(value in BOOLEANS for value in present):
        return ColumnType.BOOLEAN
    if all(is_iso_date(value) for value in present):
        return ColumnType.DATE
    return ColumnType.NUMBER if all(is_json_number(value) for value in present) else ColumnType.TEXT


def _value_positions(kind: ExportKind, sample: Sample, options: InferenceOptions) -> frozenset[int]:
    """The positions of the columns that hold values or properties; the others hold items, which are text."""
    width = len(sample.header)
    if len(options.field_types) == width:
        return frozenset(position for position, word in enumerate(options.field_types) if word == _VALUE_FIELD)
    match kind:
        case ExportKind.LIST:
            return frozenset(range(1, width))
        case ExportKind.METRIC:
            return frozenset({width - 1})
        case ExportKind.TABLE | ExportKind.VIEW:
            metrics = options.names.metrics
            return frozenset(at for at, name in enumerate(sample.header) if name in metrics) or _trailing_numbers(
                sample
            )


def _trailing_numbers(sample: Sample) -> frozenset[int]:
    found: set[int] = set()
    for position in range(len(sample.header) - 1, -1, -1):
        if infer_type([row[position] for row in sample.rows]) is not ColumnType.NUMBER:
            break
        found.add(position)
    return frozenset(found)


def _key_positions(
    kind: ExportKind, block: Block | None, sample: Sample, values: frozenset[int], options: InferenceOptions
) -> tuple[int, ...]:
    if block is not None and block.columns is not None:
        marked = {column.name for column in block.columns if column.is_key}
        richer = tuple(position for position, name in enumerate(sample.header) if name in marked)
        # A part of a key is no key.
        if len(richer) == len(marked) > 0:
            return richer
        if marked and richer:
            return ()
    match kind:
        case ExportKind.LIST:
            return (0,) if block is not None and block.type is BlockType.DIMENSION_LIST else ()
        case ExportKind.METRIC | ExportKind.TABLE:
            key = tuple(position for position in range(len(sample.header)) if position not in values)
            return key if _is_explained(kind, sample.header, key, options) else ()
        case ExportKind.VIEW:
            return ()


def _is_explained(kind: ExportKind, header: Sequence[str], key: Sequence[int], options: InferenceOptions) -> bool:
    """Whether it is known of every column that it is a dimension, the scenario or a value.

    A metric that the key's owner cannot see leaves a column that nobody can tell from a dimension's: with it in the
    key, two rows of one cell would be two records. A metric's own export has one value, its last column.
    """
    if len(options.field_types) == len(header):
        return True
    unknown = [header[position] for position in key if header[position] not in options.names.dimensions]
    values = [name for position, name in enumerate(header) if position not in key]
    is_known = kind is ExportKind.METRIC or all(name in options.names.metrics for name in values)
    return is_known and len(unknown) == options.has_scenarios


def _holds(key: Sequence[int], sample: Sample) -> bool:
    """Whether the sample has neither a blank nor a repeat in the key."""
    keys = [tuple(row[position] for position in key) for row in sample.rows]
    return bool(key) and len(set(keys)) == len(keys) and all(all(parts) for parts in keys)

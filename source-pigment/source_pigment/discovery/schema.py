"""What the columns of an export are: names, types and keys, from its header and a sample of its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pigment_client.models import Block, BlockType, ExportKind
from pigment_csv.values import BOOLEANS, is_iso_date, is_json_number
from source_pigment.discovery.names import column_names

RECORD_ID = "_pigment_record_id"
CONTENT_HASH = "_pigment_content_hash"


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
class Sample:
    """The header line of an export and its first rows."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class StreamSchema:
    """The columns of a stream in the order of the export, and its primary key (empty if there is none)."""

    columns: dict[str, ColumnType]
    primary_key: tuple[str, ...]

    def json_schema(self, *, row_metadata: bool) -> dict[str, Any]:
        """The schema of a record; every value may be null, because every value may be blank."""
        properties = {name: dict(_JSON_SCHEMAS[type_]) for name, type_ in self.columns.items()}
        if row_metadata:
            properties |= {name: {"type": ["null", "string"]} for name in (RECORD_ID, CONTENT_HASH)}
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": True,
        }


def make_schema(kind: ExportKind, block: Block | None, sample: Sample, *, options: SchemaOptions) -> StreamSchema:
    """The schema of a block's or view's stream; `block` is None for a view."""
    names = column_names(sample.header, taken=(RECORD_ID, CONTENT_HASH))
    values_from = _value_positions(kind, sample, options)
    columns: dict[str, ColumnType] = {}
    for position, name in enumerate(names):
        inferred = options.infer and position in values_from
        columns[name] = infer_type([row[position] for row in sample.rows]) if inferred else ColumnType.TEXT
    key = _key_positions(kind, block, sample, values_from)
    if kind is ExportKind.TABLE and not (options.field_types or options.metric_names & set(sample.header)):
        # Which columns are values was guessed: what is left over need not be the whole key.
        key = ()
    held = key if _holds(key, sample) else ()
    return StreamSchema(columns, tuple(names[position] for position in held))


@dataclass(frozen=True, slots=True)
class SchemaOptions:
    """Whether to infer types, and what tells the value columns of a table.

    `metric_names` are names that only metrics of the application have; `field_types` are the types of the fields that
    a payload asks for, in their order (empty where it asks for none).
    """

    infer: bool
    metric_names: frozenset[str] = frozenset()
    field_types: tuple[str, ...] = ()


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


def column_types(json_schema: Mapping[str, Any]) -> dict[str, ColumnType]:
    """The types of a configured stream's columns, read back from its schema."""
    return {name: _type_of(each) for name, each in (json_schema.get("properties") or {}).items()}


def _type_of(schema: Mapping[str, Any]) -> ColumnType:
    words = schema.get("type") or []
    words = [words] if isinstance(words, str) else words
    if "number" in words or "integer" in words:
        return ColumnType.NUMBER
    if "boolean" in words:
        return ColumnType.BOOLEAN
    return ColumnType.DATE if schema.get("format") == "date" else ColumnType.TEXT


def _value_positions(kind: ExportKind, sample: Sample, options: SchemaOptions) -> frozenset[int]:
    """The positions of the columns that hold values or properties; the others hold items, which are text."""
    width = len(sample.header)
    if len(options.field_types) == width:
        return frozenset(position for position, word in enumerate(options.field_types) if word == "ValueField")
    match kind:
        case ExportKind.LIST:
            return frozenset(range(1, width))
        case ExportKind.METRIC:
            return frozenset({width - 1})
        case ExportKind.TABLE | ExportKind.VIEW:
            named = frozenset(position for position, name in enumerate(sample.header) if name in options.metric_names)
            return named or _trailing_numbers(sample)


def _trailing_numbers(sample: Sample) -> frozenset[int]:
    found: set[int] = set()
    for position in range(len(sample.header) - 1, -1, -1):
        if infer_type([row[position] for row in sample.rows]) is not ColumnType.NUMBER:
            break
        found.add(position)
    return frozenset(found)


def _key_positions(kind: ExportKind, block: Block | None, sample: Sample, values: frozenset[int]) -> tuple[int, ...]:
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
            return tuple(position for position in range(len(sample.header)) if position not in values)
        case ExportKind.VIEW:
            return ()


def _holds(key: Sequence[int], sample: Sample) -> bool:
    """Whether the sample has neither a blank nor a repeat in the key."""
    keys = [tuple(row[position] for position in key) for row in sample.rows]
    return bool(key) and len(set(keys)) == len(keys) and all(all(parts) for parts in keys)

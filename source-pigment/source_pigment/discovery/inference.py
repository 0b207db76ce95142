"""What the columns of an export are: names, types and keys, from its header and a sample of its rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pigment_client.models import Block, BlockType, ExportKind
from pigment_csv.values import BOOLEANS, is_iso_date, is_json_number
from source_pigment.discovery.names import column_names
from source_pigment.discovery.schema import CONTENT_HASH, RECORD_ID, ColumnType, StreamSchema

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

"""The schema of a stream: inferred at discovery, and read back from a configured catalog. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from pigment_client.models import Block, BlockType, ExportKind, id_in_one_case
from pigment_client.wording import with_noun
from pigment_csv.values import BOOLEANS, is_iso_date, is_json_number
from source_pigment.discovery.names import column_names

RECORD_ID = "_pigment_record_id"
CONTENT_HASH = "_pigment_content_hash"

# Next to `properties`: which block or view the stream is, however it is renamed, and its header line at discovery.
_ANNOTATION = "x-pigment"


class ColumnType(StrEnum):
    """The type of a column's values in a record."""

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
        """The JSON schema of a record: every value may be null, because every cell may be blank.

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


class Selection(NamedTuple):
    """How an export's columns are sent, in their order: under which names (None: deselected), and as which types.

    `new` are the columns that the schema does not know. They are sent as text, because no one deselected them.
    """

    names: tuple[str | None, ...]
    types: tuple[ColumnType, ...]
    new: tuple[str, ...]


class ColumnsMissing(Exception):
    """An export lacks columns of the configured schema."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(with_noun("column", names))


class ColumnsAmbiguous(Exception):
    """The number of columns that share a title, or have none, has changed: it is not known which is which."""


@dataclass(frozen=True, slots=True)
class ConfiguredSchema:
    """A configured stream's schema: the columns that the user selected, and what discovery noted.

    `object_id` and `header` are None in a catalog that an older version discovered; `application_id` also where the
    connection read one application.
    """

    types: Mapping[str, ColumnType]
    object_id: str | None
    header: tuple[str, ...] | None
    application_id: str | None = None

    @classmethod
    def parse(cls, json_schema: Mapping[str, Any]) -> ConfiguredSchema:
        """Read back what `StreamSchema.json_schema` wrote, tolerating whatever a platform changed in it."""
        properties = json_schema.get("properties")
        types = {name: _type_of(each) for name, each in properties.items()} if isinstance(properties, Mapping) else {}
        annotation = json_schema.get(_ANNOTATION)
        annotation = annotation if isinstance(annotation, Mapping) else {}
        object_id, header, application_id = (annotation.get(word) for word in ("id", "header", "application"))
        return cls(
            {name: type_ for name, type_ in types.items() if name not in (RECORD_ID, CONTENT_HASH)},
            id_in_one_case(object_id) if isinstance(object_id, str) else None,
            tuple(map(str, header)) if isinstance(header, list) else None,
            id_in_one_case(application_id) if isinstance(application_id, str) else None,
        )

    def select(self, header: Sequence[str]) -> Selection:
        """How the columns of this header line are sent; raises `ColumnsMissing` and `ColumnsAmbiguous`."""
        names = _column_names(header)
        missing = sorted(set(self.types) - set(names))
        if missing:
            raise ColumnsMissing(missing)
        if self._is_ambiguous(header, names):
            raise ColumnsAmbiguous
        # A catalog that lost its notes says by its names alone what is selected; without names, everything is.
        discovered = names if self.header is None and self.types else _column_names(self.header or ())
        deselected = set(discovered) - set(self.types)
        return Selection(
            tuple(None if name in deselected else name for name in names),
            tuple(self.types.get(name, ColumnType.TEXT) for name in names),
            tuple(name for name in names if name not in self.types and name not in deselected),
        )

    def _is_ambiguous(self, header: Sequence[str], names: Sequence[str]) -> bool:
        """Whether the number of columns with one title, or with none, has changed and one of them is selected."""
        counts = Counter(header)
        if self.header is None:
            # Without the header line of the discovery, a column that is not selected may be new.
            return any(
                name not in self.types and (not title or counts[title] > 1)
                for name, title in zip(names, header, strict=True)
            )
        before = Counter(self.header)
        shared = {title for title in before | counts if not title or (before | counts)[title] > 1}
        # A title that is new, gone or deselected altogether causes no confusion.
        known = zip((*names, *_column_names(self.header)), (*header, *self.header), strict=True)
        wanted = {title for name, title in known if name in self.types}
        return any(0 < before[title] != counts[title] > 0 for title in shared & wanted)


def _column_names(header: Sequence[str]) -> list[str]:
    return column_names(header, taken=(RECORD_ID, CONTENT_HASH))


def _type_of(schema: Any) -> ColumnType:
    if not isinstance(schema, Mapping):
        # `true` is also a schema: it allows anything.
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
class KnownNames:
    """The names that explain the columns of an application's exports.

    `metrics` are the names that only metrics have; `dimensions` are those of the dimension lists. A metric with the
    name of a dimension list explains nothing, because the list's column has that name as well.
    """

    metrics: frozenset[str] = frozenset()
    dimensions: frozenset[str] = frozenset()


def make_schema(
    kind: ExportKind,
    block: Block | None,
    known: KnownNames,
    payload: Mapping[str, Any],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    infer_types: bool,
) -> StreamSchema:
    """The schema of a block's or view's stream (`block` is None for a view), from a sample of its export.

    `payload` is what the export was asked for.
    """
    fields = [str(each.get("type")) for each in payload.get("fields") or ()]
    # A payload may name the kind of every column.
    field_types = fields if len(fields) == len(header) else None
    sampled = [infer_type([row[position] for row in rows]) for position in range(len(header))]
    values = _value_positions(kind, block, known, field_types, header, sampled)
    types = [each if infer_types and at in values else ColumnType.TEXT for at, each in enumerate(sampled)]
    dimensions = [position for position in range(len(header)) if position not in values]
    has_scenarios = bool(payload.get("scenarios"))
    if field_types is None and not _is_explained(kind, known, header, dimensions, has_scenarios=has_scenarios):
        dimensions = []
    key = _key_positions(kind, block, header, dimensions)
    names = _column_names(header)
    claimed = [names[position] for position in key] if _is_unique(key, rows) else []
    return StreamSchema(dict(zip(names, types, strict=True)), tuple(claimed), tuple(header))


def infer_type(values: Sequence[str]) -> ColumnType:
    """The type that every value of a sample has; text where all are blank."""
    present = [value for value in values if value]
    if not present:
        return ColumnType.TEXT
    if all(value in BOOLEANS for value in present):
        return ColumnType.BOOLEAN
    if all(is_iso_date(value) for value in present):
        return ColumnType.DATE
    return ColumnType.NUMBER if all(is_json_number(value) for value in present) else ColumnType.TEXT


def _value_positions(
    kind: ExportKind,
    block: Block | None,
    known: KnownNames,
    field_types: Sequence[str] | None,
    header: Sequence[str],
    types: Sequence[ColumnType],
) -> set[int]:
    """The positions of the columns with values or properties; the others contain items, which are text."""
    if field_types is not None:
        return {position for position, word in enumerate(field_types) if word == _VALUE_FIELD}
    match kind:
        case ExportKind.LIST:
            referring = {column.name for column in (block.columns if block else None) or () if column.dimension_ref}
            return {at for at in range(1, len(header)) if header[at] not in known.dimensions | referring}
        case ExportKind.METRIC:
            return {len(header) - 1}
        case ExportKind.TABLE | ExportKind.VIEW:
            named = {position for position, name in enumerate(header) if name in known.metrics}
            others = [
                position
                for position, type_ in enumerate(types)
                if type_ is not ColumnType.NUMBER or header[position] in known.dimensions
            ]
            # Without known metrics, the trailing columns of numbers.
            return named or set(range(max(others, default=-1) + 1, len(header)))


def _key_positions(
    kind: ExportKind, block: Block | None, header: Sequence[str], dimensions: Sequence[int]
) -> Sequence[int]:
    """The positions of the primary key: what richer metadata marks, otherwise the item or the explained dimensions."""
    marked = {column.name for column in (block.columns if block else None) or () if column.is_key}
    richer = [position for position, name in enumerate(header) if name in marked]
    if richer:
        # A part of a key is no key.
        return richer if len(richer) == len(marked) else []
    match kind:
        case ExportKind.LIST:
            return [0] if block is not None and block.type is BlockType.DIMENSION_LIST else []
        case ExportKind.METRIC | ExportKind.TABLE:
            return dimensions
        case ExportKind.VIEW:
            return []


def _is_explained(
    kind: ExportKind, known: KnownNames, header: Sequence[str], dimensions: Sequence[int], *, has_scenarios: bool
) -> bool:
    """Whether it is known for every column that it is a dimension, the scenario or a value.

    A metric that the key's owner cannot see leaves a column that looks like a dimension's. With it in the key, two
    rows of one cell would be two records. A metric's own export has one value, its last column.
    """
    unknown = [header[position] for position in dimensions if header[position] not in known.dimensions]
    values = [name for position, name in enumerate(header) if position not in dimensions]
    return (kind is ExportKind.METRIC or known.metrics.issuperset(values)) and len(unknown) == has_scenarios


def _is_unique(key: Sequence[int], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the key has columns, and neither a blank nor a repeat in these rows."""
    keys = [tuple(row[position] for position in key) for row in rows]
    return bool(key) and len(set(keys)) == len(keys) and all(all(parts) for parts in keys)

"""What Pigment answers, and what it is asked for, as typed values.

Shapes follow the public API description; fields marked *richer* exist only in workspaces that offer more metadata, and
are None elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# Pigment's ids are UUIDs, in small letters or capitals.
ID_PATTERN = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Whether a text is an id of Pigment."""
    return _ID.fullmatch(text) is not None


def id_in_one_case(text: str) -> str:
    """The text, an id in small letters, so that ids can be compared; anything else as it is."""
    return text.lower() if is_id(text) else text


class BlockType(StrEnum):
    """The type of a block, in Pigment's words."""

    DIMENSION_LIST = "DimensionList"
    TRANSACTION_LIST = "TransactionList"
    METRIC = "Metric"
    TABLE = "Table"

    @property
    def kind(self) -> ExportKind:
        """Which export endpoint serves the block."""
        match self:
            case BlockType.DIMENSION_LIST | BlockType.TRANSACTION_LIST:
                return ExportKind.LIST
            case BlockType.METRIC:
                return ExportKind.METRIC
            case BlockType.TABLE:
                return ExportKind.TABLE


class ExportKind(StrEnum):
    """What an export endpoint exports."""

    LIST = "list"
    METRIC = "metric"
    TABLE = "table"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a block or of an import configuration (*richer*)."""

    name: str
    type: str | None = None
    is_key: bool = False
    required: bool = False
    dimension_ref: str | None = None
    auto_create: bool = False


@dataclass(frozen=True, slots=True)
class Application:
    """An application of the workspace."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Block:
    """A list, metric or table of an application."""

    id: str
    name: str
    type: BlockType
    columns: tuple[Column, ...] | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A view on a block."""

    id: str
    name: str
    type: str


class Listing(StrEnum):
    """What can be listed, by the name in the path; the last one is *richer*."""

    APPLICATIONS = "applications"
    BLOCKS = "blocks"
    VIEWS = "views"
    IMPORT_CONFIGURATIONS = "importConfigurations"
    RICHER_IMPORT_CONFIGURATIONS = "import/configurations"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An entry of a listing with all of its fields, the id included: the JSON of each, by name."""

    id: str
    fields: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event of the audit log, under our names: texts as received, `payload` and `others` as JSON.

    None means that it was not found under any known name. Events contain names and addresses of people: never log them.
    """

    id: str | None = field(repr=False)
    type: str | None = field(repr=False)
    event_timestamp: str | None = field(repr=False)
    ingestion_timestamp: str | None = field(repr=False)
    payload: bytes | None = field(repr=False)
    others: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the audit log, newest event first.

    `events` is None where no list of events was found. `next_cursor` is None where there is no next page, or where
    nothing tells whether there is one: `names_cursor` says that the page has a field for it, and `hints_at_more` that
    something in the page that is not known may announce another one.
    """

    events: tuple[AuditEvent, ...] | None
    next_cursor: str | None = field(repr=False)
    names_cursor: bool
    hints_at_more: bool = False


@dataclass(frozen=True, slots=True)
class ImportConfiguration:
    """An import configuration: where a CSV file goes and how its columns are mapped."""

    id: str
    name: str
    target: str | None = None
    columns: tuple[Column, ...] | None = None


# Asked for with every export of a block, so that no default of the server matters.
EXPORT_FORMAT: Mapping[str, str] = {
    "dateFormat": "Iso8601",
    "fieldDelimiter": "Semicolon",
    "decimalSeparator": "Dot",
    "encoding": "Utf8WithoutBom",
}


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export: the object and the JSON payload, which may name only the delimiter for a view."""

    kind: ExportKind
    id: str
    payload: Mapping[str, Any] = field(default_factory=dict)


class ImportMode(StrEnum):
    """The importMode of the text "CSV Push API"; sent only if the user chose one."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class UploadForm(StrEnum):
    """How the body of a push contains the CSV."""

    RAW = "raw"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How to push a file.

    `repeatable` says that sending the same file twice does no harm: only then is a push repeated that may have arrived.
    `response_timeout_seconds` replaces the idle time-out for the response, which may take as long as the import.
    """

    repeatable: bool
    form: UploadForm = UploadForm.RAW
    dry_run: bool = False
    import_mode: ImportMode | None = None
    response_timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SkippedData:
    """Values that an import skipped, by reason and column. `samples` are data: never log them unmasked."""

    reason: str
    count: int
    column: str | None = None
    samples: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that Pigment rejected, by its 1-based number among the data rows of the file. `value` is data."""

    row: int
    column: str | None = None
    code: str | None = None
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ImportedBlock:
    """A block, or one scenario of it, that an import wrote into; its kind where the report says it."""

    block_id: str
    kind: ExportKind | None = None
    scenario_id: str | None = None


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did to its block, in rows.

    `deleted` is None where the response does not tell it. Then `inserted` are the rows that Pigment accepted, which a
    dry run accepts without storing them.
    """

    inserted: int = 0
    updated: int = 0
    deleted: int | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Begun:
    """An import by its id; `was_repeated` says that its push was sent again because a response was lost."""

    id: str
    was_repeated: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class RunningImport(_Begun):
    """An import that Pigment accepted and has not finished."""


@dataclass(frozen=True, slots=True)
class CompletedImport(_Begun):
    """An import that Pigment finished; `counts` is None if the response contains no report."""

    counts: ImportCounts | None = None
    skipped: tuple[SkippedData, ...] = ()
    rejected_rows: tuple[RejectedRow, ...] = ()
    blocks: tuple[ImportedBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedImport(_Begun):
    """An import that Pigment ended as failed; `error_names` (maybe none) without descriptions, which may quote rows.

    `accepted` is how many rows the response counts as accepted nevertheless.
    """

    error_names: tuple[str, ...] = ()
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class UnreadableStatus(_Begun):
    """An import whose state could not be understood; asking again will not help.

    `completed` says that Pigment finished it but its report cannot be read; otherwise its status is an unknown word.
    """

    completed: bool


Import = RunningImport | CompletedImport | FailedImport | UnreadableStatus

"""The responses of Pigment as typed values.

Shapes follow the public API description; fields marked *richer* come only from workspaces that offer more
metadata, and are None elsewhere.
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
    """What can be listed of a workspace, as the paths name it; the last one is *richer*."""

    APPLICATIONS = "applications"
    BLOCKS = "blocks"
    VIEWS = "views"
    IMPORT_CONFIGURATIONS = "importConfigurations"
    RICHER_IMPORT_CONFIGURATIONS = "import/configurations"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An entry of a listing with all that it carries: by name the JSON of each field, the id's too."""

    id: str
    fields: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event of the audit log, under our names: texts as they came, `payload` and `others` as JSON.

    What is None was not found under any name that we know. It holds names and addresses of people: never log it.
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

    `events` is None where no list of events was found. `next_cursor` is None on the last page, where nothing was found
    that says whether there is another (`has_pagination`), and where that is said without a cursor (`lacks_cursor`).
    """

    events: tuple[AuditEvent, ...] | None
    next_cursor: str | None = field(repr=False)
    has_pagination: bool
    lacks_cursor: bool = False


@dataclass(frozen=True, slots=True)
class ImportConfiguration:
    """An import configuration: where a CSV file goes and how its columns are mapped."""

    id: str
    name: str
    target: str | None = None
    columns: tuple[Column, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export: the object and, for blocks, the JSON payload (None for a view)."""

    kind: ExportKind
    id: str
    payload: Mapping[str, Any] = field(default_factory=dict)


class ImportMode(StrEnum):
    """What the text of the push API calls importMode; sent only when the user chose one."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class UploadForm(StrEnum):
    """How the CSV travels in the push."""

    RAW = "raw"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How to push a file.

    `repeatable` says that sending the same file twice does no harm: only then is a push repeated whose response was
    lost or whose arrival is in doubt. `response_timeout_seconds` replaces the idle time-out for the response, which may
    take as long as the import.
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
class ImportCounts:
    """What an import did to its block, in rows.

    `deleted` is None where the response does not say it. It then gives the rows that were taken as `inserted`, and a
    dry run may have taken them without storing any.
    """

    inserted: int = 0
    updated: int = 0
    deleted: int | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class RunningImport:
    """An import that Pigment accepted and has not finished."""

    id: str


@dataclass(frozen=True, slots=True)
class CompletedImport:
    """An import that Pigment finished; `counts` is None where the response carries no report."""

    id: str
    counts: ImportCounts | None = None
    skipped: tuple[SkippedData, ...] = ()
    rejected_rows: tuple[RejectedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedImport:
    """An import that Pigment ended as failed; `error_names` (maybe none) without descriptions, which may quote rows.

    `accepted` is how many rows the response counts as accepted all the same.
    """

    id: str
    error_names: tuple[str, ...] = ()
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class UnreadableStatus:
    """An import whose state could not be understood: asking again will not help.

    `completed` says that Pigment finished it and its report cannot be read; otherwise its status is a word that did
    not exist when this was written.
    """

    id: str
    completed: bool


Import = RunningImport | CompletedImport | FailedImport | UnreadableStatus

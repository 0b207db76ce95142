"""Import configurations, and the outcome of an import through one of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from local_pigment.blocks import Application, Block, ListBlock, MetricBlock, ValueType
from local_pigment.faults import Misreport
from local_pigment.keys import ApiKey


class UnknownItem(StrEnum):
    """What a configuration does with an item that its dimension list does not have."""

    SKIP_ROW = "skip"
    USE_BLANK = "blank"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class FromBlock:
    """A copy: the items of a list, or the cells of a metric."""

    block_id: str


@dataclass(frozen=True, slots=True)
class FromOutside:
    """An integration: the content that an external system would send."""

    content: bytes


Source = FromBlock | FromOutside


@dataclass(slots=True)
class ImportConfiguration:
    """Where a file goes and how it is read; `mapping` is CSV column → property or dimension name.

    With a `source` it takes no files, and is started instead. `key` names the property that identifies a row of a list:
    a dimension list always has one (its item), a transaction list only with a unique identifier. `date_format` is the
    one form in which dates may stand, in Pigment's letters; without one, ISO 8601 and that of legacy exports are taken.

    `clear_before_import` is "Clear items prior to import". `scope` limits it to the rows that share values of these
    properties or dimensions with the file, or have the values of `fixed_scope`; with `coarse_scope` dates are compared
    by month. `pivot` is the property or dimension whose items are the columns: a header that is not mapped is one of
    them. `match_by` is dimension list → property by which its items are found instead of by their name. Columns in
    `percent` (properties or dimensions) are divided by 100.
    """

    id: str
    name: str
    application_id: str
    block_id: str
    mapping: dict[str, str]
    key: str | None = None
    delimiter: str = ","
    decimal_separator: str = "."
    date_format: str | None = None
    text_delimiter: str = '"'
    percent: tuple[str, ...] = ()
    clear_before_import: bool = False
    scope: tuple[str, ...] = ()
    coarse_scope: bool = False
    fixed_scope: tuple[str, ...] | None = None
    pivot: str | None = None
    match_by: dict[str, str] = field(default_factory=dict)
    unknown_item: UnknownItem = UnknownItem.SKIP_ROW
    required: tuple[str, ...] = ()
    writable: bool = True
    source: Source | None = None


@dataclass(slots=True)
class Skipped:
    """Data that an import skipped: its reason, column, count and a few samples."""

    reason: str
    column: str | None
    count: int = 0
    samples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RowProblem:
    """A row that was not loaded, by its 1-based number."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(slots=True)
class ImportRun:
    """One import: what was received, and its outcome; `skipped_count` is what the report says, rows or cells."""

    id: str
    configuration_id: str
    received: bytes
    created_at: datetime
    dry_run: bool = False
    mode: str | None = None
    owner: ApiKey | None = None
    completed_at: datetime | None = None
    failure: str | None = None
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    skipped_count: int = 0
    created_items: Counter[str] = field(default_factory=Counter)
    problems: list[RowProblem] = field(default_factory=list)
    blanked: list[RowProblem] = field(default_factory=list)
    polls_left: int = 0
    held: bool = False
    data_rows: int = 0
    due: float = 0.0
    cleared: bool = False
    loaded: bool = False
    misreport: Misreport | None = None
    failure_named: bool = True

    @property
    def status(self) -> str:
        if self.held or self.polls_left > 0 or not self.loaded:
            return "InProgress"
        if self.misreport and self.misreport.status:
            return self.misreport.status
        return "Failed" if self.failure else "Completed"

    def skipped(self) -> list[Skipped]:
        """The skipped data, by reason and column."""
        found: dict[tuple[str, str], Skipped] = {}
        for problem in self.problems + self.blanked:
            entry = found.setdefault((problem.reason, problem.column), Skipped(problem.reason, problem.column))
            entry.count += 1
            if len(entry.samples) < 5 and problem.value not in entry.samples:
                entry.samples.append(problem.value)
        return list(found.values())


class Failed(Exception):
    """The whole import fails; the text is the name of the error."""


def describe_columns(configuration: ImportConfiguration, application: Application) -> list[dict[str, object]]:
    """The columns of a configuration as the richer metadata shows them."""
    block: Block = application.blocks[configuration.block_id]
    described: list[dict[str, object]] = []
    for column, target in configuration.mapping.items():
        type_, list_id = _target_type(application, block, target)
        described.append(
            {
                "name": column,
                "type": type_.value,
                "isKey": target == configuration.key or (isinstance(block, MetricBlock) and target != block.name),
                "required": column in configuration.required,
                "dimensionRef": list_id,
                "autoCreate": list_id is not None and configuration.unknown_item is UnknownItem.CREATE,
            }
        )
    return described


def _target_type(application: Application, block: Block, target: str) -> tuple[ValueType, str | None]:
    if isinstance(block, ListBlock):
        found = next(each for each in block.properties if each.name == target)
        return found.type, found.dimension_id
    if isinstance(block, MetricBlock) and target != block.name:
        return ValueType.DIMENSION, next(id_ for id_, each in application.lists().items() if each.name == target)
    return (block.value_type if isinstance(block, MetricBlock) else ValueType.TEXT), None

"""Loading an import by the rules of its configuration: a pushed file, or what a started import reads."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from local_pigment.blocks import DEFAULT_SCENARIO, Application, Block, Item, ListBlock, MetricBlock, Property, ValueType
from local_pigment.imports import (
    Failed,
    FromBlock,
    FromOutside,
    ImportConfiguration,
    ImportRun,
    RowProblem,
    UnknownItem,
)
from local_pigment.values import Unreadable, read_date, read_value


def read_source(configuration: ImportConfiguration, applications: Mapping[str, Application]) -> bytes:
    """The rows of the source as the file that the configuration expects."""
    match configuration.source:
        case FromOutside(content=content):
            return content
        case FromBlock(block_id=block_id):
            owner, block = _find(block_id, applications)
            return _as_csv(_rows(owner, block), configuration.delimiter)
        case None:
            raise Failed("UnsupportedOperation")


def _find(block_id: str, applications: Mapping[str, Application]) -> tuple[Application, Block]:
    for owner in applications.values():
        if block_id in owner.blocks:
            return owner, owner.blocks[block_id]
    raise Failed("SourceBlockNotFound")


def _rows(owner: Application, block: Block) -> Iterable[Sequence[str]]:
    match block:
        case ListBlock():
            yield [each.name for each in block.properties]
            yield from (item.values for item in block.items)
        case MetricBlock():
            yield [*(owner.lists()[id_].name for id_ in block.dimension_ids), block.name]
            yield from ((*cell, value) for cell, value in block.of().items())
        case _:
            raise Failed("TableIsNoSource")


def _as_csv(rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def load(run: ImportRun, configuration: ImportConfiguration, application: Application) -> None:
    """Load the received file by the rules of its configuration, and record the outcome."""
    try:
        header, rows = _read(run.received, configuration)
        run.data_rows = len(rows)
        _loader(run, configuration, application).load(header, rows)
    except Failed as failed:
        run.failure = str(failed)


def clear(run: ImportRun, configuration: ImportConfiguration, application: Application) -> None:
    """Delete what a clearing import deletes, before it loads; a file that does not fit deletes nothing."""
    try:
        _read(run.received, configuration)
        _loader(run, configuration, application).clear()
    except Failed as failed:
        run.failure = str(failed)


def _loader(run: ImportRun, configuration: ImportConfiguration, application: Application) -> ListLoader | MetricLoader:
    match application.blocks[configuration.block_id]:
        case ListBlock() as block:
            return ListLoader(run, configuration, application, block)
        case MetricBlock() as block:
            return MetricLoader(run, configuration, application, block)
        case _:
            raise Failed("TableIsNoTarget")


def _read(received: bytes, configuration: ImportConfiguration) -> tuple[list[str], list[list[str]]]:
    try:
        text = received.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failed("EncodingError") from None
    csv.field_size_limit(1 << 40)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=configuration.delimiter, strict=True))
    except csv.Error:
        raise Failed("CsvFormatError") from None
    if not rows:
        raise Failed("EmptyFile")
    header = rows.pop(0)
    rows = [row or [""] for row in rows]
    mapped = [name for name in header if name in configuration.mapping]
    if not mapped or len(set(mapped)) != len(mapped) or set(configuration.required) - set(header):
        raise Failed("MissingColumn")
    if any(len(row) != len(header) for row in rows):
        raise Failed("CsvFormatError")
    return header, rows


class _Loader:
    """What loading into a list and into a metric share: reading a cell, looking up items, clearing."""

    def __init__(self, run: ImportRun, configuration: ImportConfiguration, application: Application) -> None:
        self.run = run
        self.configuration = configuration
        self.application = application
        self._items: dict[str, set[str]] = defaultdict(set)
        for list_id, block in application.lists().items():
            self._items[list_id] = set(block.names())

    def item(self, row: int, column: str, name: str, list_id: str) -> str | None:
        """The item's name, blank where the configuration says so; None when the row must be skipped."""
        if not name or name in self._items[list_id]:
            return name
        match self.configuration.unknown_item:
            case UnknownItem.SKIP_ROW:
                self.run.problems.append(RowProblem(row, column, name, "MissingModalitySkippedDataRow"))
                return None
            case UnknownItem.USE_BLANK:
                reason = "MissingModalityUseDefaultOrNullModality"
                self.run.blanked.append(RowProblem(row, column, name, reason))
                return ""
            case UnknownItem.CREATE:
                self._items[list_id].add(name)
                self.run.created_items[list_id] += 1
                if not self.run.dry_run:
                    block = self.application.lists()[list_id]
                    block.add(name, *[""] * (len(block.properties) - 1))
                return name

    def value(self, row: int, column: str, text: str, type_: ValueType) -> str | None:
        """The value as it is stored; None when the row must be skipped."""
        try:
            if type_ is ValueType.DATE and text and self.configuration.date_format is not None:
                return read_date(text, self.configuration.date_format)
            return read_value(text, type_, self.configuration.decimal_separator)
        except Unreadable:
            self.run.problems.append(RowProblem(row, column, text, "ParsingError"))
            return None

    def allowed(self, exists: bool) -> bool:
        """Whether the import mode lets a row be written."""
        match self.run.mode:
            case "create":
                return not exists
            case "update":
                return exists
            case _:
                return True


class ListLoader(_Loader):
    """Loads rows into a list: added, or matched by the key."""

    def __init__(
        self, run: ImportRun, configuration: ImportConfiguration, application: Application, block: ListBlock
    ) -> None:
        super().__init__(run, configuration, application)
        self.block = block
        self.positions = {each.name: position for position, each in enumerate(block.properties)}
        self.key = configuration.key or (block.properties[0].name if block.is_dimension else None)

    def load(self, header: list[str], rows: list[list[str]]) -> None:
        """Load all rows."""
        columns = [self.configuration.mapping.get(name) for name in header]
        if self.key is not None and self.key not in columns:
            raise Failed("MissingKeyColumn")
        self.clear()
        known = {item.values[self.positions[self.key]]: item for item in self.block.items} if self.key else {}
        if self.configuration.clear_before_import and self.run.dry_run:
            known = {}
        for number, row in enumerate(rows, start=1):
            values = self._values(number, header, columns, row)
            if values is not None:
                self._store(number, values, known)

    def clear(self) -> None:
        """Delete all items, once, where the configuration says so."""
        if self.configuration.clear_before_import and not self.run.cleared:
            self.run.cleared = True
            self.run.deleted = len(self.block.items)
            if not self.run.dry_run:
                self.block.items.clear()

    def _store(self, number: int, values: dict[str, str], known: dict[str, Item]) -> None:
        key = values.get(self.key) if self.key else None
        if self.key and not key:
            self.run.problems.append(RowProblem(number, self.key, "", "ParsingError"))
            return
        existing = known.get(key) if key else None
        if not self.allowed(existing is not None):
            return
        self.run.updated += existing is not None
        self.run.inserted += existing is None
        if self.run.dry_run:
            return
        if existing is not None:
            for name, value in values.items():
                existing.values[self.positions[name]] = value
            return
        item = self.block.add(*[values.get(each.name, "") for each in self.block.properties])
        if key:
            known[key] = item

    def _values(
        self, number: int, header: list[str], columns: list[str | None], row: list[str]
    ) -> dict[str, str] | None:
        values: dict[str, str] = {}
        for column, name, text in zip(header, columns, row, strict=True):
            if name is None:
                continue
            value = self._one(number, column, self.block.properties[self.positions[name]], text)
            if value is None:
                return None
            values[name] = value
        return values

    def _one(self, number: int, column: str, target: Property, text: str) -> str | None:
        if target.type is ValueType.DIMENSION and target.dimension_id:
            return self.item(number, column, text, target.dimension_id)
        return self.value(number, column, text, target.type)


class MetricLoader(_Loader):
    """Loads rows into a metric: the dimensions of a row determine the cell that it writes."""

    def __init__(
        self, run: ImportRun, configuration: ImportConfiguration, application: Application, block: MetricBlock
    ) -> None:
        super().__init__(run, configuration, application)
        self.block = block
        self.dimensions = {application.lists()[id_].name: id_ for id_ in block.dimension_ids}

    def load(self, header: list[str], rows: list[list[str]]) -> None:
        """Load all rows."""
        columns = {self.configuration.mapping.get(name): position for position, name in enumerate(header)}
        if set(self.dimensions) - set(columns) or self.block.name not in columns:
            raise Failed("MissingColumn")
        cells = self.block.of(DEFAULT_SCENARIO)
        self.clear()
        for number, row in enumerate(rows, start=1):
            cell = self._cell(number, header, columns, row)
            position = columns[self.block.name]
            value = self.value(number, header[position], row[position], self.block.value_type)
            if cell is None or value is None or not self.allowed(cell in cells):
                continue
            if cell in cells:
                self.run.updated += 1
            else:
                self.run.inserted += 1
            if not self.run.dry_run:
                cells[cell] = value

    def clear(self) -> None:
        """Delete all cells, once, where the configuration says so."""
        cells = self.block.of(DEFAULT_SCENARIO)
        if self.configuration.clear_before_import and not self.run.cleared:
            self.run.cleared = True
            self.run.deleted = len(cells)
            if not self.run.dry_run:
                cells.clear()

    def _cell(
        self, number: int, header: list[str], columns: dict[str | None, int], row: list[str]
    ) -> tuple[str, ...] | None:
        cell: list[str] = []
        for name, list_id in self.dimensions.items():
            position = columns[name]
            item = self.item(number, header[position], row[position], list_id)
            if item is None:
                return None
            if not item:
                self.run.problems.append(RowProblem(number, header[position], "", "MissingModalitySkippedDataRow"))
                return None
            cell.append(item)
        return tuple(cell)

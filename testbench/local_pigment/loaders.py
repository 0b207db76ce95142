"""Loading an import by the rules of its configuration: what is cleared, which rows are stored, what is counted.

Everything is done on a copy of the block and put in place at the end: a failed import changes nothing, and neither
does a dry run. Sources: Pigment's knowledge base, "Clear Items prior to import", "Loading data to a Transaction List"
and "Apply access rights to admins"; its modelling guide for metrics, which store no blanks; its text for its assistant
for a unique identifier that stands twice. What none of them says is a switch in `Variants`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

from local_pigment.blocks import DEFAULT_SCENARIO, Application, Cell, Item, ListBlock, MetricBlock, Property, ValueType
from local_pigment.import_files import Entry, ImportFile, read_file
from local_pigment.imports import Failed, ImportConfiguration, ImportRun, RowProblem, UnknownItem
from local_pigment.matching import Items, Scope, comparable_key
from local_pigment.values import Unreadable, added, divided_by_100, read_date, read_value
from local_pigment.variants import DoubleCell, DuplicateKey, Forbidden, Variants


def load(run: ImportRun, configuration: ImportConfiguration, application: Application, variants: Variants) -> None:
    """Load the received file by the rules of its configuration, and record the outcome."""
    file = ImportFile(configuration, [], [], "")
    try:
        if run.failure is not None:
            raise Failed(run.failure)
        file = read_file(run.received, configuration, application.blocks[configuration.block_id])
        run.data_rows = len(file.rows)
        loader = _loader(run, configuration, application, variants)
        loader.require_columns(file)
        if not run.cleared:
            loader.clear(file)
        for entry in file.entries():
            loader.store(entry)
        loader.commit()
    except Failed as failed:
        run.failure = str(failed)
        if variants.failed_import_clears and not run.cleared:
            with suppress(Failed):
                _clear(run, file, application, variants)


def clear(run: ImportRun, configuration: ImportConfiguration, application: Application, variants: Variants) -> None:
    """Delete what a clearing import deletes, before it loads; a file that does not fit deletes nothing."""
    try:
        file = read_file(run.received, configuration, application.blocks[configuration.block_id])
        _loader(run, configuration, application, variants).require_columns(file)
        _clear(run, file, application, variants)
    except Failed as failed:
        run.failure = str(failed)


def _clear(run: ImportRun, file: ImportFile, application: Application, variants: Variants) -> None:
    loader = _loader(run, file.configuration, application, variants)
    loader.clear(file)
    loader.commit()
    run.cleared = True


class _Unstored(Exception):
    """A row or cell is not stored: the reason, and the property or dimension with its text."""

    def __init__(self, reason: str, target: str, text: str) -> None:
        super().__init__(reason)
        self.reason, self.target, self.text = reason, target, text


class Loader(ABC):
    """What loading into a list and into a metric share: reading texts, the scope of a clear, rights and counts."""

    def __init__(
        self, run: ImportRun, configuration: ImportConfiguration, application: Application, variants: Variants
    ) -> None:
        self.run = run
        self.configuration = configuration
        self.variants = variants
        self.items = Items(configuration, application, variants)
        self.list_names = {list_id: block.name for list_id, block in application.lists().items()}
        self.targets: dict[str, Property] = {}
        self.key: str | None = None
        self.never_blank: frozenset[str] = frozenset()
        self._inserted = self._updated = self._deleted = 0
        self._problems: list[RowProblem] = []
        self._blanked: list[RowProblem] = []

    @abstractmethod
    def require_columns(self, file: ImportFile) -> None:
        """Raise `Failed` where the file lacks a column that cannot be missing."""

    @abstractmethod
    def delete(self, is_cleared: Callable[[dict[str, str]], bool]) -> int:
        """Delete the rows or cells of which this is true; returns how many they were."""

    @abstractmethod
    def write(self, values: dict[str, str]) -> None:
        """Write what was read of an entry: property or dimension → value."""

    def commit(self) -> None:
        """Record the outcome; unless it is a dry run, put the changes in place."""
        self.run.inserted += self._inserted
        self.run.updated += self._updated
        self.run.deleted += self._deleted
        self.run.problems += self._problems
        self.run.blanked += self._blanked
        self.run.skipped_count += len(self._problems) + (len(self._blanked) if self.variants.blanked_counted else 0)
        self.items.commit(self.run)

    def clear(self, file: ImportFile) -> None:
        """Clear items prior to import, where the configuration says so."""
        configuration, variants = self.configuration, self.variants
        if not configuration.clear_before_import or not (file.rows or variants.header_only_clears):
            return
        if self.run.owner is not None and not self.run.owner.may_delete_items:
            if variants.clear_without_right == Forbidden.FAIL:
                raise Failed("MissingDeletePermission")
            return
        scope = Scope(configuration, variants, self._occurring(file))
        in_file = self._keys_of(file)

        def is_cleared(values: dict[str, str]) -> bool:
            """With a unique identifier, what the file names is updated later, and not deleted."""
            in_scope = scope.covers([values[name] for name in configuration.scope])
            return in_scope and self._may_delete(values) and self.key_of(values) not in in_file

        deleted = self.delete(is_cleared)
        self._deleted += deleted if variants.clear_counted else 0

    def key_of(self, values: dict[str, str]) -> str:
        """The unique identifier of a row as it is compared; "" where rows have none."""
        return "" if self.key is None else comparable_key(values[self.key], self.targets[self.key], self.variants)

    def _keys_of(self, file: ImportFile) -> set[str]:
        """The unique identifiers in a file, also those of rows that are not stored."""
        if self.key is None or self.key not in file.targets():
            return set()
        found = (self.stored(self.key, entry.texts[self.key]) for entry in file.entries())
        return {self.key_of({self.key: value}) for value in found if value}

    def _occurring(self, file: ImportFile) -> list[tuple[str, ...]]:
        """The values of the scope's columns that occur in the file."""
        names = self.configuration.scope
        if self.configuration.fixed_scope is not None or not file.rows:
            return []
        if set(names) - file.targets():
            raise Failed("MissingScopeColumn")
        return [tuple(self.stored(name, entry.texts[name]) or "" for name in names) for entry in file.entries()]

    def store(self, entry: Entry) -> None:
        """Store a row or cell, or record why it is not stored."""
        blanked: list[RowProblem] = []
        try:
            values = {name: self._value(entry, name, text, blanked) for name, text in entry.texts.items()}
            self._require_rights(values)
            self.write(values)
        except _Unstored as unstored:
            column = entry.columns.get(unstored.target, unstored.target)
            self._problems.append(RowProblem(entry.row, column, unstored.text, unstored.reason))
        else:
            self._blanked += blanked

    def stored(self, name: str, text: str) -> str | None:
        """What a text is stored as in a property or dimension; None for an unknown item or what cannot be read."""
        target = self.targets[name]
        if target.dimension_id is not None:
            return self.items.find(target.dimension_id, text) if text else text
        try:
            if target.type is ValueType.DATE and text and self.configuration.date_format is not None:
                return read_date(text, self.configuration.date_format)
            value = read_value(text, target.type, self.configuration.decimal_separator)
        except Unreadable:
            return None
        return divided_by_100(value) if value and name in self.configuration.percent else value

    def _value(self, entry: Entry, name: str, text: str, blanked: list[RowProblem]) -> str:
        found, list_id = self.stored(name, text), self.targets[name].dimension_id
        if found is not None:
            return found
        if list_id is None:
            raise _Unstored("ParsingError", name, text)
        match self.configuration.unknown_item:
            case UnknownItem.USE_BLANK if name not in self.never_blank:
                reason = "MissingModalityUseDefaultOrNullModality"
                blanked.append(RowProblem(entry.row, entry.columns[name], text, reason))
                return ""
            case UnknownItem.CREATE if not self.items.is_protected(list_id):
                return self.items.create(list_id, text)
            case UnknownItem.CREATE if self.variants.protected_items == Forbidden.FAIL:
                raise Failed("ProtectedList")
            case _:
                raise _Unstored("MissingModalitySkippedDataRow", name, text)

    def _require_rights(self, values: dict[str, str]) -> None:
        owner = self.run.owner
        if owner is None or owner.writable is None:
            return
        for name, value in values.items():
            list_name = self.list_of(name)
            if list_name is not None and not owner.may_write(list_name, value):
                raise _Unstored("MissingWriteAccessRights", name, value)

    def list_of(self, name: str) -> str | None:
        """The name of the dimension list whose items a property or dimension has."""
        list_id = self.targets[name].dimension_id
        return None if list_id is None else self.list_names[list_id]

    def _may_delete(self, values: dict[str, str]) -> bool:
        owner = self.run.owner
        if not self.variants.rights_limit_clearing or owner is None:
            return True
        lists = {name: self.list_of(name) for name in values}
        return all(owner.may_write(list_name, values[name]) for name, list_name in lists.items() if list_name)

    def may_write_over(self, exists: bool) -> bool:
        """Whether the import mode lets a row be written."""
        return self.run.mode not in {"create", "update"} or exists == (self.run.mode == "update")

    def count(self, old: object, new: object) -> None:
        """Count a row or cell that was written; `old` is None where there was none."""
        if old is None:
            self._inserted += 1
        elif old != new or self.variants.unchanged_counted:
            self._updated += 1


class ListLoader(Loader):
    """Rows are added to a list, or matched by its unique identifier."""

    def __init__(
        self,
        run: ImportRun,
        configuration: ImportConfiguration,
        application: Application,
        variants: Variants,
        block: ListBlock,
    ) -> None:
        super().__init__(run, configuration, application, variants)
        self._application = application
        self._block = block
        self._rows = list(block.items)
        self._deleted_names: set[str] = set()
        self._positions = {each.name: position for position, each in enumerate(block.properties)}
        self.targets = {each.name: each for each in block.properties}
        self.key = configuration.key or (block.properties[0].name if block.is_dimension else None)
        self._place_of_key: dict[str, int] | None = None
        self._written: set[str] = set()

    def require_columns(self, file: ImportFile) -> None:
        if file.targets() - set(self.targets):
            raise Failed("MissingColumn")
        if self.key is not None and self.key not in file.targets():
            raise Failed("MissingKeyColumn")

    def delete(self, is_cleared: Callable[[dict[str, str]], bool]) -> int:
        kept = [item for item in self._rows if not is_cleared(self._values(item))]
        deleted = len(self._rows) - len(kept)
        if deleted and self._block.protected:
            if self.variants.protected_items == Forbidden.FAIL:
                raise Failed("ProtectedList")
            return 0
        self._deleted_names = {item.values[0] for item in self._rows} - {item.values[0] for item in kept}
        self._rows = kept
        return deleted

    def _values(self, item: Item) -> dict[str, str]:
        return dict(zip(self.targets, item.values, strict=True))

    def write(self, values: dict[str, str]) -> None:
        place = None
        if self.key is not None:
            if not values[self.key]:
                raise _Unstored("ParsingError", self.key, "")
            key = self.key_of(values)
            if self._is_merged(key):
                return
            place = self._places().get(key)
        if not self.may_write_over(place is not None):
            return
        if place is None:
            self._insert(values)
        else:
            self._update(place, values)

    def _is_merged(self, key: str) -> bool:
        """What becomes of a key that stands twice in one file: whether its row is left out for an earlier one."""
        is_repeated = key in self._written
        self._written.add(key)
        if is_repeated and self.variants.duplicate_key == DuplicateKey.FAIL:
            raise Failed("DuplicateKey")
        return is_repeated and self.variants.duplicate_key == DuplicateKey.FIRST

    def _places(self) -> dict[str, int]:
        """Key → place among the rows."""
        if self._place_of_key is None:
            self._place_of_key = {self.key_of(self._values(item)): place for place, item in enumerate(self._rows)}
        return self._place_of_key

    def _insert(self, values: dict[str, str]) -> None:
        if self._block.protected:
            if self.variants.protected_items == Forbidden.FAIL:
                raise Failed("ProtectedList")
            first = next(iter(values))
            raise _Unstored("MissingModalitySkippedDataRow", first, values[first])
        item = self._block.new_item(*(values.get(name, "") for name in self.targets))
        if self.key is not None:
            self._places()[self.key_of(values)] = len(self._rows)
        self._rows.append(item)
        self.count(None, item.values)

    def _update(self, place: int, values: dict[str, str]) -> None:
        """Write the properties that the file has; the others stay as they are."""
        item = self._rows[place]
        changed = list(item.values)
        for name, value in values.items():
            changed[self._positions[name]] = value
        self._rows[place] = Item(item.id, changed)
        self.count(item.values, changed)

    def list_of(self, name: str) -> str | None:
        """The items of a dimension list are its own."""
        is_own_item = self._block.is_dimension and self._positions[name] == 0
        return self._block.name if is_own_item else super().list_of(name)

    def commit(self) -> None:
        """Put the rows in place; what referred to deleted items goes with them, even if they are created again."""
        if not self.run.dry_run:
            self._block.items = self._rows
            if self._block.is_dimension and self._deleted_names:
                self._application.forget(self._block, self._deleted_names)
        super().commit()


class MetricLoader(Loader):
    """The dimensions of a row determine the cell that it writes; a blank is no cell, and deletes the one there is."""

    def __init__(
        self,
        run: ImportRun,
        configuration: ImportConfiguration,
        application: Application,
        variants: Variants,
        block: MetricBlock,
    ) -> None:
        super().__init__(run, configuration, application, variants)
        self._block = block
        self._cells = dict(block.of(DEFAULT_SCENARIO))
        self._written: dict[Cell, str] = {}
        lists = application.lists()
        self._dimensions = [lists[id_].name for id_ in block.dimension_ids]
        self.never_blank = frozenset(self._dimensions)
        self.targets = {
            lists[id_].name: Property(lists[id_].name, ValueType.DIMENSION, id_) for id_ in block.dimension_ids
        }
        self.targets[block.name] = Property(block.name, block.value_type)

    def require_columns(self, file: ImportFile) -> None:
        if set(self.targets) != file.targets():
            raise Failed("MissingColumn")

    def delete(self, is_cleared: Callable[[dict[str, str]], bool]) -> int:
        cells = self._cells.items()
        kept = {cell: value for cell, value in cells if not is_cleared(dict(zip(self._dimensions, cell, strict=True)))}
        deleted = len(self._cells) - len(kept)
        self._cells = kept
        return deleted

    def write(self, values: dict[str, str]) -> None:
        missing = next((name for name in self._dimensions if not values[name]), None)
        if missing is not None:
            raise _Unstored("MissingModalitySkippedDataRow", missing, "")
        cell = tuple(values[name] for name in self._dimensions)
        if not self.may_write_over(cell in self._cells):
            return
        value = values[self._block.name]
        is_repeated = cell in self._written
        self._written[cell] = value = self._merged(cell, value)
        if not value:
            deleted = self._cells.pop(cell, None) is not None
            self._deleted += deleted and self.variants.blank_deletion_counted
            return
        old = self._cells.get(cell)
        self._cells[cell] = value
        if not (is_repeated and self.variants.double_cell == DoubleCell.SUM):
            self.count(old, value)

    def _merged(self, cell: Cell, value: str) -> str:
        """The value of a cell after one more row of the file for it."""
        if cell not in self._written:
            return value
        match self.variants.double_cell:
            case DoubleCell.FAIL:
                raise Failed("DuplicateCell")
            case DoubleCell.SUM if self._block.value_type in {ValueType.NUMBER, ValueType.INTEGER}:
                numbers = [each for each in (self._written[cell], value) if each]
                return added(numbers) if numbers else ""
            case _:
                return value

    def commit(self) -> None:
        if not self.run.dry_run:
            self._block.cells[DEFAULT_SCENARIO] = self._cells
        super().commit()


def _loader(run: ImportRun, configuration: ImportConfiguration, application: Application, variants: Variants) -> Loader:
    match application.blocks[configuration.block_id]:
        case ListBlock() as block:
            return ListLoader(run, configuration, application, variants, block)
        case MetricBlock() as block:
            return MetricLoader(run, configuration, application, variants, block)
        case _:
            raise Failed("TableIsNoTarget")

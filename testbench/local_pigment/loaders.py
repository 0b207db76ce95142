"""Loading an import by the rules of its configuration: what is cleared, which rows are stored, what is counted.

Everything is done on a copy of the block and put in place at the end: a failed import changes nothing, and neither
does a dry run. Sources: Pigment's knowledge base, "Clear Items prior to import", "Loading data to a Transaction List"
and "Apply access rights to admins"; its modelling guide for metrics, which store no blanks; its text for its assistant
for a unique identifier that stands twice. What none of them says is a switch in `Variants`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from local_pigment.blocks import DEFAULT_SCENARIO, Application, Cell, Item, ListBlock, MetricBlock, Property, ValueType
from local_pigment.import_files import ImportFile, read_file
from local_pigment.imports import Failed, ImportConfiguration, ImportRun
from local_pigment.loader import Loader, Unstored
from local_pigment.values import added
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
                raise Unstored("ParsingError", self.key, "")
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
            raise Unstored("MissingModalitySkippedDataRow", first, values[first])
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
            raise Unstored("MissingModalitySkippedDataRow", missing, "")
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

"""What loading into a list and into a metric share: what is cleared, how texts are read, rights, and counts.

Sources: Pigment's knowledge base, "Clear Items prior to import" and "Apply access rights to admins". What they do not
say is a switch in `Variants`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from local_pigment.blocks import Application, Property, ValueType
from local_pigment.import_files import Entry, ImportFile
from local_pigment.imports import Failed, ImportConfiguration, ImportRun, RowProblem, UnknownItem
from local_pigment.matching import Items, Scope, comparable_key
from local_pigment.values import Unreadable, divided_by_100, read_date, read_value
from local_pigment.variants import Forbidden, Variants


class Unstored(Exception):
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
        except Unstored as unstored:
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
            raise Unstored("ParsingError", name, text)
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
                raise Unstored("MissingModalitySkippedDataRow", name, text)

    def _require_rights(self, values: dict[str, str]) -> None:
        owner = self.run.owner
        if owner is None or owner.writable is None:
            return
        for name, value in values.items():
            list_name = self.list_of(name)
            if list_name is not None and not owner.may_write(list_name, value):
                raise Unstored("MissingWriteAccessRights", name, value)

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

"""How an import finds what is there: items of dimension lists, rows by their key, rows by their scope.

Sources: Pigment's modelling guide says that items are matched exactly, by the unique property that the configuration
names; the pages on imports say neither, so `Variants` has both ways. "Clear Items prior to import" says that a limited
scope is given by properties; its values come from the file (said of metric copies) or from the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from local_pigment.blocks import Application, Property, ValueType
from local_pigment.imports import ImportConfiguration, ImportRun
from local_pigment.values import normalized
from local_pigment.variants import Variants


def folded(text: str, variants: Variants) -> str:
    """A text as it is compared."""
    text = text.strip() if variants.trims else text
    return text if variants.case_sensitive else text.casefold()


def comparable_key(value: str, target: Property, variants: Variants) -> str:
    """A key as it is compared: numbers by their value, texts as `folded`."""
    if value and target.type in {ValueType.NUMBER, ValueType.INTEGER}:
        return normalized(value)
    return folded(value, variants)


class Items:
    """The items of an application's dimension lists as an import finds them, and those that it creates."""

    def __init__(self, configuration: ImportConfiguration, application: Application, variants: Variants) -> None:
        self._application = application
        self._variants = variants
        self._names: dict[str, dict[str, str]] = {}
        self._created: list[tuple[str, str]] = []
        self._positions: dict[str, int] = {}
        for list_id, block in application.lists().items():
            matched_by = configuration.match_by.get(block.name)
            position = [each.name for each in block.properties].index(matched_by) if matched_by else 0
            self._positions[list_id] = position
            self._names[list_id] = {
                folded(item.values[position], variants): item.values[0] for item in reversed(block.items)
            }

    def find(self, list_id: str, text: str) -> str | None:
        """The name of the item that a text stands for; of two with the same property, the first."""
        return self._names[list_id].get(folded(text, self._variants))

    def create(self, list_id: str, text: str) -> str:
        """Create an item with this text as its name, and as the property by which items are matched."""
        self._names[list_id][folded(text, self._variants)] = text
        self._created.append((list_id, text))
        return text

    def is_protected(self, list_id: str) -> bool:
        return self._application.lists()[list_id].protected

    def commit(self, run: ImportRun) -> None:
        """Count the created items, and put them into their lists unless it is a dry run."""
        there = {list_id: set(self._application.lists()[list_id].names()) for list_id, _ in self._created}
        for list_id, name in self._created:
            run.created_items[list_id] += 1
            if run.dry_run or name in there[list_id]:
                continue
            block = self._application.lists()[list_id]
            item = block.add(name, *[""] * (len(block.properties) - 1))
            item.values[self._positions[list_id]] = name


class Scope:
    """Which rows a clearing import may delete, by their values in the scope's columns; without a scope all rows."""

    def __init__(
        self, configuration: ImportConfiguration, variants: Variants, occurring: Iterable[Sequence[str]]
    ) -> None:
        self._is_coarse = configuration.coarse_scope
        self._fixed = configuration.fixed_scope
        self._has_columns = bool(configuration.scope)
        self._crosses = variants.crossed_scope
        self._combinations = {self._compared(values) for values in occurring if all(values)}
        self._values = [set(each) for each in zip(*self._combinations, strict=True)]

    def covers(self, values: Sequence[str]) -> bool:
        """Whether a row with these values is in scope."""
        if not self._has_columns:
            return True
        compared = self._compared(values)
        if self._fixed is not None:
            return set(compared) <= set(self._compared(self._fixed))
        if self._crosses:
            return bool(self._values) and all(
                value in occurring for value, occurring in zip(compared, self._values, strict=True)
            )
        return compared in self._combinations

    def _compared(self, values: Sequence[str]) -> tuple[str, ...]:
        """The values, dates by month where the scope is coarser than its column."""
        return tuple(value[:7] if self._is_coarse and value[4:5] == "-" else value for value in values)

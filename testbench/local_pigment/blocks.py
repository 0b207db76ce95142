"""What an application contains: lists, metrics, tables and views. All values are texts, digit by digit.

A number is stored as the digits that were written, a date as `2026-04-30`, a boolean as `TRUE` or `FALSE`, an item as
its name, and a blank as the empty text.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from enum import StrEnum


class ValueType(StrEnum):
    """The type of a property or of a metric's value."""

    TEXT = "Text"
    NUMBER = "Number"
    INTEGER = "Integer"
    BOOLEAN = "Boolean"
    DATE = "Date"
    DIMENSION = "Dimension"


DEFAULT_SCENARIO = "Actual"


def technical_name(name: str, salt: str) -> str:
    """A header as Pigment makes it up: `Month of year` becomes something like `month_of_year_QCIMSB`."""
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in name.lower()).strip("_") or "column"
    number = uuid.uuid5(uuid.NAMESPACE_OID, f"{salt}/{name}").int
    letters = "".join(chr(65 + (number >> shift) % 26) for shift in range(0, 60, 10))
    return f"{plain}_{letters}"


@dataclass(slots=True)
class Property:
    """A column of a list; `dimension_id` is the list that its items come from."""

    name: str
    type: ValueType = ValueType.TEXT
    dimension_id: str | None = None
    technical: str = ""


@dataclass(slots=True)
class Item:
    """A row of a list: one text for each property, the first is the item's name."""

    id: str
    values: list[str]


@dataclass(slots=True)
class ListBlock:
    """A dimension list (items have names that others refer to) or a transaction list.

    `stream` replaces the export's body with ready-made bytes (compressed ones if `is_gzip`), for large exports. In a
    `protected` list (App Lock; Test & Deploy, "Keep items in sync") imports neither create nor delete items.
    """

    id: str
    name: str
    properties: list[Property]
    is_dimension: bool = True
    items: list[Item] = field(default_factory=list)
    protected: bool = False
    stream: Callable[[], Iterator[bytes]] | None = None
    is_gzip: bool = False
    created: int = 0

    def __post_init__(self) -> None:
        for position, each in enumerate(self.properties):
            each.technical = each.technical or technical_name(each.name, f"{self.id}/{position}")

    @property
    def type(self) -> str:
        return "DimensionList" if self.is_dimension else "TransactionList"

    def names(self) -> dict[str, Item]:
        """The items by name."""
        return {item.values[0]: item for item in self.items}

    def new_item(self, *values: str) -> Item:
        """An item that is not in the list yet, with an id that none had before."""
        item = Item(str(uuid.uuid5(uuid.UUID(self.id), f"{self.created}/{values[0]}")), list(values))
        self.created += 1
        return item

    def add(self, *values: str) -> Item:
        """Add an item."""
        item = self.new_item(*values)
        self.items.append(item)
        return item


Cell = tuple[str, ...]


@dataclass(slots=True)
class MetricBlock:
    """Values over dimensions, for each scenario its own."""

    id: str
    name: str
    dimension_ids: list[str]
    value_type: ValueType = ValueType.NUMBER
    cells: dict[str, dict[Cell, str]] = field(default_factory=dict)
    technical: str = ""

    def __post_init__(self) -> None:
        self.technical = self.technical or technical_name(self.name, self.id)

    type = "Metric"

    def of(self, scenario: str = DEFAULT_SCENARIO) -> dict[Cell, str]:
        """The cells of a scenario."""
        return self.cells.setdefault(scenario, {})


@dataclass(slots=True)
class TableBlock:
    """Metrics side by side over the union of their dimensions."""

    id: str
    name: str
    metric_ids: list[str]

    type = "Table"


Block = ListBlock | MetricBlock | TableBlock


@dataclass(slots=True)
class View:
    """A view on a block; `block_id` of a block that cannot be exported gives 422, `too_big` gives 413."""

    id: str
    name: str
    block_id: str
    is_public: bool = True
    too_big: bool = False


@dataclass(slots=True)
class Application:
    """An application of the workspace."""

    id: str
    name: str
    blocks: dict[str, Block] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    scenarios: dict[str, str] = field(default_factory=dict)

    def put(self, block: Block) -> None:
        """Put a block in."""
        self.blocks[block.id] = block

    def lists(self) -> dict[str, ListBlock]:
        return {id_: block for id_, block in self.blocks.items() if isinstance(block, ListBlock)}

    def metrics(self) -> dict[str, MetricBlock]:
        return {id_: block for id_, block in self.blocks.items() if isinstance(block, MetricBlock)}

    def forget(self, dimension: ListBlock, names: Set[str]) -> None:
        """Take out what refers to items that are deleted: the cells of metrics; in lists a blank is left."""
        for metric in self.metrics().values():
            places = [place for place, list_id in enumerate(metric.dimension_ids) if list_id == dimension.id]
            for scenario, cells in metric.cells.items():
                kept = {cell: value for cell, value in cells.items() if not any(cell[each] in names for each in places)}
                metric.cells[scenario] = kept
        for block in self.lists().values():
            places = [place for place, each in enumerate(block.properties) if each.dimension_id == dimension.id]
            for item in block.items if places else ():
                for place in places:
                    item.values[place] = "" if item.values[place] in names else item.values[place]

    def dimensions_of(self, block: MetricBlock | TableBlock, metric_ids: list[str] | None = None) -> list[str]:
        """The dimensions of a metric, or the union of those of a table's metrics, in a fixed order."""
        if isinstance(block, MetricBlock):
            return list(block.dimension_ids)
        found: list[str] = []
        for metric_id in metric_ids or block.metric_ids:
            found += [each for each in self.metrics()[metric_id].dimension_ids if each not in found]
        return found

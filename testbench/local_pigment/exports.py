"""Exports by Pigment's rules: from a request's options to a header and rows, and from those to CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from local_pigment.blocks import (
    DEFAULT_SCENARIO,
    Application,
    Cell,
    Item,
    ListBlock,
    MetricBlock,
    Property,
    TableBlock,
    ValueType,
)
from local_pigment.keys import ApiKey
from local_pigment.values import write_value


class BadRequest(Exception):
    """The request asks for what does not exist."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is written."""

    delimiter: str
    decimal_separator: str
    date_format: str
    byte_order_mark: bool
    friendly: bool


def format_of(request: Mapping[str, Any], *, default_date_format: str, legacy: str) -> Format:
    """The format that a request asks for, with Pigment's defaults: semicolon, technical headers, a BOM."""
    dates = request.get("dateFormat") or default_date_format
    return Format(
        "," if request.get("fieldDelimiter") == "Comma" else ";",
        "," if request.get("decimalSeparator") == "Comma" else ".",
        legacy if dates == "Legacy" else "Iso8601",
        request.get("encoding") != "Utf8WithoutBom",
        request.get("friendlyHeaders") is True,
    )


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export."""

    friendly: str
    technical: str
    type: ValueType


Table = tuple[list[Column], Iterator[Sequence[str]]]


def export_list(
    application: Application, block: ListBlock, request: Mapping[str, Any], key: ApiKey | None = None
) -> Table:
    """The columns and rows of a list; its item comes first, whatever properties are asked for.

    The owner of a key sees the rows whose items the owner's access rights let them read.
    """
    by_technical = {each.technical: position for position, each in enumerate(block.properties)}
    wanted = request.get("propertyTechnicalNames")
    if wanted is None:
        others = sorted(range(1, len(block.properties)), key=lambda position: block.properties[position].technical)
        positions = [0, *others]
    else:
        if set(wanted) - set(by_technical):
            raise BadRequest("propertyTechnicalNames")
        positions = [0, *(by_technical[name] for name in wanted if by_technical[name] != 0)]
    columns = [
        Column(block.properties[position].name, block.properties[position].technical, block.properties[position].type)
        for position in positions
    ]
    filters = [(each["propertyTechnicalName"], each["modalityIds"]) for each in request.get("propertyFilters") or ()]
    if {name for name, _ in filters} - set(by_technical):
        raise BadRequest("propertyFilters")
    kept = [
        (by_technical[name], _item_names(application, block.properties[by_technical[name]], ids))
        for name, ids in filters
    ]
    chosen = frozenset(request.get("listFilter") or ())
    lists = {position: name for position, each in enumerate(block.properties) if (name := _list_of(application, each))}
    if block.is_dimension:
        lists[0] = block.name

    def is_kept(item: Item) -> bool:
        return (
            (not chosen or item.id in chosen)
            and all(item.values[position] in names for position, names in kept)
            and (key is None or all(key.may_read(name, item.values[position]) for position, name in lists.items()))
        )

    def rows() -> Iterator[Sequence[str]]:
        for item in list(block.items):
            if is_kept(item):
                yield [item.values[position] for position in positions]

    return columns, rows()


def _list_of(application: Application, column: Property) -> str | None:
    dimension = application.lists().get(column.dimension_id or "")
    return None if dimension is None else dimension.name


def _item_names(application: Application, column: Property, item_ids: Sequence[str]) -> frozenset[str]:
    """The names that items of a property's dimension have; a property of another type is not filtered by items."""
    dimension = application.lists().get(column.dimension_id or "")
    if dimension is None:
        raise BadRequest("propertyFilters")
    wanted = set(item_ids)
    return frozenset(item.values[0] for item in dimension.items if item.id in wanted)


class CellFilter:
    """The filters of a metric or table request, as a test of one row."""

    def __init__(self, application: Application, request: Mapping[str, Any]) -> None:
        self._application = application
        deprecated = [{"type": "Dimension", "dimension": each} for each in request.get("filters") or ()]
        tree = request.get("exportFilter")
        self._tree = {"type": "And", "and": [*deprecated, *([tree] if tree else [])]}
        self._names = {item.id: item.values[0] for block in application.lists().values() for item in block.items}
        self._check(self._tree)

    def keeps(self, dimensions: dict[str, str], values: dict[str, str]) -> bool:
        """Whether a row stays; `dimensions` is list id → item name, `values` metric id → value."""
        return self._keeps(self._tree, dimensions, values)

    def _check(self, node: Mapping[str, Any]) -> None:
        for child in [*(node.get("and") or ()), *(node.get("or") or ())]:
            self._check(child)
        kind = node["type"].lower()
        if node.get(kind) is None:
            raise BadRequest("exportFilter")
        # Knowledge base, "How exportFilter works": modalityIds must not be empty.
        if kind == "dimension" and not node["dimension"]["modalityIds"]:
            raise BadRequest("modalityIds")
        if kind == "dimension" and node["dimension"]["dimensionId"] not in self._application.lists():
            raise BadRequest("dimensionId")
        if kind == "value":
            if node["value"]["metricId"] not in self._application.metrics():
                raise BadRequest("metricId")
            condition = node["value"]["condition"]
            if (condition["type"] == "IsNotBlank") == ("value" in condition):
                raise BadRequest("condition")

    def _keeps(self, node: Mapping[str, Any], dimensions: dict[str, str], values: dict[str, str]) -> bool:
        match node["type"].lower():
            case "and":
                return all(self._keeps(child, dimensions, values) for child in node["and"])
            case "or":
                return any(self._keeps(child, dimensions, values) for child in node["or"])
            case "dimension":
                chosen = {self._names.get(id_) for id_ in node["dimension"]["modalityIds"]}
                name = dimensions.get(node["dimension"]["dimensionId"])
                return name is None or name in chosen
            case _:
                return _compare(values.get(node["value"]["metricId"], ""), node["value"]["condition"])


def _compare(text: str, condition: Mapping[str, Any]) -> bool:
    if not text or condition["type"] == "IsNotBlank":
        return bool(text)
    wanted = condition["value"]
    left: Any = text
    right: Any = wanted
    if isinstance(wanted, bool):
        right = "TRUE" if wanted else "FALSE"
    elif isinstance(wanted, int | float):
        try:
            left, right = Decimal(text), Decimal(str(wanted))
        except ArithmeticError:
            return False
    outcomes: dict[str, bool] = {
        "LessThan": left < right,
        "LessThanOrEqual": left <= right,
        "Equal": left == right,
        "NotEqual": left != right,
        "GreaterThan": left > right,
        "GreaterThanOrEqual": left >= right,
    }
    return outcomes[condition["type"]]


def export_cells(
    application: Application, block: MetricBlock | TableBlock, request: Mapping[str, Any], key: ApiKey | None = None
) -> Table:
    """The columns and rows of a metric or table: dimensions, the scenario where asked for, then the values."""
    metrics = _metrics(application, block, request)
    dimension_ids = application.dimensions_of(block, [metric.id for metric in metrics])
    scenario_ids = request.get("scenarios") or []
    if set(scenario_ids) - set(application.scenarios):
        raise BadRequest("scenarios")
    keeps = CellFilter(application, request).keeps
    lists = application.lists()
    columns = [Column(lists[id_].name, lists[id_].properties[0].technical, ValueType.TEXT) for id_ in dimension_ids]
    if scenario_ids:
        columns.append(Column("Scenario", "scenario", ValueType.TEXT))
    columns += [Column(metric.name, metric.technical, metric.value_type) for metric in metrics]

    def rows() -> Iterator[Sequence[str]]:
        for scenario in [application.scenarios[id_] for id_ in scenario_ids] or [DEFAULT_SCENARIO]:
            for cell in _cells(metrics, dimension_ids, scenario):
                values = [metric.cells.get(scenario, {}).get(_project(cell, metric), "") for metric in metrics]
                if key is not None and not all(key.may_read(lists[id_].name, item) for id_, item in cell.items()):
                    continue
                by_metric = {metric.id: value for metric, value in zip(metrics, values, strict=True)}
                if keeps({id_: name for id_, name in cell.items() if name}, by_metric):
                    yield [*cell.values(), *([scenario] if scenario_ids else []), *values]

    return _chosen_fields(columns, rows(), dimension_ids, metrics, request)


def _metrics(
    application: Application, block: MetricBlock | TableBlock, request: Mapping[str, Any]
) -> list[MetricBlock]:
    if isinstance(block, MetricBlock):
        return [block]
    wanted = request.get("metrics") or block.metric_ids
    if set(wanted) - set(block.metric_ids):
        raise BadRequest("metrics")
    return [application.metrics()[id_] for id_ in wanted]


def _cells(metrics: list[MetricBlock], dimension_ids: list[str], scenario: str) -> Iterator[dict[str, str]]:
    seen: set[Cell] = set()
    for metric in metrics:
        for cell in list(metric.cells.get(scenario, {})):
            named = dict(zip(metric.dimension_ids, cell, strict=True))
            whole = tuple(named.get(id_, "") for id_ in dimension_ids)
            if whole not in seen:
                seen.add(whole)
                yield dict(zip(dimension_ids, whole, strict=True))


def _project(cell: dict[str, str], metric: MetricBlock) -> Cell:
    if any(name and id_ not in metric.dimension_ids for id_, name in cell.items()):
        return ("\0nothing",)
    return tuple(cell[id_] for id_ in metric.dimension_ids)


def _chosen_fields(
    columns: list[Column],
    rows: Iterator[Sequence[str]],
    dimension_ids: list[str],
    metrics: list[MetricBlock],
    request: Mapping[str, Any],
) -> Table:
    fields = request.get("fields")
    if fields is None:
        return columns, rows
    has_scenario = len(columns) > len(dimension_ids) + len(metrics)
    places: dict[tuple[str, str | None], int] = {
        ("DimensionField", id_): position for position, id_ in enumerate(dimension_ids)
    }
    if has_scenario:
        places["ScenarioField", None] = len(dimension_ids)
    first_value = len(columns) - len(metrics)
    places |= {("ValueField", metric.id): first_value + position for position, metric in enumerate(metrics)}
    chosen: list[int] = []
    shown: list[Column] = []
    for each in fields:
        place = places.get((each["type"], each["sourceId"]))
        if place is None:
            raise BadRequest("fields")
        chosen.append(place)
        name = each.get("displayName")
        column = columns[place]
        shown.append(Column(name, name, column.type) if name else column)
    return shown, ([row[position] for position in chosen] for row in rows)


def csv_chunks(table: Table, form: Format, *, rows_per_chunk: int = 500) -> Iterator[bytes]:
    """The CSV of an export, piece by piece: RFC 4180 quotes, CRLF."""
    columns, rows = table
    header = [column.friendly if form.friendly else column.technical for column in columns]
    mark = "\ufeff" if form.byte_order_mark else ""
    lines = [mark + form.delimiter.join(_quoted(name, form.delimiter) for name in header)]
    for row in rows:
        shown = (
            write_value(text, column.type, form.decimal_separator, form.date_format)
            for text, column in zip(row, columns, strict=True)
        )
        lines.append(form.delimiter.join(_quoted(text, form.delimiter) for text in shown))
        if len(lines) >= rows_per_chunk:
            yield ("\r\n".join(lines) + "\r\n").encode()
            lines = []
    if lines:
        yield ("\r\n".join(lines) + "\r\n").encode()


def _quoted(text: str, delimiter: str) -> str:
    if delimiter in text or '"' in text or "\n" in text or "\r" in text or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text

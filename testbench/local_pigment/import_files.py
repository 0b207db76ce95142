"""A pushed file as rows to be stored: its columns by what they are mapped to, a pivoted row as several."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from local_pigment.blocks import Application, Block, ListBlock, MetricBlock, ValueType
from local_pigment.imports import Failed, FromBlock, FromOutside, ImportConfiguration


@dataclass(frozen=True, slots=True)
class Entry:
    """What goes into one row of a list or one cell of a metric.

    `row` is the 1-based row of the file, `texts` property or dimension → text, `columns` the same → header.
    """

    row: int
    texts: dict[str, str]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImportFile:
    """The header and rows of a file, read as its configuration says; `value` is where the cells of a pivot go."""

    configuration: ImportConfiguration
    header: list[str]
    rows: list[list[str]]
    value: str

    def targets(self) -> set[str]:
        """The properties or dimensions that the file has a text for."""
        mapping, pivot = self.configuration.mapping, self.configuration.pivot
        mapped = {mapping[name] for name in self.header if name in mapping}
        return mapped if pivot is None else {*mapped, pivot, self.value}

    def entries(self) -> Iterator[Entry]:
        """What is to be stored; in a pivoted file each column that is not mapped gives an entry."""
        mapping, pivot = self.configuration.mapping, self.configuration.pivot
        plain = [(position, name, mapping[name]) for position, name in enumerate(self.header) if name in mapping]
        columns = {target: name for _, name, target in plain}
        items = [(position, name) for position, name in enumerate(self.header) if name not in mapping]
        for number, row in enumerate(self.rows, start=1):
            texts = {target: row[position] for position, _, target in plain}
            if pivot is None:
                yield Entry(number, texts, columns)
                continue
            for position, item in items:
                cell = {pivot: item, self.value: row[position]}
                yield Entry(number, texts | cell, columns | {pivot: item, self.value: item})


def read_file(received: bytes, configuration: ImportConfiguration, block: Block) -> ImportFile:
    """The file; raises `Failed` where it does not fit its configuration."""
    try:
        text = received.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failed("EncodingError") from None
    csv.field_size_limit(1 << 40)
    try:
        rows = list(
            csv.reader(
                io.StringIO(text, newline=""),
                delimiter=configuration.delimiter,
                quotechar=configuration.text_delimiter,
                strict=True,
            )
        )
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
    return ImportFile(configuration, header, rows, _value_of_pivot(configuration, block))


def _value_of_pivot(configuration: ImportConfiguration, block: Block) -> str:
    """A metric's value; of a list the number that no column is mapped to."""
    if not isinstance(block, ListBlock):
        return block.name
    taken = {*configuration.mapping.values(), configuration.pivot}
    numbers = {ValueType.NUMBER, ValueType.INTEGER}
    return next((each.name for each in block.properties if each.type in numbers and each.name not in taken), "")


def read_source(configuration: ImportConfiguration, applications: Mapping[str, Application]) -> bytes:
    """The rows of the source of a started import as the file that the configuration expects."""
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

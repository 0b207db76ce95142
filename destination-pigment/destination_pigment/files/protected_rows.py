"""Rows that no file may contain, because the user has protected a value of theirs, such as a closed month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from destination_pigment.files.dates import DateColumns
from destination_pigment.files.segments import FileSegment
from destination_pigment.input.catalog import DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_client.names import folded
from pigment_client.wording import counted, with_more
from pigment_csv.dialect import CsvDialect

_MOST_LISTED = 10
_DAY = len("2026-01-31")

Protected = Mapping[str, frozenset[str]]


def find_protected(
    stream: DestinationStream, protected: Protected, segments: Sequence[FileSegment]
) -> ConfigProblem | None:
    """Why files must not be pushed: a row has a protected value.

    A cell that only looks different, such as "jan 26 " or 2026.0, has it too, because Pigment may take both for the
    same. So has one that contains a protected day, in the form of the file.
    """
    found: Counter[tuple[str, str]] = Counter()
    for segment in segments if protected else ():
        if segment.file is None:
            continue
        cells_of = {
            (name, place): _Forms(stream, name, protected[name], segment.file.dialect)
            for place, name in enumerate(segment.file.columns)
            if name in protected
        }
        for rows in segment.file.read_rows():
            for (name, place), forms in cells_of.items():
                for value, count in forms.protected(row[place] for row in rows):
                    found[name, value] += count
    if not found:
        return None
    named = [
        f'{counted(rows, "row")} with "{value}" in the column "{column}"'
        for (column, value), rows in sorted(found.items())
    ]
    return ConfigProblem(
        f"The {stream.subject} has {with_more(named[:_MOST_LISTED], len(named))}, which its target protects, so "
        "neither these rows nor any sent with them were pushed: remove them from the source, or remove the value from "
        '"Protected values" under "Targets".'
    )


class _Forms:
    """The protected values of a column, by all forms that a cell of it may have."""

    def __init__(self, stream: DestinationStream, column: str, values: Collection[str], dialect: CsvDialect) -> None:
        self._decimal_comma = column in stream.number_columns and dialect.decimal_separator == ","
        self._has_days = column in stream.date_columns and dialect.dates is None
        self._values = {self._form(each): each for each in values}
        if column in stream.date_columns and dialect.dates is not None:
            given = sorted(values)
            (written,), _ = DateColumns(stream, dialect.dates).write([column], [given])
            self._values |= {self._form(day): each for each, day in zip(given, written, strict=True) if day}

    def protected(self, cells: Iterable[str | None]) -> Iterable[tuple[str, int]]:
        """Each protected value that is among the cells, and how often."""
        for cell, count in Counter(cells).items():
            if cell is not None and (value := self._find(cell)) is not None:
                yield value, count

    def _find(self, cell: str) -> str | None:
        found = self._values.get(self._form(cell))
        return self._values.get(cell[:_DAY]) if found is None and self._has_days else found

    def _form(self, text: str) -> str:
        return folded(text.replace(",", ".") if self._decimal_comma else text)

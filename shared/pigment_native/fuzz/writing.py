"""Records to CSV lines: what a case is made of, and whether C gives what the conversion by row gives."""

from __future__ import annotations

import json
import logging
from array import array
from collections.abc import Iterator, Sequence
from ctypes import CDLL
from random import Random
from typing import Any

import msgspec

from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rows import Rejection, RowConverter, Rows
from destination_pigment.input.catalog import DateKind, DestinationStream, StreamNames, WriteMode
from destination_pigment.input.messages import Records, parse_block
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvUnwritable, CsvWriter
from pigment_native.cells import CellReader, Cells, RecordInput, select_rows
from pigment_native.csv_lines import CsvLineWriter
from pigment_native.fuzz.case import Case, Finding, Shape, Tally, same
from pigment_native.fuzz.fenced_calls import FencedCells, Row
from pigment_native.fuzz.fenced_memory import Fence
from pigment_native.fuzz.mutation import JSON_WORDS, a_word
from pigment_native.fuzz.plain_records import is_plain
from pigment_native.fuzz.records import NAMES, RecordMaker
from pigment_native.library import LEFT_TO_ROWS, NO_ROOM

_FENCES = list(Fence)
_DATES = [None, None, "dd/MM/yyyy", "MMM d, yyyy", "yyyy-MM-dd HH:mm:ss"]
_MOST_ROOMS_TRIED = 400

# It warns of each new column, once a converter.
logging.getLogger("airbyte.pigment.destination").setLevel(logging.ERROR)


class Writing:
    """Cases of JSON, judged by `parse_block`, `RowConverter` and the standard library's CSV."""

    words = JSON_WORDS

    def __init__(self, library: CDLL) -> None:
        self._library = library
        self._fenced = FencedCells(library)

    def shape(self, random: Random) -> Shape:
        """Any header and dialect, and a stream; or records without their messages."""
        width = random.choice([1, 1, 2, 2, 3, 4, 6, random.randint(1, 60), 2000 if random.random() < 0.02 else 5])
        names = random.sample(NAMES, min(width, len(NAMES)))
        names += [f"column {n}" for n in range(width - len(names))]
        return {
            "columns": names,
            "dates": {name: random.choice(list(DateKind)).value for name in names if random.random() < 0.1},
            "pattern": random.choice(_DATES),
            "stream": random.choice(["s", "", 'q"', "Ä\u2028", "data", "🚀\n"]),
            "namespace": random.choice([None, None, "n", 'q"', "🚀"]),
            "messages": random.random() < 0.6,
            "separator": random.choice(".,"),
            "delimiter": random.choice(";,"),
        }

    def block(self, random: Random, shape: Shape) -> bytes:
        """Records, one a line, here and there something that is none or hurts."""
        maker = RecordMaker(random, shape)
        most = 3 if len(shape["columns"]) > 100 else random.choice([1, 3, 3, 20])
        lines = [maker.line() for _ in range(random.randint(0, most))]
        return b"\n".join(lines) + (b"\n" if random.random() < 0.7 else b"")

    def judge(self, case: Case) -> Tally:
        """Each block by the connector's own reader, writer and converter, and by C between fences with any room."""
        shape, random, tally = case.shape, Random(case.chance), Tally()
        stream = (shape["namespace"], shape["stream"]) if shape["messages"] else None
        reader = CellReader(self._library, shape["columns"], shape["separator"], stream)
        for block in case.blocks:
            lines = block.split(b"\n")
            lines = lines if lines[-1] else lines[:-1]
            taken = self._judge_taken(reader, block, lines, shape)
            first = taken.get(0, [])
            tally.blocks += 1
            tally.taken += bool(first) and len(first) == len(lines)
            tally.rows += sum(map(len, taken.values()))
            tally.lines += len(lines)
            # From the first line on, as it is written: the reader may have learned another way since.
            again = reader.read_cells(RecordInput(block)) or []
            rows = list(map(list, zip(*again, strict=True)))
            tally.calls += 2 + self._judge_rooms(reader, block, [lines, rows], random)
            tally.calls += self._judge_lines(reader, block, lines, shape, random)
            if random.random() < 0.3:
                self._judge_converter(lines, shape)
        return tally

    def _judge_taken(
        self, reader: CellReader, block: bytes, lines: Sequence[bytes], shape: Shape
    ) -> dict[int, list[Row]]:
        """The rows that the reader takes, by the line where it began: those of all that are plain."""
        look, number = RecordInput(block), 0
        plain = [is_plain(line, shape) if look.is_text else False for line in lines]
        taken: dict[int, list[Cells]] = {}
        while number < len(lines):
            columns = reader.read_cells(look)
            if columns is None and plain[number]:
                # A reader learns once for a block how messages are written.
                again, look = look, RecordInput(block)
                look.position = again.position
                columns = reader.read_cells(look)
            count = 1 if columns is None else len(columns[0])
            if columns is None and plain[number]:
                raise Finding("a plain record was left")
            if columns is not None and False in plain[number : number + count]:
                raise Finding("a record was taken that is not plain")
            if columns is None:
                look.position = min(len(block), look.position + len(lines[number]) + 1)
            else:
                taken[number] = columns
            number += count
            same("the position", look.position, min(len(block), sum(map(len, lines[:number])) + number))
        # Only now, because what is taken later must not change what was before.
        rows = {begin: list(map(list, zip(*columns, strict=True))) for begin, columns in taken.items()}
        for begin, found in rows.items():
            plainly = b"\n".join(lines[begin : begin + len(found)])
            same("cells", found, list(_by_row(plainly, shape)))
            reported = {name for name, each in zip(shape["columns"], taken[begin], strict=True) if each.has_strings}
            if _names_of_strings(plainly, shape) & set(shape["columns"]) - reported:
                raise Finding("a column has a string that is not reported")
        return rows

    def _judge_rooms(self, reader: CellReader, block: bytes, plain: Sequence[Any], random: Random) -> int:
        """C with rooms of any size: what it takes is right, and it says why it takes no more."""
        lines, expected = plain
        if reader._envelope is None:
            return 0
        rows = expected
        rooms = [(len(block), len(rows) + 1)]
        if random.random() < 0.3:
            rooms += [(random.randint(0, len(block)), len(rows) + 1), (len(block), random.randint(0, len(rows)))]
        if len(block) < _MOST_ROOMS_TRIED and random.random() < 0.02:
            rooms += [(size, len(rows) + 1) for size in range(len(block))]
        for texts, most in rooms:
            taken = self._fenced.take(reader, block, (texts, most), random.choice(_FENCES))
            if not RecordInput(block).is_text:
                continue
            count = len(taken.rows)
            same("cells between fences", taken.rows, rows[:count])
            left = block[len(block) - taken.left :]
            begin = min(len(block), sum(map(len, lines[:count])) + count)
            same("what was left between fences", left, block[begin:])
            if texts == len(block) and most > len(rows):
                # What is left may be a number that there was no room for, written out.
                ended = (NO_ROOM if taken.ended == NO_ROOM else LEFT_TO_ROWS) if left else 0
                same("between fences", (count, taken.ended), (len(rows), ended))
            elif count < min(len(rows), most) or (left and count == most):
                same("without room", taken.ended, NO_ROOM)
        return len(rooms)

    def _judge_lines(
        self, reader: CellReader, block: bytes, lines: Sequence[bytes], shape: Shape, random: Random
    ) -> int:
        """The lines of what was taken, of some of it, and of other texts beside it."""
        dialect = CsvDialect(shape["delimiter"])
        columns: list[Sequence[str | None]] = list(reader.read_cells(RecordInput(block)) or ())
        if not columns:
            return 0
        # The reader may take more rows than at first: meanwhile it has learned another way to write messages.
        rows = list(_by_row(b"\n".join(lines[: len(columns[0])]), shape))
        same("lines", CsvLineWriter(dialect).lines(columns), CsvWriter(dialect).lines(rows))
        odd = random.choice([0, 0, 0.2, 1])
        which = [random.random() < 0.7 for _ in rows]
        some = [_beside(random, column) if random.random() < odd else column for column in select_rows(columns, which)]
        if random.random() < 0.2:
            some = [column[random.randint(-2, 2) :: random.choice([1, 2, 3, -1])] for column in some[:1]]
        same("chosen lines", _written(CsvLineWriter(dialect), some), _written_by_row(CsvWriter(dialect), some))
        # A table in a fence, right and with places that lie anywhere.
        expected = CsvWriter(dialect).lines(rows)
        room = random.choice([len(expected), max(0, len(expected) - 1), random.randint(0, len(expected))])
        found = self._fenced.lines(rows, shape["delimiter"], room, random.choice(_FENCES))
        same("lines between fences", found, expected if room >= len(expected) else NO_ROOM)
        spans = array("i", (random.choice([0, -1, 1, 5, 40, 2**31 - 1, -(2**31)]) for _ in range(2 * len(rows))))
        self._fenced.lines_of(b"some texts", spans, (len(rows), shape["delimiter"]), 1 << 10, random.choice(_FENCES))
        return 4

    def _judge_converter(self, lines: list[bytes], shape: Shape) -> None:
        """The destination's converter, with the library and without."""
        records = [each for line in lines for each in _data_of(line, shape)]
        same("converted", _converted(records, shape, self._library), _converted(records, shape, None))


def _by_row(plain: bytes, shape: Shape) -> Iterator[Row]:
    """The rows of lines that are all plain records."""
    by_row = RowConverter(shape["columns"], CsvDialect(decimal_separator=shape["separator"]))
    key = shape["namespace"], shape["stream"]
    for data in _records(plain, key) if shape["messages"] else (plain.split(b"\n") if plain else ()):
        row = by_row.convert(msgspec.Raw(data))
        if not isinstance(row, list):
            raise Finding(f"a record that is called plain is none by row: {row}")
        yield row


def _records(block: bytes, key: tuple[str | None, str]) -> list[msgspec.Raw]:
    parsed = list(parse_block(block, StreamNames([key])))
    if block and not (len(parsed) == 1 and isinstance(parsed[0], Records) and parsed[0].key == key):
        raise Finding("lines that are called plain are no records of the stream")
    return [data for each in parsed if isinstance(each, Records) for data in each.data]


def _names_of_strings(plain: bytes, shape: Shape) -> set[str]:
    """The names of all members that are strings, of lines that are all plain records."""
    key = shape["namespace"], shape["stream"]
    records = _records(plain, key) if shape["messages"] else plain.split(b"\n")
    return {name for data in records for name, value in json.loads(bytes(data)).items() if isinstance(value, str)}


def _data_of(line: bytes, shape: Shape) -> list[msgspec.Raw]:
    if shape["messages"]:
        parsed = parse_block(line, StreamNames([(shape["namespace"], shape["stream"])]))
        return [data for each in parsed if isinstance(each, Records) for data in each.data]
    try:
        return [msgspec.json.decode(line, type=msgspec.Raw)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


def _beside(random: Random, column: Sequence[str | None]) -> list[str | None]:
    """Other texts for a column, such as dates that are written."""
    texts = [None, "", *(a_word(random, JSON_WORDS).decode(errors="replace") for _ in range(3))]
    if random.random() < 0.05:
        texts.append("\ud800")
    return [random.choice([cell, random.choice(texts)]) for cell in column]


def _written(writer: CsvLineWriter, columns: Sequence[Sequence[str | None]]) -> bytes | str:
    try:
        return writer.lines(columns)
    except CsvUnwritable as error:
        return str(error)


def _written_by_row(writer: CsvWriter, columns: Sequence[Sequence[str | None]]) -> bytes | str:
    try:
        return writer.lines(zip(*columns, strict=True))
    except CsvUnwritable as error:
        return str(error)


def _converted(records: Sequence[msgspec.Raw], shape: Shape, library: CDLL | None) -> list[tuple[object, ...]]:
    """What becomes of records, row by row."""
    columns = tuple(sorted(shape["columns"]))
    stream = DestinationStream(
        shape["namespace"],
        shape["stream"],
        WriteMode.APPEND,
        columns,
        date_columns={name: DateKind(kind) for name, kind in shape["dates"].items()},
    )
    pattern = shape["pattern"] and parse_date_pattern(shape["pattern"])
    dialect = CsvDialect(shape["delimiter"], shape["separator"], dates=pattern)
    made: list[tuple[object, ...]] = []
    for each in list(RecordConverter(stream, (), dialect, library).convert(records)):
        rows = each.rejected if isinstance(each, Rejection) else each
        kind = each.reason if isinstance(each, Rejection) else "stored"
        if isinstance(rows, Rows):
            made += [(kind, rows.header, *row) for row in zip(*rows.columns, strict=True)]
        else:
            made.append((kind, rows))
    # Rejected records come as soon as they are found; each kind keeps its order.
    return sorted(made, key=lambda row: str(row[0]))

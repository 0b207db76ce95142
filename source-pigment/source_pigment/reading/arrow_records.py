"""Rows to finished RECORD lines, a block at a time and by column.

pyarrow parses a block into columns of text, blanks as nulls; each column becomes JSON by vectorised functions; the
columns are joined with the constant parts of a line between them, and the joined array's buffer is the output. What
does not fit this (control characters other than line ends and tabs, lone carriage returns, quotes out of place, rows
of another length) goes by row, block by block, so that both give the same bytes and the same errors.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from functools import reduce
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pigment_csv.dialect import BYTE_ORDER_MARK
from pigment_csv.values import ISO_DATE, JSON_NUMBER, is_iso_date
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.inspection import QUOTED_FIELD
from source_pigment.reading.records import (
    CLOSING,
    LINE_ENDS,
    LONGEST_LINE_BYTES,
    RecordBlock,
    RecordLayout,
    RowConverter,
)

_JSON_NUMBER = f"^(?:{JSON_NUMBER.pattern})$"
_ISO_DATE = f"^{ISO_DATE.pattern}$"

# What orjson escapes; the ones it writes as \b, \f or \u00XX are left to `RowConverter`.
_ESCAPED = bytes([*range(0x20), ord('"'), ord("\\")])
_LEFT_TO_ROWS = bytes(code for code in range(0x20) if chr(code) not in "\t\n\r")
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), *LINE_ENDS)


class ArrowConverter:
    """Turns blocks of whole CSV records into RECORD lines; gives what `RowConverter` gives, sooner.

    `plain` says that `inspection` has seen all blocks, and none that needed a closer look: the rows are as long as the
    layout, and quotes, carriage returns and empty lines stand where they may. Then this is not looked at again.
    """

    def __init__(self, layout: RecordLayout, *, plain: bool = False) -> None:
        self._layout = layout
        self._plain = plain
        self._by_row = RowConverter(layout)
        self._labels = layout.labels()
        self._sends_any = any(self._labels) or layout.id_position is not None
        names = [str(position) for position in range(len(layout.names))]
        self._read = pa.csv.ReadOptions(use_threads=False, column_names=names)
        self._parse = pa.csv.ParseOptions(
            delimiter=";", quote_char='"', double_quote=True, newlines_in_values=True, ignore_empty_lines=False
        )
        self._convert = pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=True,
        )

    def convert(self, block: bytes, *, first_record: int, emitted_at: int) -> RecordBlock:
        """The records of a block whose first is numbered `first_record`; raises `CsvBroken` and `RecordTooLong`."""
        table = self._table(block)
        if table is None:
            return self._by_row.convert(block, first_record=first_record, emitted_at=emitted_at)
        misfits: Counter[str] = Counter()
        pieces = self._pieces(table, emitted_at, misfits)
        lines = pc.binary_join_element_wise(*pieces, _EMPTY, null_handling="replace", null_replacement="null")
        if pc.max(pc.binary_length(lines)).as_py() >= LONGEST_LINE_BYTES:
            return self._by_row.convert(block, first_record=first_record, emitted_at=emitted_at)
        block_of_lines = RecordBlock(self._layout.stream, _content(lines), len(lines), misfits)
        if self._layout.key_positions:
            key = [_array(table.column(position)) for position in self._layout.key_positions]
            block_of_lines.keys = array("q", map(hash, _texts(_hashed_texts(key))))
            block_of_lines.blank_keys = pc.sum(reduce(pc.or_, map(pc.is_null, key)), min_count=0).as_py()
        return block_of_lines

    def _table(self, block: bytes) -> pa.Table | None:
        """The block as columns of text, or None where it must go by row."""
        if (
            len(block.translate(None, _LEFT_TO_ROWS)) != len(block)
            or block.startswith(BYTE_ORDER_MARK)
            or not self._sends_any
            or not (self._plain or _may_be_plain(block))
        ):
            return None
        self._read.block_size = len(block) + 1
        try:
            table = pa.csv.read_csv(
                pa.py_buffer(block),
                read_options=self._read,
                parse_options=self._parse,
                convert_options=self._convert,
            ).combine_chunks()
        except pa.ArrowInvalid:
            return None
        return table if self._plain or _rows_are_records(table, block) else None

    def _pieces(self, table: pa.Table, emitted_at: int, misfits: Counter[str]) -> list[Any]:
        """Constants and arrays in turn, which joined are the lines; neighbouring constants are one."""
        layout = self._layout
        columns = [_array(table.column(position)) for position in range(table.num_columns)]
        pieces = Pieces(layout.opening(emitted_at))
        comma = ""
        for label, name, type_, column in zip(self._labels, layout.names, layout.types, columns, strict=True):
            if label is not None and name is not None:
                pieces.constant(comma + label)
                pieces.value(column, type_, name, misfits)
                comma = ","
        if layout.id_position is not None:
            id_label, hash_label = layout.metadata_labels
            pieces.constant(comma + id_label)
            pieces.value(columns[layout.id_position], ColumnType.TEXT, "", misfits)
            pieces.constant(f',{hash_label}"')
            pieces.array(_hashes(columns))
            pieces.constant('"')
        pieces.constant(CLOSING)
        return pieces.finished()


class Pieces:
    """The parts of the lines of a block: texts that are the same in every line, and arrays."""

    def __init__(self, opening: str) -> None:
        self._parts: list[Any] = [opening]

    def constant(self, text: str) -> None:
        """Add a text."""
        if isinstance(self._parts[-1], str):
            self._parts[-1] += text
        else:
            self._parts.append(text)

    def finished(self) -> list[Any]:
        """All parts as pyarrow takes them."""
        return [_scalar(part) if isinstance(part, str) else part for part in self._parts]

    def array(self, values: Any) -> None:
        """Add an array of finished texts."""
        self._parts.append(values)

    def value(self, column: Any, type_: ColumnType, name: str, misfits: Counter[str]) -> None:
        """Add the values of a column as JSON; a blank is null here and becomes the word when the lines are joined."""
        if type_ is ColumnType.TEXT and column.null_count == 0:
            self.constant('"')
            self.array(_escaped(column))
            self.constant('"')
            return
        words, fits = _words(column, type_)
        if fits is not None and not pc.all(fits, min_count=0).as_py():
            misfits[name] += pc.sum(pc.invert(fits)).as_py()
            words = pc.if_else(fits, words, _quoted(column))
        self.array(words)


def _may_be_plain(block: bytes) -> bool:
    """Whether no quote is out of place (pyarrow would read on all the same), and no lone carriage return at the end."""
    return not block.endswith(b"\r") and (b'"' not in block or b'"' not in QUOTED_FIELD.sub(b"", block))


def _rows_are_records(table: pa.Table, block: bytes) -> bool:
    """Whether each row is a record: pyarrow also ends a row at a lone carriage return, and makes one of an empty line.

    A line feed either ends a row or stands in a cell, so rows that a carriage return ended are too many by count.
    """
    inside = 0
    if b'"' in block:
        inside = sum(_content(_array(column)).count(b"\n") for column in table.columns)
    ends = block.count(b"\n") + (not block.endswith(b"\n"))
    if table.num_rows != ends - inside:
        return False
    return table.num_columns == 1 or table.column(0).null_count == 0 or not _has_empty_line(block)


def _has_empty_line(block: bytes) -> bool:
    """pyarrow takes an empty line for a row of blanks; inside quotes it is harmless, as `RowConverter` finds."""
    return block.startswith((b"\n", b"\r\n")) or b"\n\n" in block or b"\n\r\n" in block


def _words(column: Any, type_: ColumnType) -> tuple[Any, Any]:
    """The values as JSON, and which of them fit the type (None: all do)."""
    match type_:
        case ColumnType.TEXT:
            return _quoted(column), None
        case ColumnType.NUMBER:
            return column, pc.match_substring_regex(column, _JSON_NUMBER)
        case ColumnType.BOOLEAN:
            true, false = pc.equal(column, _scalar("TRUE")), pc.equal(column, _scalar("FALSE"))
            return pc.if_else(true, _scalar("true"), _scalar("false")), pc.or_(true, false)
        case ColumnType.DATE:
            fits = pc.match_substring_regex(column, _ISO_DATE)
            # The form alone does not make a day: there are few different dates, so each is looked at once.
            for text in pc.unique(pc.filter(column, fits)).to_pylist():
                if not is_iso_date(text):
                    fits = pc.and_not(fits, pc.equal(column, _scalar(text)))
            return _quoted(column), fits


def _quoted(column: Any) -> Any:
    return pc.binary_join_element_wise(_QUOTE, _escaped(column), _QUOTE, _EMPTY)


def _escaped(column: Any) -> Any:
    """The texts as they stand inside the quotes of JSON."""
    content = _content(column)
    if content.isascii() and len(content.translate(None, _ESCAPED)) == len(content):
        return column
    for sign, escape in _ESCAPES:
        if sign.encode() in content:
            column = pc.replace_substring(column, sign, escape)
    return column


def _hashes(columns: list[Any]) -> Any:
    """The content hash of each row, as `records.content_hash` makes it."""
    texts = _texts(_hashed_texts(columns))
    hashes = b"".join(hashlib.sha256(text).hexdigest().encode() for text in texts)
    offsets = array("i", range(0, len(hashes) + 64, 64))
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(hashes))


def _hashed_texts(columns: list[Any]) -> Any:
    """What is hashed of each row, as `records.hashed_text` makes it."""
    fields: list[Any] = []
    for column in columns:
        text = pc.fill_null(column, _EMPTY)
        fields += [pc.cast(pc.binary_length(text), pa.string()), _scalar(":"), text, _scalar(",")]
    return pc.binary_join_element_wise(*fields, _EMPTY)


def _texts(array: Any) -> list[bytes]:
    """The texts of an array, each by itself."""
    _, offsets, _ = array.buffers()
    bounds = memoryview(offsets).cast("i")[array.offset : array.offset + len(array) + 1]
    content, first = _content(array), bounds[0]
    return [content[begin - first : end - first] for begin, end in pairwise(bounds)]


def _scalar(text: str) -> Any:
    """A constant for pyarrow, made from its bytes: from a Python text it would import pandas first, for a second."""
    encoded = text.encode()
    return pa.StringArray.from_buffers(1, pa.py_buffer(array("i", (0, len(encoded)))), pa.py_buffer(encoded))[0]


def _array(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _content(array: Any) -> bytes:
    """The texts of an array, one after the other."""
    _, offsets, data = array.buffers()
    if data is None:
        return b""
    bounds = memoryview(offsets).cast("i")
    return bytes(memoryview(data)[bounds[array.offset] : bounds[array.offset + len(array)]])


_EMPTY = _scalar("")
_QUOTE = _scalar('"')

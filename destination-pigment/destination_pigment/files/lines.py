"""The rows of our own CSV files as bytes: a line end outside quotes ends a row, so no cell has to be parsed. Pure.

We write quotes only around a cell, or doubled inside one (RFC 4180), so of the parts between two quotes every other one
is outside. All functions take whole rows, each with its line end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import BinaryIO

from pigment_csv.dialect import CsvDialect

_END = CsvDialect.line_end.encode()
_QUOTE = b'"'
_CHUNK_BYTES = 1 << 18


def count_rows(lines: bytes) -> int:
    """How many rows these lines are."""
    if _QUOTE not in lines:
        return lines.count(_END)
    return sum(part.count(_END) for part in lines.split(_QUOTE)[::2])


def split_rows(lines: bytes) -> list[bytes]:
    """The rows one by one, without their line ends."""
    parts = lines.split(_END)
    parts.pop()
    if _QUOTE not in lines:
        return parts
    rows: list[bytes] = []
    inside: list[bytes] = []
    for part in parts:
        is_odd = part.count(_QUOTE) % 2 == 1
        if inside or is_odd:
            inside.append(part)
            # A row is complete where a second line has an odd number of quotes.
            if len(inside) > 1 and is_odd:
                rows.append(_END.join(inside))
                inside = []
        else:
            rows.append(part)
    return rows


def join_rows(rows: Sequence[bytes]) -> bytes:
    """The rows as lines."""
    return _END.join((*rows, b"")) if rows else b""


def select_lines(lines: bytes, which: Sequence[bool | int]) -> bytes:
    """The lines of the rows for which `which` is true."""
    return join_rows(list(compress(split_rows(lines), which)))


def padded(lines: bytes, blanks: bytes) -> bytes:
    """The lines with blank cells, such as `,,`, at the end of each row."""
    if not blanks:
        return lines
    if _QUOTE not in lines:
        return lines.replace(_END, blanks + _END)
    parts = lines.split(_QUOTE)
    parts[::2] = [part.replace(_END, blanks + _END) for part in parts[::2]]
    return _QUOTE.join(parts)


def read_blocks(file: BinaryIO, begin: int, end: int) -> Iterator[bytes]:
    """The bytes from one row's begin to another row's end, in blocks of whole rows."""
    file.seek(begin)
    left, rest = end - begin, b""
    while left:
        chunk = file.read(min(_CHUNK_BYTES, left))
        if not chunk:
            raise EOFError("the file is shorter than what was written")
        left -= len(chunk)
        block = rest + chunk
        cut = _end_of_last_row(block)
        rest = block[cut:]
        if cut:
            yield block[:cut]


def _end_of_last_row(block: bytes) -> int:
    """The position after the last line end outside quotes; 0 if there is none."""
    inside = block.count(_QUOTE) % 2 == 1
    end = len(block)
    while (at := block.rfind(_END, 0, end)) >= 0:
        inside ^= block.count(_QUOTE, at, end) % 2 == 1
        if not inside:
            return at + len(_END)
        end = at
    return 0

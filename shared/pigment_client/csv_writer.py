"""CSV as an import configuration expects it, written by the standard library (RFC 4180, CRLF)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from pigment_client.csv_dialect import BYTE_ORDER_MARK, CsvDialect


def header_bytes(names: Sequence[str], dialect: CsvDialect) -> bytes:
    """The first line of a file, with the byte order mark where the dialect wants one."""
    mark = BYTE_ORDER_MARK if dialect.byte_order_mark else b""
    return mark + rows_bytes([names], dialect)


def rows_bytes(rows: Iterable[Sequence[str]], dialect: CsvDialect) -> bytes:
    """The rows as CSV; an empty text is an empty cell, and a row of one empty cell stays a row."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8")

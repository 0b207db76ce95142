"""The form of a CSV file, as Pigment writes it in an export and as an import configuration expects it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pigment_csv.date_pattern import DatePattern

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a CSV file is written; quotes are doubled inside quotes (RFC 4180).

    `bom` stands for a UTF-8 byte order mark; `dates` is the pattern of dates, None for unchanged. Lines that we write
    end with `line_end`; the reader also accepts LF.
    """

    line_end: ClassVar[str] = "\r\n"

    delimiter: Literal[";", ","] = ";"
    decimal_separator: Literal[".", ","] = "."
    bom: bool = False
    dates: DatePattern | None = None

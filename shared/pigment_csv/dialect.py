"""The form of a CSV file, as Pigment writes it in an export and as an import configuration expects it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pigment_csv.date_pattern import DatePattern

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a CSV file is written; quotes are doubled inside quotes (RFC 4180).

    `delimiter` is `;` or `,`, `decimal_separator` is `.` or `,`, `bom` stands for a UTF-8 byte order mark; `dates` is
    the pattern of dates, None for unchanged. Raises ValueError for anything else. Lines that we write end with
    `line_end`; the reader also accepts LF.
    """

    line_end: ClassVar[str] = "\r\n"

    delimiter: str = ";"
    decimal_separator: str = "."
    bom: bool = False
    dates: DatePattern | None = None

    def __post_init__(self) -> None:
        if self.delimiter not in {";", ","}:
            raise ValueError("the delimiter is a semicolon or a comma")
        if self.decimal_separator not in {".", ","}:
            raise ValueError("the decimal separator is a dot or a comma")

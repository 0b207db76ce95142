"""The form of a CSV file: what Pigment writes in an export and an import configuration expects."""

from __future__ import annotations

from dataclasses import dataclass

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

DELIMITERS = {"comma": ",", "semicolon": ";"}
DECIMAL_SEPARATORS = {"dot": ".", "comma": ","}


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """Delimiter, decimal separator and byte order mark; quotes are doubled and records end in CRLF (RFC 4180)."""

    delimiter: str = ";"
    decimal_separator: str = "."
    byte_order_mark: bool = False

"""The first rows of an export, cell by cell with quotes and line ends, read without our CSV reader."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, and whether it was quoted."""

    text: str
    quoted: bool


@dataclass(slots=True)
class CsvSample:
    """What an export's bytes contain; a row that was cut off by the sample's end is left out."""

    byte_order_mark: bool
    whole: bool
    utf8: bool = True
    well_formed: bool = True
    lone_quote: bool = False
    ends_with_line_end: bool = False
    line_ends: set[str] = field(default_factory=set)
    header: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)

    def cells(self) -> list[Cell]:
        """All cells below the header."""
        return [cell for row in self.rows for cell in row]

    def column(self, position: int) -> list[str]:
        """The texts of a column."""
        return [row[position].text for row in self.rows if position < len(row)]


def read_sample(body: bytes, delimiter: str, *, whole: bool) -> CsvSample:
    """The sample in a body that is separated by this delimiter."""
    sample = CsvSample(body.startswith(_BOM), whole, ends_with_line_end=body.endswith((b"\n", b"\r")))
    try:
        # The last character of a body that was cut may be cut as well.
        text = body.removeprefix(_BOM).decode("utf-8", "strict" if whole else "ignore")
    except UnicodeDecodeError:
        sample.utf8 = False
        return sample
    rows = _rows(text, delimiter, sample)
    if not whole and rows:
        rows.pop()
    if rows:
        sample.header = [cell.text for cell in rows[0]]
        sample.rows = rows[1:]
        sample.well_formed &= all(len(row) == len(sample.header) for row in sample.rows)
    return sample


def _rows(text: str, delimiter: str, sample: CsvSample) -> list[list[Cell]]:
    separator = re.escape(delimiter)
    token = re.compile(rf'(?:"((?:[^"]|"")*)"|([^"{separator}\r\n]*))({separator}|\r\n|\n|\r|$)')
    rows: list[list[Cell]] = [[]]
    place, end = 0, ""
    while place < len(text):
        found = token.match(text, place)
        if found is None:
            sample.well_formed = False
            # Before it the cell has text, so the quote does not open the cell.
            sample.lone_quote = re.compile(rf'[^"{separator}\r\n]+"').match(text, place) is not None
            break
        quoted, plain, end = found.groups()
        rows[-1].append(Cell(plain if quoted is None else quoted.replace('""', '"'), quoted is not None))
        place = found.end()
        if end != delimiter:
            sample.line_ends |= {end} - {""}
            rows.append([])
    if end == delimiter:
        rows[-1].append(Cell("", quoted=False))
    return [row for row in rows if row]

"""The pictures of the destination's page as SVG: the worked examples, and the settings of an import in Pigment.

`make pictures` writes them. A test compares the files with what is drawn here, and another runs the same rows through
the destination. Colours follow the reader's light or dark mode; a sign before each row says the same without colour.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from documents.generated import ROOT
from documents.import_dialog import NOTE, SETTINGS, TITLE, Setting
from documents.worked_examples import EXAMPLES, Mark, Row, WorkedExample

_SIGNS = {Mark.DELETED: "\u2212", Mark.UPDATED: "~", Mark.INSERTED: "+", Mark.UNTOUCHED: "="}

_STYLE = """
text { font: 14px sans-serif; fill: #1f2328; }
.title { font-weight: bold; } .head { font-weight: bold; font-size: 13px; } .small { font-size: 13px; }
.number { text-anchor: end; } .middle { text-anchor: middle; } .deleted-text { text-decoration: line-through; }
.page { fill: #ffffff; stroke: #d1d9e0; } .line { stroke: #d1d9e0; } .arrow { stroke: #59636e; fill: none; }
.deleted { fill: #ffebe9; } .updated { fill: #fff1c9; } .inserted { fill: #dafbe1; }
.untouched, .file { fill: #f0f2f5; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .page { fill: #0d1117; stroke: #3d444d; } .line { stroke: #3d444d; }
  .arrow { stroke: #9198a1; } .deleted { fill: #5c1f21; } .updated { fill: #4d3a0b; } .inserted { fill: #12432a; }
  .untouched, .file { fill: #21262d; }
}
"""

_MARGIN = 20
_ROW_HEIGHT = 26
_TABLE_TOP = 78
_SIGN_WIDTH = 22
_ARROW_WIDTH = 44
# The widest letter that a column is expected to have on average, in whatever font the reader has.
_LETTER_WIDTH = 8.4
_CELL_PADDING = 16


def draw(example: WorkedExample) -> str:
    """The picture of an example."""
    parts, right = [], float(_MARGIN)
    tables: list[tuple[str, Row, Sequence[Row], Sequence[Mark | None]]] = [
        ("In Pigment before", example.columns, example.before, example.marks_before()),
        ("The file", example.sent, example.file, [None] * len(example.file)),
        ("In Pigment afterwards", example.columns, example.after, example.marks_after()),
    ]
    for position, (title, columns, rows, marks) in enumerate(tables):
        if position:
            parts.append(_arrow(right, _TABLE_TOP + 1.5 * _ROW_HEIGHT))
            right += _ARROW_WIDTH
        parts.append(f'<text class="title" x="{right:g}" y="52">{escape(title)}: {len(rows)} rows</text>')
        widths = _widths(columns, rows, title)
        parts += _table(right, widths, columns, rows, marks)
        right += _SIGN_WIDTH + sum(widths)
    lowest = _TABLE_TOP + (1 + max(len(rows) for _, _, rows, _ in tables)) * _ROW_HEIGHT
    parts.append(f'<text x="{_MARGIN}" y="{lowest + 26}">{escape(_counts(example))}</text>')
    parts.append(f'<text class="small" x="{_MARGIN}" y="{lowest + 50}">{escape(example.remark)}</text>')
    label = f"{example.stream}: {_counts(example)} {example.remark}"
    return _page(example.stream, label, (max(right + _MARGIN, 740), lowest + 70), parts)


def draw_import_dialog() -> str:
    """The settings of an import configuration, each with its field in Airbyte beside it."""
    lines = [_setting(each, 66 + number * 44) for number, each in enumerate(SETTINGS)]
    height = 66 + len(SETTINGS) * 44
    note = f'<text class="small" x="{_MARGIN}" y="{height + 8}">{escape(NOTE)}</text>'
    label = "; ".join(f"{each.label}: {each.value or 'on'}, {each.in_airbyte}" for each in SETTINGS)
    return _page(TITLE, f"{NOTE} {label}", (880, height + 26), [*lines, note])


def _setting(setting: Setting, line: float) -> str:
    """A label, its box or tick box, an arrow, and what it means in Airbyte."""
    if setting.ticked:
        box = f'<rect class="inserted line" x="250" y="{line - 17}" width="22" height="22" rx="4"/>'
        value = f'<path class="arrow" stroke-width="2" d="M255 {line - 6} l5 5 l8 -10"/>'
    else:
        box = f'<rect class="file line" x="250" y="{line - 20}" width="180" height="28" rx="4"/>'
        value = f'<text x="262" y="{line}">{escape(setting.value)}</text>'
    label = f'<text class="head" x="{_MARGIN}" y="{line}">{escape(setting.label)}</text>'
    meaning = f'<text class="small" x="{440 + _ARROW_WIDTH}" y="{line}">{escape(setting.in_airbyte)}</text>'
    return "\n".join((label, box, value, _arrow(430, line - 5), meaning))


def _page(title: str, label: str, measures: tuple[float, float], parts: Sequence[str]) -> str:
    width, height = measures
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(label, quote=True)}">',
            f"<style>{_STYLE}</style>",
            f'<rect class="page" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>',
            f'<text class="title" x="{_MARGIN}" y="26">{escape(title)}</text>',
            *parts,
            "</svg>\n",
        )
    )


def _counts(example: WorkedExample) -> str:
    inserted, updated, deleted = example.counts
    return f"Pigment reports: {inserted} inserted (+), {updated} updated (~), {deleted} deleted (\u2212)."


def _widths(columns: Row, rows: Sequence[Row], title: str) -> list[float]:
    """The width of each column; together they have room for the title above them."""
    widths = [
        max(len(cell) for cell in (name, *(row[position] for row in rows))) * _LETTER_WIDTH + _CELL_PADDING
        for position, name in enumerate(columns)
    ]
    missing = len(f"{title}: {len(rows)} rows") * _LETTER_WIDTH - sum(widths) - _SIGN_WIDTH
    return [width + max(0.0, missing) / len(widths) for width in widths]


def _table(
    left: float, widths: Sequence[float], columns: Row, rows: Sequence[Row], marks: Sequence[Mark | None]
) -> Iterator[str]:
    yield from _cells(left, _TABLE_TOP, widths, columns, "head")
    bottom = _TABLE_TOP + 7
    right = left + _SIGN_WIDTH + sum(widths)
    yield f'<line class="line" x1="{left:g}" y1="{bottom}" x2="{right:g}" y2="{bottom}"/>'
    for number, (row, mark) in enumerate(zip(rows, marks, strict=True), start=1):
        line = _TABLE_TOP + number * _ROW_HEIGHT
        kind = "file" if mark is None else mark.value
        yield (
            f'<rect class="{kind}" x="{left:g}" y="{line - 17}" width="{right - left:g}" '
            f'height="{_ROW_HEIGHT - 3}" rx="3"/>'
        )
        if mark is not None:
            yield f'<text class="middle" x="{left + _SIGN_WIDTH / 2:g}" y="{line}">{_SIGNS[mark]}</text>'
        yield from _cells(left, line, widths, row, "deleted-text" if mark is Mark.DELETED else "")


def _cells(left: float, line: float, widths: Sequence[float], cells: Row, kind: str) -> Iterator[str]:
    """The cells of a line; the last column is to the right where it has numbers."""
    place = left + _SIGN_WIDTH
    for cell, width in zip(cells, widths, strict=True):
        is_number = cell == "Amount" or (cell.isdecimal() and place + width > left + sum(widths))
        names = " ".join(filter(None, (kind, "number" if is_number else "")))
        where = place + width - _CELL_PADDING / 2 if is_number else place
        yield f'<text class="{names}" x="{where:g}" y="{line:g}">{escape(cell)}</text>'
        place += width


def _arrow(left: float, height: float) -> str:
    start, end = left + 10, left + _ARROW_WIDTH - 12
    return f'<path class="arrow" stroke-width="2" d="M{start:g} {height:g} H{end:g} m-7 -6 l7 6 l-7 6"/>'


def pictures() -> dict[Path, str]:
    """Each picture's file, and what is drawn in it."""
    folder = ROOT / "docs/destinations"
    return {
        **{folder / f"{each.name}.svg": draw(each) for each in EXAMPLES},
        folder / "import-dialog.svg": draw_import_dialog(),
    }


def main() -> None:
    """Write all pictures."""
    for path, drawn in pictures().items():
        path.write_text(drawn, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

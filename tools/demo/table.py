"""A table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def render(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their headings, the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    return "\n".join(
        [
            _line(headings, widths),
            _line(["─" * width for width in widths], widths),
            *(_line(row, widths) for row in rows),
        ]
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *others))

"""Rows compared by key: judged by plain dicts."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.imports.comparable import CellColumns, Cells
from destination_pigment.imports.row_comparison import KeysCompared, RowComparison

Row = tuple[str | None, ...]

CELL = st.sampled_from([None, "a", "b", "é", "1", "1.0"])
ROW = st.tuples(CELL, CELL, CELL)
COLUMNS = ("Team", "Amount")


def loose(cell: str | None) -> str | None:
    return "1" if cell == "1.0" else cell


def columns_of(rows: Sequence[Row]) -> CellColumns:
    def named(form: Callable[[str | None], str | None]) -> dict[str, Cells]:
        cells = list(zip(*rows, strict=True)) or [()] * 3
        return {name: list(map(form, column)) for name, column in zip(("Entry", *COLUMNS), cells, strict=True)}

    return CellColumns(named(lambda cell: cell), named(loose))


def compared(
    files: list[list[Row]], block: list[list[Row]], replaced: set[str | None], deletes: bool = False
) -> KeysCompared:
    """`deletes`: rows whose other cells are blank delete their cell."""
    with tempfile.TemporaryDirectory() as folder:
        comparison = RowComparison(Path(folder, "rows"), ["Entry"], COLUMNS)
        for rows in files:
            blank = [deletes and not any(each[1:]) for each in rows]
            comparison.add_file_rows(columns_of(rows), len(rows), blank)
        comparison.add_block_rows(columns_of([("begun", None, None)]), 1, [True])
        comparison.clear_block()
        for rows in block:
            comparison.add_block_rows(columns_of(rows), len(rows), [each[0] in replaced for each in rows])
        found = comparison.compared()
        comparison.remove()
        assert not list(Path(folder).iterdir())
    return found


@given(st.lists(st.lists(ROW)), st.lists(st.lists(ROW)), st.sets(CELL), st.booleans())
def test_rows_are_compared_by_key(
    files: list[list[Row]], block: list[list[Row]], replaced: set[str | None], deletes: bool
) -> None:
    found = compared(files, block, replaced, deletes)

    ours = {each[0]: each[1:] for rows in files for each in rows}
    theirs: dict[str | None, Row] = {}
    for each in (row for rows in block for row in rows):
        theirs.setdefault(each[0], each[1:])
    emptying = {key for key, row in ours.items() if deletes and not any(row)}
    both = (ours.keys() & theirs.keys()) - emptying
    of_block = Counter(each[0] for rows in block for each in rows)
    assert found.new == len(ours.keys() - theirs.keys() - emptying)
    assert found.gone == sum(count for key, count in of_block.items() if key in replaced - ours.keys())
    assert found.emptied == len(emptying & theirs.keys())
    assert found.elsewhere == len((ours.keys() & theirs.keys()) - replaced)
    assert found.repeated == sum(of_block.values()) - len(theirs)
    assert found.repeated_in_files == sum(map(len, files)) - len(ours)

    def in_loose_form(row: Row) -> list[str | None]:
        return list(map(loose, row))

    changed = {key for key in both if in_loose_form(ours[key]) != in_loose_form(theirs[key])}
    assert (found.changed, found.unchanged) == (len(changed), len(both - changed))
    assert found.written_otherwise == sum(ours[key] != theirs[key] for key in both - changed)
    assert found.changed_by_column == {
        name: count
        for place, name in enumerate(COLUMNS)
        if (count := sum(loose(ours[key][place]) != loose(theirs[key][place]) for key in changed))
    }


def keys_of(*keys: str) -> list[list[Row]]:
    return [[(key, None, None) for key in keys]]


def test_keys_that_are_written_in_another_way_are_not_alike() -> None:
    assert not compared(keys_of("001", "002"), keys_of("1", "2"), set()).is_alike
    assert not compared(keys_of("North"), keys_of("N"), set()).is_alike


def test_new_keys_in_the_form_of_those_in_the_block_are_alike() -> None:
    assert compared(keys_of("E-11", "E-12"), keys_of("E-01", "E-02"), set()).is_alike
    assert compared(keys_of("E-11"), [], set()).is_alike
    assert compared(keys_of("North", "South"), keys_of("North", "West"), set()).is_alike

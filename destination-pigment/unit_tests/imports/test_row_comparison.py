"""Rows compared by key: judged by plain dicts."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.imports.row_comparison import KeysCompared, RowComparison

CELL = st.sampled_from([None, "a", "b", "é", "1"])
ROW = st.tuples(CELL, CELL, CELL)
COLUMNS = ("Team", "Amount")


def compared(
    files: list[list[tuple[str | None, ...]]], block: list[list[tuple[str | None, ...]]], replaced: set[str | None]
) -> KeysCompared:
    with tempfile.TemporaryDirectory() as folder:
        comparison = RowComparison(Path(folder, "rows"), ["Entry"], COLUMNS)
        for rows in files:
            comparison.add_file_rows([[each[0]] for each in rows], [list(each[1:]) for each in rows])
        comparison.add_block_rows([["begun"]], [[None, None]], [True])
        comparison.clear_block()
        for rows in block:
            comparison.add_block_rows(
                [[each[0]] for each in rows],
                [list(each[1:]) for each in rows],
                [each[0] in replaced for each in rows],
            )
        found = comparison.compared()
        comparison.close()
    return found


@given(st.lists(st.lists(ROW)), st.lists(st.lists(ROW)), st.sets(CELL))
def test_rows_are_compared_by_key(
    files: list[list[tuple[str | None, ...]]], block: list[list[tuple[str | None, ...]]], replaced: set[str | None]
) -> None:
    found = compared(files, block, replaced)

    ours = {each[0]: each[1:] for rows in files for each in rows}
    theirs: dict[str | None, tuple[str | None, ...]] = {}
    for rows in block:
        for each in rows:
            theirs.setdefault(each[0], each[1:])
    # Which of several rows of one key counts is not said; only what any of them agrees on is judged.
    repeated = {key for key, count in Counter(each[0] for rows in block for each in rows).items() if count > 1}
    both = ours.keys() & theirs.keys()
    assert (found.new, found.gone) == (len(ours.keys() - theirs.keys()), len((theirs.keys() - ours.keys()) & replaced))
    assert found.unchanged + found.changed == len(both)
    assert found.repeated == sum(map(len, block)) - len(theirs)
    if not repeated & both:
        assert found.changed == sum(ours[key] != theirs[key] for key in both)
        assert found.changed_by_column == {
            name: count
            for place, name in enumerate(COLUMNS)
            if (count := sum(ours[key][place] != theirs[key][place] for key in both))
        }


def keys_of(*keys: str) -> list[list[tuple[str | None, ...]]]:
    return [[(key, None, None) for key in keys]]


def test_keys_that_are_written_in_another_way_are_not_alike() -> None:
    assert not compared(keys_of("001", "002"), keys_of("1", "2"), set()).is_alike
    assert not compared(keys_of("North"), keys_of("N"), set()).is_alike


def test_new_keys_in_the_form_of_those_in_the_block_are_alike() -> None:
    assert compared(keys_of("E-11", "E-12"), keys_of("E-01", "E-02"), set()).is_alike
    assert compared(keys_of("E-11"), [], set()).is_alike
    assert compared(keys_of("North", "South"), keys_of("North", "West"), set()).is_alike

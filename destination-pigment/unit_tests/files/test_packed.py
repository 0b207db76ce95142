"""Keys and texts come back by their numbers, and take no more memory than is counted."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destination_pigment.files import packed
from destination_pigment.files.latest import Latest
from destination_pigment.files.packed import KeyTable, PackedTexts
from destination_pigment.files.rows import Rows
from destination_pigment.input.catalog import CursorKind, DateKind, DestinationStream, WriteMode
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect

KEYS = st.lists(st.sampled_from([b"%d" % number for number in range(40)]), max_size=9)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["", "2026-04-30", "2026-04-30T12:00:00Z", "x" * 48, "x" * 49, "é" * 25, "\0", "a\0", "\ud800"]
        ),
        st.text(max_size=5),
    ),
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(batches=st.lists(KEYS, max_size=12))
def test_a_key_is_found_by_the_place_in_which_it_came(batches: Sequence[Sequence[bytes]]) -> None:
    known: dict[bytes, int] = {}
    with patch.object(packed, "_PART_KEYS", 5):
        table = KeyTable()
        for keys in batches:
            assert table.find(keys) == list(map(known.get, keys))
            assert table.are_new(keys) is known.keys().isdisjoint(keys)
            new = [key for key in dict.fromkeys(keys) if key not in known]
            known |= {key: len(known) + number for number, key in enumerate(new)}
            table.add(new)
            assert len(table) == len(known)


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.one_of(TEXTS, st.tuples(st.integers(0, 20), TEXTS.filter(bool).map(lambda some: some[0])))),
)
def test_a_text_is_what_was_last_put_under_its_number(steps: Sequence[Any]) -> None:
    kept: list[str] = []
    with patch.object(packed._Part, "MOST", 4):
        texts = PackedTexts()
        for step in steps:
            match step:
                case (int(number), str(text)):
                    if number < len(kept):
                        kept[number] = text
                        texts.replace(number, text)
                case _:
                    kept += step
                    texts.extend(step)
        assert [texts.text(number) for number in range(len(kept))] == kept


KEY_KINDS: dict[str, Callable[[int], Sequence[str]]] = {
    "short": lambda number: (str(number),),
    "uuid": lambda number: (f"c9a1{number:08x}-1b6e-4e5c-9a55-0242ac1200",),
    "composite": lambda number: (f"2026-{number % 12:02d}", f"Department {number % 97}", f"Account {number}"),
    "long": lambda number: (f"{number:0300d}",),
    "date": lambda number: (f"{number // 300 + 1000}-04-30T12:{number // 60 % 60:02d}:{number % 60:02d}Z",),
}
CURSOR_KINDS: dict[str, Callable[[int], str] | None] = {
    "no cursor": None,
    "number": lambda number: str(1_700_000_000 + number),
    "moment": lambda number: f"2026-04-30T12:{number // 60 % 60:02d}:{number % 60:02d}.{number:06d}Z",
    "wider and wider": lambda number: "9" * (number // 1000 + 1),
    "long text": lambda number: f"{number} \U0001f600{'x' * 60}",
}


@contextmanager
def memory_traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("cursor", CURSOR_KINDS)
@pytest.mark.parametrize("kind", KEY_KINDS)
def test_keys_take_no_more_memory_than_is_counted(kind: str, cursor: str) -> None:
    of_cursor = CURSOR_KINDS[cursor]
    columns = tuple(f"k{place}" for place in range(len(KEY_KINDS[kind](0))))
    stream = DestinationStream(
        None,
        "s",
        WriteMode.APPEND_DEDUP,
        (*columns, "c"),
        primary_key=columns,
        cursor=None if of_cursor is None else "c",
        cursor_kind=CursorKind.TEXT,
        date_columns={"k0": DateKind.MOMENT} if kind == "date" else {},
    )
    latest = Latest(stream, CsvDialect(dates=parse_date_pattern("dd/MM/yyyy HH:mm:ss")))
    # Several parts of keys and of texts, as small as the test.
    with patch.object(packed, "_PART_KEYS", 2730), patch.object(packed._Part, "MOST", 1000):
        latest.forget()
        _rows(stream, KEY_KINDS[kind], of_cursor, 0)  # CPython keeps freed tuples: let it take those of the rows before
        with memory_traced():
            for begin in range(0, 7000, 500):
                sent, written = _rows(stream, KEY_KINDS[kind], of_cursor, begin)
                keys = latest.keys(sent)
                latest.require_distinct(keys, written)
                latest.admit(keys, latest.cursors(sent), None, begin)
                del sent, written, keys
                taken, _ = tracemalloc.get_traced_memory()
                assert taken <= latest.size_bytes
    assert latest.size_bytes < 1.6 * taken


def test_a_table_that_grows_takes_no_more_memory_than_was_counted_before() -> None:
    with patch.object(packed, "_PART_KEYS", 21_845):
        table = KeyTable()
        with memory_traced():
            for begin in range(0, 50_000, 100):
                keys = [b"%d" % number for number in range(begin, begin + 100)]
                counted = table.size_bytes
                tracemalloc.reset_peak()
                table.add(keys)
                assert tracemalloc.get_traced_memory()[1] <= counted + 100 * 200


def _rows(
    stream: DestinationStream,
    of_key: Callable[[int], Sequence[str]],
    of_cursor: Callable[[int], str] | None,
    begin: int,
) -> tuple[Rows, Rows]:
    """Rows as they came, and with their dates written."""
    numbers = range(begin, begin + 500)
    columns = [list(cells) for cells in zip(*map(of_key, numbers), strict=True)]
    cursors = list(map(of_cursor or str, numbers))
    written = [[f"written {cell}" for cell in column] for column in columns]
    return Rows(stream.columns, [*columns, cursors]), Rows(stream.columns, [*written, cursors], range(500))

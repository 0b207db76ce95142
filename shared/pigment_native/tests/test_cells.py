"""What happens without enough room, and what is read of a block: nothing after its end, nothing twice."""

from __future__ import annotations

import ctypes

import pytest

from pigment_native.cells import CellReader, Cells, RecordInput
from pigment_native.library import DONE, LEFT_TO_ROWS, LIBRARY, NO_ROOM, Room, address_of, text_of

RECORDS = (b'{"a":"x\\n\\u00e9","b":1.5}', b'{"b":[1, {"c":true}]}', b'{"a":false}')
TEXTS = ("x\né1.5".encode(), b'[1,{"c":true}]', b"FALSE")


@pytest.fixture(scope="module")
def reader() -> CellReader:
    if LIBRARY is None:
        pytest.skip("there is no library for this machine")
    return CellReader(LIBRARY, ["a", "b"], ".")


def converted(reader: CellReader, content: bytes, texts_bytes: int, most: int) -> tuple[int, int, bytes, bytes]:
    """How a conversion ends with so much room, how many rows it has made, their texts, and what it leaves."""
    block, texts, spans = text_of(content), bytearray(texts_bytes + 1), bytearray(16 * most + 1)
    room = Room(address_of(texts), address_of(texts) + texts_bytes, full=False)
    rows = ctypes.c_uint64(most)
    ended = reader._convert(block, reader._header, address_of(texts), room, address_of(spans), rows)
    assert texts[-1] == spans[-1] == 0
    return (
        ended,
        rows.value,
        bytes(texts[: room.at - address_of(texts)]),
        content[len(content) - block.end + block.at :],
    )


@pytest.mark.parametrize("most", range(5))
@pytest.mark.parametrize("texts_bytes", range(60))
def test_rows_that_do_not_fit_are_not_begun(reader: CellReader, texts_bytes: int, most: int) -> None:
    ended, rows, texts, left = converted(reader, b"\n".join(RECORDS), texts_bytes, most)

    assert texts == b"".join(TEXTS[:rows])
    assert left == b"\n".join(RECORDS[rows:])
    assert ended == (DONE if rows == 3 else NO_ROOM)
    if texts_bytes == 59:
        assert rows == min(most, 3)


@pytest.mark.parametrize("record", RECORDS)
def test_nothing_is_read_after_the_end(reader: CellReader, record: bytes) -> None:
    for end in range(1, len(record)):
        assert converted(reader, record[:end], 100, 1) == (LEFT_TO_ROWS, 0, b"", record[:end])


def test_reading_continues_where_the_position_is_set(reader: CellReader) -> None:
    lines = RecordInput(b"{}\nnull\n{}")
    taken = [reader.read_cells(lines), reader.read_cells(lines)]
    assert (lines.position, taken[1]) == (3, None)
    lines.position += len(b"null\n")

    assert [list(each) for each in reader.read_cells(lines) or []] == [[None], [None]]
    assert reader.read_cells(lines) is None


def test_columns_of_which_a_value_was_a_string_say_so_and_every_row_converted_elsewhere_may_have_had_one() -> None:
    if LIBRARY is None:
        pytest.skip("there is no library for this machine")
    reader = CellReader(LIBRARY, ["b", "a"], ".")

    def reported(*records: bytes) -> list[bool]:
        columns = reader.read_cells(RecordInput(b"\n".join(records)), lambda _: ["1", None])
        return [each[:1].has_strings for each in columns or () if isinstance(each[:1], Cells)]

    assert reported(b'{"a":1,"b":null}', b'{"a":"","b":true}') == [False, True]
    assert reported(b'{"a":1,"b":{"a":"x"}}') == [False, False]
    assert reported(*[b'{"a":1}'] * 5, b'{"a":1,"a":1}') == [True, True]


@pytest.mark.parametrize("longest", [0, 700, 6_000])
def test_all_rows_are_read_however_much_shorter_they_are_than_the_first(reader: CellReader, longest: int) -> None:
    texts = ["x" * longest, *(str(number) for number in range(5_000)), "y" * longest]
    lines = RecordInput(b"".join(b'{"b":"%s"}\n' % text.encode() for text in texts))

    read: list[str | None] = []
    while columns := reader.read_cells(lines):
        assert list(columns[0]) == [None] * len(columns[1])
        read += columns[1]

    assert read == texts

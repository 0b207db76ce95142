"""What is kept on disk comes back as it was, or not at all."""

from __future__ import annotations

import io
import random
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Event, Lock, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_client.errors import BrokenOff
from source_pigment.discovery.names import StreamName
from source_pigment.reading.download import (
    END,
    Downloads,
    LargeRecordTurn,
    Stopped,
    new_compressor,
    read_blocks,
    write_block,
)
from source_pigment.reading.records import RecordBlock

STREAM = StreamName("S")


def stored(*blocks: RecordBlock) -> bytes:
    file, compressor = io.BytesIO(), new_compressor()
    for block in blocks:
        write_block(file, block, compressor)
    file.write(END)
    return file.getvalue()


def read_back(content: bytes) -> list[RecordBlock]:
    return list(read_blocks(io.BytesIO(content), STREAM))


BLOCKS = st.builds(
    RecordBlock,
    st.just(STREAM),
    st.builds(lambda text, times: text * times, st.sampled_from([b"{}\n", b"\0", b""]), st.integers(0, 300_000)),
    st.integers(0, 1 << 40),
    st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=3).map(Counter[str]),
    st.lists(st.integers(0, (1 << 64) - 1), max_size=5).map(lambda keys: array("Q", keys)),
    st.integers(0, 9),
)


@settings(max_examples=60, deadline=None)
@given(blocks=st.lists(BLOCKS, max_size=9))
def test_blocks_come_back_as_they_were(blocks: list[RecordBlock]) -> None:
    assert read_back(stored(*blocks)) == blocks


def test_lines_that_cannot_be_compressed_come_back_too() -> None:
    lines = random.Random(1).randbytes(3_000_017)
    content = stored(RecordBlock(STREAM, lines, 1))
    assert read_back(content) == [RecordBlock(STREAM, lines, 1)]
    assert len(content) < len(lines) + 200


def test_one_worker_at_a_time_has_the_turn_of_a_large_record() -> None:
    lock, stop = Lock(), Event()
    order: list[str] = []
    first, second = LargeRecordTurn(lock, stop), LargeRecordTurn(lock, stop)
    second.wait_or_end(is_large=False)
    first.wait_or_end(is_large=True)
    first.wait_or_end(is_large=True)

    def take() -> None:
        with closing(second):
            second.wait_or_end(is_large=True)
            order.append("second")

    worker = Thread(target=take)
    worker.start()
    order.append("first")
    first.wait_or_end(is_large=False)
    worker.join()
    assert order == ["first", "second"]
    assert lock.acquire(blocking=False)


def test_a_sync_that_stops_does_not_wait_for_a_turn() -> None:
    lock, stop = Lock(), Event()
    LargeRecordTurn(lock, stop).wait_or_end(is_large=True)
    stop.set()
    with pytest.raises(Stopped):
        LargeRecordTurn(lock, stop).wait_or_end(is_large=True)


@pytest.mark.parametrize("size", [10, 3 << 20])
@pytest.mark.parametrize("place", [0, 3, 4, 5, 8, 20, -3])
def test_what_the_disk_changed_is_an_error(size: int, place: int) -> None:
    lines = random.Random(2).randbytes(size // 2) + b"x" * (size // 2)
    changed = bytearray(stored(RecordBlock(STREAM, lines, 1), RecordBlock(STREAM, lines, 2)))
    changed[place] ^= 0x55
    with pytest.raises(OSError, match="something else"):
        read_back(bytes(changed))


@pytest.mark.parametrize("zeros", [False, True])
def test_a_file_that_lost_its_end_is_an_error_wherever_that_is(zeros: bool) -> None:
    blocks = [RecordBlock(STREAM, b"%d\n" % n * n, n, keys=array("Q", [n])) for n in (1, 10, 100_000)]
    whole = stored(*blocks)
    ends = [len(stored(*blocks[:count])) - len(END) for count in range(4)]

    assert read_back(whole) == blocks
    for end in {end + more for end in ends for more in (0, 1, 7, 9) if end + more < len(whole)}:
        left = whole[:end] + (b"\0" * (len(whole) - end) if zeros else b"")
        if left != whole:
            with pytest.raises(OSError, match="something else"):
                read_back(left)


def test_what_was_received_is_counted_while_an_export_runs_and_after_it_broke_off() -> None:
    seen: list[int] = []

    class Export:
        """Breaks off after three chunks; looks at the count between them."""

        bytes_received = 0

        def __iter__(self) -> Iterator[bytes]:
            for _ in range(3):
                self.bytes_received += 100
                seen.append(downloads.bytes_received)
                yield b""
            raise BrokenOff("export")

    class Client:
        def export(self, _request: Any, consume: Any) -> Any:
            with suppress(BrokenOff):
                consume(Export())
            return consume(Export())

    class Converter:
        waiting_bytes = 0

        def convert_chunk(self, _chunk: bytes) -> tuple[()]:
            return ()

    downloads = Downloads(Client())  # type: ignore[arg-type] # stands in
    new_converter: Any = Converter
    request: Any = None
    with pytest.raises(BrokenOff):
        downloads.store(request, "list", new_converter, Event())
    assert seen == [100, 200, 300, 400, 500, 600]
    assert downloads.bytes_received == 600

"""What is kept on disk comes back as it was, or not at all."""

from __future__ import annotations

import gzip
import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_pigment.reading.conversion import Rows
from source_pigment.reading.download import PIECE_BYTES, Packer, unpacked


def packed(*chunks: bytes) -> io.BytesIO:
    file = io.BytesIO()
    packer = Packer(file.write)
    for chunk in chunks:
        packer.add(Rows(chunk, len(chunk)))
    packer.flush()
    return file


@settings(max_examples=60, deadline=None)
@given(
    chunks=st.lists(
        st.tuples(st.sampled_from([b"a;b\r\n", b"\0", "ü\u2028".encode()]), st.integers(0, 300_000)), max_size=9
    )
)
def test_content_comes_back_as_it_was(chunks: list[tuple[bytes, int]]) -> None:
    contents = [text * times for text, times in chunks]
    assert b"".join(unpacked(packed(*contents))) == b"".join(contents)


def test_content_that_cannot_be_packed_comes_back_too() -> None:
    content = random.Random(1).randbytes(3 * PIECE_BYTES + 17)
    file = packed(*(content[start : start + 100_000] for start in range(0, len(content), 100_000)))
    assert b"".join(unpacked(file)) == content
    assert len(file.getbuffer()) < len(content) + 200


def test_content_takes_less_than_with_gzip() -> None:
    content = b"".join(b"entry %d;Department %d;2026-%02d-01\r\n" % (n, n % 7, n % 12 + 1) for n in range(200_000))
    assert len(packed(content).getbuffer()) < len(gzip.compress(content, 1))


@pytest.mark.parametrize("size", [10, 3 * PIECE_BYTES])
@pytest.mark.parametrize("place", [4, 5, 20, -3])
def test_what_the_disk_changed_is_an_error(size: int, place: int) -> None:
    content = random.Random(2).randbytes(size // 2) + b"x" * (size // 2)
    file = packed(*(content[start : start + 700_000] for start in range(0, len(content), 700_000)))
    changed = bytearray(file.getvalue())
    changed[place] ^= 0x55
    with pytest.raises(OSError, match=r"something else|decompression failed|Corrupt"):
        list(unpacked(io.BytesIO(bytes(changed))))


CONTENT = b"".join(b"%d;Department %d;%d\r\n" % (n, n % 7, n * n) for n in range(120_000))


@pytest.mark.parametrize("content", [b"a;b\r\n1;2\r\n", CONTENT])
@pytest.mark.parametrize("zeros", [False, True])
def test_a_file_that_lost_its_end_is_an_error_wherever_that_is(content: bytes, zeros: bool) -> None:
    written: list[bytes] = []
    packer = Packer(written.append)
    for start in range(0, len(content), 65_536):
        packer.add(Rows(content[start : start + 65_536], 65_536))
    packer.flush()
    whole = b"".join(written)
    ends = [sum(map(len, written[:count])) for count in range(len(written) - 1)]

    assert b"".join(unpacked(io.BytesIO(whole))) == content
    for end in {0, *ends, *(end + more for end in ends for more in (1, 11, 13) if end + more < len(whole))}:
        left = whole[:end] + (b"\0" * (len(whole) - end) if zeros else b"")
        with pytest.raises(OSError, match=r"something else|decompression failed|Corrupt"):
            list(unpacked(io.BytesIO(left)))

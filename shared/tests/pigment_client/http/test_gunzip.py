"""A gzip body gives what zlib gives, or an error where zlib gives one, however it arrives."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pigment_client.http.gunzip import GZIP_DAMAGED, gunzipped


def by_isal(body: bytes, sizes: list[int], piece_bytes: int) -> bytes | str:
    pieces = []
    try:
        for piece in gunzipped(cut(body, sizes), piece_bytes=piece_bytes):
            assert 0 < len(piece) <= piece_bytes
            pieces.append(piece)
    except (EOFError, *GZIP_DAMAGED):
        return "refused"
    return b"".join(pieces)


def by_zlib(body: bytes) -> bytes | str:
    """All of the body at once: members, and zeros after the last."""
    contents, rest = [], body
    try:
        while rest or not contents:
            member = zlib.decompressobj(wbits=31)
            contents.append(member.decompress(rest))
            if not member.eof:
                return "refused"
            rest = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        return "its distances are refused" if "invalid distances set" in str(error) else "refused"
    return b"".join(contents)


def cut(body: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """The body in pieces of these sizes in turn, none of them empty."""
    at, sizes = 0, list(sizes)
    while at < len(body):
        for size in sizes:
            if at < len(body):
                yield body[at : at + size]
            at += size


def packed(content: bytes, level: int, strategy: int, named: bool) -> bytes:
    if named:
        file = io.BytesIO()
        with gzip.GzipFile("name.csv", "wb", level, file, mtime=1) as member:
            member.write(content)
        return file.getvalue()
    packer = zlib.compressobj(level, wbits=31, strategy=strategy)
    return packer.compress(content) + packer.flush()


CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda text, times: text * times, st.binary(min_size=1, max_size=40), st.integers(0, 4000)),
    st.builds(lambda texts: ";".join(texts).encode(), st.lists(st.text(st.characters(codec="utf-8")), max_size=30)),
)
MEMBERS = st.builds(
    packed, CONTENTS, st.integers(0, 9), st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED]), st.booleans()
)
BODIES = st.builds(
    lambda members, zeros: b"".join(members) + bytes(zeros),
    st.lists(MEMBERS, min_size=1, max_size=3),
    st.integers(0, 9),
)
SIZES = st.lists(st.integers(1, 5000), min_size=1, max_size=4)
PIECE_BYTES = st.sampled_from([1, 7, 100, 4096, 1 << 18])


@settings(deadline=None)
@given(body=BODIES, sizes=SIZES, piece_bytes=PIECE_BYTES)
@example(body=b"", sizes=[1], piece_bytes=1)
@example(body=bytes(5), sizes=[1], piece_bytes=1)
def test_a_body_gives_what_zlib_gives(body: bytes, sizes: list[int], piece_bytes: int) -> None:
    assert by_isal(body, sizes, piece_bytes) == by_zlib(body)


DAMAGES: list[Callable[[bytes, int, int], bytes]] = [
    lambda body, at, _: body[:at],
    lambda body, at, byte: body[:at] + bytes([body[at] ^ byte]) + body[at + 1 :],
    lambda body, at, byte: body[:at] + bytes([byte]) + body[at:],
    lambda body, at, _: body[:at] + body[at + 1 :],
    lambda body, at, _: body + body[:at],
    lambda body, _, byte: body + bytes([byte]),
    lambda body, at, byte: body[:at] + bytes(byte) + body[at:],
]


@settings(deadline=None, max_examples=200)
@given(body=BODIES, damage=st.sampled_from(DAMAGES), data=st.data(), sizes=SIZES, piece_bytes=PIECE_BYTES)
def test_what_zlib_refuses_of_a_damaged_body_is_refused(
    body: bytes, damage: Callable[[bytes, int, int], bytes], data: st.DataObject, sizes: list[int], piece_bytes: int
) -> None:
    near_an_end = st.integers(0, min(20, len(body) - 1)) | st.integers(max(len(body) - 12, 0), len(body) - 1)
    at = data.draw(near_an_end | st.integers(0, len(body) - 1))
    damaged = damage(body, at, data.draw(st.integers(1, 255)))

    expected, found = by_zlib(damaged), by_isal(damaged, sizes, piece_bytes)
    # Where damage hits only a code that no distance uses, ISA-L reads on, and the check sum says that nothing changed.
    assert found in ({"refused", by_zlib(body)} if expected == "its distances are refused" else {expected})


def test_damage_to_a_code_that_nothing_uses_changes_no_content() -> None:
    body = bytes.fromhex("1f8b08006f77ddcc0400edc13101000000c2a0f54f6d0d0fa400008077030d5b86dab80b0000")

    assert by_zlib(body) == "its distances are refused"
    assert by_isal(body, [len(body)], 100) == bytes(3000)
    assert by_isal(body[:-1], [len(body)], 100) == "refused"
    assert by_isal(body[:-8] + b"\1" + body[-7:], [len(body)], 100) == "refused"


@pytest.mark.parametrize("size", [1, 7, 11, 100])
@pytest.mark.parametrize("flags", range(64))
def test_a_header_with_optional_fields_is_read_as_zlib_reads_it(flags: int, size: int) -> None:
    body = with_fields(flags) * 2
    bare = gzip.compress(b"Item;Value\r\nA;1\r\n", mtime=1)
    flipped = bare[:3] + bytes([flags]) + bare[4:]

    assert by_isal(body, [size], 100) == by_zlib(body)
    assert by_isal(flipped, [size], 100) == by_zlib(flipped)


def with_fields(flags: int) -> bytes:
    """A member whose header has the optional fields of these flags (RFC 1952, section 2.3.1)."""
    bare = gzip.compress(b"Item;Value\r\nA;1\r\n", mtime=1)
    header = bare[:3] + bytes([flags]) + bare[4:10]
    header += b"\3\0abc" * bool(flags & 4) + b"name\0" * bool(flags & 8) + b"comment\0" * bool(flags & 16)
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") * bool(flags & 2)
    return header + bare[10:]


@pytest.mark.parametrize("at", range(1, 10))
def test_a_cut_within_the_trailer_is_a_cut(at: int) -> None:
    body = gzip.compress(b"Item;Value\r\nA;1\r\n")

    with pytest.raises(EOFError):
        list(gunzipped([body[:-at]], piece_bytes=100))


def test_a_small_body_that_becomes_large_never_gives_a_large_piece() -> None:
    body = gzip.compress(bytes(50_000_000))

    pieces = [len(piece) for piece in gunzipped([body], piece_bytes=65_536)]

    assert sum(pieces) == 50_000_000
    assert max(pieces) == 65_536

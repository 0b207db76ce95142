"""A gzip body, decompressed as it arrives and verified to its end.

The library ISA-L takes a third of zlib's time. What zlib refuses is refused here too: a wrong check sum or length, a
cut, damage, an unknown header, and anything but zeros after the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from isal import isal_zlib

# What is raised for damage; the library's stub calls the class an exception.
GzipDamaged = cast("type[Exception]", isal_zlib.error)

# Window bits that ask for the header and the trailer of gzip (zlib's manual, `inflateInit2`).
_GZIP = 31

# RFC 1952, section 2.3.1: the flags are the fourth byte of a member, and the upper three must be zero, which ISA-L does
# not check.
_FLAGS_AT, _RESERVED_FLAGS = 3, 0xE0


def gunzipped(body: Iterable[bytes], *, piece_bytes: int) -> Iterator[bytes]:
    """The content in pieces of at most that size; raises `EOFError` for a cut and `GzipDamaged`.

    Members may follow each other, and zeros may follow the last one, as for Python's `gzip`.
    """
    member, beginning, members, is_pending = None, b"", 0, False
    for received in body:
        rest = received
        while rest or is_pending:
            if member is None:
                # Zeros may fill what is left after a member.
                beginning += rest.lstrip(b"\0") if members and not beginning else rest
                if len(beginning) <= _FLAGS_AT:
                    break
                if beginning[_FLAGS_AT] & _RESERVED_FLAGS:
                    raise GzipDamaged("unknown header flags set")
                member, rest, beginning = isal_zlib.decompressobj(_GZIP), beginning, b""
                members += 1
            piece = member.decompress(rest, piece_bytes)
            # Where a piece is full, more of the content may be pending, also without more of the body.
            is_pending = len(piece) == piece_bytes and not member.eof
            rest = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                member = None
            if piece:
                yield piece
    if member is not None or beginning or not members:
        raise EOFError

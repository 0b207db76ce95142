"""A gzip body, decompressed as it arrives and verified to its end.

The library ISA-L takes a third of zlib's time. What zlib refuses is refused here too: a wrong check sum or length, a
cut, damage, an unknown header, and anything but zeros after the end. What zlib reads is read. There is one exception:
ISA-L accepts a wrong code for distances that nothing uses. The check sum then shows that the content is right.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import cast

from isal import isal_zlib

# What is raised for damage; the stub of ISA-L calls its class an exception.
GZIP_DAMAGED = (cast("type[Exception]", isal_zlib.error), zlib.error)

# Window bits that ask for the header and the trailer of gzip (zlib's manual, `inflateInit2`).
_GZIP = 31

# RFC 1952, section 2.3.1: the fourth byte of a member says which optional fields its header has. Where they arrive in
# parts, ISA-L misreads them, and it never checks the bits that must be zero: such a member, which is rare, is zlib's.
_FLAGS_AT = 3


def gunzipped(body: Iterable[bytes], *, piece_bytes: int) -> Iterator[bytes]:
    """The content in pieces of at most that size; raises `EOFError` for a cut and `GZIP_DAMAGED`.

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
                library = zlib if beginning[_FLAGS_AT] else isal_zlib
                member, rest, beginning = library.decompressobj(_GZIP), beginning, b""
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

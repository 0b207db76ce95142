"""Undoing the compression of an answer, strictly: objects with decode and flush.

urllib3, httpx and libcurl take a compressed body that stops in its middle for whole. Here the end must be reached.
Only gzip is asked for: every server has it, and the standard library undoes it in pieces of bounded size.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

# A window of 2^15 bytes, with the header and the check sum of gzip.
_GZIP = 15 + 16

# The most that one piece may hold, however well the rest is compressed.
_PIECE_BYTES = 256 * 1024


class ContentBroken(Exception):
    """The body is not what its Content-Encoding says, or stops before its end."""


class ContentDecoder(Protocol):
    """Turns the bytes of a body into those of the content."""

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The content that a chunk holds; raises `ContentBroken`."""

    def flush(self) -> None:
        """Say that the body is at its end; raises `ContentBroken` when the content is not."""


class IdentityDecoder:
    """For a body without encoding."""

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The chunk."""
        yield chunk

    def flush(self) -> None:
        """Nothing is left."""


class GzipDecoder:
    """For gzip, of one member or several (RFC 1952)."""

    def __init__(self) -> None:
        # All mutable state: the member that is being undone.
        self._member = zlib.decompressobj(_GZIP)

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The content, in pieces of bounded size."""
        more = bool(chunk)
        while more:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                raise ContentBroken("the compressed answer is damaged") from None
            if piece:
                yield piece
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            # A full piece may have left some of its content inside the member.
            more = bool(chunk) or (len(piece) == _PIECE_BYTES and not self._member.eof)

    def flush(self) -> None:
        """The last member must be complete, its check sum included."""
        if not self._member.eof:
            raise ContentBroken("the compressed answer stops before its end")


def decoder_for(content_encoding: str | None) -> ContentDecoder:
    """The decoder for a Content-Encoding; raises `ContentBroken` for one that was not asked for."""
    match (content_encoding or "identity").strip().lower():
        case "identity":
            return IdentityDecoder()
        case "gzip" | "x-gzip":
            return GzipDecoder()
        case _:
            raise ContentBroken("the answer is compressed in a way that was not asked for")

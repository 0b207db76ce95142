"""An export that has started: its bytes as they arrive, decoded.

The end is verified: a response that is reset, stops early, or whose gzip is cut, damaged or followed by anything else
is broken off. urllib3, httpx and libcurl take a compressed body that stops in its middle for whole.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import IO, cast

import requests
from urllib3.exceptions import HTTPError

from pigment_client.errors import BrokenOff, NotAnExport
from pigment_client.export_body import BodyCheck, NoExport, kind_by_media_type
from pigment_client.http.exceptions import broken_off
from pigment_client.http.request import Request

# The most that is received, and handed on, at once.
_CHUNK_BYTES = 256 * 1024

# GzipFile reads compressed content in pieces of `io.DEFAULT_BUFFER_SIZE` (128 KB from Python 3.12 on), and asks for
# more before it gives the rest of one that was limited: here is room for the most that deflate makes of it, 1032:1.
_LARGEST_PIECE_BYTES = 1032 * 8192

# GzipFile reads content in pieces of at least 8 KB, headers and check sums in pieces of a few bytes.
_SMALL_BYTES = 1024

_ENCODINGS = {"": "identity", "identity": "identity", "gzip": "gzip", "x-gzip": "gzip"}


class Export:
    """The response of an export. Read it once, in one thread. Raises `NotAnExport` for one that cannot be one."""

    def __init__(self, request: Request, response: requests.Response) -> None:
        self._request = request
        self._response = response
        came = kind_by_media_type(response.headers.get("Content-Type", ""))
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if came is None and encoding not in _ENCODINGS:
            came = "a compression that was not asked for"
        if came is not None:
            response.close()
            raise request.error(NotAnExport, status=response.status_code, came=came)
        self._encoding = _ENCODINGS[encoding]
        # All mutable state: how much arrived so far, decoded and as it came.
        self.bytes_received = 0
        self.wire_bytes = 0

    @property
    def http_version(self) -> int:
        """20 for HTTP/2, 11 for HTTP/1.1."""
        return int(getattr(self._response.raw, "version", 11))

    def __iter__(self) -> Iterator[bytes]:
        """The decoded bytes as they arrive.

        Raises `BrokenOff` where they do not come whole, and `NotAnExport` where they cannot be an export.
        """
        pieces = self._decoded()
        check = BodyCheck()
        broken: Exception
        while True:
            try:
                piece = next(pieces, b"")
            except (OSError, HTTPError, EOFError, zlib.error) as error:
                broken = error
                break
            self._look_at(piece, check)
            if not piece:
                # The connection may serve the next export.
                self._response.raw.release_conn()
                return
            self.bytes_received += len(piece)
            yield piece
        raise broken_off(broken, self._request)

    def _look_at(self, piece: bytes, check: BodyCheck) -> None:
        try:
            if piece:
                check.see(piece)
                return
            check.end()
        except NoExport as no_export:
            came = no_export.came
        else:
            if check.bytes_seen:
                return
            # Even an export without rows has a header line.
            raise self._request.error(BrokenOff)
        raise self._request.error(NotAnExport, status=self._response.status_code, came=came)

    def close(self) -> None:
        """Stop the transfer if it is still going on."""
        self._response.close()

    def _decoded(self) -> Iterator[bytes]:
        def receive(size: int) -> bytes:
            # Not `iter_content`: it collects pieces to a size, and takes a compressed body that stops for whole.
            received: bytes = self._response.raw.read1(size, decode_content=False)
            self.wire_bytes += len(received)
            return received

        if self._encoding == "identity":
            yield from iter(lambda: receive(_CHUNK_BYTES), b"")
            return
        # EOFError on a cut, BadGzipFile on a wrong check sum or anything behind the end, zlib.error on damage.
        with gzip.GzipFile(fileobj=cast("IO[bytes]", _Body(receive)), mode="rb") as content:
            for piece in iter(lambda: content.read1(_LARGEST_PIECE_BYTES), b""):
                yield from (piece[start : start + _CHUNK_BYTES] for start in range(0, len(piece), _CHUNK_BYTES))
        if not self.wire_bytes:
            raise EOFError


class _Body:
    """What a function receives, as the file that `GzipFile` reads: a large read gives what is there without waiting for
    more, a small one, of a header or a check sum, all that it asks for, because it is not repeated."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        # All mutable state: what was received and not read, from a position on.
        self._received = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; nothing at the end."""
        wanted = size if size < _SMALL_BYTES else 1
        while len(self._received) - self._position < wanted:
            more = self._receive(_CHUNK_BYTES)
            if not more:
                break
            self._received, self._position = self._received[self._position :] + more, 0
        piece = self._received[self._position : self._position + size]
        self._position += len(piece)
        return piece

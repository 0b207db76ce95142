"""An export as it arrives: streamed, counted, and checked to be an export at all."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

import requests
from urllib3.exceptions import HTTPError

from pigment_client.errors import BrokenOff, NotAnExport
from pigment_client.http.error_mapping import ENDLESS, broken_off
from pigment_client.http.gunzip import GZIP_DAMAGED, gunzipped
from pigment_client.http.http1 import states_its_end
from pigment_client.http.request import Request

# Enough for the JSON of an error; a larger document shows by a quote near its beginning.
_CHECKED_BYTES = 64 * 1024

# RFC 4180 has no quote inside an unquoted field, so no CSV begins like this.
_BEGINS_JSON = re.compile(rb"\s*[\[{][\s\[{]*\"")
_MAY_BE_JSON = re.compile(rb"\s*[\[{]")
_BEGINS_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)


class BodyCheck:
    """Checks the decoded bytes of a response as they pass; raises `NotAnExport` where they cannot be an export."""

    def __init__(self, request: Request) -> None:
        self._request = request
        # All mutable state: what is still undecided of a character, the beginning, and what was seen so far.
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._within_character = False
        self._beginning = bytearray()
        self.bytes_seen = 0
        self._has_form = False

    def check_chunk(self, chunk: bytes) -> None:
        self._decode(chunk, final=False)
        self._has_form = self._has_form or any(sign in chunk for sign in (b"\n", b";", b","))
        self.bytes_seen += len(chunk)
        room = _CHECKED_BYTES - len(self._beginning)
        if room <= 0:
            return
        self._beginning += chunk[:room]
        text = self._beginning.removeprefix(codecs.BOM_UTF8)
        if _BEGINS_JSON.match(text):
            raise self._not_an_export("JSON")
        if _BEGINS_MARKUP.match(text):
            raise self._not_an_export("a page of markup such as HTML")

    def check_end(self) -> None:
        """Check the body once all of it has passed; raises `BrokenOff` for an empty one."""
        self._decode(b"", final=True)
        if self.bytes_seen <= _CHECKED_BYTES and _is_json(bytes(self._beginning)):
            raise self._not_an_export("JSON")
        if not self.bytes_seen:
            # Even an export without rows has a header line.
            raise self._request.error(BrokenOff)
        if not self._has_form:
            raise self._not_an_export("a text without columns and line ends")

    def _not_an_export(self, kind: str) -> NotAnExport:
        return self._request.error(NotAnExport, status=200, received=kind)

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        if chunk.isascii() and not self._within_character and not final:
            return
        try:
            self._utf8.decode(chunk, final)
        except UnicodeDecodeError:
            pass  # it contains the bytes; raised from here, ours would carry them along
        else:
            self._within_character = bool(self._utf8.getstate()[0])
            return
        raise self._not_an_export("text that is not UTF-8")


def _is_json(body: bytes) -> bool:
    text = body.removeprefix(codecs.BOM_UTF8)
    if not _MAY_BE_JSON.match(text):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# RFC 9457 defines problem documents in JSON and in XML; HTML comes from proxies and login pages.
_NEVER_CSV = {
    "text/html": "a page of markup such as HTML",
    "application/xhtml+xml": "a page of markup such as HTML",
    "application/json": "JSON",
    "application/problem+json": "a problem document",
    "application/problem+xml": "a problem document",
}


def kind_by_media_type(content_type: str) -> str | None:
    """The kind of what was received instead of an export, by its Content-Type; None where it may be an export."""
    media = content_type.partition(";")[0].strip().lower()
    if media in _NEVER_CSV:
        return _NEVER_CSV[media]
    return "JSON" if media.endswith("+json") else None


# The most that is received, and handed on, at once: each of several workers keeps a few such pieces.
_CHUNK_BYTES = 64 * 1024

_ENCODINGS = {"": "identity", "identity": "identity", "gzip": "gzip", "x-gzip": "gzip"}


class Export:
    """The response of an export, to be read once, in one thread; raises `NotAnExport` where it cannot be one."""

    def __init__(self, request: Request, response: requests.Response) -> None:
        self._request = request
        self._response = response
        kind = kind_by_media_type(response.headers.get("Content-Type", ""))
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if kind is None and encoding not in _ENCODINGS:
            kind = "a compression that was not asked for"
        if kind is not None:
            response.close()
            raise request.error(NotAnExport, status=response.status_code, received=kind)
        self._encoding = _ENCODINGS[encoding]
        # All mutable state: how much arrived so far, decoded and as it was sent.
        self.bytes_received = 0
        self.wire_bytes = 0

    @property
    def http_version(self) -> int:
        """20 for HTTP/2, 11 for HTTP/1.1."""
        return int(getattr(self._response.raw, "version", 11))

    def __iter__(self) -> Iterator[bytes]:
        """The decoded bytes as they arrive.

        Raises `BrokenOff` where they stop early, and `NotAnExport` where they cannot be an export.
        """
        pieces = self._decoded()
        check = BodyCheck(self._request)
        broken: Exception
        while True:
            try:
                piece = next(pieces, b"")
            except (OSError, HTTPError, EOFError, *GZIP_DAMAGED) as error:
                broken = error
                break
            if not piece:
                check.check_end()
                # The connection may serve the next export.
                self._response.raw.release_conn()
                return
            check.check_chunk(piece)
            self.bytes_received += len(piece)
            yield piece
        raise broken_off(broken, self._request)

    def broken_off(self) -> BrokenOff:
        return self._request.error(BrokenOff)

    def close(self) -> None:
        """Stop the transfer if it is still going on."""
        self._response.close()

    def _decoded(self) -> Iterator[bytes]:
        received = self._received()
        return received if self._encoding == "identity" else gunzipped(received, piece_bytes=_CHUNK_BYTES)

    def _received(self) -> Iterator[bytes]:
        # Not `iter_content`: it collects pieces up to a size, and accepts a compressed body that stops early.
        while received := self._response.raw.read1(_CHUNK_BYTES, decode_content=False):
            # Where nothing follows the headers, they may have been cut themselves, which is a break.
            if self.http_version < 20 and not states_its_end(self._response.headers):
                raise self._request.error(NotAnExport, status=self._response.status_code, received=ENDLESS)
            self.wire_bytes += len(received)
            yield received

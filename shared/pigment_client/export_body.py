"""Whether the body of a response can be an export. Pure: bytes pass by, and what cannot be one is named.

What is proven not to be an export: a JSON object or array, a page of markup, bytes that are not UTF-8, and a text
without a line end or a delimiter (`Service Unavailable`). What cannot be proven: a text of several lines looks like a
table of one column, whatever it says; its header line then lacks the columns that the reader wants.
"""

from __future__ import annotations

import codecs
import json
import re

# Enough for the JSON of an error; a quote near its beginning betrays a larger document.
_LOOKED_AT_BYTES = 64 * 1024

# RFC 4180 has no quote inside an unquoted field, so no CSV begins like this.
_BEGINS_JSON = re.compile(rb"\s*[\[{][\s\[{]*\"")
_MAY_BE_JSON = re.compile(rb"\s*[\[{]")
_BEGINS_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)


class NoExport(Exception):
    """The body cannot be an export; `came` names the kind of what came, never its content."""

    def __init__(self, came: str) -> None:
        super().__init__(came)
        self.came = came


class BodyCheck:
    """Looks at the decoded bytes of an export as they pass."""

    def __init__(self) -> None:
        # All mutable state: what is still undecided of a character, the beginning, and what was seen so far.
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._within_character = False
        self._beginning = bytearray()
        self.bytes_seen = 0
        self._has_form = False

    def see(self, chunk: bytes) -> None:
        """Take the next bytes; raises `NoExport` as soon as they cannot belong to an export."""
        self._decode(chunk, final=False)
        self._has_form = self._has_form or any(sign in chunk for sign in (b"\n", b";", b","))
        self.bytes_seen += len(chunk)
        room = _LOOKED_AT_BYTES - len(self._beginning)
        if room <= 0:
            return
        self._beginning += chunk[:room]
        text = self._beginning.removeprefix(codecs.BOM_UTF8)
        if _BEGINS_JSON.match(text):
            raise NoExport("JSON")
        if _BEGINS_MARKUP.match(text):
            raise NoExport("a page of markup such as HTML")

    def end(self) -> None:
        """The body is whole; raises `NoExport`."""
        self._decode(b"", final=True)
        if self.bytes_seen <= _LOOKED_AT_BYTES and _is_json(bytes(self._beginning)):
            raise NoExport("JSON")
        if self.bytes_seen and not self._has_form:
            raise NoExport("a text without columns and line ends")

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        if chunk.isascii() and not self._within_character and not final:
            return
        try:
            self._utf8.decode(chunk, final)
        except UnicodeDecodeError:
            pass  # it holds the bytes; raised from here, ours would carry them along
        else:
            self._within_character = bool(self._utf8.getstate()[0])
            return
        raise NoExport("text that is not UTF-8")


def _is_json(body: bytes) -> bool:
    text = body.removeprefix(codecs.BOM_UTF8)
    if not _MAY_BE_JSON.match(text):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# RFC 9457 has problem documents in JSON and in XML; pages come from proxies and logins.
_NEVER_CSV = {
    "text/html": "a page of markup such as HTML",
    "application/xhtml+xml": "a page of markup such as HTML",
    "application/json": "JSON",
    "application/problem+json": "a problem document",
    "application/problem+xml": "a problem document",
}


def kind_by_media_type(content_type: str) -> str | None:
    """What came instead of an export, by its Content-Type; None where it may be one."""
    media = content_type.partition(";")[0].strip().lower()
    if media in _NEVER_CSV:
        return _NEVER_CSV[media]
    return "JSON" if media.endswith("+json") else None

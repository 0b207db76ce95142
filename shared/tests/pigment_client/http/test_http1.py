"""Breaks over HTTP/1.1 are detected, however the bytes are cut."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared.tests.pigment_client.http.wires import CONTENT, GZIPPED, Http1Wire, read

from pigment_client.errors import BrokenOff, NotAnExport, TryLater

CUTS = st.lists(st.integers(1, 5000), min_size=1, max_size=8)


def response(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/csv", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(body: bytes, size: int = 4099) -> bytes:
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"

WHOLE = {
    "chunked": response(chunked(CONTENT), "Transfer-Encoding: chunked"),
    "chunked gzip": response(chunked(GZIPPED), "Transfer-Encoding: chunked", "Content-Encoding: gzip"),
    "of known length": response(CONTENT, f"Content-Length: {len(CONTENT)}"),
    "gzip of known length": response(GZIPPED, f"Content-Length: {len(GZIPPED)}", "Content-Encoding: gzip"),
    "of a length stated twice": response(CONTENT, *[f"Content-Length: {len(CONTENT)}"] * 2),
    "chunked and of known length": response(chunked(CONTENT), "Transfer-Encoding: Chunked", "Content-Length: 7"),
    "after early hints": HINTS + HINTS + response(CONTENT, f"Content-Length: {len(CONTENT)}"),
}

HALF = CONTENT[: CONTENT.index(b"\r\n", len(CONTENT) // 2) + 2]
# What is sent may end after any row, and the connection with it.
ENDLESS = {
    "no length": (),
    "a length that is no number": ("Content-Length: many",),
    "a length below zero": ("Content-Length: -1",),
    "a length with a sign": (f"Content-Length: +{len(HALF)}",),
    "a length with a separator": ("Content-Length: 1_0",),
    "an empty length": ("Content-Length:",),
    "identity": ("Transfer-Encoding: identity",),
    "identity and a length": ("Transfer-Encoding: identity", f"Content-Length: {len(HALF)}"),
    "another coding around the chunks": ("Transfer-Encoding: gzip, chunked",),
    "chunks within chunks": ("Transfer-Encoding: chunked, chunked",),
    "two different lengths": (f"Content-Length: {len(HALF)}", f"Content-Length: {len(CONTENT)}"),
    "two different lengths in one": (f"Content-Length: {len(HALF)}, {len(CONTENT)}",),
}


@pytest.mark.parametrize("sent", WHOLE.values(), ids=WHOLE)
@settings(max_examples=25, deadline=None)
@given(cuts=CUTS)
def test_a_whole_export_comes_whole(sent: bytes, cuts: list[int]) -> None:
    assert read(Http1Wire(cuts, response=sent)) == CONTENT


@pytest.mark.parametrize("sent", WHOLE.values(), ids=WHOLE)
@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1), silence=st.booleans(), cuts=CUTS)
def test_a_connection_that_ends_at_any_byte_never_looks_whole(
    sent: bytes, share: float, silence: bool, cuts: list[int]
) -> None:
    # The last bytes of a chunked response end nothing any more: its last chunk has come.
    end = len(sent) - (2 if b"chunked" in sent[:200] else 1)
    try:
        received = read(Http1Wire(cuts, silence, response=sent[: int(share * end)]))
    except TryLater:
        return
    assert received == CONTENT[: len(received)]
    assert received == CONTENT, "a part was taken for the whole"


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
@pytest.mark.parametrize("headers", ENDLESS.values(), ids=ENDLESS)
def test_an_export_that_does_not_state_its_end_is_refused(
    headers: tuple[str, ...], version: bytes, gzipped: bool
) -> None:
    """Not even a whole one is taken, because a part of it would look the same; it is not asked for again."""
    body, more = (gzip.compress(HALF), ("Content-Encoding: gzip",)) if gzipped else (HALF, ())
    sent = response(body, *headers, *more).replace(b"HTTP/1.1", version, 1)
    with pytest.raises(NotAnExport) as raised:
        read(Http1Wire(response=sent))
    assert "end" in raised.value.received or "length" in raised.value.received


@pytest.mark.parametrize("cut", [True, False])
def test_gzip_is_verified_although_its_frame_is_whole(cut: bool) -> None:
    body = GZIPPED[: len(GZIPPED) // 2] if cut else GZIPPED + b"more"
    with pytest.raises(BrokenOff):
        read(Http1Wire(response=response(chunked(body), "Transfer-Encoding: chunked", "Content-Encoding: gzip")))

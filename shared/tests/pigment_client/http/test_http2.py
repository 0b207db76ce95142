"""Over HTTP/2 an export comes whole or is broken off, whatever the server does and however the bytes are cut."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, ExtensionFrame, GoAwayFrame, HeadersFrame, PingFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from shared.tests.pigment_client.http.wires import CONTENT, GZIPPED, Http2Wire, export_over, exports_over, read

from pigment_client.errors import BrokenOff, TryLater, Unavailable

Script = Callable[[Http2Wire, H2Connection, int], None]

CUTS = st.lists(st.integers(1, 5000), min_size=1, max_size=8)
PLAIN = ((":status", "200"), ("content-type", "text/csv"))
GZIP = (*PLAIN, ("content-encoding", "gzip"))
HALF = len(CONTENT) // 2


def send(machine: H2Connection, stream_id: int, body: bytes, *, end: bool = True) -> None:
    for start in range(0, len(body), 16_000):
        machine.send_data(stream_id, body[start : start + 16_000])
    if end:
        machine.end_stream(stream_id)


def whole(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    send(machine, stream_id, CONTENT)


def whole_gzip(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, GZIP)
    send(machine, stream_id, GZIPPED)


def whole_of_known_length(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, (*PLAIN, ("content-length", str(len(CONTENT)))))
    send(machine, stream_id, CONTENT)


def whole_between_other_frames(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    wire.flush()
    for start in range(0, len(CONTENT), 4096):
        wire.outgoing += PingFrame(0, b"12345678").serialize()
        unknown = ExtensionFrame(0xBB, stream_id, 0x55, b"of tomorrow")
        unknown.body_len = len(unknown.body)
        wire.outgoing += unknown.serialize()
        padded = DataFrame(stream_id, CONTENT[start : start + 4096], flags=["PADDED"], pad_length=17)
        wire.outgoing += padded.serialize()
    wire.outgoing += DataFrame(stream_id, flags=["END_STREAM"]).serialize()


def whole_between_malformed_extensions(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    """What no one asked for is ignored without being read (RFC 9113, sections 4.1 and 5.5; RFC 7838, section 4)."""
    machine.send_headers(stream_id, PLAIN)
    wire.flush()
    for start in range(0, len(CONTENT), 4096):
        for kind, stream, body in (
            (0x0A, 0, b"\xff\xff"),
            (0x0A, stream_id, b""),
            (0x0C, 0, b"\x00\x09x"),
            (0x10, 0, b""),
        ):
            wire.outgoing += len(body).to_bytes(3) + bytes((kind, 0)) + stream.to_bytes(4) + body
        wire.outgoing += DataFrame(stream_id, CONTENT[start : start + 4096]).serialize()
    wire.outgoing += DataFrame(stream_id, flags=["END_STREAM"]).serialize()


def whole_after_a_graceful_goaway(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    send(machine, stream_id, CONTENT[:HALF], end=False)
    wire.flush()
    wire.outgoing += GoAwayFrame(0, last_stream_id=2**31 - 1).serialize()
    wire.outgoing += GoAwayFrame(0, last_stream_id=stream_id).serialize()
    send(machine, stream_id, CONTENT[HALF:])


def whole_with_a_trailer(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    send(machine, stream_id, CONTENT, end=False)
    good = [("server-timing", "db;dur=53"), ("grpc-status", "0"), ("x-export-result", "complete"), ("x-failed", "0")]
    machine.send_headers(stream_id, [*good, ("content-md5", "ZmFpbGVk"), ("x-errors", "0")], end_stream=True)


def whole_and_closed(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    whole(wire, machine, stream_id)
    wire.closed = True


def half_and_closed(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    send(machine, stream_id, CONTENT[:HALF], end=False)
    wire.closed = True


def reset(code: ErrorCodes) -> Script:
    def script(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
        machine.send_headers(stream_id, PLAIN)
        send(machine, stream_id, CONTENT[:HALF], end=False)
        machine.reset_stream(stream_id, code)

    return script


def cut_gzip(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, GZIP)
    send(machine, stream_id, GZIPPED[: len(GZIPPED) // 2])


def gzip_with_something_after_it(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, GZIP)
    send(machine, stream_id, GZIPPED + b"garbage")


def gzip_with_a_wrong_check_sum(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, GZIP)
    send(machine, stream_id, GZIPPED[:-8] + bytes(4) + GZIPPED[-4:])


def damaged_gzip(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, GZIP)
    send(machine, stream_id, GZIPPED[:1000] + bytes(500) + GZIPPED[1500:])


def empty_gzip(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, GZIP, end_stream=True)


def ungraceful_goaway(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    send(machine, stream_id, CONTENT[:HALF], end=False)
    wire.flush()
    wire.outgoing += GoAwayFrame(0, last_stream_id=0, error_code=ErrorCodes.INTERNAL_ERROR).serialize()


def goaway_and_closed(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    send(machine, stream_id, CONTENT[:HALF], end=False)
    wire.flush()
    wire.outgoing += GoAwayFrame(0, last_stream_id=stream_id).serialize()


def closed(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    send(machine, stream_id, CONTENT[:HALF], end=False)


def silent(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    closed(wire, machine, stream_id)
    wire.silent = True


def shorter_than_its_length(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, (*PLAIN, ("content-length", str(len(CONTENT)))))
    wire.flush()
    wire.outgoing += DataFrame(stream_id, CONTENT[:4096], flags=["END_STREAM"]).serialize()


def shorter_than_its_length_before_a_trailer(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, (*PLAIN, ("content-length", str(len(CONTENT)))))
    wire.flush()
    wire.outgoing += DataFrame(stream_id, CONTENT[:4096]).serialize()
    wire.outgoing += HeadersFrame(
        stream_id, machine.encoder.encode([("server-timing", "db")]), flags=["END_HEADERS", "END_STREAM"]
    ).serialize()


def error_in_the_trailer(name: str, value: str) -> Script:
    def script(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
        machine.send_headers(stream_id, PLAIN)
        send(machine, stream_id, CONTENT, end=False)
        machine.send_headers(stream_id, [(name, value)], end_stream=True)

    return script


def error_after_a_known_length(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, (*PLAIN, ("content-length", str(len(CONTENT)))))
    send(machine, stream_id, CONTENT, end=False)
    machine.send_headers(stream_id, [("x-status", "500")], end_stream=True)


def two_lengths(_: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    lengths = (("content-length", str(HALF)), ("content-length", str(len(CONTENT))))
    machine.send_headers(stream_id, (*PLAIN, *lengths))
    send(machine, stream_id, CONTENT[:HALF])


def padding_larger_than_its_frame(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
    machine.send_headers(stream_id, PLAIN)
    wire.flush()
    wire.outgoing += b"\x00\x00\x02\x00\x08" + stream_id.to_bytes(4) + b"\xff\x00"


WHOLE = [
    whole,
    whole_gzip,
    whole_of_known_length,
    whole_between_other_frames,
    whole_between_malformed_extensions,
    whole_after_a_graceful_goaway,
    whole_with_a_trailer,
    whole_and_closed,
]
BROKEN = {
    "reset with an error": reset(ErrorCodes.INTERNAL_ERROR),
    "reset without an error": reset(ErrorCodes.NO_ERROR),
    "reset as cancelled": reset(ErrorCodes.CANCEL),
    "cut gzip": cut_gzip,
    "gzip with something after it": gzip_with_something_after_it,
    "gzip with a wrong check sum": gzip_with_a_wrong_check_sum,
    "damaged gzip": damaged_gzip,
    "empty gzip": empty_gzip,
    "ungraceful goaway": ungraceful_goaway,
    "goaway and closed": goaway_and_closed,
    "closed": closed,
    "closed after a half": half_and_closed,
    "silent": silent,
    "shorter than its length": shorter_than_its_length,
    "shorter than its length before a trailer": shorter_than_its_length_before_a_trailer,
    "grpc error in the trailer": error_in_the_trailer("grpc-status", "13"),
    "status in the trailer": error_in_the_trailer("x-status", "500"),
    "error in the trailer": error_in_the_trailer("x-pigment-error", "ExportFailed"),
    "result in the trailer": error_in_the_trailer("x-export-result", "Failed"),
    "outcome in the trailer": error_in_the_trailer("x-outcome", "aborted: the row could not be written"),
    "message in the trailer": error_in_the_trailer("grpc-message", "internal error"),
    "error in the trailer of a known length": error_after_a_known_length,
    "two different lengths": two_lengths,
    "padding larger than its frame": padding_larger_than_its_frame,
}


@pytest.mark.parametrize("script", WHOLE, ids=lambda script: script.__name__)
@settings(max_examples=25, deadline=None)
@given(cuts=CUTS)
def test_an_export_that_ends_well_comes_whole(script: Script, cuts: list[int]) -> None:
    assert read(Http2Wire(cuts, script=script)) == CONTENT


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
@settings(max_examples=25, deadline=None)
@given(cuts=CUTS)
def test_an_export_that_ends_otherwise_is_broken_off(script: Script, cuts: list[int]) -> None:
    # Where it ends together with its headers, it has not even begun.
    with pytest.raises((BrokenOff, Unavailable)):
        read(Http2Wire(cuts, script=script))


def test_what_has_arrived_of_gzip_is_given_before_more_arrives() -> None:
    packed = zlib.compressobj(wbits=31)

    def script(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
        machine.send_headers(stream_id, GZIP)
        send(machine, stream_id, packed.compress(CONTENT) + packed.flush(zlib.Z_SYNC_FLUSH), end=False)
        wire.silent = True

    with export_over(Http2Wire(script=script)) as export:
        received = b""
        with suppress(BrokenOff):
            for chunk in export:
                received += chunk
    assert received == CONTENT


@pytest.mark.parametrize("length", [True, False], ids=["of known length", "of unknown length"])
@pytest.mark.parametrize("when", ["before", "after the headers", "with the end"])
def test_no_export_goes_out_on_a_connection_that_the_server_is_closing(when: str, length: bool) -> None:
    def script(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
        leaving = GoAwayFrame(0, last_stream_id=stream_id).serialize()
        if when == "before":
            wire.outgoing += leaving
        stated = (("content-length", str(len(CONTENT))),) if length else ()
        machine.send_headers(stream_id, (*PLAIN, *stated))
        wire.flush()
        if when == "after the headers":
            wire.outgoing += leaving
        send(machine, stream_id, CONTENT)
        wire.flush()
        if when == "with the end":
            wire.outgoing += leaving

    wires = [Http2Wire(script=script), Http2Wire(script=script)]
    assert [b"".join(export) for export in exports_over(*wires)] == [CONTENT, CONTENT]
    assert not any(wire.outgoing for wire in wires)


def test_a_connection_that_stays_serves_the_next_export() -> None:
    def script(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
        wire.script = whole_of_known_length if wire.script is script else wire.script
        whole_of_known_length(wire, machine, stream_id)

    wire = Http2Wire(script=script)
    assert [b"".join(export) for export in exports_over(wire, asked=2)] == [CONTENT, CONTENT]


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1), gzipped=st.booleans(), silence=st.booleans(), cuts=CUTS)
def test_a_connection_that_ends_at_any_byte_never_looks_whole(
    share: float, gzipped: bool, silence: bool, cuts: list[int]
) -> None:
    def script(wire: Http2Wire, machine: H2Connection, stream_id: int) -> None:
        (whole_gzip if gzipped else whole)(wire, machine, stream_id)
        wire.flush()
        wire.silent = silence
        del wire.outgoing[int(share * (len(wire.outgoing) - 1)) :]

    try:
        received = read(Http2Wire(cuts, script=script))
    except TryLater:
        return
    raise AssertionError(len(received))

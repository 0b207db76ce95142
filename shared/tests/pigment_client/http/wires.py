"""The server's side of one connection, scripted and without a network."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import requests
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded
from urllib3.connection import HTTPConnection, HTTPSConnection

from pigment_client.http.error_mapping import error_of_exception
from pigment_client.http.export import Export
from pigment_client.http.http2 import Http2Adapter
from pigment_client.http.request import Request
from pigment_client.keys import Purpose

CONTENT = b"a;b\r\n" + b"".join(b"%d;cell %d\r\n" % (number, number * 7919) for number in range(3000))
GZIPPED = gzip.compress(CONTENT, mtime=0)
REQUEST = Request("export list", Purpose.EXPORT, "POST", "/api/v1/export/list/1", streamed=True)


@dataclass
class Wire:
    """What the server sends, in the pieces in which it arrives; `silent` says that nothing follows, not even an end."""

    cuts: Sequence[int] = ()
    silent: bool = False
    outgoing: bytearray = field(default_factory=bytearray)
    _cut: int = 0

    def recv(self, size: int) -> bytes:
        if not self.outgoing and self.silent:
            raise TimeoutError("timed out")
        if self.cuts:
            size = min(size, self.cuts[self._cut % len(self.cuts)])
            self._cut += 1
        piece = bytes(self.outgoing[:size])
        del self.outgoing[:size]
        return piece

    def settimeout(self, seconds: float | None) -> None:
        pass

    def gettimeout(self) -> float:
        return 5.0

    def close(self) -> None:
        pass

    def shutdown(self, how: int) -> None:
        pass


@dataclass
class Http2Wire(Wire):
    """Plays a script once the request has come: it is given the server's machine and the id of the stream.

    `closed` says that the server takes nothing any more; what it has sent still arrives.
    """

    script: Callable[[Http2Wire, H2Connection, int], None] = lambda *_: None
    closed: bool = False
    machine: H2Connection = field(default_factory=lambda: H2Connection(H2Configuration(client_side=False)))

    def __post_init__(self) -> None:
        self.machine.initiate_connection()

    def sendall(self, data: bytes) -> None:
        if self.closed:
            raise BrokenPipeError
        for event in self.machine.receive_data(data):
            if isinstance(event, StreamEnded):
                self.script(self, self.machine, event.stream_id)
        self.flush()

    def flush(self) -> None:
        self.outgoing += self.machine.data_to_send()

    def selected_alpn_protocol(self) -> str:
        return "h2"


@dataclass
class Http1Wire(Wire):
    """Answers the first request with these bytes, and closes."""

    response: bytes = b""

    def sendall(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.outgoing += self.response

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(_Received(self))


class _Received(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the part that is used
        piece = self._wire.recv(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def exports_over(*wires: Http2Wire | Http1Wire, asked: int | None = None) -> Generator[Export, None, None]:
    """Exports that are read one after another, each once it has started; a new connection takes the next wire."""
    left = list(wires)

    def connect(connection: HTTPConnection) -> None:
        connection.sock = left.pop(0)  # type: ignore[assignment]  # a socket as far as it is used
        connection.is_verified = True

    kind, scheme = (HTTPSConnection, "https") if isinstance(wires[0], Http2Wire) else (HTTPConnection, "http")
    dropped = patch("urllib3.connection.wait_for_read", lambda wire, **_: not wire.silent and bool(wire.outgoing))
    with dropped, patch.object(kind, "connect", connect), requests.Session() as session:
        session.trust_env = False
        # There is no TLS; this spares the reading of certificates.
        session.verify = False
        for prefix in ("http://", "https://"):
            session.mount(prefix, Http2Adapter())
        headers = {"Accept-Encoding": "gzip"}
        for _ in range(asked or len(wires)):
            try:
                response = session.get(f"{scheme}://pigment.test/", stream=True, timeout=5, headers=headers)
            except OSError as error:
                raise error_of_exception(error, REQUEST, host="pigment.test", proxy=None) from None
            yield Export(REQUEST, response)
        assert not left, "a connection was kept"


@contextmanager
def export_over(wire: Http2Wire | Http1Wire) -> Iterator[Export]:
    """An export that has started over this wire."""
    with closing(exports_over(wire)) as exports:
        yield next(exports)


def read(wire: Http2Wire | Http1Wire) -> bytes:
    """The whole content; raises what the client raises."""
    with export_over(wire) as export:
        return b"".join(export)

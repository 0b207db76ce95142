"""HTTP/2 on the h2 package: one thread reads a connection, one serves each stream.

Servers made for applications do not reset a stream when the application fails in the middle; this one does, because
that is how Pigment reports an error in the middle of an export.
"""

from __future__ import annotations

import io
import selectors
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread

import h2.config
import h2.connection
import h2.events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from local_pigment.http_messages import Broken, Request, Response

_RECEIVE_BYTES = 1 << 17
_WINDOW_BYTES = 1 << 24
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Stream:
    """A request that is being received."""

    headers: dict[str, str]
    body: io.BytesIO = field(default_factory=io.BytesIO)


class Http2Connection:
    """Serves one connection until the client leaves."""

    def __init__(
        self,
        connection: ssl.SSLSocket,
        address: str,
        site: Callable[[Request], Response],
        *,
        patience_seconds: float | None = None,
    ) -> None:
        self._patience_seconds = patience_seconds or _PATIENCE_SECONDS
        self._socket = connection
        self._readable = selectors.PollSelector()
        self._readable.register(connection, selectors.EVENT_READ)
        self._turn = Lock()
        self._address = address
        self._site = site
        # Mutable state, guarded by the condition: the protocol machine, streams coming in, and whether it is over.
        self._changed = Condition()
        self._machine = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._streams: dict[int, Stream] = {}
        self._over = False

    def serve(self) -> None:
        """Read frames until the connection ends."""
        with self._changed:
            self._machine.initiate_connection()
            self._machine.increment_flow_control_window(_WINDOW_BYTES)
            self._send_out()
        try:
            while received := self._receive():
                with self._changed:
                    for event in self._machine.receive_data(received):
                        self._on(event)
                    self._send_out()
                    self._changed.notify_all()
        except (OSError, ProtocolError):
            pass
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _receive(self) -> bytes:
        """The bytes that arrived; reading and writing take turns, because TLS sockets do not allow both at once."""
        if not self._socket.pending():
            self._readable.select()
        with self._turn:
            return self._socket.recv(_RECEIVE_BYTES)

    def _on(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                headers = {_text(name): _text(value) for name, value in event.headers or ()}
                self._streams[_id(event)] = Stream(headers)
            case h2.events.DataReceived():
                self._streams[_id(event)].body.write(event.data or b"")
                self._machine.acknowledge_received_data(event.flow_controlled_length or 0, _id(event))
            case h2.events.StreamEnded():
                stream = self._streams.pop(_id(event))
                Thread(target=self._serve_stream, args=(_id(event), stream), daemon=True).start()
            case h2.events.ConnectionTerminated():
                self._over = True
            case _:
                pass

    def _serve_stream(self, stream_id: int, stream: Stream) -> None:
        stream.body.seek(0)
        method, target = stream.headers[":method"], stream.headers[":path"]
        try:
            response = self._site(Request(method, target, stream.headers, stream.body, self._address))
            headers = [
                (":status", str(response.status)),
                *((name.lower(), text) for name, text in response.headers.items()),
            ]
            if isinstance(response.body, bytes):
                headers.append(("content-length", str(len(response.body))))
            with self._changed:
                self._machine.send_headers(stream_id, headers)
                self._send_out()
            for chunk in response.chunks():
                self._send_data(stream_id, chunk)
            with self._changed:
                if response.trailers:
                    self._machine.send_headers(stream_id, list(response.trailers.items()), end_stream=True)
                else:
                    self._machine.end_stream(stream_id)
                self._send_out()
        except Broken:
            self._reset(stream_id)
        except (OSError, ProtocolError, StreamGone):
            pass

    def _send_data(self, stream_id: int, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            deadline = time.monotonic() + self._patience_seconds
            with self._changed:
                while not (room := self._room(stream_id)):
                    left = deadline - time.monotonic()
                    if left <= 0:
                        # The client has taken nothing for too long.
                        raise Broken
                    self._changed.wait(left)
                size = min(room, self._machine.max_outbound_frame_size, len(view))
                self._machine.send_data(stream_id, bytes(view[:size]))
                self._send_out()
            view = view[size:]

    def _room(self, stream_id: int) -> int:
        if self._over:
            raise StreamGone
        return self._machine.local_flow_control_window(stream_id)

    def _reset(self, stream_id: int) -> None:
        with self._changed:
            try:
                self._machine.reset_stream(stream_id, ErrorCodes.INTERNAL_ERROR)
                self._send_out()
            except (OSError, ProtocolError):
                self._over = True

    def _send_out(self) -> None:
        data = self._machine.data_to_send()
        if data:
            with self._turn:
                self._socket.sendall(data)


class StreamGone(Exception):
    """The client has cancelled the stream."""


def _id(event: object) -> int:
    return int(getattr(event, "stream_id", 0) or 0)


def _text(raw: bytes | str) -> str:
    return raw.decode("latin-1") if isinstance(raw, bytes) else raw

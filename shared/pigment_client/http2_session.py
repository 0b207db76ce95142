"""HTTP/2 without I/O: one connection that carries one exchange after the other. Bytes in, bytes out.

The protocol is the library h2's. Two things are decided here because an export must never look whole when it is not:

- The answer is at its end only when the server has marked the end of the stream (END_STREAM). A reset is a break
  whatever its code. libcurl takes RST_STREAM with NO_ERROR for a good end (curl/curl#6015), and that is just what
  Envoy sends when the server behind it broke off (envoyproxy/envoy#36200).
- GOAWAY for later streams is kept from h2, which would refuse everything after it: servers say so when they restart
  or have served a connection long enough, and then finish what they have begun (RFC 9113, section 6.8).
"""

from __future__ import annotations

from collections.abc import Iterable

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from h2.settings import SettingCodes

# How much may be on its way to us: enough for 300 MB/s at 50 ms. It stays in the network, not in our memory, because
# nothing is received that nobody asked for.
WINDOW_BYTES = 16 * 1024 * 1024
_DEFAULT_WINDOW_BYTES = 65_535

# Larger frames than the default 16 KB cost less; a frame is held until it is complete.
_MAX_FRAME_BYTES = 128 * 1024

_FRAME_HEADER_BYTES = 9
_GOAWAY = 7


class Http2Broken(ConnectionError):
    """The exchange cannot come to its end; the message is fixed and never quotes what was received."""


class Http2Session:
    """One connection. `status`, `headers`, `ended` and what `take` gives belong to the exchange begun last."""

    def __init__(self) -> None:
        # All mutable state: the protocol's; bytes of a frame that is not complete; what is left of the request's
        # body; the answer as far as it arrived; whether the server wants no more exchanges on this connection.
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self._incomplete = bytearray()
        self._stream_id = 0
        self._unsent = b""
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.ended = False
        self._arrived: list[bytes] = []
        self.goes_away = False
        self._begin_connection()

    def begin(self, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Begin an exchange; the one before must have ended."""
        self._stream_id = self._http.get_next_available_stream_id()
        self._unsent = body
        self.status, self.headers, self.ended, self._arrived = None, [], False, []
        try:
            self._http.send_headers(self._stream_id, list(headers), end_stream=not body)
        except h2.exceptions.ProtocolError:
            raise Http2Broken("HTTP/2: the connection takes no more requests") from None
        self._send_body()

    def receive(self, data: bytes) -> bool:
        """Take what the server sent, nothing standing for the end of the connection.

        Gives whether any of it belongs to the answer. Raises `Http2Broken`.
        """
        if not data:
            raise Http2Broken("HTTP/2: the connection was closed before the end of the answer")
        before = len(self._arrived), self.status, self.ended
        self._incomplete += data
        try:
            for event in self._http.receive_data(self._complete_frames()):
                self._apply(event)
            self._send_body()
        except h2.exceptions.ProtocolError:
            # The text of h2's errors may quote headers.
            raise Http2Broken("HTTP/2: the server broke the rules of the protocol") from None
        return bool(self._incomplete) or before != (len(self._arrived), self.status, self.ended)

    def take(self, size: int) -> bytes:
        """Up to `size` bytes of the body that arrived; nothing if there are none."""
        if not self._arrived:
            return b""
        first = self._arrived[0]
        if len(first) <= size:
            return self._arrived.pop(0)
        self._arrived[0] = first[size:]
        return first[:size]

    def bytes_to_send(self) -> bytes:
        """What is to be sent to the server now."""
        return self._http.data_to_send()

    def _begin_connection(self) -> None:
        self._http.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
                SettingCodes.MAX_FRAME_SIZE: _MAX_FRAME_BYTES,
                SettingCodes.MAX_HEADER_LIST_SIZE: h2.connection.H2Connection.DEFAULT_MAX_HEADER_LIST_SIZE,
            },
        )
        self._http.max_inbound_frame_size = _MAX_FRAME_BYTES
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW_BYTES - _DEFAULT_WINDOW_BYTES)

    def _send_body(self) -> None:
        while self._unsent:
            room = min(self._http.local_flow_control_window(self._stream_id), self._http.max_outbound_frame_size)
            if room <= 0:
                return
            piece, self._unsent = self._unsent[:room], self._unsent[room:]
            self._http.send_data(self._stream_id, piece, end_stream=not self._unsent)

    def _complete_frames(self) -> bytes:
        """The complete frames that are there, without a GOAWAY that lets our exchange come to its end."""
        whole = bytearray()
        begin = 0
        while len(self._incomplete) - begin >= _FRAME_HEADER_BYTES:
            end = begin + _FRAME_HEADER_BYTES + int.from_bytes(self._incomplete[begin : begin + 3])
            if end - begin > _FRAME_HEADER_BYTES + _MAX_FRAME_BYTES:
                raise Http2Broken("HTTP/2: a frame is larger than agreed")
            if end > len(self._incomplete):
                break
            if self._incomplete[begin + 3] == _GOAWAY:
                self._go_away(bytes(self._incomplete[begin + _FRAME_HEADER_BYTES : end]))
            else:
                whole += self._incomplete[begin:end]
            begin = end
        del self._incomplete[:begin]
        return bytes(whole)

    def _go_away(self, payload: bytes) -> None:
        self.goes_away = True
        last_stream_id = int.from_bytes(payload[:4]) & 0x7FFFFFFF
        if not self.ended and self._stream_id > last_stream_id:
            raise Http2Broken("HTTP/2: the server closes the connection and did not take the request")

    def _apply(self, event: h2.events.Event) -> None:
        if getattr(event, "stream_id", None) not in {None, self._stream_id}:
            return  # of an exchange before
        match event:
            case h2.events.ResponseReceived(headers=headers):
                pairs = [(str(name), str(value)) for name, value in headers or ()]
                self.status = next(int(value) for name, value in pairs if name == ":status")
                self.headers = [(name, value) for name, value in pairs if not name.startswith(":")]
            case h2.events.DataReceived(data=data, flow_controlled_length=length):
                if data:
                    self._arrived.append(data)
                # The window is opened again at once: who does not ask for more does not receive it anyway.
                self._http.acknowledge_received_data(length or 0, self._stream_id)
            case h2.events.StreamEnded():
                self.ended = True
            case h2.events.StreamReset(error_code=code) if not self.ended:
                raise Http2Broken(f"HTTP/2: the server reset the stream before its end (code {code})")
            case _:
                pass

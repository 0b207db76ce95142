"""HTTP/2 without I/O: one connection that carries one exchange after another. Bytes in, bytes out.

The library h2 implements the protocol. Three rules are ours, the first two because an export must never look whole
when it is not, nor broken when it is whole:

- The response has ended only when the server has marked the end of the stream (END_STREAM). A reset is a break with
  any code, and so is a trailer that reports an error. libcurl accepts RST_STREAM with NO_ERROR as a normal end
  (curl/curl#6015), and Envoy sends exactly that when the server it forwards to breaks off (envoyproxy/envoy#36200).
- A GOAWAY that does not concern our exchange is not passed to h2, which would reject everything after it. Servers send
  it when they restart or close an old connection, and then finish what they have started (RFC 9113, section 6.8).
- DATA of a response without Content-Length bypasses h2, which formats every frame in hexadecimal for a log that is
  switched off. h2 is only given the end of the stream. It checks the length of responses that state one, but not
  where a trailer follows the body: that is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes, Settings
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, WindowUpdateFrame

# How much the server may send ahead: enough for 300 MB/s at 50 ms. It waits in the network, not in our memory, because
# nothing is received before it is read.
WINDOW_BYTES = 16 * 1024 * 1024
_DEFAULT_WINDOW_BYTES = 65_535

# Frames larger than the default of 16 KB cost less; a frame is kept in memory until it is complete.
_MAX_FRAME_BYTES = 128 * 1024

# RFC 9113, sections 4.1 and 6: a frame begins with its length in 3 bytes and its type; CONTINUATION is the last one.
_FRAME_HEAD_BYTES = 9
_LAST_FRAME_TYPE = 0x09

_SETTINGS = {
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
    SettingCodes.MAX_FRAME_SIZE: _MAX_FRAME_BYTES,
    SettingCodes.MAX_HEADER_LIST_SIZE: 64 * 1024,
}


class Http2Broken(ConnectionError):
    """The exchange cannot be completed; the message is fixed and never quotes what was received."""


class Http2Session:
    """One connection. `status`, `headers`, `ended` and the pieces of the body belong to the exchange begun last."""

    def __init__(self) -> None:
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self._http.local_settings = Settings(client=True, initial_values=_SETTINGS)
        self._http.max_inbound_frame_size = _MAX_FRAME_BYTES
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW_BYTES - _DEFAULT_WINDOW_BYTES)
        # All mutable state in addition to h2's: of the frame that arrives, the beginning of its head, how much of it is
        # missing, and whether it is one of HTTP/2 itself; incomplete frames, and frames of ours for the server; the id
        # of the exchange and what is left of its request; its response as far as it arrived, how many bytes it still
        # lacks (None: it does not state its length), and how many are not yet confirmed to the server; whether the
        # server accepts no more exchanges on this connection.
        self._frame_head = b""
        self._frame_bytes_left = 0
        self._frame_is_known = True
        self._frames = FrameBuffer()
        self._frames.max_frame_size = _MAX_FRAME_BYTES
        self._our_frames: list[bytes] = []
        self._stream_id = 0
        self._unsent = b""
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self._arrived: list[bytes] = []
        self._missing_bytes: int | None = None
        self._unconfirmed_bytes = 0
        self.ended = False
        self._goes_away = False

    @property
    def takes_requests(self) -> bool:
        """Whether the exchange has ended and the server takes another one on this connection."""
        return self.ended and not self._goes_away

    def begin(self, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Begin an exchange; the one before must have ended."""
        self._stream_id = self._http.get_next_available_stream_id()
        self._unsent = body
        self.status, self.headers, self._arrived, self.ended = None, [], [], False
        self._missing_bytes = None
        try:
            self._http.send_headers(self._stream_id, list(headers), end_stream=not body)
        except h2.exceptions.ProtocolError:
            raise Http2Broken("HTTP/2: the connection accepts no more requests") from None
        self._send_body()

    def receive(self, data: bytes) -> bool:
        """Process what the server sent, b"" for the end of the connection; raises `Http2Broken`.

        Returns whether any of it may belong to the response.
        """
        if not data:
            raise Http2Broken("HTTP/2: the connection was closed before the end of the response")
        before = len(self._arrived), self.status, self.ended
        try:
            known = self._of_known_frames(data)
            # Bytes that complete no frame may be a part of a large one.
            only_a_part = bool(known)
            self._frames.add_data(known)
            for frame in self._frames:
                only_a_part = False
                self._accept(frame)
            self._send_body()
        except (h2.exceptions.ProtocolError, HyperframeError, ValueError):
            # The text of h2's errors may quote headers.
            raise Http2Broken("HTTP/2: the server broke the rules of the protocol") from None
        return only_a_part or before != (len(self._arrived), self.status, self.ended)

    def _of_known_frames(self, data: bytes) -> bytes:
        """What belongs to frames of HTTP/2 itself: others are ignored, whatever they contain (RFC 9113, 5.5)."""
        known: list[bytes] = []
        while data:
            if self._frame_bytes_left == 0:
                missing = _FRAME_HEAD_BYTES - len(self._frame_head)
                self._frame_head, data = self._frame_head + data[:missing], data[missing:]
                if len(self._frame_head) < _FRAME_HEAD_BYTES:
                    break
                head, self._frame_head = self._frame_head, b""
                self._frame_bytes_left, self._frame_is_known = int.from_bytes(head[:3]), head[3] <= _LAST_FRAME_TYPE
                if self._frame_is_known:
                    known.append(head)
            piece, data = data[: self._frame_bytes_left], data[self._frame_bytes_left :]
            self._frame_bytes_left -= len(piece)
            if self._frame_is_known:
                known.append(piece)
        return b"".join(known)

    def next_piece(self, size: int) -> bytes:
        """The next bytes of the body, up to `size`; b"" if none have arrived."""
        if not self._arrived:
            return b""
        first = self._arrived[0]
        if len(first) <= size:
            return self._arrived.pop(0)
        self._arrived[0] = first[size:]
        return first[:size]

    def bytes_to_send(self) -> bytes:
        """What has to be sent to the server now."""
        ours, self._our_frames = self._our_frames, []
        return b"".join((self._http.data_to_send(), *ours))

    def _send_body(self) -> None:
        while self._unsent and not self.ended:
            room = min(self._http.local_flow_control_window(self._stream_id), self._http.max_outbound_frame_size)
            if room <= 0:
                return
            piece, self._unsent = self._unsent[:room], self._unsent[room:]
            self._http.send_data(self._stream_id, piece, end_stream=not self._unsent)

    def _accept(self, frame: Frame) -> None:
        ours = frame.stream_id == self._stream_id and self.status is not None and not self.ended
        match frame:
            case GoAwayFrame():
                self._go_away(frame)
            case DataFrame() if ours and self._missing_bytes is None:
                self._accept_data(frame)
            case _:
                self._pass_on(frame)

    def _accept_data(self, frame: DataFrame) -> None:
        if frame.data:
            self._arrived.append(frame.data)
        # The window is opened again at once: nothing more is received anyway before it is asked for.
        self._unconfirmed_bytes += frame.flow_controlled_length
        ends = "END_STREAM" in frame.flags
        if ends or self._unconfirmed_bytes >= WINDOW_BYTES // 4:
            streams = (0,) if ends else (0, self._stream_id)
            if self._unconfirmed_bytes:
                self._our_frames += [WindowUpdateFrame(each, self._unconfirmed_bytes).serialize() for each in streams]
            self._unconfirmed_bytes = 0
        if ends:
            self._pass_on(DataFrame(self._stream_id, flags=["END_STREAM"]))

    def _pass_on(self, frame: Frame) -> None:
        for event in self._http.receive_data(frame.serialize()):
            self._apply(event)

    def _go_away(self, frame: GoAwayFrame) -> None:
        self._goes_away = True
        # The highest bit is reserved.
        if not self.ended and self._stream_id > frame.last_stream_id & 0x7FFFFFFF:
            raise Http2Broken("HTTP/2: the server is closing the connection and did not accept the request")

    def _apply(self, event: h2.events.Event) -> None:
        if getattr(event, "stream_id", None) not in {None, self._stream_id}:
            return  # of an earlier exchange
        match event:
            case h2.events.ResponseReceived(headers=headers):
                pairs = [(str(name), str(value)) for name, value in headers or ()]
                self.status = next(int(value) for name, value in pairs if name == ":status")
                self.headers = [(name, value) for name, value in pairs if not name.startswith(":")]
                self._missing_bytes = next((int(value) for name, value in pairs if name == "content-length"), None)
            case h2.events.DataReceived(data=data, flow_controlled_length=length):
                if data:
                    self._arrived.append(data)
                if self._missing_bytes is not None:
                    self._missing_bytes -= len(data or b"")
                self._http.acknowledge_received_data(length or 0, self._stream_id)
            case h2.events.TrailersReceived(headers=headers):
                if any(_reports_error(str(name).lower(), str(value).strip().lower()) for name, value in headers or ()):
                    raise Http2Broken("HTTP/2: the trailer reports an error")
            case h2.events.StreamEnded():
                if self._missing_bytes:
                    raise Http2Broken("HTTP/2: the response is shorter than its Content-Length")
                self.ended = True
            case h2.events.StreamReset(error_code=code) if not self.ended:
                raise Http2Broken(f"HTTP/2: the server reset the stream before its end (code {code})")
            case _:
                pass


_FAILED = re.compile(r"\b(?:fail(?:ed|ure|s)?|errors?|exception|abort(?:ed)?|incomplete|truncated|cancell?ed)\b")


def _reports_error(name: str, value: str) -> bool:
    """Whether a field of the trailer reports that the response failed.

    There is no standard field for that, so names and values are searched for words. Success is 0 in `grpc-status`
    (gRPC over HTTP/2, "Responses") and 2xx in an HTTP status.
    """
    if "status" in name:
        return value not in {"0", "ok"} and not (len(value) == 3 and value.startswith("2"))
    if any(word in name for word in ("error", "exception", "fail", "abort")):
        return value not in {"", "0", "false", "none", "null", "no"}
    return _FAILED.search(value) is not None

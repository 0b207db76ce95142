"""HTTP/2 under requests: an adapter that is mounted on the export paths, its connections and their responses."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from urllib3 import HTTPHeaderDict, HTTPResponse, HTTPSConnectionPool
from urllib3.util.ssl_ import resolve_cert_reqs

from pigment_client.http.http1 import Http1Adapter, Http1TlsConnection
from pigment_client.http.http2_session import Http2Session

# The most that TLS gives at once.
_RECEIVE_BYTES = 16 * 1024

# Headers about how HTTP/1.1 frames a message; HTTP/2 forbids them (RFC 9113, section 8.2.2).
_OF_HTTP_1 = {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


class Http2Connection(Http1TlsConnection):
    """One connection, which carries one exchange after another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # All mutable state in addition to urllib3's: the session while HTTP/2 is used, and the request sent last.
        self._session: Http2Session | None = None
        self._asked: dict[str, Any] = {}
        self._target: str | None = None

    def set_tunnel(
        self, host: str, port: int | None = None, headers: Mapping[str, str] | None = None, scheme: str = "http"
    ) -> None:
        """Remember the server to be reached through a proxy; urllib3 keeps that private."""
        super().set_tunnel(host, port, headers, scheme)
        self._target = _authority(host, port)

    def connect(self) -> None:
        """Connect, and begin a session where the server chose HTTP/2."""
        super().connect()
        # After urllib3 has connected, the socket is a TLS socket, although its type is declared otherwise.
        chosen: str | None = getattr(self.sock, "selected_alpn_protocol", lambda: None)()
        self._session = Http2Session() if chosen == "h2" else None

    @property
    def is_connected(self) -> bool:
        """Whether the next request may be sent on this connection; urllib3 asks before it takes one that was kept."""
        return super().is_connected and (self._session is None or self._session.takes_requests)

    def close(self) -> None:
        self._session = None
        super().close()

    def request(  # type: ignore[override]  # the parameters are those of urllib3, in **options
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        """Send a request whose body is bytes."""
        if self.sock is None:
            self.connect()
        if self._session is None:
            super().request(method, url, body=body, headers=headers, **options)
            return
        self._asked = {"request_method": method, "request_url": url}
        self._asked |= {name: value for name, value in options.items() if name != "chunked"}
        self.sock.settimeout(self.timeout)
        pseudo = [
            (":method", method),
            (":scheme", "https"),
            (":authority", self._target or _authority(self.host, self.port)),
            (":path", url),
        ]
        pairs = [(_text(name).lower(), _text(value)) for name, value in (headers or {}).items()]
        self._session.begin([*pseudo, *(pair for pair in pairs if pair[0] not in _OF_HTTP_1)], bytes(body or b""))
        self._send()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3's own differs from http.client's too
        """Wait for the headers of the response; the body is received while it is read."""
        session = self._session
        if session is None:
            return super().getresponse()
        self.sock.settimeout(self.timeout)
        while session.status is None:
            self.receive()
        headers = HTTPHeaderDict()
        for name, value in session.headers:
            # The session checks the length. urllib3 would stop at it, and miss a trailer, the end or a GOAWAY after it.
            if name != "content-length":
                headers.add(name, value)
        return HTTPResponse(
            body=Http2Body(self, session),  # type: ignore[arg-type]  # a reader without the rest of io.IOBase
            headers=headers,
            status=session.status,
            version=20,
            version_string="HTTP/2",
            **self._asked,
        )

    def receive(self) -> None:
        """Receive until a part of the response has arrived; raises TimeoutError after the idle time."""
        if self._session is None:
            raise ConnectionError("the connection is closed")
        idle_seconds = self.sock.gettimeout()
        began = time.monotonic()
        while not self._session.receive(self.sock.recv(_RECEIVE_BYTES)):
            self._send_answers()
            # A server that only keeps the connection alive is not answering.
            if idle_seconds is not None and time.monotonic() - began >= idle_seconds:
                raise TimeoutError("no byte of the response arrived within the idle time")
        self._send_answers()

    def _send_answers(self) -> None:
        """Send what the session answers, if the server still listens.

        A server may close the connection right after the last byte of a response. If bytes are missing, receiving the
        next ones raises.
        """
        with suppress(ConnectionError, ssl.SSLError):
            self._send()

    def _send(self) -> None:
        if self._session is not None and (data := self._session.bytes_to_send()):
            self.sock.sendall(data)


class Http2Body:
    """The body of a response as a file that can be read once."""

    def __init__(self, connection: Http2Connection, session: Http2Session) -> None:
        self._connection = connection
        self._session = session
        self.closed = False

    def read1(self, size: int) -> bytes:
        """What has arrived, up to `size` bytes, waiting only if that is nothing; b"" at the end of the response."""
        while not self.closed:
            if piece := self._session.next_piece(size):
                return piece
            if self._session.ended:
                self.closed = True
                break
            self._connection.receive()
        return b""

    def read(self, size: int | None = None) -> bytes:
        """Up to `size` bytes, fewer only at the end; all of the response without a size."""
        pieces: list[bytes] = []
        left = size
        while left is None or left > 0:
            piece = self.read1(_RECEIVE_BYTES if left is None else left)
            if not piece:
                break
            pieces.append(piece)
            left = None if left is None else left - len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self.closed = True


def _authority(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return name if port in {None, 443} else f"{name}:{port}"


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


class Http2Context(ssl.SSLContext):
    """TLS that offers HTTP/2 first; urllib3 would offer only HTTP/1.1.

    urllib3 sets up the context of a pool again for each connection. Here it is done once, because OpenSSL may crash
    where one thread loads authorities while another does, or connects.
    """

    def __init__(self, _protocol: int) -> None:
        super().__init__()
        # Mutable state, guarded by the lock: what was set.
        self._lock = threading.Lock()
        self._done: set[tuple[Any, ...]] = set()

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:  # noqa: ARG002 - what urllib3 chooses is replaced
        """Offer HTTP/2 and HTTP/1.1, whatever urllib3 asks for."""
        self._do_once(super().set_alpn_protocols, ("h2", "http/1.1"))

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        """Load authorities, unless they are loaded."""
        self._do_once(super().load_verify_locations, cafile, capath, cadata)

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        """Load a certificate of the client, unless it is loaded."""
        self._do_once(super().load_cert_chain, certfile, keyfile, password)

    def _do_once(self, change: Callable[..., None], *values: Any) -> None:
        with self._lock:
            if values not in self._done:
                change(*values)
                self._done.add(values)


class Http2Pool(HTTPSConnectionPool):
    """urllib3's pool of connections to one server, with our kind of connections."""

    ConnectionCls = Http2Connection

    def __init__(self, host: str, port: int | None = None, **kwargs: Any) -> None:
        context = Http2Context(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if resolve_cert_reqs(kwargs.get("cert_reqs")) is ssl.CERT_NONE:
            context.check_hostname = False
        super().__init__(host, port, **{**kwargs, "ssl_context": context})


# More connections than exports run at a time; urllib3 would close those above this number.
_KEPT_CONNECTIONS = 32


class Http2Adapter(Http1Adapter):
    """Sends requests over HTTP/2 where TLS agrees on it, else over HTTP/1.1; several threads may share it.

    Responses are streamed; closing one before its end closes its connection.
    """

    tls_pool = Http2Pool

    def __init__(self) -> None:
        super().__init__(pool_maxsize=_KEPT_CONNECTIONS)
        # At its debug level, hpack logs the headers that it encodes, and so the key.
        logging.getLogger("hpack").setLevel(logging.WARNING)

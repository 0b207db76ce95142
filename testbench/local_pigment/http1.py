"""HTTP/1.1: one thread for each connection, responses in chunks."""

from __future__ import annotations

import tempfile
from http.server import BaseHTTPRequestHandler
from typing import IO, Any

from local_pigment.http_messages import Broken, Request, Response

_SPOOL_BYTES = 1 << 20


class Http1Connection(BaseHTTPRequestHandler):
    """Reads requests from one connection and writes what the site responds."""

    protocol_version = "HTTP/1.1"
    server: Any
    timeout = 120

    def do_GET(self) -> None:
        self._serve()

    def __getattr__(self, name: str) -> Any:
        """Every method is served the same way; unknown operations get their status too."""
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing: requests are kept as values."""

    def _serve(self) -> None:
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
            body = LazyBody(self, spool)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body, self.client_address[0])  # type: ignore[arg-type] # the only method used is read
            try:
                response = self.server.site(request)
                body.read()
                self._write(response)
            except Broken:
                self.close_connection = True
                self.connection.close()
            except OSError:
                self.close_connection = True

    def _write(self, response: Response) -> None:
        self.connection.settimeout(self.server.patience_seconds or self.timeout)
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if isinstance(response.body, bytes):
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in response.chunks():
            if chunk:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        trailers = "".join(f"{name}: {value}\r\n" for name, value in response.trailers.items())
        self.wfile.write(b"0\r\n" + trailers.encode("latin-1") + b"\r\n")


class LazyBody:
    """The body of a request, read from the connection only when it is asked for."""

    def __init__(self, connection: Http1Connection, spool: IO[bytes]) -> None:
        self._connection = connection
        self._spool = spool
        self._read = False

    def read(self) -> bytes:
        """All of it."""
        if not self._read:
            self._read = True
            self._receive()
        self._spool.seek(0)
        return self._spool.read()

    def _receive(self) -> None:
        source, headers = self._connection.rfile, self._connection.headers
        if headers.get("Expect", "").lower() == "100-continue":
            self._connection.send_response_only(100)
            self._connection.end_headers()
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            while size := int(source.readline().partition(b";")[0], 16):
                self._take(size)
                source.readline()
            while source.readline().strip():
                pass
            return
        self._take(int(headers.get("Content-Length") or 0))

    def _take(self, size: int) -> None:
        while size:
            piece = self._connection.rfile.read(min(size, 1 << 16))
            if not piece:
                raise Broken
            self._spool.write(piece)
            size -= len(piece)

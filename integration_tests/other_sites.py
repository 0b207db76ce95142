"""What answers where a user took it for Pigment: other web sites, and a server that says nothing."""

from __future__ import annotations

import contextlib
import http.client
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@contextlib.contextmanager
def site(status: int, content_type: str, body: bytes) -> Iterator[str]:
    """The base URL of a site that answers the same to every request, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Nothing into the output of the tests."""

    with _served(Handler) as url:
        yield url


@contextlib.contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def html_site() -> contextlib.AbstractContextManager[str]:
    """A page for everything."""
    return site(200, "text/html", b"<!doctype html><title>Welcome</title>")


def site_without_such_pages() -> contextlib.AbstractContextManager[str]:
    """A page that says that there is none."""
    return site(404, "text/html", b"<!doctype html><title>Not found</title>")


def json_site() -> contextlib.AbstractContextManager[str]:
    """JSON, of another API."""
    return site(200, "application/json", b'{"status": "ok"}')


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def answering(response: bytes) -> Iterator[int]:
    """A server that answers every request with these bytes, and closes."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.wfile.write(response)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@contextlib.contextmanager
def before(pigment_url: str, export: bytes) -> Iterator[str]:
    """A proxy before Pigment that answers every export with these bytes, as they are, and closes."""
    pigment = urlsplit(pigment_url).netloc

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "/export/" in self.path:
                self.wfile.write(export)
                return
            passed_on = http.client.HTTPConnection(pigment)
            passed_on.request(self.command, self.path, body or None, {"Authorization": self.headers["Authorization"]})
            response = passed_on.getresponse()
            content = response.read()
            self.send_response(response.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            passed_on.close()

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: Any) -> None:
            """Nothing into the output of the tests."""

    with _served(Handler) as url:
        yield url

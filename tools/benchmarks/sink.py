"""Accepts everything that is posted and reports every import as completed: the connector is measured, not Pigment."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from local_pigment.workspace import new_id

# An import configuration that clears its block, whose imports report a deleted row.
CLEARS = new_id("clears")
_IMPORT, _REPLACEMENT = new_id("import"), new_id("replacement")
_PIECE_BYTES = 1 << 18

_DEPARTMENTS = "Department\r\n" + "".join(f"Department {number}\r\n" for number in range(40))


def _report(import_id: str) -> dict[str, Any]:
    """Says that one row was stored: rows are not counted here, and fewer than were sent are no contradiction."""
    deleted = int(import_id == _REPLACEMENT)
    summary = {"insertedCount": 1, "updatedCount": 0, "deletedCount": deleted, "skippedCount": 0}
    return {
        "importId": import_id,
        "createdAt": "2026-01-01T00:00:00Z",
        "importStatus": "Completed",
        "detailedReport": {"summary": summary, "impactedBlocks": []},
    }


class Sink:
    """Serves while its context lasts."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that leaves is not an error here."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        import_id = next((each for each in (_IMPORT, _REPLACEMENT) if each in self.path), None)
        if import_id is not None:
            self._respond(200, json.dumps(_report(import_id)))
        else:
            self._respond(404, json.dumps({"status": 404, "title": "Not found"}))

    def do_POST(self) -> None:
        self._drop_body()
        if "/export/" in self.path:
            self._respond(200, _DEPARTMENTS, "text/csv")
        else:
            # Completed at once, so that nothing waits.
            import_id = _REPLACEMENT if CLEARS in self.path else _IMPORT
            self._respond(200, json.dumps({"importId": import_id, "status": "completed"}))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Nothing."""

    def _drop_body(self) -> None:
        """Read the body, and keep nothing of it."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            self._drop(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            self._drop(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _drop(self, size: int) -> None:
        while size > 0:
            piece = self.rfile.read(min(size, _PIECE_BYTES))
            if not piece:
                return
            size -= len(piece)

    def _respond(self, status: int, text: str, media: str = "application/json") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

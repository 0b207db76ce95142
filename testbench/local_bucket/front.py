"""The proxy in front of the S3 server: it passes requests on unchanged, meets queued faults, and hands out roles' keys.

A fault is queued, used up when a request meets it, and accounted for at the end.
"""

from __future__ import annotations

import http.client
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer with this status and code; nothing is written."""

    status: int
    code: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class ResetBeforeResponse:
    """Break the connection, with the object written or not."""

    written: bool


@dataclass(frozen=True, slots=True)
class Late:
    """Answer after a delay."""

    seconds: float


Fault = Respond | ResetBeforeResponse | Late

SLOW_DOWN = Respond(503, "SlowDown")
FULL = Respond(507, "XMinioStorageFull")
FORBIDDEN = Respond(403, "AccessDenied")


class Faults:
    """Faults for requests that write; `always` is met by whatever comes once the queue is empty."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queue: deque[Fault | None] = deque()
        self.always: Fault | None = None

    def queue(self, *faults: Fault | None) -> None:
        """The next writes meet these, one each; None lets one pass."""
        with self._lock:
            self._queue.extend(faults)

    def next(self) -> Fault | None:
        """The fault of the next write."""
        with self._lock:
            return self._queue.popleft() if self._queue else self.always

    @property
    def unmet(self) -> list[Fault]:
        """What was queued and not met."""
        with self._lock:
            return [each for each in self._queue if each is not None]


_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>no</Message>{more}</Error>'

# Amazon STS, AssumeRole, as its API reference shows the response.
_ROLE = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>of-the-role</SessionToken>
<Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""

_DENIED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"""


class Front(ThreadingHTTPServer):
    """Listens on a free port of this machine."""

    daemon_threads = True

    def __init__(self, server_port: int, faults: Faults, role: tuple[str, str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.storage_port = server_port
        self.faults = faults
        self.role_arn, self.role_key, self.role_secret = role
        self.roles_asked: list[dict[str, list[str]]] = []
        self.writes: list[str] = []
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def do_PUT(self) -> None:
        self.server.writes.append(self.path)
        body = self._body()
        match self.server.faults.next():
            case Respond(status=status, code=code, region=region):
                self._answer(status, _ERROR.format(code=code, more=""), region)
            case ResetBeforeResponse(written=written):
                if written:
                    self._forward(body)
                self.close_connection = True
            case Late(seconds=seconds):
                time.sleep(seconds)
                self._pass_on(body)
            case None:
                self._pass_on(body)

    def do_POST(self) -> None:
        asked = parse_qs(self._body().decode())
        if asked.get("Action") != ["AssumeRole"]:
            self._answer(400, _ERROR.format(code="InvalidRequest", more=""))
            return
        self.server.roles_asked.append(asked)
        if asked["RoleArn"] != [self.server.role_arn]:
            self._answer(403, _DENIED)
            return
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._answer(200, _ROLE.format(key=self.server.role_key, secret=self.server.role_secret, until=until))

    def do_DELETE(self) -> None:
        self._pass_on(self._body())

    do_GET = do_HEAD = do_DELETE  # noqa: N815 - likewise

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """Log nothing."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        storage = http.client.HTTPConnection("127.0.0.1", self.server.storage_port, timeout=60)
        try:
            storage.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    storage.putheader(name, value)
            storage.endheaders(body)
            response = storage.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            storage.close()

    def _pass_on(self, body: bytes) -> None:
        status, headers, content = self._forward(body)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _answer(self, status: int, text: str, region: str | None = None) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        if region:
            self.send_header("x-amz-bucket-region", region)
        self.end_headers()
        self.wfile.write(content)

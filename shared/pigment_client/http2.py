"""A transport adapter of requests on libcurl, for exports.

Why another transport: over HTTP/1.1 Pigment cannot report an error in the middle of an export, the answer just ends
early; over HTTP/2 the stream is reset (knowledge base, "Export raw data from a Pigment Block"), and requests speaks
HTTP/1.1 only.

The transfer is driven by whoever reads it: nothing is received while nobody asks, so memory stays bounded by the
windows of HTTP/2 and of the socket, and there is no thread. The idle time counts only while somebody waits.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import certifi
import pycurl
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import (
    ChunkedEncodingError,
    ConnectTimeout,
    ReadTimeout,
    RequestException,
    SSLError,
)
from requests.exceptions import (
    ConnectionError as ConnectionBroken,
)
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers, select_proxy

# The longest single wait on the socket; it bounds how late the idle time is noticed.
_SELECT_SECONDS = 1.0

_BEFORE_CONNECTED = {pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY}
_TLS = {
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CONNECT_ERROR,
}


class CurlAdapter(BaseAdapter):
    """Sends requests through libcurl: HTTP/2 where TLS offers it, HTTP/1.1 otherwise.

    May be shared by threads. Responses stream; closing one early stops its transfer.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        # Mutable state, guarded by the lock: multi handles whose connections may be used again.
        self._lock = Lock()
        self._idle: list[pycurl.CurlMulti] = []
        self._clock = clock

    def send(  # noqa: PLR0913, PLR0917 - the signature is that of requests
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Send the request and wait for the headers of the answer."""
        connect_seconds, idle_seconds = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        curl = pycurl.Curl()
        _describe(curl, request)
        _secure(curl, verify, cert)
        proxy = select_proxy(request.url or "", dict(proxies or {}))
        curl.setopt(pycurl.PROXY, proxy or "")
        if connect_seconds:
            curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(connect_seconds * 1000))
        tunnelled = bool(proxy) and (request.url or "").startswith("https:")
        transfer = Transfer(curl, self._take(), Waiting(idle_seconds, self._clock, tunnelled), self._give_back)
        try:
            transfer.wait_for_headers()
        except BaseException:
            transfer.close()
            raise
        response = _response(request, transfer)
        if not stream:
            response.content  # noqa: B018 - reads the body, as requests does
        return response

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for multi in idle:
            multi.close()

    def _take(self) -> pycurl.CurlMulti:
        with self._lock:
            return self._idle.pop() if self._idle else pycurl.CurlMulti()

    def _give_back(self, multi: pycurl.CurlMulti) -> None:
        with self._lock:
            self._idle.append(multi)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How to wait for an answer: the idle time, the clock, and whether a proxy answers a CONNECT first."""

    idle_seconds: float | None
    clock: Callable[[], float]
    tunnelled: bool


class Transfer(io.RawIOBase):
    """One answer on its way: the `raw` of a response."""

    def __init__(
        self,
        curl: pycurl.Curl,
        multi: pycurl.CurlMulti,
        waiting: Waiting,
        give_back: Callable[[pycurl.CurlMulti], None],
    ) -> None:
        super().__init__()
        # All mutable state: what has arrived and is not read yet, the header lines, and how far the transfer is.
        self._arrived: list[bytes] = []
        self._offset = 0
        self._header_lines: list[str] = []
        self._headers_done = False
        self._finished = False
        self._given_back = False
        self._curl = curl
        self._multi = multi
        self._waiting = waiting
        self._before_the_answer = waiting.tunnelled
        self._give_back = give_back
        self.headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        self.version = 11
        self.status = 0
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._on_body)
        multi.add_handle(curl)

    def wait_for_headers(self) -> None:
        """Drive the transfer until the final headers are there."""
        while not self._headers_done and not self._finished:
            self._drive()
        self.status = int(self._curl.getinfo(pycurl.RESPONSE_CODE))
        self.version = 20 if self._curl.getinfo(pycurl.INFO_HTTP_VERSION) == pycurl.CURL_HTTP_VERSION_2_0 else 11

    def stream(self, chunk_size: int = 65536, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: ARG002
        """The body as it arrives, decompressed; raises an exception of requests if it does not come whole.

        `chunk_size` and `decode_content` belong to requests' calling convention; chunks come as libcurl gives them.
        """
        while True:
            while not self._arrived and not self._finished:
                self._drive()
            if not self._arrived:
                return
            arrived, self._arrived = self._arrived, []
            yield b"".join(arrived)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of the body, or all of it."""
        if size < 0:
            return b"".join(self.stream())
        while not self._arrived and not self._finished:
            self._drive()
        if not self._arrived:
            return b""
        first = self._arrived[0]
        piece = first[self._offset : self._offset + size]
        self._offset += len(piece)
        if self._offset == len(first):
            self._arrived.pop(0)
            self._offset = 0
        return piece

    def readable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Stop the transfer if it is still going on, and free its handle."""
        if not self._given_back:
            self._given_back = True
            self._finished = True
            self._multi.remove_handle(self._curl)
            self._curl.close()
            self._give_back(self._multi)
        super().close()

    release_conn = close

    def _drive(self) -> None:
        """Let libcurl work until something arrived, something ended, or the idle time is over."""
        idle_seconds, clock = self._waiting.idle_seconds, self._waiting.clock
        idle_since = clock()
        while True:
            before = len(self._header_lines), len(self._arrived)
            code = pycurl.E_CALL_MULTI_PERFORM
            while code == pycurl.E_CALL_MULTI_PERFORM:
                code, running = self._multi.perform()
            self._look_for_the_end(running)
            if self._finished or (len(self._header_lines), len(self._arrived)) != before:
                return
            if idle_seconds is not None and clock() - idle_since > idle_seconds:
                raise ReadTimeout("no byte arrived within the idle time")
            self._multi.select(min(_SELECT_SECONDS, idle_seconds or _SELECT_SECONDS))

    def _look_for_the_end(self, running: int) -> None:
        if running:
            return
        _, _, failed = self._multi.info_read()
        self._finished = True
        for _, code, _ in failed:
            raise _exception_for(code, self._headers_done)

    def _on_header(self, line: bytes) -> None:
        text = line.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            self._header_lines = [text]
            self.headers = CaseInsensitiveDict()
        elif text:
            self._header_lines.append(text)
            name, _, value = text.partition(":")
            self.headers[name.strip()] = value.strip()
        else:
            # 1xx answers come before the final one, and so does a proxy's answer to CONNECT.
            provisional = self._header_lines[0].split(" ")[1].startswith("1")
            self._headers_done = not provisional and not self._before_the_answer
            self._before_the_answer = self._before_the_answer and provisional

    def _on_body(self, chunk: bytes) -> None:
        self._arrived.append(chunk)


def _describe(curl: pycurl.Curl, request: PreparedRequest) -> None:
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.URL, request.url or "")
    curl.setopt(pycurl.CUSTOMREQUEST, request.method or "GET")
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    # All that libcurl can decompress, and it does: a truncated compressed body is an error there too.
    curl.setopt(pycurl.ACCEPT_ENCODING, "")
    skipped = {"accept-encoding", "content-length", "connection", "host"}
    lines = [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in skipped]
    curl.setopt(pycurl.HTTPHEADER, [*lines, "Expect:"])
    body = request.body
    if body:
        curl.setopt(pycurl.POSTFIELDS, body if isinstance(body, bytes) else str(body).encode())


def _secure(curl: pycurl.Curl, verify: bool | str, cert: Any) -> None:
    if verify is False:
        curl.setopt(pycurl.SSL_VERIFYPEER, 0)
        curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    else:
        authorities = certifi.where() if verify is True else verify
        curl.setopt(pycurl.CAPATH if Path(authorities).is_dir() else pycurl.CAINFO, authorities)
    if cert:
        certificate, key = cert if isinstance(cert, tuple) else (cert, None)
        curl.setopt(pycurl.SSLCERT, certificate)
        if key:
            curl.setopt(pycurl.SSLKEY, key)


def _response(request: PreparedRequest, transfer: Transfer) -> Response:
    response = Response()
    response.status_code = transfer.status
    response.headers = transfer.headers
    response.encoding = get_encoding_from_headers(transfer.headers)
    response.raw = transfer
    response.request = request
    response.url = request.url or ""
    return response


def _exception_for(code: int, headers_done: bool) -> RequestException:
    """libcurl's error in requests' words; the message is libcurl's name for it, never data."""
    told = f"libcurl error {code}"
    if code in _BEFORE_CONNECTED:
        return ConnectTimeout(told)
    if code in _TLS:
        return SSLError(told)
    if headers_done:
        return ChunkedEncodingError(told)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return ConnectTimeout(told)
    return ConnectionBroken(told)

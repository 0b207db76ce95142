"""One answer on its way through libcurl, driven by whoever reads it.

Theory: a libcurl multi handle does nothing by itself. `perform` lets it do what is possible now without waiting,
and what arrives comes through callbacks during that call. So the reader's own thread drives the transfer: it
performs, takes what arrived, hands it on, and performs again only when it is asked for more. Nobody asks, nothing is
received: the windows of HTTP/2 and of the socket fill and Pigment waits. Memory is bounded by what one `perform`
brings, and there is no thread. The idle time runs only while somebody waits for a byte.
"""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pycurl
from requests.exceptions import ChunkedEncodingError, ConnectTimeout, ReadTimeout, RequestException, SSLError
from requests.exceptions import ConnectionError as ConnectionBroken
from requests.structures import CaseInsensitiveDict

# The longest single wait on the sockets: it bounds how late the idle time is noticed.
_LONGEST_SELECT_SECONDS = 1.0

# While a name is looked up libcurl may have no socket to wait on.
_WITHOUT_SOCKET_SECONDS = 0.05

_CERTIFICATE = {pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE, pycurl.E_SSL_CERTPROBLEM}


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for a byte (None: for ever), by which clock, and whether a proxy answers a CONNECT first."""

    idle_seconds: float | None
    tunnelled: bool = False
    clock: Callable[[], float] = time.monotonic


class CurlTransfer:
    """The `raw` of a response of requests: headers, then the body as it arrives, decompressed.

    Raises exceptions of requests. To be used by one thread at a time. `released` gets the multi handle back, and
    whether its connection may be used again.
    """

    def __init__(
        self,
        curl: pycurl.Curl,
        multi: pycurl.CurlMulti,
        waiting: Waiting,
        released: Callable[[pycurl.CurlMulti, bool], None],
    ) -> None:
        self._curl = curl
        self._multi = multi
        self._waiting = waiting
        self._released = released
        # All mutable state: the header lines and values; what has arrived and was not handed on; how far it is.
        self._header_lines: list[str] = []
        self.headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        self._arrived: list[bytes] = []
        self._connects = waiting.tunnelled
        self._headers_done = False
        self._finished = False
        self._failure: int | None = None
        self._closed = False
        self.status = 0
        self.version = 11
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._on_body)
        multi.add_handle(curl)

    def wait_for_headers(self) -> None:
        """Drive the transfer until the final headers are there."""
        while not self._headers_done and not self._finished:
            self._drive()
        self._raise_failure()
        self.status = int(self._curl.getinfo(pycurl.RESPONSE_CODE))
        self.version = 20 if self._curl.getinfo(pycurl.INFO_HTTP_VERSION) == pycurl.CURL_HTTP_VERSION_2_0 else 11

    def stream(self, chunk_size: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: ARG002 - the call is that of urllib3
        """The body in pieces as they come; requests calls this from `iter_content`."""
        while not self._closed:
            while not self._arrived and not self._finished:
                self._drive()
            arrived, self._arrived = self._arrived, []
            if arrived:
                yield b"".join(arrived)
            if self._finished and not self._arrived:
                self._raise_failure()
                return

    def close(self) -> None:
        """Stop the transfer if it is still going on, and free its handle."""
        if self._closed:
            return
        self._closed = True
        self._multi.remove_handle(self._curl)
        self._curl.close()
        self._released(self._multi, self._finished and self._failure is None)

    # requests calls both when a response is closed.
    release_conn = close

    def _drive(self) -> None:
        """Let libcurl work until something arrived, something ended, or the idle time is over."""
        idle_seconds, clock = self._waiting.idle_seconds, self._waiting.clock
        idle_since = clock()
        while not self._work():
            idle = clock() - idle_since
            if idle_seconds is not None and idle >= idle_seconds:
                raise ReadTimeout("no byte arrived within the idle time")
            left = _LONGEST_SELECT_SECONDS if idle_seconds is None else idle_seconds - idle
            self._wait_on_sockets(min(left, _LONGEST_SELECT_SECONDS))

    def _work(self) -> bool:
        """Do what is possible now; whether that brought anything."""
        before = len(self._header_lines), len(self._arrived)
        code = pycurl.E_CALL_MULTI_PERFORM
        running = 1
        while code == pycurl.E_CALL_MULTI_PERFORM:
            code, running = self._multi.perform()
        if not running:
            self._finished = True
            _, _, failed = self._multi.info_read()
            self._failure = failed[0][1] if failed else None
        return self._finished or before != (len(self._header_lines), len(self._arrived))

    def _wait_on_sockets(self, seconds: float) -> None:
        readable, writable, _ = self._multi.fdset()
        asked = self._multi.timeout()
        if asked >= 0:
            seconds = min(seconds, asked / 1000)
        if not readable and not writable:
            seconds = min(seconds, _WITHOUT_SOCKET_SECONDS)
        poll = select.poll()
        for socket in {*readable, *writable}:
            poll.register(socket, select.POLLIN * (socket in readable) | select.POLLOUT * (socket in writable))
        poll.poll(max(1, int(seconds * 1000)))

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise _exception_for(self._failure, self._headers_done)

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
            self._end_headers()

    def _end_headers(self) -> None:
        """After a blank line; 1xx answers come before the final one, and so does a proxy's answer to CONNECT."""
        status = self._header_lines[0].split(" ")[1] if self._header_lines else ""
        if status.startswith("1"):
            return
        if self._connects:
            self._connects = False
            return
        self._headers_done = True

    def _on_body(self, piece: bytes) -> None:
        self._arrived.append(piece)


def _exception_for(code: int, headers_done: bool) -> RequestException:
    """libcurl's error in requests' words; the message is libcurl's name for it, never data."""
    told = f"libcurl: {_name_of(code)} ({code})"
    if code in _CERTIFICATE:
        return SSLError(ssl.SSLCertVerificationError(told))
    if headers_done:
        return ChunkedEncodingError(told)
    # There is no limit for a whole transfer: before the headers only the connection's time can be over.
    return ConnectTimeout(told) if code == pycurl.E_OPERATION_TIMEDOUT else ConnectionBroken(told)


def _name_of(code: int) -> str:
    with suppress(StopIteration):
        return next(name for name in dir(pycurl) if name.startswith("E_") and getattr(pycurl, name) == code)
    return "error"

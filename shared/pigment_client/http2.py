"""A transport adapter of requests on libcurl, for exports.

Why another transport: over HTTP/1.1 Pigment cannot report an error in the middle of an export, the answer just ends
early; over HTTP/2 the stream is reset (knowledge base, "Export raw data from a Pigment Block"), and requests speaks
HTTP/1.1 only. How an answer is received is told in `curl_transfer`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

import certifi
import pycurl
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.utils import get_encoding_from_headers, select_proxy

from pigment_client.curl_transfer import CurlTransfer, Waiting

# What libcurl says by itself: the encodings it can undo, the length of the body, the host and the connection.
_LEFT_TO_LIBCURL = {"accept-encoding", "connection", "content-length", "host"}

# Larger than libcurl's own 16 KB: fewer and larger reads. It is what one transfer may hold at once.
_BUFFER_BYTES = 256 * 1024


class CurlAdapter(BaseAdapter):
    """Sends requests through libcurl: HTTP/2 where TLS offers it, HTTP/1.1 otherwise; redirects are not followed.

    May be shared by threads. Answers stream; closing one early stops its transfer. `clock` measures the idle time,
    which passes on real sockets: it is not the clock of the budget.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        # Mutable state, guarded by the lock: multi handles, each with a connection that may be used again.
        self._lock = Lock()
        self._free: list[pycurl.CurlMulti] = []
        self._clock = clock

    def send(  # noqa: PLR0913, PLR0917 - the signature is that of requests
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Send the request and wait for the headers of the answer."""
        connect_seconds, idle_seconds = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        url = request.url or ""
        curl = pycurl.Curl()
        _describe(curl, request)
        _secure(curl, verify, cert)
        proxy = select_proxy(url, dict(proxies or {}))
        curl.setopt(pycurl.PROXY, proxy or "")
        # requests has already seen to no_proxy; without this libcurl would ask the environment again.
        curl.setopt(pycurl.NOPROXY, "")
        if connect_seconds:
            curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(connect_seconds * 1000))
        waiting = Waiting(idle_seconds, bool(proxy) and url.startswith("https:"), self._clock)
        transfer = CurlTransfer(curl, self._take(), waiting, self._give_back)
        try:
            transfer.wait_for_headers()
            response = _response(request, transfer)
            if not stream:
                _ = response.content
        except BaseException:
            transfer.close()
            raise
        return response

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            free, self._free = self._free, []
        for multi in free:
            multi.close()

    def _take(self) -> pycurl.CurlMulti:
        with self._lock:
            return self._free.pop() if self._free else pycurl.CurlMulti()

    def _give_back(self, multi: pycurl.CurlMulti, usable: bool) -> None:
        if not usable:
            multi.close()
            return
        with self._lock:
            self._free.append(multi)


def _describe(curl: pycurl.Curl, request: PreparedRequest) -> None:
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.BUFFERSIZE, _BUFFER_BYTES)
    curl.setopt(pycurl.URL, request.url or "")
    curl.setopt(pycurl.CUSTOMREQUEST, request.method or "GET")
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    # All encodings that this libcurl can undo.
    curl.setopt(pycurl.ACCEPT_ENCODING, "")
    lines = [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in _LEFT_TO_LIBCURL]
    curl.setopt(pycurl.HTTPHEADER, [*lines, "Expect:"])
    if request.body is not None:
        body = request.body
        curl.setopt(pycurl.POSTFIELDS, body if isinstance(body, bytes) else str(body).encode())


def _secure(curl: pycurl.Curl, verify: bool | str, cert: bytes | str | tuple[bytes | str, bytes | str] | None) -> None:
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


def _response(request: PreparedRequest, transfer: CurlTransfer) -> Response:
    response = Response()
    response.status_code = transfer.status
    response.headers = transfer.headers
    response.encoding = get_encoding_from_headers(transfer.headers)
    response.raw = transfer
    response.request = request
    response.url = request.url or ""
    return response

"""HTTP/1.1 under requests: interim responses are skipped, and a body must say where it ends."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


def states_its_end(headers: Mapping[str, str]) -> bool:
    """Whether a response over HTTP/1.x says where it ends: the end of a connection is no end.

    By RFC 9112, section 6.3: in chunks, else of one valid length. Only a coding that is exactly "chunked" counts,
    because http.client takes the chunks of no other apart.
    """
    coding = headers.get("Transfer-Encoding")
    if coding is not None:
        return coding.lower() == "chunked"
    lengths = {length.strip() for length in headers.get("Content-Length", "").split(",")}
    return len(lengths) == 1 and all(length.isascii() and length.isdigit() for length in lengths)


class FinalResponse(http.client.HTTPResponse):
    """A response without the interim ones before it, of which http.client skips only 100 (RFC 9110, section 15.2)."""

    def begin(self) -> None:
        """Read the status and the headers of the first response that is not interim."""
        super().begin()
        while 102 <= self.status < 200:
            self.headers = None  # type: ignore[assignment]  # as before the first status line
            super().begin()


class Http1Connection(HTTPConnection):
    """A connection without TLS."""

    response_class = FinalResponse


class Http1TlsConnection(HTTPSConnection):
    """A connection with TLS."""

    response_class = FinalResponse


class Http1Pool(HTTPConnectionPool):
    """urllib3's pool of connections without TLS, with our kind of connections."""

    ConnectionCls = Http1Connection


class Http1TlsPool(HTTPSConnectionPool):
    """urllib3's pool of connections with TLS, with our kind of connections."""

    ConnectionCls = Http1TlsConnection


class Http1Adapter(HTTPAdapter):
    """Sends requests over HTTP/1.1."""

    tls_pool: type[HTTPSConnectionPool] = Http1TlsPool

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Make urllib3 create our kinds of connections."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self._use_our_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Do the same for connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        self._use_our_pools(manager)
        return manager

    def _use_our_pools(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = {"http": Http1Pool, "https": self.tls_pool}

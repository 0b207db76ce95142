"""A transport adapter of requests that offers HTTP/2, for exports.

Why: over HTTP/1.1 Pigment cannot report an error in the middle of an export, the response just ends early; over HTTP/2
the stream is reset (knowledge base, "Export raw data from a Pigment Block"), and requests speaks HTTP/1.1 only.

requests and urllib3 stay in charge of everything but the exchange itself (`http2_connection`): verification, client
certificates, proxies, time-outs, the pool of connections. Not libcurl, because it takes some resets for a good end:
see `http2_session`.
"""

from __future__ import annotations

import logging
import ssl
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool, PoolManager
from urllib3.util.ssl_ import resolve_cert_reqs

from pigment_client.http.http2_connection import Http2Connection

# More connections than anybody exports at a time; urllib3 would close the surplus.
_KEPT_CONNECTIONS = 32


class Http2Adapter(HTTPAdapter):
    """Sends requests over HTTP/2 where TLS agrees on it, over HTTP/1.1 otherwise. May be shared by threads.

    Responses stream; closing one before its end closes its connection.
    """

    def __init__(self) -> None:
        super().__init__(pool_maxsize=_KEPT_CONNECTIONS)
        # hpack writes encoded headers, the key among them, at its debug level.
        logging.getLogger("hpack").setLevel(logging.WARNING)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Let urllib3 make our kind of connections for https."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        _offer_http2(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The same behind a proxy."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        _offer_http2(manager)
        return manager


class Http2Context(ssl.SSLContext):
    """TLS that offers HTTP/2 first; urllib3 would offer HTTP/1.1 alone."""

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:  # noqa: ARG002 - urllib3's choice is the point
        """Offer HTTP/2 and HTTP/1.1, whatever is asked for."""
        super().set_alpn_protocols(["h2", "http/1.1"])


class Http2Pool(HTTPSConnectionPool):
    """urllib3's pool of connections to one server, with connections of our kind."""

    ConnectionCls = Http2Connection

    def __init__(self, host: str, port: int | None = None, **kwargs: Any) -> None:
        context = Http2Context(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if resolve_cert_reqs(kwargs.get("cert_reqs")) is ssl.CERT_NONE:
            context.check_hostname = False
        super().__init__(host, port, **{**kwargs, "ssl_context": context})


def _offer_http2(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": Http2Pool}

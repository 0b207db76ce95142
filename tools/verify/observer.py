"""Sends plain requests to Pigment and keeps the responses: it interprets nothing and repeats nothing."""

from __future__ import annotations

import json
import os
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests

from verify.probe import NotAsked

_MOST_BYTES = 2_000_000
_CONNECT_SECONDS, _IDLE_SECONDS = 10, 60
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One response, its body at most the first megabytes; `whole` says whether that was all."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    redirected: bool

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(slots=True)
class Observer:
    """Sends requests to one address and counts them; after a 429 it sends no more."""

    base_url: str
    requests_made: int = 0
    limited: Exchange | None = None
    _session: requests.Session = field(default_factory=requests.Session)
    _known: dict[str, Exchange] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        if urlsplit(self.base_url).hostname in _LOOPBACK:
            self._session.trust_env = False  # a proxy of the environment cannot reach this machine
            self._session.verify = _authorities()

    def once(self, key: str | None, method: str, path: str, **options: Any) -> Exchange:
        """The response to a request; the same question is asked only once."""
        asked = repr((key, method, path, sorted(options.items())))
        if asked not in self._known:
            self._known[asked] = self.send(key, method, path, **options)
        return self._known[asked]

    def send(self, key: str | None, method: str, path: str, **options: Any) -> Exchange:
        """The response to a request that is sent now."""
        if self.limited is not None:
            raise NotAsked("Pigment's request limit was reached")
        headers = {"Accept-Encoding": "gzip", **options.pop("headers", {})}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self.requests_made += 1
        with self._session.request(
            method,
            self.base_url + path,
            headers=headers,
            timeout=(_CONNECT_SECONDS, _IDLE_SECONDS),
            stream=True,
            **options,
        ) as response:
            exchange = _read(response)
        if exchange.status == requests.codes.too_many_requests:
            self.limited = exchange
            raise NotAsked("Pigment's request limit was reached")
        return exchange

    def protocol(self) -> str | None:
        """What TLS agrees on where HTTP/2 is offered; None without TLS."""
        address = urlsplit(self.base_url)
        if address.scheme != "https" or address.hostname is None:
            return None
        context = ssl.create_default_context(cafile=_authorities())
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection((address.hostname, address.port or 443), _CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=address.hostname) as secured,
        ):
            return secured.selected_alpn_protocol() or "http/1.1"


def _authorities() -> str:
    return os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()


def _read(response: requests.Response) -> Exchange:
    body = b""
    whole = True
    for chunk in response.iter_content(65536):
        body += chunk
        if len(body) > _MOST_BYTES:
            whole = False
            break
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Exchange(response.status_code, headers, body, whole, bool(response.history))

"""A request and a response, whatever HTTP version carries them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """What came: header names are lower case; `body` is read once."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: IO[bytes]
    address: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in parsed.items()}


@dataclass(slots=True)
class Response:
    """What goes back: all at once, or in chunks."""

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.body, bytes):
            yield self.body
        else:
            yield from self.body


class Broken(Exception):
    """The server breaks here: the stream is reset (HTTP/2) or the connection closed (HTTP/1.1)."""


def as_json(value: Any, status: int = 200) -> Response:
    """A response that holds JSON."""
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def problem(status: int, title: str, **headers: str) -> Response:
    """A response that says what is wrong."""
    response = as_json({"status": status, "title": title}, status)
    response.headers |= {"Content-Type": "application/problem+json", **headers}
    return response

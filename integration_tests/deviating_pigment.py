"""A local Pigment that deviates in one thing from what is assumed, and the ways to change requests and responses."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from local_pigment.http_messages import Request, Response
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace

Proceed = Callable[[Request], Response]
Change = Callable[[Request, Proceed], Response]


@dataclass(frozen=True, slots=True)
class Deviation:
    """What is different, and the probes that must find it; others may differ as well where it is not `alone`."""

    found_by: set[str]
    change: Change | None = None
    prepare: Callable[[Workspace], Any] | None = None
    protocols: tuple[str, ...] | None = None
    alone: bool = True


class DeviatingPigment(LocalPigment):
    """Lets each request of the API through a change; its audit log has several pages."""

    def __init__(self, workspace: Workspace, change: Change | None, **options: Any) -> None:
        self._change = change
        workspace.audit.page_size = 5
        super().__init__(workspace, **options)

    def _site(self, request: Request) -> Response:
        return self._change(request, super()._site) if self._change else super()._site(request)


def when(part: str, change: Change, method: str = "") -> Change:
    """The change, only for paths that hold this part."""

    def only(request: Request, proceed: Proceed) -> Response:
        concerned = part in request.path and method in {"", request.method}
        return change(request, proceed) if concerned else proceed(request)

    return only


def status(old: int, new: int) -> Change:
    """One status in place of another."""

    def change(request: Request, proceed: Proceed) -> Response:
        response = proceed(request)
        response.status = new if response.status == old else response.status
        return response

    return change


def body(edit: Callable[[bytes], bytes]) -> Change:
    """Other bytes in every good response, compressed again where they were."""

    def change(request: Request, proceed: Proceed) -> Response:
        response = proceed(request)
        if response.status != 200:
            return response
        content = b"".join(response.chunks())
        if response.headers.get("Content-Encoding") == "gzip":
            response.body = gzip.compress(edit(gzip.decompress(content)))
        else:
            response.body = edit(content)
        return response

    return change


def document(edit: Callable[[Any], Any]) -> Change:
    """Another JSON document in every good response."""
    return body(lambda content: json.dumps(edit(json.loads(content))).encode())


def asked(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Another JSON body in every request that has one."""

    def change(request: Request, proceed: Proceed) -> Response:
        content = request.body.read()
        return proceed(with_body(request, json.dumps(edit(json.loads(content))).encode() if content else content))

    return change


def query(edit: Callable[[dict[str, str]], dict[str, str]]) -> Change:
    """Another query in every request."""

    def change(request: Request, proceed: Proceed) -> Response:
        parts = urlsplit(request.target)
        target = parts._replace(query=urlencode(edit(dict(parse_qsl(parts.query))))).geturl()
        return proceed(replace(request, target=target))

    return change


def with_body(request: Request, content: bytes) -> Request:
    """The request with another body."""
    return replace(request, body=io.BytesIO(content), headers={**request.headers, "content-length": str(len(content))})


def pushed(edit: Callable[[bytes], bytes]) -> Change:
    """Another file in every push."""

    def change(request: Request, proceed: Proceed) -> Response:
        if "/push/" not in request.path:
            return proceed(request)
        return proceed(with_body(request, edit(request.body.read())))

    return change


def header(name: str, value: str) -> Change:
    """A header of every response."""

    def change(request: Request, proceed: Proceed) -> Response:
        response = proceed(request)
        response.headers[name] = value
        return response

    return change


def rejecting(if_: Callable[[bytes], bool], status_code: int = 400) -> Change:
    """No to every file of this kind."""

    def change(request: Request, proceed: Proceed) -> Response:
        content = request.body.read()
        if if_(content):
            return Response(status_code)
        return proceed(with_body(request, content))

    return change

"""From a request to a response: key, limits, faults, then the operation."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import RLock

from local_pigment.exports import BadRequest
from local_pigment.faults import (
    CutAfter,
    EndWithTrailer,
    Fault,
    Late,
    ResetBeforeBody,
    ResetBeforeResponse,
    RespondGarbage,
    RespondStatus,
    RespondWith,
    StallAfter,
)
from local_pigment.http_messages import Broken, Request, Response, problem
from local_pigment.operations import NotThere, Operation, Route, find_route
from local_pigment.workspace import ApiKey, Workspace


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One request as the server saw it."""

    at: float
    method: str
    target: str
    operation: str
    key_name: str | None
    status: int
    body_bytes: int


@dataclass(slots=True)
class Handler:
    """Responds to requests for one workspace."""

    workspace: Workspace
    seen: list[RequestSeen] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    def respond(self, request: Request) -> Response:
        """The response; raises `Broken` where a fault breaks the connection before it."""
        found = find_route(request.method, request.path)
        now = self.workspace.clock()
        if isinstance(found, int):
            return self._note(request, "unknown", None, problem(found, "No such operation"), 0)
        route, subject = found
        wait = self.workspace.limits.take_request(request.address, now)
        if wait is not None:
            return self._note(request, route.operation, None, self._limited("Too many requests", wait), 0)
        key = self._key(request)
        rejected = self._reject(route, key, request.address)
        if rejected is not None or key is None:
            return self._note(request, route.operation, key, rejected or problem(401, "Unauthorized"), 0)
        fault = self.workspace.faults.meet(route.operation)
        return self._carry_out(request, route, subject, key, fault)

    def _carry_out(self, request: Request, route: Route, subject: str, key: ApiKey, fault: Fault | None) -> Response:
        if isinstance(fault, ResetBeforeBody):
            self._note(request, route.operation, key, Response(0), 0)
            raise Broken
        body = request.body.read()
        if isinstance(fault, RespondStatus):
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return self._note(request, route.operation, key, problem(fault.status, "A fault", **headers), len(body))
        if isinstance(fault, RespondWith):
            instead = Response(fault.status, fault.body.encode(), {"Content-Type": fault.content_type})
            return self._note(request, route.operation, key, instead, len(body))
        if isinstance(fault, ResetBeforeResponse) and not fault.carried_out:
            self._note(request, route.operation, key, Response(0), len(body))
            raise Broken
        operation = Operation(self.workspace, request, route, subject, key, body, fault)
        try:
            with self.lock:
                self.workspace.settle(self.workspace.clock())
                response = operation.run()
        except BadRequest as error:
            response = problem(400, f"Bad request: {error}")
        except NotThere:
            response = problem(404, "Not found")
        self._note(request, route.operation, key, response, len(body))
        if isinstance(fault, ResetBeforeResponse):
            raise Broken
        return self._compressed(request, _with_fault(response, fault))

    def _key(self, request: Request) -> ApiKey | None:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        return self.workspace.key(secret.strip()) if scheme.lower() == "bearer" else None

    def _reject(self, route: Route, key: ApiKey | None, address: str) -> Response | None:
        if key is None or (key.addresses is not None and address not in key.addresses):
            return problem(401, "Unauthorized")
        return None if route.scope in key.scopes else problem(403, f"The key lacks the scope {route.scope}")

    def _limited(self, title: str, wait: float) -> Response:
        headers = {"Retry-After": str(int(wait) + 1)} if self.workspace.limits.retry_after else {}
        return problem(429, title, **headers)

    def _compressed(self, request: Request, response: Response) -> Response:
        offered = "gzip" in request.headers.get("accept-encoding", "") and self.workspace.variants.gzip
        if not offered or isinstance(response.body, bytes) or "Content-Encoding" in response.headers:
            return response
        response.headers["Content-Encoding"] = "gzip"
        response.body = _gzip(iter(response.body))
        return response

    def _note(
        self, request: Request, operation: str, key: ApiKey | None, response: Response, body_bytes: int
    ) -> Response:
        name = key.name if key else None
        at = self.workspace.clock()
        self.seen.append(RequestSeen(at, request.method, request.target, operation, name, response.status, body_bytes))
        return response


def _gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    press = zlib.compressobj(1, wbits=31)
    for chunk in chunks:
        yield press.compress(chunk) + press.flush(zlib.Z_SYNC_FLUSH)
    yield press.flush()


def _with_fault(response: Response, fault: Fault | None) -> Response:
    match fault:
        case RespondGarbage():
            return Response(200, b"<html>not what you think</html>", {"Content-Type": "text/html"})
        case Late(seconds=seconds, until=until):
            until.wait(60) if until else time.sleep(seconds)
        case EndWithTrailer(name=name, value=value):
            response.trailers[name] = value
        case CutAfter() | StallAfter():
            response.body = _interrupted(_chunks(response.body), fault)
        case _:
            pass
    return response


def _chunks(body: bytes | Iterable[bytes]) -> Iterator[bytes]:
    return iter([body]) if isinstance(body, bytes) else iter(body)


def _interrupted(chunks: Iterator[bytes], fault: CutAfter | StallAfter) -> Iterator[bytes]:
    left = fault.body_bytes
    stalled = False
    for chunk in chunks:
        if stalled or len(chunk) < left:
            left -= len(chunk)
            yield chunk
            continue
        yield chunk[:left]
        if isinstance(fault, CutAfter):
            if fault.silent:
                return
            raise Broken
        fault.until.wait(60) if fault.until else time.sleep(fault.seconds)
        stalled = True
        yield chunk[left:]
    if isinstance(fault, CutAfter) and not fault.silent:
        raise Broken

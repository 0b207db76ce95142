"""Requests on their way: sent within the rate limit, their outcome in our errors, repeated where that does no harm.

What a response means is decided in `responses`, what may be repeated in `retry`; this module does it. It may be used
by many threads: `requests.Session` does not promise that for itself, so each thread has one of its own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from pigment_client.errors import (
    BrokenOff,
    ImportLimitReached,
    LimitReached,
    NotAnExport,
    PigmentError,
    ResponseNotUnderstood,
    TryLater,
)
from pigment_client.http.address import Address
from pigment_client.http.clock import Clock
from pigment_client.http.error_mapping import translated
from pigment_client.http.http2 import Http2Adapter
from pigment_client.http.rate_limit import RateLimit
from pigment_client.http.request import Request
from pigment_client.http.retry import Attempts, RetryPolicy, may_repeat
from pigment_client.responses import error_for, retry_after_seconds

logger = logging.getLogger("airbyte.pigment.transport")

T = TypeVar("T")

_LOGGED_FROM_SECONDS = 3.0

# Enough of a rejection to find the words of a size limit in it.
_REJECTION_BYTES = 4096


class BearerKey(AuthBase):
    """Puts the key into the request; an explicit object also keeps requests from asking a .netrc file."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Transport:
    """Sends requests to one Pigment."""

    def __init__(self, address: Address, limit: RateLimit, clock: Clock) -> None:
        self._address = address
        self._limit = limit
        self._clock = clock
        self._exports = Http2Adapter()
        # urllib3 warns of headers that it cannot parse, and quotes what follows them: the beginning of the body.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        # Mutable state: a session for each thread, and guarded by the lock all of them, for closing.
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def send(self, request: Request, key: str) -> requests.Response:
        """Send once; raises a `PigmentError` for anything but success."""
        if request.body is None and not request.own_connection:
            response, pauses = self._send(self._session(), request, key)
        else:
            # A session of its own: on a kept connection that the server has given up meanwhile, a file would be
            # sent into the void, and whether it arrived could not be known.
            with self._new_session() as session:
                response, pauses = self._send(session, request, key)
        logger.debug("%s %s: HTTP %d", request.operation, request.object_id or "", response.status_code)
        error = self._error(request, response)
        if not isinstance(error, LimitReached) or isinstance(error, ImportLimitReached):
            self._limit.passed(pauses)
        elif may_repeat(error, repeatable=False):
            self._limit.reached(pauses, error.retry_after_seconds)
        if error is not None:
            response.close()
            raise error
        return response

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()
        self._exports.close()

    def repeated(self, policy: RetryPolicy, attempt: Callable[[], T], *, repeatable: bool) -> T:
        """Attempt until it succeeds, must not be repeated, or the policy is at its end: the one retry loop."""
        attempts = Attempts(policy, repeatable=repeatable)
        while True:
            try:
                result = attempt()
            except PigmentError as error:
                wait = attempts.wait_after(error, now=self._clock.monotonic(), random=self._clock.random)
                if wait is None:
                    raise
                level = logging.INFO if wait > _LOGGED_FROM_SECONDS else logging.DEBUG
                logger.log(level, "%s Trying again in %.1f s.", error, wait)
                self._clock.sleep(wait)
            else:
                self._limit.log_end()
                return result

    def _send(self, session: requests.Session, request: Request, key: str) -> tuple[requests.Response, int]:
        """The response, and how many pauses of the rate limit there were before it was asked for."""
        headers = {"User-Agent": self._address.user_agent}
        if request.body is not None:
            headers["Content-Type"] = request.body.content_type
        if request.streamed:
            # What `Export` can decode.
            headers["Accept-Encoding"] = "gzip"
        try:
            with self._limit.request() as pauses:
                response = session.request(
                    request.method,
                    self._address.base_url + request.path,
                    params=dict(request.query),
                    json=request.json,
                    data=request.body,
                    headers=headers,
                    auth=BearerKey(key),
                    proxies=self._address.proxies,
                    timeout=(
                        self._address.connect_timeout_seconds,
                        request.response_timeout_seconds or self._address.idle_timeout_seconds,
                    ),
                    # A redirection would take the key to another address.
                    allow_redirects=False,
                    stream=request.streamed,
                )
                return response, pauses
        except OSError as error:  # all exceptions of requests are kinds of OSError
            foreign = error
        raise translated(foreign, request, host=self._address.host, proxy=self._address.proxy_host)

    def _error(self, request: Request, response: requests.Response) -> PigmentError | None:
        status = response.status_code
        if request.streamed and status == HTTPStatus.OK:
            return None
        rejection = "" if request.streamed else response.content[:_REJECTION_BYTES].decode("utf-8", "replace")
        kind = error_for(status, rejection)
        if kind is None:
            # An export is never answered with a part of it, or with nothing.
            return request.error(NotAnExport, status=status, came=f"HTTP {status}") if request.streamed else None
        if issubclass(kind, TryLater):
            asked = retry_after_seconds(response.headers, self._clock.now())
            return request.error(kind, status=status, retry_after_seconds=asked)
        return request.error(kind, status=status)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            with self._lock:
                self._sessions.append(session)
        return session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.mount(f"{self._address.base_url}/api/v1/export/", self._exports)
        return session


def decoded(request: Request, response: requests.Response, parse: Callable[[Any], T]) -> T:
    """What the JSON of a response means; raises `ResponseNotUnderstood`."""
    return content_of(request, response, lambda content: parse(json.loads(content)))


def content_of(request: Request, response: requests.Response, parse: Callable[[bytes], T]) -> T:
    """What the body of a response means; raises `ResponseNotUnderstood`, or `BrokenOff` where it stops early."""
    kind: type[PigmentError] = ResponseNotUnderstood
    try:
        return parse(response.content)
    except BrokenOff:
        kind = BrokenOff
    except (ValueError, RecursionError, ResponseNotUnderstood):
        pass  # the first holds the body; raised from here, ours would carry it along
    raise request.error(kind, status=response.status_code)

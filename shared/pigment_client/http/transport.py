"""Requests on their way: sent within the rate limit, their outcome in our errors, repeated where that does no harm.

What a response means is decided in `responses`, what may be repeated in `retry`; this module does it. It may be used
by many threads: `requests.Session` does not promise that for itself, so each thread has one of its own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from pigment_client.errors import AnswerNotUnderstood, LimitReached, PigmentError, TryLater
from pigment_client.http.clock import Clock
from pigment_client.http.exceptions import translated
from pigment_client.http.http2_adapter import Http2Adapter
from pigment_client.http.rate_limit import RateLimit
from pigment_client.http.request import Request
from pigment_client.http.retry import RetryPolicy, may_repeat, wait_seconds
from pigment_client.responses import error_for, retry_after_seconds

logger = logging.getLogger("airbyte.pigment.transport")

T = TypeVar("T")

_LOGGED_FROM_SECONDS = 3.0

# Enough of a rejection to find the words of a size limit in it.
_REJECTION_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """Where Pigment is, how long to wait for a connection and for the next byte, and who we say we are.

    There is no limit on a response that keeps flowing.
    """

    base_url: str
    connect_timeout_seconds: float
    idle_timeout_seconds: float
    user_agent: str


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
        # Mutable state: a session for each thread, and all of them for closing, guarded by the lock.
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def send(self, request: Request, key: str) -> requests.Response:
        """Send once; raises a `PigmentError` for anything but success."""
        if request.body is None:
            response = self._send(self._session(), request, key)
        else:
            # A session of its own: on a kept connection that the server has given up meanwhile, a file would be
            # sent into the void, and whether it arrived could not be known.
            with self._new_session() as session:
                response = self._send(session, request, key)
        logger.debug("%s %s: HTTP %d", request.operation, request.object_id or "", response.status_code)
        self._raise_for_status(request, response)
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
        retries = 0
        while True:
            try:
                return attempt()
            except PigmentError as error:
                retries += 1
                if retries > policy.retries or not may_repeat(error, repeatable=repeatable):
                    raise
                self.wait(policy, retries, error)

    def wait(self, policy: RetryPolicy, retry: int, error: PigmentError) -> None:
        """Wait before the retry, counted from 1; after a 429 also until the limit's window has room."""
        asked = error.retry_after_seconds if isinstance(error, TryLater) else None
        seconds = wait_seconds(policy, retry, retry_after=asked, random=self._clock.random)
        if isinstance(error, LimitReached):
            seconds = max(seconds, self._limit.wait_seconds())
        level = logging.INFO if seconds > _LOGGED_FROM_SECONDS else logging.DEBUG
        logger.log(level, "%s Trying again in %.1f s (%d of %d).", error, seconds, retry, policy.retries)
        self._clock.sleep(seconds)

    def _send(self, session: requests.Session, request: Request, key: str) -> requests.Response:
        headers = {"User-Agent": self._address.user_agent}
        if request.body is not None:
            headers["Content-Type"] = request.body.content_type
        if request.streamed:
            # What `Export` can decode.
            headers["Accept-Encoding"] = "gzip"
        try:
            with self._limit.request():
                return session.request(
                    request.method,
                    self._address.base_url + request.path,
                    params=dict(request.query),
                    json=request.json,
                    data=request.body,
                    headers=headers,
                    auth=BearerKey(key),
                    timeout=(self._address.connect_timeout_seconds, self._address.idle_timeout_seconds),
                    # A redirection would take the key to another address.
                    allow_redirects=False,
                    stream=request.streamed,
                )
        except OSError as error:  # all exceptions of requests are kinds of OSError
            foreign = error
        raise translated(foreign, request)

    def _raise_for_status(self, request: Request, response: requests.Response) -> None:
        status = response.status_code
        if response.ok and status < 300:
            if request.streamed and not _is_whole_file(response):
                response.close()
                raise request.error(AnswerNotUnderstood, status=status)
            return
        rejection = "" if request.streamed else response.content[:_REJECTION_BYTES].decode("utf-8", "replace")
        kind = error_for(status, rejection)
        response.close()
        if kind is None:
            return
        if issubclass(kind, TryLater):
            asked = retry_after_seconds(response.headers, self._clock.now())
            raise request.error(kind, status=status, retry_after_seconds=asked)
        raise request.error(kind, status=status)

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


def _is_whole_file(response: requests.Response) -> bool:
    """Whether the response can be an export: a part of one, or a page of a proxy or a login, must not become rows."""
    media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return response.status_code == HTTPStatus.OK and media not in {"text/html", "application/xhtml+xml"}


def decoded(request: Request, response: requests.Response, parse: Callable[[Any], T]) -> T:
    """What the JSON of a response means; raises `AnswerNotUnderstood`."""
    try:
        return parse(json.loads(response.content))
    except (ValueError, AnswerNotUnderstood):
        pass  # the first holds the body; raised from here, ours would carry it along
    raise request.error(AnswerNotUnderstood, status=response.status_code)

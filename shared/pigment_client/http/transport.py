"""Sends requests: within the rate limit, with their failures as our errors, repeated where that does no harm.

What an answer means is decided in `error_mapping`, what may be repeated in `retry`; this module does it. Many threads
may use it: `requests.Session` is not promised to be safe for threads, so each thread has a session of its own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from pigment_client.errors import BrokenOff, ImportLimitReached, LimitReached, PigmentError, ResponseNotUnderstood
from pigment_client.http.address import Address
from pigment_client.http.clock import Clock
from pigment_client.http.error_mapping import error_of_exception, error_of_response
from pigment_client.http.export import Export
from pigment_client.http.http1 import Http1Adapter
from pigment_client.http.http2 import Http2Adapter
from pigment_client.http.rate_limit import LOGGED_FROM_SECONDS, RateLimit
from pigment_client.http.request import Request
from pigment_client.http.retry import Attempts, RetryPolicy, asks_for_short_wait
from pigment_client.responses import MALFORMED

logger = logging.getLogger("airbyte.pigment.transport")

T = TypeVar("T")


_USER_AGENT = "airbyte-pigment"


class BearerKey(AuthBase):
    """Puts the key into the request; an explicit object also keeps requests from asking a .netrc file."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Transport:
    """Sends requests to one Pigment; `timeouts` are for a connection and for the next byte, in seconds."""

    def __init__(self, address: Address, timeouts: tuple[float, float], limit: RateLimit, clock: Clock) -> None:
        self._address = address
        self._connect_seconds, self._idle_seconds = timeouts
        self._limit = limit
        self._clock = clock
        self._exports = Http2Adapter()
        # urllib3 warns of headers that it cannot parse, and quotes what follows them: the beginning of the body.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        # Mutable state: a session for each thread, and guarded by the lock all of them, for closing, and whether the
        # warning of HTTP/1.1 was logged.
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._warned_of_http_1 = False

    def fetch(self, request: Request, key: str, policy: RetryPolicy, parse: Callable[[bytes], T]) -> T:
        """Send a request that only reads, repeated as the policy says, and parse the body of its response."""
        return self.repeat(policy, lambda: content_of(request, self.send(request, key), parse), repeatable=True)

    def export(self, request: Request, key: str, policy: RetryPolicy, consume: Callable[[Export], T]) -> T:
        """Send the request of an export and consume it, both repeated together as the policy says."""

        def attempt() -> T:
            with closing(Export(request, self.send(request, key))) as export:
                result = consume(export)
            # Not while the export is under way: the log may have to wait for a slow reader, and Pigment would too.
            self._warn_once_of_http_1(export)
            return result

        return self.repeat(policy, attempt, repeatable=True)

    def repeat(self, policy: RetryPolicy, attempt: Callable[[], T], *, repeatable: bool) -> T:
        """Attempt until it succeeds, must not be repeated, or the policy allows no more: the only retry loop.

        `repeatable` says that carrying it out twice does no harm.
        """
        attempts = Attempts(policy, repeatable=repeatable)
        while True:
            try:
                result = attempt()
            except PigmentError as error:
                wait = attempts.wait_after(error, now=self._clock.monotonic(), random=self._clock.random)
                if wait is None:
                    raise
                level = logging.INFO if wait > LOGGED_FROM_SECONDS else logging.DEBUG
                logger.log(level, "%s Trying again in %.1f s.", error, wait)
                self._clock.sleep(wait)
            else:
                self._limit.log_end_of_wait()
                return result

    def send(self, request: Request, key: str) -> requests.Response:
        """Send once; raises a `PigmentError` for anything but success."""
        if request.own_connection:
            with self._new_session() as session:
                response, pauses_seen = self._send(session, request, key)
        else:
            response, pauses_seen = self._send(self._session(), request, key)
        logger.debug("%s %s: HTTP %d", request.operation, request.object_id or "", response.status_code)
        error = error_of_response(response, request, self._clock.now())
        if not isinstance(error, LimitReached) or isinstance(error, ImportLimitReached):
            self._limit.note_not_limited(pauses_seen)
        elif asks_for_short_wait(error):
            self._limit.pause(pauses_seen, error.retry_after_seconds)
        else:
            self._limit.note_nothing(pauses_seen)
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

    def _send(self, session: requests.Session, request: Request, key: str) -> tuple[requests.Response, int]:
        """The response, and how many pauses of the rate limit there were before the request was sent."""
        headers = {"User-Agent": _USER_AGENT}
        if request.body is not None:
            headers["Content-Type"] = request.body.content_type
        if request.streamed:
            # What `Export` can decode.
            headers["Accept-Encoding"] = "gzip"
        try:
            with self._limit.wait_for_turn() as pauses_seen:
                response = session.request(
                    request.method,
                    self._address.base_url + request.path,
                    params=dict(request.query),
                    json=request.json,
                    data=request.body,
                    headers=headers,
                    auth=BearerKey(key),
                    proxies=self._address.proxies,
                    timeout=(self._connect_seconds, request.response_timeout_seconds or self._idle_seconds),
                    # A redirection would take the key to another address.
                    allow_redirects=False,
                    stream=request.streamed,
                )
                return response, pauses_seen
        except OSError as error:  # all exceptions of requests are kinds of OSError
            foreign = error
        raise error_of_exception(foreign, request, host=self._address.host, proxy=self._address.proxy_host)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            session.mount(f"{self._address.base_url}/api/v1/export/", self._exports)
            with self._lock:
                self._sessions.append(session)
        return session

    @staticmethod
    def _new_session() -> requests.Session:
        session = requests.Session()
        for scheme in list(session.adapters):
            session.mount(scheme, Http1Adapter())
        return session

    def _warn_once_of_http_1(self, export: Export) -> None:
        with self._lock:
            first = export.http_version < 20 and not self._warned_of_http_1
            self._warned_of_http_1 |= first
        if first:
            logger.warning(
                "Exports come over HTTP/1.1, where Pigment cannot report an error in the middle of an export: an "
                "export that ends early may look whole. Use an https base URL, and no proxy that supports only "
                "HTTP/1.1."
            )


def decoded(request: Request, response: requests.Response, parse: Callable[[Any], T]) -> T:
    """The JSON of a response, decoded and parsed; raises `ResponseNotUnderstood`."""
    return content_of(request, response, lambda content: parse(json.loads(content)))


def content_of(request: Request, response: requests.Response, parse: Callable[[bytes], T]) -> T:
    """The body of a response, parsed; raises `ResponseNotUnderstood`, or `BrokenOff` where it stops early."""
    kind: type[PigmentError] = ResponseNotUnderstood
    try:
        return parse(response.content)
    except BrokenOff:
        kind = BrokenOff
    except (*MALFORMED, RecursionError, ResponseNotUnderstood):
        pass  # these may quote the body; raised from here, ours would carry them along
    raise request.error(kind, status=response.status_code)

"""Requests on their way: sent within the budget, translated into our errors, repeated where that does no harm.

This is the only module that does I/O with requests; what an answer means is decided in `answers`, what may be
repeated in `retry`. May be used by many threads: each has a session of its own.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
import urllib3.exceptions
from requests.auth import AuthBase

from pigment_client.answers import error_for, retry_after_seconds
from pigment_client.budget import RequestBudget
from pigment_client.errors import (
    AnswerNotUnderstood,
    BrokenOff,
    CertificateRefused,
    LimitReached,
    PigmentError,
    Unavailable,
)
from pigment_client.http2 import CurlAdapter
from pigment_client.keys import Purpose
from pigment_client.retry import RetryPolicy, may_repeat, wait_seconds
from pigment_client.upload import UploadBody

logger = logging.getLogger("airbyte.pigment.transport")

T = TypeVar("T")

_WORTH_A_WORD_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """What differs between the world and a test: the clocks, sleep and randomness."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for a connection, and for the next byte; there is no limit on a stream that keeps flowing."""

    connect_seconds: float
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what it is called in the log, which key it needs, and what is sent."""

    operation: str
    purpose: Purpose
    method: str
    path: str
    subject: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    json: Any = None
    body: UploadBody | None = field(default=None, repr=False)
    streamed: bool = False


class BearerKey(AuthBase):
    """Puts the key into the request; an explicit object also keeps requests from asking a .netrc file."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Transport:
    """Sends calls to one Pigment."""

    def __init__(
        self, base_url: str, timeouts: Timeouts, budget: RequestBudget, *, user_agent: str, runtime: Runtime
    ) -> None:
        self._base_url = base_url
        self._timeouts = timeouts
        self._budget = budget
        self._user_agent = user_agent
        self._runtime = runtime
        # Mutable state: a session for each thread, and all of them for closing, guarded by the lock.
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._exports = CurlAdapter(clock=runtime.clock)

    def send(self, call: Call, key: str) -> requests.Response:
        """Send once; raises a `PigmentError` for anything but success."""
        session = self._session() if call.body is None else self._new_session()
        with translated(call), self._budget.request():
            response = session.request(
                call.method,
                self._base_url + call.path,
                params=call.query,
                json=call.json,
                data=call.body,
                headers={"Content-Type": call.body.content_type} if call.body is not None else None,
                auth=BearerKey(key),
                timeout=(self._timeouts.connect_seconds, self._timeouts.idle_seconds),
                allow_redirects=False,
                stream=call.streamed,
            )
        if call.body is not None:
            session.close()
        logger.debug("%s %s: HTTP %d", call.operation, call.subject or "", response.status_code)
        self._raise_for_status(call, response)
        return response

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()
        self._exports.close()

    def attempts(self, policy: RetryPolicy, action: Callable[[], T], *, repeatable: bool) -> T:
        """Do the action until it succeeds, must not be repeated, or the policy is at its end."""
        attempt = 0
        while True:
            try:
                return action()
            except PigmentError as error:
                attempt += 1
                if attempt > policy.attempts or not may_repeat(error, repeatable=repeatable):
                    raise
                self.wait(policy, attempt, error)

    def wait(self, policy: RetryPolicy, attempt: int, error: PigmentError) -> None:
        """Wait before the attempt; after a 429 also until the budget's window has room."""
        asked = getattr(error, "retry_after_seconds", None)
        seconds = wait_seconds(policy, attempt, retry_after=asked, random=self._runtime.random)
        if isinstance(error, LimitReached):
            seconds = max(seconds, self._budget.wait_seconds())
        level = logging.INFO if seconds > _WORTH_A_WORD_SECONDS else logging.DEBUG
        logger.log(level, "%s Trying again in %.1f s (%d of %d).", error, seconds, attempt, policy.attempts)
        self._runtime.sleep(seconds)

    def _raise_for_status(self, call: Call, response: requests.Response) -> None:
        kind = error_for(response.status_code)
        if kind is None:
            return
        response.close()
        error = kind(call.operation, subject=call.subject, status=response.status_code, purpose=call.purpose.value)
        if isinstance(error, LimitReached | Unavailable):
            error.retry_after_seconds = retry_after_seconds(response.headers, self._runtime.now())
        raise error

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            with self._lock:
                self._sessions.append(session)
        return session

    def _new_session(self) -> requests.Session:
        """A session; a push gets one of its own, so that it never meets a connection the server has given up."""
        session = requests.Session()
        session.headers["User-Agent"] = self._user_agent
        session.mount(f"{self._base_url}/api/v1/export/", self._exports)
        return session


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """Turn what requests raises into our errors; their texts stay behind, for they may quote what was sent."""
    try:
        yield
    except requests.RequestException as error:
        raise _translate(error, call) from None


def chunks(call: Call, response: requests.Response) -> Iterator[bytes]:
    """The body of a streamed answer; raises `BrokenOff` if it does not come whole."""
    try:
        with translated(call):
            yield from response.iter_content(None)
    except Unavailable:
        raise BrokenOff(call.operation, subject=call.subject, purpose=call.purpose.value) from None


def decoded(call: Call, response: requests.Response) -> Any:
    """The JSON of an answer; raises `AnswerNotUnderstood`."""
    try:
        return response.json()
    except ValueError:
        raise AnswerNotUnderstood(
            call.operation, subject=call.subject, status=response.status_code, purpose=call.purpose.value
        ) from None


# By the first class that fits; the request certainly did not arrive where the class says so.
_TRANSLATIONS: tuple[tuple[type[requests.RequestException], type[PigmentError]], ...] = (
    (requests.exceptions.SSLError, CertificateRefused),
    (requests.exceptions.ChunkedEncodingError, BrokenOff),
    (requests.exceptions.ContentDecodingError, BrokenOff),
    (requests.exceptions.ConnectionError, Unavailable),
    (requests.exceptions.Timeout, Unavailable),
)


def _translate(error: requests.RequestException, call: Call) -> PigmentError:
    kind = next((ours for theirs, ours in _TRANSLATIONS if isinstance(error, theirs)), AnswerNotUnderstood)
    translated_error = kind(call.operation, subject=call.subject, purpose=call.purpose.value)
    if isinstance(translated_error, Unavailable):
        translated_error.arrived = not _before_connected(error)
    return translated_error


def _before_connected(error: requests.RequestException) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError)

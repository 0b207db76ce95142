"""Requests on their way: sent within the budget, their outcome in our errors, repeated where that does no harm.

What an answer means is decided in `answers`, what may be repeated in `retry`; this module does it. It may be used by
many threads: `requests.Session` does not promise that for itself, so each thread has one of its own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from pigment_client.errors import AnswerNotUnderstood, LimitReached, PigmentError, TryLater, Unavailable
from pigment_client.http.clock import Runtime
from pigment_client.http.content_decoding import ContentBroken, decoder_for
from pigment_client.http.exceptions import broken_off, translated
from pigment_client.http.http2_adapter import Http2Adapter
from pigment_client.http.rate_limit import RequestBudget
from pigment_client.http.request import Call
from pigment_client.http.retry import RetryPolicy, may_repeat, wait_seconds
from pigment_client.responses import error_for, retry_after_seconds

logger = logging.getLogger("airbyte.pigment.transport")

T = TypeVar("T")

_WORTH_A_WORD_SECONDS = 3.0

# The most that is handed on at once.
_CHUNK_BYTES = 256 * 1024

# Enough of a refusal to see the words of a size limit in it.
_REFUSAL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """Where Pigment is, how long to wait for a connection and for the next byte, and who we say we are.

    There is no limit on an answer that keeps flowing.
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
    """Sends calls to one Pigment."""

    def __init__(self, address: Address, budget: RequestBudget, runtime: Runtime) -> None:
        self._address = address
        self._budget = budget
        self._runtime = runtime
        self._exports = Http2Adapter()
        # Mutable state: a session for each thread, and all of them for closing, guarded by the lock.
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def send(self, call: Call, key: str) -> requests.Response:
        """Send once; raises a `PigmentError` for anything but success."""
        if call.body is None:
            response = self._send(self._session(), call, key)
        else:
            # A session of its own: on a kept connection that the server has given up meanwhile, a file would be
            # sent into the void, and whether it arrived could not be known.
            with self._new_session() as session:
                response = self._send(session, call, key)
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
        asked = error.retry_after_seconds if isinstance(error, TryLater) else None
        seconds = wait_seconds(policy, attempt, retry_after=asked, random=self._runtime.random)
        if isinstance(error, LimitReached):
            seconds = max(seconds, self._budget.wait_seconds())
        level = logging.INFO if seconds > _WORTH_A_WORD_SECONDS else logging.DEBUG
        logger.log(level, "%s Trying again in %.1f s (%d of %d).", error, seconds, attempt, policy.attempts)
        self._runtime.sleep(seconds)

    def _send(self, session: requests.Session, call: Call, key: str) -> requests.Response:
        headers = {"User-Agent": self._address.user_agent}
        if call.body is not None:
            headers["Content-Type"] = call.body.content_type
        if call.streamed:
            # What `content_decoding` can undo.
            headers["Accept-Encoding"] = "gzip"
        try:
            with self._budget.request():
                return session.request(
                    call.method,
                    self._address.base_url + call.path,
                    params=dict(call.query),
                    json=call.json,
                    data=call.body,
                    headers=headers,
                    auth=BearerKey(key),
                    timeout=(self._address.connect_timeout_seconds, self._address.idle_timeout_seconds),
                    # A redirection would take the key to another address.
                    allow_redirects=False,
                    stream=call.streamed,
                )
        except OSError as error:  # all exceptions of requests are kinds of OSError
            foreign = error
        raise translated(foreign, call)

    def _raise_for_status(self, call: Call, response: requests.Response) -> None:
        if response.ok and response.status_code < 300:
            if call.streamed and not _is_whole_file(response):
                response.close()
                raise AnswerNotUnderstood(
                    call.operation, subject=call.subject, status=response.status_code, purpose=call.purpose.value
                )
            return
        refusal = "" if call.streamed else response.content[:_REFUSAL_BYTES].decode("utf-8", "replace")
        kind = error_for(response.status_code, refusal)
        response.close()
        if kind is None:
            return
        asked = retry_after_seconds(response.headers, self._runtime.now())
        status, subject, purpose = response.status_code, call.subject, call.purpose.value
        if issubclass(kind, LimitReached | Unavailable):
            raise kind(call.operation, retry_after_seconds=asked, subject=subject, status=status, purpose=purpose)
        raise kind(call.operation, subject=subject, status=status, purpose=purpose)

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
    """Whether the answer can be an export: a part of one, or a page of a proxy or a login, must not become rows."""
    media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return response.status_code == HTTPStatus.OK and media not in {"text/html", "application/xhtml+xml"}


def chunks(call: Call, response: requests.Response) -> Iterator[bytes]:
    """The body of a streamed answer, decompressed; raises `BrokenOff` if it does not come whole.

    Pieces come as they arrive: `iter_content` would collect them, and take a compressed body that stops for whole.
    """
    broken: Exception
    try:
        decoder = decoder_for(response.headers.get("Content-Encoding"))
        while arrived := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            yield from decoder.decode(arrived)
        decoder.flush()
    except (OSError, HTTPError, ContentBroken) as error:
        broken = error
    else:
        # The connection may serve the next export.
        response.raw.release_conn()
        return
    raise broken_off(broken, call)


def decoded(call: Call, response: requests.Response, parse: Callable[[Any], T]) -> T:
    """What the JSON of an answer means; raises `AnswerNotUnderstood`."""
    try:
        return parse(json.loads(response.content))
    except (ValueError, AnswerNotUnderstood):
        pass  # the first holds the body; raised from here, ours would carry it along
    raise AnswerNotUnderstood(
        call.operation, subject=call.subject, status=response.status_code, purpose=call.purpose.value
    )

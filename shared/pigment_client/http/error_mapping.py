"""What goes wrong with a request, as our errors: statuses, and the exceptions of requests, urllib3 and sockets.

The tables are read from the top. An error of ours is raised from the original exception, whose text names hosts, ids
and system errors, except where the original could quote what was sent or received: then the original is left out. The
request that requests attaches to its exceptions contains the key, so it is removed.
"""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests
import urllib3
from requests import exceptions as theirs

from pigment_client.errors import (
    AddressMoved,
    AddressUnusable,
    BrokenOff,
    CertificateRejected,
    ImportLimitReached,
    KeyRejected,
    LimitReached,
    NotAnExport,
    NotFound,
    Obstacle,
    PermissionMissing,
    PigmentError,
    RequestRejected,
    ResponseNotUnderstood,
    TooLarge,
    TryLater,
    Unavailable,
)
from pigment_client.http.request import Request

# Enough of a rejection to find the words of a limit in it.
_REJECTION_BYTES = 4096

# What an export is called that does not say where it ends, so that a part of it would look whole.
ENDLESS = "data over HTTP/1.1 that does not state where it ends, so that a part of it would look whole"

_BY_STATUS: dict[int, type[PigmentError]] = {
    401: KeyRejected,
    403: PermissionMissing,
    404: NotFound,
    # The server gave up waiting for the request, which is not the fault of the request.
    408: Unavailable,
    410: NotFound,
    413: TooLarge,
    429: LimitReached,
}


def error_kind(status: int, body: str = "") -> type[PigmentError] | None:
    """The kind of error that a status stands for, or None for success.

    `body` is the text of the response where it was read. Only the words of two limits are looked for: a push is
    answered with 400 for "Bad request or size limit exceeded", and with 429 for "Maximum number of reports per
    configuration per hour exceeded" (API description).
    """
    if 200 <= status < 300:
        return None
    # 304 stands for a copy that the client has, and none was mentioned.
    if 300 <= status < 400 and status != HTTPStatus.NOT_MODIFIED:
        return AddressMoved
    if status == 429 and "per configuration" in body.lower():
        return ImportLimitReached
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == 400 and "size limit" in body.lower():
        return TooLarge
    if 400 <= status < 500:
        return RequestRejected
    return Unavailable if status >= 500 else ResponseNotUnderstood


def error_of_response(response: requests.Response, request: Request, now: datetime) -> PigmentError | None:
    """The error that a response stands for, or None for success; the body of an export is not read."""
    status = response.status_code
    if request.streamed and status == HTTPStatus.OK:
        return None
    rejection = "" if request.streamed else response.content[:_REJECTION_BYTES].decode("utf-8", "replace")
    kind = error_kind(status, rejection)
    if request.streamed and kind in {None, ResponseNotUnderstood}:
        # An export is never answered with a part of it, or with nothing.
        return request.error(NotAnExport, status=status, received=f"HTTP {status}")
    if kind is None:
        return None
    if issubclass(kind, TryLater):
        asked = retry_after_seconds(response.headers, now)
        return request.error(kind, status=status, retry_after_seconds=asked)
    return request.error(kind, status=status)


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """The wait that the header Retry-After asks for, in seconds or until a date; None if it is absent or unreadable."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


_KINDS: tuple[tuple[type[OSError], type[PigmentError]], ...] = (
    (theirs.ChunkedEncodingError, BrokenOff),
    (theirs.ContentDecodingError, BrokenOff),
    # SSLError, ProxyError and ConnectTimeout are kinds of ConnectionError, ReadTimeout is a Timeout.
    (theirs.ConnectionError, Unavailable),
    (theirs.Timeout, Unavailable),
    # The base URL, or the address of a proxy that the environment names.
    (theirs.InvalidURL, AddressUnusable),
    (theirs.MissingSchema, AddressUnusable),
    (theirs.InvalidSchema, AddressUnusable),
    # A header cannot be sent at all, or the payload is no JSON.
    (theirs.InvalidHeader, RequestRejected),
    (theirs.InvalidJSONError, RequestRejected),
    (requests.RequestException, ResponseNotUnderstood),
    # Errors of the operating system: too many open files, no such network.
    (OSError, Unavailable),
)

_OBSTACLES: tuple[tuple[tuple[type[BaseException], ...], Obstacle], ...] = (
    ((theirs.ProxyError, urllib3.exceptions.ProxyError), Obstacle.PROXY),
    ((socket.gaierror,), Obstacle.NAME_UNKNOWN),
    ((ConnectionRefusedError,), Obstacle.REFUSED),
    ((theirs.Timeout, urllib3.exceptions.TimeoutError, TimeoutError), Obstacle.TIMED_OUT),
    ((ssl.SSLError,), Obstacle.TLS),
    ((ConnectionError, http.client.HTTPException), Obstacle.LOST),
)


# Nothing can have been sent, because there was no connection or the proxy did not provide one.
_UNCONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
)


def error_of_exception(foreign: OSError, request: Request, *, host: str, proxy: str | None) -> PigmentError:
    """The error of ours that an exception stands for, its cause already set.

    `host` is the server's name, `proxy` that of the proxy before it. Raise it outside the handler that caught the
    exception: otherwise Python attaches that again, as the context.
    """
    ours = _ours(foreign, request, host, proxy)
    ours.__cause__ = foreign if _may_be_shown(foreign) else None
    if isinstance(foreign, requests.RequestException):
        foreign.request = foreign.response = None
    return ours


def broken_off(foreign: Exception, request: Request) -> BrokenOff:
    """The error for an exception after the response has begun."""
    ours = request.error(BrokenOff)
    ours.__cause__ = foreign if _may_be_shown(foreign) else None
    return ours


def _ours(foreign: OSError, request: Request, host: str, proxy: str | None) -> PigmentError:
    if _is_about_certificates(foreign):
        return request.error(CertificateRejected, host=host)
    kind = next(ours for their, ours in _KINDS if isinstance(foreign, their))
    if any(isinstance(error, urllib3.exceptions.InvalidHeader) for error in _chain(foreign)):
        # Not a header of ours: the response states several lengths.
        return (
            request.error(NotAnExport, received=ENDLESS) if request.streamed else request.error(ResponseNotUnderstood)
        )
    if kind is AddressUnusable:
        # The base URL was checked before, so where there is a proxy, it is the proxy's address.
        return request.error(AddressUnusable, host=host if proxy is None else proxy, of_proxy=proxy is not None)
    if kind is not Unavailable:
        return request.error(kind)
    chain = list(_chain(foreign))
    found = (obstacle for kinds, obstacle in _OBSTACLES if any(isinstance(error, kinds) for error in chain))
    obstacle = next(found, Obstacle.NO_NETWORK)
    # Where nothing of the body was read, the file cannot have arrived: no such host, refused, no TLS, no proxy.
    is_unconnected = any(isinstance(error, _UNCONNECTED) for error in chain)
    arrived = not is_unconnected if request.body is None else request.body.begun
    unreached = proxy if obstacle is Obstacle.PROXY and proxy is not None else host
    return request.error(Unavailable, arrived=arrived, host=unreached, obstacle=obstacle)


def _is_about_certificates(foreign: OSError) -> bool:
    if not isinstance(foreign, requests.RequestException):
        # When the file of certificates is missing, requests raises a plain OSError without a number.
        return foreign.errno is None
    return any(
        isinstance(error, ssl.SSLCertVerificationError) or (isinstance(error, ssl.SSLError) and error.library == "X509")
        for error in _chain(foreign)
    )


def _may_be_shown(foreign: BaseException) -> bool:
    """Whether no text in the chain can quote a header or a body, or the password in the address of a proxy.

    The errors of http.client quote what they found instead of a status line, those of gzip what they found instead of
    its header.
    """
    harmless = (http.client.RemoteDisconnected, http.client.IncompleteRead)
    quoting = (
        http.client.HTTPException,
        UnicodeError,
        gzip.BadGzipFile,
        theirs.InvalidHeader,
        theirs.InvalidJSONError,
        theirs.InvalidURL,
        theirs.InvalidSchema,
        theirs.MissingSchema,
    )
    return not any(isinstance(error, quoting) and not isinstance(error, harmless) for error in _chain(foreign))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and every exception that it wraps: causes, contexts and exceptions among its arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inside = (*current.args, getattr(current, "reason", None), current.__cause__, current.__context__)
        waiting.extend(other for other in inside if isinstance(other, BaseException))

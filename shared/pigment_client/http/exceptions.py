"""The exceptions of requests, urllib3 and the sockets below them, as ours: one table, read from the top.

What we raise is raised from the original, whose text names hosts, ids and system errors, except where the original
could quote what was sent or answered: there it stays behind. The request that requests hangs on its exceptions holds
the key, so it is taken off.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator

import requests
from requests import exceptions as theirs

from pigment_client.errors import (
    AnswerNotUnderstood,
    BrokenOff,
    CertificateRefused,
    PigmentError,
    RequestRefused,
    Unavailable,
)
from pigment_client.http.request import Request

_TABLE: tuple[tuple[type[OSError], type[PigmentError]], ...] = (
    (theirs.ChunkedEncodingError, BrokenOff),
    (theirs.ContentDecodingError, BrokenOff),
    # SSLError, ProxyError and ConnectTimeout are kinds of ConnectionError, ReadTimeout is a Timeout.
    (theirs.ConnectionError, Unavailable),
    (theirs.Timeout, Unavailable),
    # The URL or a header cannot be sent at all, or the payload is no JSON.
    (theirs.InvalidURL, RequestRefused),
    (theirs.MissingSchema, RequestRefused),
    (theirs.InvalidSchema, RequestRefused),
    (theirs.InvalidHeader, RequestRefused),
    (theirs.InvalidJSONError, RequestRefused),
    (requests.RequestException, AnswerNotUnderstood),
    # What the system refuses: no more files, no such network.
    (OSError, Unavailable),
)


def translated(foreign: OSError, request: Request) -> PigmentError:
    """The error of ours that stands for one of theirs, its cause already set.

    Raise it outside the handler that caught the original, so that Python does not hang the original on it again.
    """
    ours = _ours(foreign, request)
    ours.__cause__ = foreign if _may_be_shown(foreign) else None
    if isinstance(foreign, requests.RequestException):
        foreign.request = foreign.response = None
    return ours


def broken_off(foreign: Exception, request: Request) -> BrokenOff:
    """Whatever happens after an answer has begun: it broke off."""
    ours = request.error(BrokenOff)
    ours.__cause__ = foreign if _may_be_shown(foreign) else None
    return ours


def _ours(foreign: OSError, request: Request) -> PigmentError:
    if _is_about_certificates(foreign):
        return request.error(CertificateRefused)
    kind = next(ours for their, ours in _TABLE if isinstance(foreign, their))
    if kind is Unavailable:
        # Where nothing of the body was taken, the file cannot have arrived: no such host, refused, no TLS, no proxy.
        arrived = request.body is None or request.body.begun
        return request.error(Unavailable, arrived=arrived)
    return request.error(kind)


def _is_about_certificates(foreign: OSError) -> bool:
    if not isinstance(foreign, requests.RequestException):
        # requests says so in a plain OSError, without a number, when a file of certificates is not there.
        return foreign.errno is None
    return any(
        isinstance(error, ssl.SSLCertVerificationError) or (isinstance(error, ssl.SSLError) and error.library == "X509")
        for error in _chain(foreign)
    )


def _may_be_shown(foreign: BaseException) -> bool:
    """Whether no text in the chain can quote a header or a body.

    http.client's errors quote what it found where a status line should be; a header that cannot be sent is quoted.
    """
    harmless = (http.client.RemoteDisconnected, http.client.IncompleteRead)
    quoting = (http.client.HTTPException, UnicodeError, theirs.InvalidHeader, theirs.InvalidJSONError)
    return not any(isinstance(error, quoting) and not isinstance(error, harmless) for error in _chain(foreign))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps: causes, contexts and the exceptions among its arguments."""
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

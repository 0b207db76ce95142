"""The exceptions of requests, urllib3 and the sockets below them, as ours: tables, read from the top.

What we raise is raised from the original, whose text names hosts, ids and system errors, except where the original
could quote what was sent or received: there it stays behind. The request that requests hangs on its exceptions holds
the key, so it is taken off.
"""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3
from requests import exceptions as theirs

from pigment_client.errors import (
    AddressUnusable,
    BrokenOff,
    CertificateRejected,
    Obstacle,
    PigmentError,
    RequestRejected,
    ResponseNotUnderstood,
    Unavailable,
)
from pigment_client.http.request import Request

_KINDS: tuple[tuple[type[OSError], type[PigmentError]], ...] = (
    (theirs.ChunkedEncodingError, BrokenOff),
    (theirs.ContentDecodingError, BrokenOff),
    # SSLError, ProxyError and ConnectTimeout are kinds of ConnectionError, ReadTimeout is a Timeout.
    (theirs.ConnectionError, Unavailable),
    (theirs.Timeout, Unavailable),
    # Of the base URL, or of a proxy that the environment names.
    (theirs.InvalidURL, AddressUnusable),
    (theirs.MissingSchema, AddressUnusable),
    (theirs.InvalidSchema, AddressUnusable),
    # A header cannot be sent at all, or the payload is no JSON.
    (theirs.InvalidHeader, RequestRejected),
    (theirs.InvalidJSONError, RequestRejected),
    (requests.RequestException, ResponseNotUnderstood),
    # What the system does not allow: no more files, no such network.
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


_UNCONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
)


def translated(foreign: OSError, request: Request, *, host: str, proxy: str | None) -> PigmentError:
    """The error of ours that stands for one of theirs, its cause already set.

    `host` is the server's, `proxy` that of the proxy before it. Raise it outside the handler that caught the original,
    so that Python does not hang the original on it again.
    """
    ours = _ours(foreign, request, host, proxy)
    ours.__cause__ = foreign if _may_be_shown(foreign) else None
    if isinstance(foreign, requests.RequestException):
        foreign.request = foreign.response = None
    return ours


def broken_off(foreign: Exception, request: Request) -> BrokenOff:
    """Whatever happens after a response has begun: it broke off."""
    ours = request.error(BrokenOff)
    ours.__cause__ = foreign if _may_be_shown(foreign) else None
    return ours


def _ours(foreign: OSError, request: Request, host: str, proxy: str | None) -> PigmentError:
    if _is_about_certificates(foreign):
        return request.error(CertificateRejected, host=host)
    kind = next(ours for their, ours in _KINDS if isinstance(foreign, their))
    if kind is AddressUnusable:
        # The base URL was looked at before, so where there is a proxy, it is the proxy's address.
        return request.error(AddressUnusable, host=host if proxy is None else proxy, of_proxy=proxy is not None)
    if kind is not Unavailable:
        return request.error(kind)
    obstacle = _obstacle(foreign)
    # Where nothing of the body was taken, the file cannot have arrived: no such host, refused, no TLS, no proxy.
    arrived = not _is_unconnected(foreign) if request.body is None else request.body.begun
    unreached = proxy if obstacle is Obstacle.PROXY and proxy is not None else host
    return request.error(Unavailable, arrived=arrived, host=unreached, obstacle=obstacle)


def _obstacle(foreign: OSError) -> Obstacle:
    chain = list(_chain(foreign))
    found = (obstacle for kinds, obstacle in _OBSTACLES if any(isinstance(error, kinds) for error in chain))
    return next(found, Obstacle.NO_NETWORK)


def _is_unconnected(foreign: OSError) -> bool:
    """Whether there was no connection, or no way through a proxy, over which anything could have been sent."""
    return any(isinstance(error, _UNCONNECTED) for error in _chain(foreign))


def _is_about_certificates(foreign: OSError) -> bool:
    if not isinstance(foreign, requests.RequestException):
        # requests says so in a plain OSError, without a number, when a file of certificates is not there.
        return foreign.errno is None
    return any(
        isinstance(error, ssl.SSLCertVerificationError) or (isinstance(error, ssl.SSLError) and error.library == "X509")
        for error in _chain(foreign)
    )


def _may_be_shown(foreign: BaseException) -> bool:
    """Whether no text in the chain can quote a header or a body, or the password in the address of a proxy.

    http.client's errors quote what it found where a status line should be, gzip's what should be its header.
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

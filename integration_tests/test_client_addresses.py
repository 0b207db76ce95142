"""What the client says of an address: unreachable, behind a proxy, or not as HTTP is."""

from __future__ import annotations

import logging
import socket

import pytest

from other_sites import answering
from pigment_client import errors
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.keys import Keys
from simulated_client import client_for, export_months, list_blocks, running


def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def error_at(base_url: str) -> errors.PigmentError:
    options = ClientOptions(base_url=base_url, max_retries=0, connect_timeout_seconds=0.5, idle_timeout_seconds=0.5)
    with pytest.raises(errors.PigmentError) as caught:
        PigmentClient(Keys.single("pgmt_secret"), options).list_applications()
    assert "pgmt_secret" not in repr(caught.value) + repr(caught.value.__cause__)
    return caught.value


def test_a_server_that_cannot_be_reached_is_named_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, answering(b"not TLS\r\n") as plain, answering(b"") as closing:
        found = [
            error_at("https://no-such-host.invalid"),
            error_at("http://127.0.0.1:1"),
            error_at(f"http://127.0.0.1:{silent.getsockname()[1]}"),
            error_at(f"https://127.0.0.1:{plain}"),
            error_at(f"http://127.0.0.1:{closing}"),
        ]

    assert [(type(error), error.host, error.obstacle) for error in found] == [  # type: ignore[attr-defined] # Unavailable
        (errors.Unavailable, "no-such-host.invalid", errors.Obstacle.NAME_UNKNOWN),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.REFUSED),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.TIMED_OUT),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.TLS),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.LOST),
    ]


@pytest.mark.parametrize(
    ("proxy", "kind", "host"),
    [
        ("http://127.0.0.1:1", errors.Unavailable, "127.0.0.1"),
        ("http://no-such-proxy.invalid:3128", errors.Unavailable, "no-such-proxy.invalid"),
        ("http://name:word@proxy.invalid:99999", errors.AddressUnusable, "proxy.invalid"),
        ("http://", errors.AddressUnusable, ""),
        ("gopher://proxy.invalid", errors.AddressUnusable, "proxy.invalid"),
    ],
)
def test_a_proxy_that_does_not_work_is_named(
    proxy: str, kind: type[errors.PigmentError], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_proxies(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = error_at("https://pigment.invalid")

    assert (type(error), error.host) == (kind, host)
    assert getattr(error, "obstacle", errors.Obstacle.PROXY) is errors.Obstacle.PROXY
    assert "word" not in repr(error) + repr(error.__cause__)


@pytest.mark.parametrize("tls", [False, True])
def test_this_machine_is_reached_without_the_proxies_of_the_environment(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://no-such-proxy.invalid:3128")
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        assert list_blocks(client_for(pigment))
        assert export_months(client_for(pigment))


def test_headers_that_cannot_be_parsed_do_not_put_the_body_into_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nsecret row of a plan\r\n\r\n[]"
    with answering(response) as port:
        client = PigmentClient(Keys.single("pgmt_secret"), ClientOptions(base_url=f"http://127.0.0.1:{port}"))
        client.list_applications()

    assert "secret" not in caplog.text

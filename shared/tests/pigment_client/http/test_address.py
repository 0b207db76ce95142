"""Which addresses are accepted, and whether a proxy is used."""

from __future__ import annotations

import pytest

from pigment_client.errors import AddressUnusable, PlainHttp
from pigment_client.http.address import Address


def address(base_url: str) -> Address:
    return Address(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:8080",
        "http://127.8.9.1",
        "http://localhost:1",
        "http://pigment.localhost",
        "http://[::1]:8080",
    ],
)
def test_plain_http_is_for_this_machine(base_url: str) -> None:
    assert address(base_url).is_local


@pytest.mark.parametrize(
    "base_url", ["http://pigment.app", "http://10.0.0.1", "http://127.0.0.1.evil.test", "http://localhost.evil.test"]
)
def test_plain_http_to_anywhere_else_is_wrong(base_url: str) -> None:
    with pytest.raises(PlainHttp) as caught:
        address(base_url)

    assert caught.value.host == base_url.removeprefix("http://")


@pytest.mark.parametrize(
    "base_url",
    ["", "pigment.app", "ftp://pigment.app", "https://", "https://h:port", "https://h:99999", "https://[::1"],
)
def test_what_is_no_address(base_url: str) -> None:
    with pytest.raises(AddressUnusable) as caught:
        address(base_url)

    assert caught.value.__context__ is None


@pytest.fixture(autouse=True)
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://name:word@proxy.test:3128")


def test_no_proxy_stands_before_this_machine() -> None:
    assert address("https://127.0.0.1:1").proxy_host is None
    assert address("https://pigment.app").proxy_host == "proxy.test"


def test_the_environment_names_servers_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "pigment.app")

    assert address("https://pigment.app").proxy_host is None

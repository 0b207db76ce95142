"""The address of Pigment, and the proxy on the way to it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from pigment_client.errors import AddressUnusable, PlainHttp


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a server.

    Raises `AddressUnusable` for an invalid base URL, and `PlainHttp` where a key would leave this machine unencrypted.
    """

    base_url: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.base_url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:  # an invalid port, or half an IPv6 address
            usable = False
        if not usable:
            raise AddressUnusable
        if parts.scheme == "http" and not self.is_local:
            raise PlainHttp(host=self.host)

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine (RFC 6761, section 6.3, and the loopback addresses)."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def proxies(self) -> dict[str, str]:
        """What requests is given in addition to the environment: no proxy for this machine itself."""
        return {"no_proxy": self.host} if self.is_local else {}

    @property
    def proxy_host(self) -> str | None:
        """The host name of the proxy that the environment sets for the server, or None."""
        environment = {} if self.is_local else get_environ_proxies(self.base_url)
        proxy = select_proxy(self.base_url, environment)
        if not proxy:
            return None
        try:
            return urlsplit(proxy if "://" in proxy else f"//{proxy}").hostname or ""
        except ValueError:
            return ""

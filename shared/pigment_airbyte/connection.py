"""How Pigment is reached: the client that a configuration describes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pigment_airbyte.credentials import AUTHENTICATION, keys_from_config
from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import entered_text
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.http.clock import Clock

_DEFAULTS = ClientOptions()

# What the paths of Pigment's pages and of its API begin with; a path before both of them never contains it.
_PAGE = re.compile(r"/(app|application|api|w|workspace|settings)(/|$)")


def client_from_config(
    config: Mapping[str, Any], *, default_max_retries: int = _DEFAULTS.max_retries, clock: Clock | None = None
) -> PigmentClient:
    """The client that a configuration describes; raises `ConfigProblem`."""
    keys = keys_from_config(config.get("credentials") or {})  # first in the form, so reported first
    return PigmentClient(keys, client_options(config, default_max_retries=default_max_retries), clock=clock)


def client_options(config: Mapping[str, Any], *, default_max_retries: int = _DEFAULTS.max_retries) -> ClientOptions:
    """How requests are to be sent; raises `ConfigProblem` for an address that cannot be right."""
    max_retries = config.get("max_retries")
    return ClientOptions(
        base_url=_base_url(config),
        requests_per_5_minutes=int(config.get("requests_per_5_minutes") or _DEFAULTS.requests_per_5_minutes),
        idle_timeout_seconds=float(config.get("idle_timeout_seconds") or _DEFAULTS.idle_timeout_seconds),
        max_retries=default_max_retries if max_retries is None else int(max_retries),
    )


def contains_key(text: str) -> bool:
    """Whether a text must not be logged, because a key was pasted into it."""
    return "pgmt_" in text.lower()


@contextmanager
def open_client(
    config: Mapping[str, Any], *, default_max_retries: int = _DEFAULTS.max_retries, clock: Clock | None = None
) -> Iterator[PigmentClient]:
    """A client that at the end logs the number of its requests and is closed."""
    client = client_from_config(config, default_max_retries=default_max_retries, clock=clock)
    try:
        yield client
    finally:
        client.log_requests_made()
        client.close()


def _base_url(config: Mapping[str, Any]) -> str:
    """The address that requests begin with; raises `ConfigProblem` if it was copied from a page.

    Whether it is an address at all, and whether plain http is allowed, is for the client to say.
    """
    base_url = (entered_text(config, "base_url") or _DEFAULTS.base_url).rstrip("/")
    if contains_key(base_url):
        raise ConfigProblem(
            f'The "Base URL" contains a key: enter an address, such as {_DEFAULTS.base_url}, and the key under '
            f'"{AUTHENTICATION}".'
        )
    _, _, path = base_url.partition("://")
    host, _, page = path.partition("/")
    if "@" in host:
        raise ConfigProblem('The "Base URL" must not contain a name or password: enter only the address; keys sign in.')
    if "?" in path or "#" in path or _PAGE.search(f"/{page}"):
        raise ConfigProblem(
            'The "Base URL" contains more than the host, as the address of a page does: enter only the address, such '
            f"as {_DEFAULTS.base_url}."
        )
    return base_url

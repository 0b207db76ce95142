"""How Pigment is reached: what the form asks for, and the client it describes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pigment_airbyte.credentials import keys_from_config
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.errors import NotFound, ResponseNotUnderstood
from pigment_client.http.clock import Clock

Settings = TypeVar("Settings")

_DEFAULTS = ClientOptions()

# What stands in the addresses of Pigment's pages and of its API, and never in front of both.
_PAGE = re.compile(r"/(app|application|api|w|workspace|settings)(/|$)")


def connection_spec(*, order: int, default_max_retries: int) -> dict[str, Any]:
    """The properties that describe how Pigment is reached, as both forms have them, folded."""
    return {
        "base_url": {
            "type": "string",
            "title": "Base URL",
            "description": (
                "The address of Pigment, without anything behind the host. Change it only if your company reaches "
                "Pigment at another address."
            ),
            "default": _DEFAULTS.base_url,
            "examples": [_DEFAULTS.base_url],
            "group": "connection",
            "order": order,
        },
        "requests_per_5_minutes": _count(
            "Requests per 5 minutes",
            "Pigment allows 500 requests in 5 minutes for one IP address. Lower this if several syncs run at the same "
            "time.",
            default=_DEFAULTS.requests_per_5_minutes,
            range_=(1, 500),
            order=order + 1,
        ),
        "max_retries": _count(
            "Retries",
            "How often a request is sent again when Pigment cannot be reached; a file at most 4 times, and only where "
            "that does no harm.",
            default=default_max_retries,
            range_=(0, 20),
            order=order + 2,
        ),
        "idle_timeout_seconds": _count(
            "Idle timeout (seconds)",
            "How long Pigment may send nothing before the connection counts as broken.",
            default=int(_DEFAULTS.idle_timeout_seconds),
            range_=(1, 3600),
            order=order + 3,
        ),
    }


def _count(title: str, description: str, *, default: int, range_: tuple[int, int], order: int) -> dict[str, Any]:
    return {
        "type": "integer",
        "title": title,
        "description": description,
        "default": default,
        "minimum": range_[0],
        "maximum": range_[1],
        "group": "connection",
        "order": order,
    }


def client_from_config(
    config: Mapping[str, Any], *, default_max_retries: int, clock: Clock | None = None
) -> PigmentClient:
    """The client that a connection's configuration describes."""
    keys = keys_from_config(config.get("credentials") or {})
    return PigmentClient(keys, _options(config, default_max_retries), clock=clock)


@contextmanager
def connected(
    config: Mapping[str, Any],
    parse: Callable[[Mapping[str, Any]], Settings],
    *,
    default_max_retries: int,
    clock: Clock | None = None,
) -> Iterator[tuple[PigmentClient, Settings]]:
    """A client, closed at the end after the number of its requests was logged, and the parsed configuration."""
    # The keys come first, as in the form.
    client = client_from_config(config, default_max_retries=default_max_retries, clock=clock)
    try:
        yield client, parse(config)
    finally:
        client.log_requests_made()
        client.close()


@contextmanager
def address_explained(config: Mapping[str, Any]) -> Iterator[None]:
    """Blame the base URL where what answers inside is not Pigment; raises `ConfigProblem`."""
    try:
        yield
    except (ResponseNotUnderstood, NotFound) as error:
        # Every Pigment can list applications; an object that it does not know is another matter.
        if isinstance(error, NotFound) and error.operation != "list applications":
            raise
    else:
        return
    host = urlsplit(_text(config, "base_url") or _DEFAULTS.base_url).hostname
    raise ConfigProblem(
        f'What answers at {host} is not Pigment, or not as its API description says: correct the "Base URL", or report '
        "this if it is right."
    )


def without_nulls(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what is null, at any depth: some clients send null for what was left empty."""
    return {name: _without_nulls(value) for name, value in config.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_nulls(value)
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _options(config: Mapping[str, Any], default_max_retries: int) -> ClientOptions:
    return ClientOptions(
        base_url=_base_url(_text(config, "base_url")),
        requests_per_5_minutes=int(config.get("requests_per_5_minutes") or _DEFAULTS.requests_per_5_minutes),
        idle_timeout_seconds=float(config.get("idle_timeout_seconds") or _DEFAULTS.idle_timeout_seconds),
        max_retries=_retries(config, default_max_retries),
    )


def _base_url(entered: str) -> str:
    """The address that requests begin with; raises `ConfigProblem` for what was copied from a page.

    Whether it is an address at all, and no plain http, is the client's rule.
    """
    base_url = (entered or _DEFAULTS.base_url).rstrip("/")
    _, _, path = base_url.partition("://")
    host, _, page = path.partition("/")
    if "@" in host:
        raise ConfigProblem('The "Base URL" must not hold a name or password: enter the address alone; keys sign in.')
    if "?" in path or "#" in path or _PAGE.search(f"/{page}"):
        raise ConfigProblem(
            'The "Base URL" holds more than the host, as the address of a page does: enter the address alone, such as '
            f"{_DEFAULTS.base_url}."
        )
    return base_url


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""


def _retries(config: Mapping[str, Any], default: int) -> int:
    value = config.get("max_retries")
    return default if value is None else int(value)

"""The connection part of a configuration: what the form asks for, and the client it describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.http.clock import Clock
from pigment_client.keys import Keys

Settings = TypeVar("Settings")

# The client's defaults, which the forms show.
BASE_URL = ClientOptions().base_url
REQUESTS_PER_5_MINUTES = ClientOptions().requests_per_5_minutes


def credentials_spec(separate_keys: Mapping[str, Any], required: Sequence[str], *, order: int) -> dict[str, Any]:
    """The `credentials` property of a spec: one key for everything, or a key for each purpose.

    `separate_keys` are the key properties of the second choice, `required` those that must be given.
    """
    return {
        "type": "object",
        "title": "Authentication",
        "description": (
            "How Airbyte signs in to Pigment. A key is made in Pigment under Workspace settings &gt; API keys and "
            "sees what its owner sees."
        ),
        "group": "connection",
        "order": order,
        "oneOf": [
            {
                "type": "object",
                "title": "One key for everything",
                "required": ["auth_type", "api_key"],
                "properties": {
                    "auth_type": {"type": "string", "const": "single_key", "order": 0},
                    "api_key": key_spec("API key", "A key that has every permission this connection needs.", order=1),
                },
            },
            {
                "type": "object",
                "title": "A key for each purpose",
                "required": ["auth_type", *required],
                "properties": {
                    "auth_type": {"type": "string", "const": "separate_keys", "order": 0},
                    **separate_keys,
                },
            },
        ],
    }


def key_spec(title: str, description: str, *, order: int) -> dict[str, Any]:
    """The property of one API key: secret, with its usual form as an example."""
    return {
        "type": "string",
        "title": title,
        "description": f"{description} Current keys begin with <code>pgmt_</code>.",
        "airbyte_secret": True,
        "minLength": 1,
        "order": order,
    }


def transport_spec(*, order: int, default_max_retries: int) -> dict[str, Any]:
    """The properties `base_url`, `requests_per_5_minutes` and `max_retries`, as every connection has them."""
    return {
        "base_url": {
            "type": "string",
            "title": "Base URL",
            "description": "The address of Pigment. Change it only if your workspace has an address of its own.",
            "default": BASE_URL,
            "examples": [BASE_URL],
            "pattern": "^https?://[^\\s/?#]+(/[^\\s?#]*)?$",
            "pattern_descriptor": "https://host",
            "group": "advanced",
            "order": order,
        },
        "requests_per_5_minutes": {
            "type": "integer",
            "title": "Requests in 5 minutes",
            "description": (
                "Pigment allows 500 requests in 5 minutes for an address, over all connections together. Lower this "
                "when several syncs run at the same time."
            ),
            "default": REQUESTS_PER_5_MINUTES,
            "minimum": 1,
            "maximum": 500,
            "group": "advanced",
            "order": order + 1,
        },
        "max_retries": {
            "type": "integer",
            "title": "Retries",
            "description": "How often a request is tried again when Pigment is busy or cannot be reached.",
            "default": default_max_retries,
            "minimum": 0,
            "maximum": 20,
            "group": "advanced",
            "order": order + 2,
        },
    }


def keys_from_config(credentials: Mapping[str, Any]) -> Keys:
    """The keys that the configuration holds.

    Raises `ConfigProblem` where none is given and `KeyFormatOutdated` for a key of the old form.
    """
    match credentials.get("auth_type"):
        case "single_key":
            keys = Keys.single(_text(credentials, "api_key"))
        case "separate_keys":
            keys = Keys(
                export=_text(credentials, "export_api_key") or None,
                metadata=_text(credentials, "metadata_api_key") or None,
                imports=_text(credentials, "import_api_key") or None,
            )
        case _:
            raise ConfigProblem(
                'Choose under "Authentication" whether one key serves everything or each purpose has a key of its own.'
            )
    if not (keys.export or keys.metadata or keys.imports):
        raise ConfigProblem('Enter an API key of Pigment under "Authentication".')
    return keys


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
    """A client and the parsed configuration; says how many requests were made, and closes, at the end."""
    settings = parse(config)
    client = client_from_config(config, default_max_retries=default_max_retries, clock=clock)
    try:
        yield client, settings
    finally:
        client.log_requests_made()
        client.close()


def without_nulls(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what is null, at any depth: some clients send null for what was left empty."""
    return {name: _without_nulls(value) for name, value in config.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_nulls(value)
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _options(config: Mapping[str, Any], default_max_retries: int) -> ClientOptions:
    base_url = (_text(config, "base_url") or BASE_URL).rstrip("/")
    address = urlsplit(base_url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ConfigProblem(f'The base URL must be an address such as {BASE_URL}: correct it under "Base URL".')
    if address.username or address.password:
        raise ConfigProblem("The base URL must not hold a name or password: Pigment signs in with API keys.")
    return ClientOptions(
        base_url=base_url,
        requests_per_5_minutes=int(config.get("requests_per_5_minutes") or REQUESTS_PER_5_MINUTES),
        idle_timeout_seconds=float(config.get("idle_timeout_seconds") or ClientOptions().idle_timeout_seconds),
        max_retries=_count(config, "max_retries", default_max_retries),
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""


def _count(values: Mapping[str, Any], name: str, default: int) -> int:
    value = values.get(name)
    return default if value is None else int(value)

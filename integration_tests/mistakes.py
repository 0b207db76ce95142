"""Mistakes that users make in a form, as data: what they did, the resulting configuration, what check says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors import Runner
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from other_sites import html_site

Config = dict[str, Any]

NOWHERE = "00000000-0000-4000-8000-000000000000"

# Port 1 is closed; requests to this machine never use a proxy, so the server that a dead proxy hides is elsewhere.
DEAD_PROXY = {"HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What a user did and the sentence that check answers, each ID in it written `<id>`.

    `elsewhere` starts the server that is at the base URL instead of Pigment.
    """

    what: str
    config: Callable[[LocalPigment], Config]
    sentence: str
    environment: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Callable[[], contextlib.AbstractContextManager[str]] | None = None

    def __str__(self) -> str:
        return self.what

    @contextlib.contextmanager
    def made(self, runner: Runner) -> Iterator[Config]:
        """The configuration, while the server that it names runs."""
        config = self.config(runner.pigment)
        runner.environment.update(self.environment)
        if self.elsewhere is None:
            yield config
        else:
            with self.elsewhere() as base_url:
                yield {**config, "base_url": base_url}


def assert_said(runner: Runner, mistake: Mistake) -> None:
    """Check ends in one status that is the sentence, and in no trace."""
    with mistake.made(runner) as config:
        run = runner.run("check", **config)
    statuses = [(each["status"], _UUID.sub("<id>", each.get("message", ""))) for each in run.of("CONNECTION_STATUS")]

    assert statuses == [("FAILED", mistake.sentence)]
    assert run.exit_code == 0
    assert "Traceback" not in run.everything
    assert "pgmt_" not in mistake.sentence


def literal(**config: Any) -> Callable[[LocalPigment], Config]:
    """A configuration that needs nothing of the workspace."""
    return lambda _: dict(config)


def single(key: str) -> Callable[[LocalPigment], Config]:
    """One key for everything, by the name that the workspace knows it by."""
    return lambda pigment: {"credentials": {"auth_type": "single_key", "api_key": pigment.workspace.secret(key)}}


def separate(**names: str) -> Callable[[LocalPigment], Config]:
    """A key for each property, by the names that the workspace knows them by."""

    def config(pigment: LocalPigment) -> Config:
        keys = {f"{name}_api_key": pigment.workspace.secret(key) for name, key in names.items()}
        return {"credentials": {"auth_type": "separate_keys", **keys}}

    return config


@contextlib.contextmanager
def unknown_certificate() -> Iterator[str]:
    """A Pigment whose certificate is not trusted."""
    with LocalPigment(planning_model(ledger_rows=1), tls=True) as other:
        yield other.url


# What can be wrong with the keys and the address in either form.
MISTAKES_OF_BOTH = [
    Mistake(
        "a misspelt property",
        literal(aplication_id=NOWHERE),
        (
            'The configuration has the property "aplication_id", which the connector does not know: write '
            '"application_id", or remove it.'
        ),
    ),
    Mistake(
        "an expired key",
        single("expired"),
        (
            'Pigment rejected the key under "API key": check that it was copied whole, has every type that is needed, '
            "has not expired or been revoked, and that its IP allow list contains the addresses of Airbyte."
        ),
    ),
    Mistake(
        "a host that does not exist",
        literal(base_url="https://pigment.invalid"),
        (
            'pigment.invalid could not be reached, because its name could not be resolved: check the "Base URL", and '
            "that Airbyte's network allows requests to it."
        ),
    ),
    Mistake(
        "another web site",
        literal(),
        (
            'What answers at 127.0.0.1 is not Pigment, or not as its API description says: correct the "Base '
            'URL", or report this if it is right.'
        ),
        elsewhere=html_site,
    ),
]

# What the network can do to either form in the same way: one connector shows it.
MISTAKES_OF_THE_NETWORK = [
    Mistake(
        "a closed port",
        literal(base_url="http://127.0.0.1:1"),
        (
            '127.0.0.1 could not be reached, because it refuses connections: check the "Base URL", and that '
            "Airbyte's network allows requests to it."
        ),
    ),
    Mistake(
        "an unknown certificate",
        literal(),
        (
            'The TLS certificate of 127.0.0.1 could not be verified: check the "Base URL", and if your network '
            "puts a proxy in between, make its certificate known to Airbyte (REQUESTS_CA_BUNDLE)."
        ),
        elsewhere=unknown_certificate,
    ),
    Mistake(
        "a proxy that is dead",
        literal(base_url="https://pigment.invalid"),
        (
            "The proxy 127.0.0.1 did not forward the request: check that it runs and lets Airbyte "
            "reach Pigment (HTTPS_PROXY)."
        ),
        environment=DEAD_PROXY,
    ),
]

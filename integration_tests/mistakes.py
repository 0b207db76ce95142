"""Mistakes that users make in a form, as data: what they did, the configuration that came of it, what check says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors import Runner
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment

Config = dict[str, Any]

NOWHERE = "00000000-0000-4000-8000-000000000000"

# Nobody listens on port 1; local runs never go through a proxy, so the server behind a dead one is elsewhere.
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


def answer(runner: Runner, mistake: Mistake) -> tuple[int, list[tuple[str, str]], str]:
    """The exit code of check, its statuses with their sentences, and all that it printed."""
    with mistake.made(runner) as config:
        run = runner.run("check", **config)
    statuses = [(each["status"], _UUID.sub("<id>", each.get("message", ""))) for each in run.of("CONNECTION_STATUS")]
    return run.exit_code, statuses, run.everything


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
    """A Pigment whose certificate nobody knows."""
    with LocalPigment(planning_model(ledger_rows=1), tls=True) as other:
        yield other.url

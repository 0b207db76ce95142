"""Both connectors, ready to run, and the configurations that fit the local Pigment; for tests."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airbyte_platform.delivery import Delivery
from airbyte_platform.fork_server import ForkedProcess, ForkServer
from airbyte_platform.process import Run, configured, without_proxies
from local_pigment.blocks import ListBlock
from local_pigment.sample import CONSOLIDATION, LEDGER, PLANNING
from local_pigment.server import LocalPigment


class Runner:
    """Runs one connector against one local Pigment; `config` applies where a call does not override it."""

    def __init__(self, server: ForkServer, pigment: LocalPigment, folder: Path, config: dict[str, Any]) -> None:
        self._server = server
        self._folder = folder
        self.environment = {"REQUESTS_CA_BUNDLE": str(pigment.ca_file)} if pigment.ca_file else {}
        self.pigment = pigment
        self.config = config

    def run(self, command: str, *, stdin: bytes = b"", catalog: Any = None, state: Any = None, **config: Any) -> Run:
        """Run a command to its end; `config` overrides single properties."""
        process = self.start(command, catalog=catalog, state=state, **config)
        process.feed(stdin)
        return process.finish()

    def start(self, command: str, *, catalog: Any = None, state: Any = None, **config: Any) -> ForkedProcess:
        """Start a command."""
        given = {name: value for name, value in {**self.config, **config}.items() if value is not None}
        return self._start(command, given, catalog, state)

    def start_with_nulls(self, command: str, *, catalog: Any = None, state: Any = None, **config: Any) -> ForkedProcess:
        """The same, with None sent as null."""
        return self._start(command, {**self.config, **config}, catalog, state)

    def deliver(self, catalog: Any, **config: Any) -> Delivery:
        """A `write` under way, with the platform on the other end of its pipes."""
        given = {name: value for name, value in {**self.config, **config}.items() if value is not None}
        return Delivery(self._start("write", given, catalog, None, stderr_piped=True))

    def _start(
        self, command: str, config: dict[str, Any], catalog: Any, state: Any, *, stderr_piped: bool = False
    ) -> ForkedProcess:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        given = config if config and command != "spec" else None
        return self._server.start(
            command,
            folder,
            environment=self.environment,
            stderr_piped=stderr_piped,
            config=given,
            catalog=catalog,
            state=state,
        )

    def discovered(self, **config: Any) -> dict[str, dict[str, Any]]:
        """The streams of discovery, by name."""
        run = self.run("discover", **config)
        assert run.of("CATALOG"), (run.exit_code, run.errors, run.stderr)
        return {each["name"]: each for each in run.of("CATALOG")[0]["streams"]}

    def catalog(self, *names: str, mode: str = "append", **config: Any) -> dict[str, Any]:
        """A configured catalog of the named streams, or of all."""
        streams = self.discovered(**config)
        chosen = [streams[name] for name in names] if names else list(streams.values())
        return configured({"streams": chosen}, destination_sync_mode=mode)


def unset_proxies() -> None:
    """Everything here talks to this machine, so the environment's proxies do not apply."""
    for name in os.environ.keys() - without_proxies(os.environ).keys():
        del os.environ[name]


def key(pigment: LocalPigment, name: str = "all") -> dict[str, str]:
    """The credentials of one key for everything."""
    return {"auth_type": "single_key", "api_key": pigment.workspace.secret(name)}


def source_config(pigment: LocalPigment) -> dict[str, Any]:
    return {
        "credentials": key(pigment),
        "application_id": pigment.workspace.application(PLANNING).id,
        "base_url": pigment.url,
    }


def destination_config(pigment: LocalPigment) -> dict[str, Any]:
    return {**source_config(pigment), "application_id": pigment.workspace.application(CONSOLIDATION).id}


@contextlib.contextmanager
def running(server: ForkServer, pigment: LocalPigment, config: dict[str, Any]) -> Iterator[Runner]:
    """A runner with a private folder, while the context lasts."""
    with tempfile.TemporaryDirectory(prefix="platform-") as folder:
        yield Runner(server, pigment, Path(folder), config)


def sliced_by_department(pigment: LocalPigment, slices: int) -> dict[str, Any]:
    """A source configuration that exports the ledger in `slices` parts."""
    departments = pigment.workspace.block("Departments", PLANNING)
    ledger = pigment.workspace.block(LEDGER, PLANNING)
    assert isinstance(departments, ListBlock)
    assert isinstance(ledger, ListBlock)
    names = [item.id for item in departments.items]
    filters = [
        {"propertyFilters": [{"propertyTechnicalName": ledger.properties[2].technical, "modalityIds": part}]}
        for part in (names[start::slices] for start in range(slices))
    ]
    return {"block_requests": [{"block": LEDGER, "slices": json.dumps(filters)}]}

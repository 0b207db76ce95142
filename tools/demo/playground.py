"""The local Pigment to try both connectors by hand: `make fake`.

Starts it, writes a folder with everything that the connectors' commands need, and prints those commands.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

import requests

from airbyte_platform.process import Connector, configured, without_proxies
from local_pigment.sample import (
    CONSOLIDATION,
    DEPARTMENTS_TO_FTE,
    HEADCOUNT_TO_PLAN,
    PLANNING,
    add_copies,
    planning_model,
)
from local_pigment.server import LocalPigment, describe, write_private

_FOLDER = Path("local-pigment")


class Interrupted(Exception):
    """Ctrl-C, or SIGTERM."""


class FolderTaken(Exception):
    """The folder belongs to another local Pigment or contains other files; the message says which."""


def main() -> int:
    """Serve until interrupted; 0 after Ctrl-C."""
    stop = Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            return
        stop.set()
        raise Interrupted

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    arguments = _arguments()
    try:
        serve(arguments)
    except Interrupted:
        say("\nStopped.")
    except FolderTaken as taken:
        say(f"{taken} name another folder with ARGS='--folder …'.")
        return 1
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        say(f"Port {arguments.port} is in use. Name another with ARGS='--port …', or none for one that is free.")
        return 1
    except OverflowError:
        say(f"{arguments.port} is no port. Name one up to 65535 with ARGS='--port …', or none for one that is free.")
        return 1
    return 0


def serve(arguments: argparse.Namespace) -> None:
    """Start, write the folder, print the commands, and wait."""
    if is_earlier(arguments.folder):
        say(f"{arguments.folder} is from an earlier start: its files are written again.\n")
    workspace = add_copies(planning_model(ledger_rows=arguments.ledger_rows))
    workspace.variants.polls_until_done = 1
    with LocalPigment(workspace, tls=arguments.tls, port=arguments.port) as pigment:
        playground = Playground(pigment, arguments.folder, Path(sys.executable).parent)
        playground.write()
        say(playground.greeting())
        while True:
            Event().wait(3600)


def is_earlier(folder: Path) -> bool:
    """Whether an earlier start, which has ended, wrote the folder; raises `FolderTaken` where it is not free."""
    if not folder.exists() or not any(folder.iterdir()):
        return False
    try:
        ids = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
        url, ca_file = ids["url"], ids["ca_file"]
    except (OSError, ValueError, KeyError, TypeError):
        raise FolderTaken(f"{folder} contains other files:") from None
    with contextlib.suppress(requests.RequestException), requests.Session() as session:
        session.trust_env = False
        session.get(f"{url}/_test/state", timeout=2, verify=ca_file or True)
        raise FolderTaken(f"{folder} belongs to the local Pigment that runs at {url}: use that one, stop it, or")
    return True


@dataclass(frozen=True, slots=True)
class Playground:
    """The folder, and what it contains."""

    pigment: LocalPigment
    folder: Path
    programs: Path

    def write(self) -> None:
        """Write the configurations, the catalog and the ids; private, because there are keys among them."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self.folder / "source.json", self.source())
        write_private(self.folder / "destination.json", self.destination())
        write_private(self.folder / "ids.json", describe(self.pigment))
        write_private(self.folder / "catalog.json", self.catalog())
        (self.folder / "commands.txt").write_text("\n".join(self.commands()) + "\n", encoding="utf-8")

    def source(self) -> dict[str, Any]:
        """All lists and metrics of the planning application."""
        return {**self._config(PLANNING), "block_types": ["list", "metric"]}

    def destination(self) -> dict[str, Any]:
        """The application with the same blocks, empty: its import configurations have the streams' names.

        Two copies run after the load, and fill two more metrics from it.
        """
        copies = (HEADCOUNT_TO_PLAN, DEPARTMENTS_TO_FTE)
        then_run = [self.pigment.workspace.configuration(name).id for name in copies]
        return {**self._config(CONSOLIDATION), "then_run": then_run}

    def catalog(self) -> dict[str, Any]:
        """The configured catalog of both: every stream that the source discovers, to append."""
        source = Connector(self.programs / "source-pigment", self._environment())
        run = source.run("discover", config=self.source())
        catalogs = run.of("CATALOG")
        if not catalogs:
            raise SystemExit(f"source-pigment could not discover: {run.errors or run.stderr}")
        return configured(catalogs[0], destination_sync_mode="append")

    def commands(self) -> list[str]:
        """What to type, from the folder where this was started."""
        exports = [f"export {name}={shlex.quote(value)}" for name, value in self._environment().items()]
        source, destination = (self._word(self.programs / f"{name}-pigment") for name in ("source", "destination"))
        into, out, catalog, messages = (
            self._word(self.folder / name)
            for name in ("destination.json", "source.json", "catalog.json", "messages.jsonl")
        )
        return [
            *exports,
            f"{source} spec",
            f"{source} check --config {out}",
            f"{source} discover --config {out}",
            # Records go only into the file; everything else, above all errors, is also shown.
            f'{source} read --config {out} --catalog {catalog} | tee {messages} | grep -v \'"type":"RECORD"\'',
            f"{destination} spec",
            f"{destination} check --config {into}",
            f"{destination} discover --config {into}",
            f"{destination} write --config {into} --catalog {catalog} < {messages}",
        ]

    def greeting(self) -> str:
        """What the terminal shows."""
        workspace = self.pigment.workspace
        keys = "\n".join(f"  {key.name:<9} {key.secret}  {', '.join(sorted(key.scopes))}" for key in workspace.keys)
        blocks = "\n".join(
            f"  {block.type:<15} {block.id}  {block.name}" for block in workspace.application(PLANNING).blocks.values()
        )
        views = "\n".join(
            f"  {'View':<15} {view.id}  {view.name}" for view in workspace.application(PLANNING).views.values()
        )
        configurations = "\n".join(f"  {each.id}  {each.name}" for each in workspace.configurations.values())
        commands = "\n".join(f"  {command}" for command in self.commands())
        return (
            f"The local Pigment is at {self.pigment.url}: open it in a browser to see what is in it.\n\n"
            f"Keys\n{keys}\n\n"
            f"{PLANNING} ({workspace.application(PLANNING).id}): what can be read\n{blocks}\n{views}\n\n"
            f"{CONSOLIDATION} ({workspace.application(CONSOLIDATION).id}): import configurations\n{configurations}\n\n"
            f"{self._word(self.folder)} contains source.json, destination.json, catalog.json, and ids.json with all of "
            "the above.\n\n"
            f"To try the connectors, in another terminal:\n\n  cd {shlex.quote(str(Path.cwd()))}\n{commands}\n\n"
            "Then reload the page. Stop with Ctrl-C. More: make fake ARGS=--help"
        )

    def _config(self, application: str) -> dict[str, Any]:
        workspace = self.pigment.workspace
        return {
            "credentials": {"auth_type": "single_key", "api_key": workspace.secret("all")},
            "application_id": workspace.application(application).id,
            "base_url": self.pigment.url,
        }

    def _environment(self) -> dict[str, str]:
        """The environment of a command: the certificate, and no proxy for this machine."""
        environment = {}
        if self.pigment.ca_file is not None:
            environment["REQUESTS_CA_BUNDLE"] = str(self.pigment.ca_file)
        if len(without_proxies(os.environ)) < len(os.environ):
            environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1,localhost"
        return environment

    def _word(self, path: Path) -> str:
        """The path as it is typed: relative if it is below the current folder."""
        absolute, here = Path(os.path.abspath(path)), Path.cwd()  # noqa: PTH100 - a link to a Python is not followed
        return shlex.quote(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fake", description="A local Pigment to try the connectors with.")
    parser.add_argument("--port", type=int, default=0, help="the port to serve on; a free one if not given")
    parser.add_argument("--tls", action="store_true", help="HTTPS with HTTP/2, certificate signed by a CA of its own")
    parser.add_argument("--ledger-rows", type=int, default=2000, help="rows in the general ledger")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=f"what to write into ({_FOLDER})")
    return parser.parse_args()


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

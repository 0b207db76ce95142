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
from local_pigment.server import LocalPigment, describe

_FOLDER = Path("local-pigment")
_TOOLS = Path(__file__).resolve().parents[1]

# Otherwise the exit code of a connector is lost in its pipe, and a sync that failed looks like one that succeeded.
_PIPES_FAIL = "set -o pipefail"


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
    # A browser does not know the certificate, so the page has a plain address of its own.
    with LocalPigment(workspace, tls=True) as pigment, LocalPigment(workspace, port=arguments.port) as page:
        say(f"The local Pigment is at {page.url}: open it in a browser to see what is in it. Writing its files …\n")
        playground = Playground(pigment, page, arguments.folder, Path(sys.executable).parent)
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
    page: LocalPigment
    folder: Path
    programs: Path

    def write(self) -> None:
        """Write the configurations, the catalog, the ids and the certificate.

        Everyone may read them, as the user of an image must; their keys open nothing but this local Pigment.
        """
        self.folder.mkdir(exist_ok=True)
        self._write("ca.pem", Path(str(self.pigment.ca_file)).read_text(encoding="ascii"))
        contents = {
            "source": self.source(),
            "destination": self.destination(),
            "ids": {
                **describe(self.pigment),
                "ca_file": str(self.folder.absolute() / "ca.pem"),
                "page": self.page.url,
            },
            "catalog": self.catalog(),
        }
        for name, content in contents.items():
            self._write(f"{name}.json", json.dumps(content, indent=2, ensure_ascii=False))
        self.page.commands = "\n".join([*self.commands(), "", *self.container_commands(), ""])
        self._write("commands.txt", self.page.commands)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

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
        messages = self._word(self.folder / "messages.jsonl")
        steps = _steps(source, destination, self._word(self.folder), messages, self._readable())
        return [_PIPES_FAIL, *exports, *steps]

    def container_commands(self) -> list[str]:
        """The same with the images that `make images` builds, on a machine whose engine shares its network."""
        # Absolute: a name alone would be one of Docker's own volumes, which is empty.
        folder, inside = shlex.quote(str(self.folder.absolute())), "/local"
        run = (
            f"docker run --rm --interactive --network host --volume {folder}:{inside}:ro "
            f"--env REQUESTS_CA_BUNDLE={inside}/ca.pem"
        )
        source, destination = (f"{run} airbyte/{name}-pigment:$TAG" for name in ("source", "destination"))
        messages = self._word(self.folder / "messages.jsonl")
        steps = _steps(source, destination, inside, messages, self._readable())
        return [_PIPES_FAIL, "TAG=$(make --silent tag)", *steps]

    def _readable(self) -> str:
        return f"PYTHONPATH={self._word(_TOOLS)} {self._word(self.programs / 'python')} -m demo.readable"

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
        commands, contained = (
            "\n".join(f"  {command}" for command in each) for each in (self.commands(), self.container_commands())
        )
        return (
            f"Keys\n{keys}\n\n"
            f"{PLANNING} ({workspace.application(PLANNING).id}): what can be read\n{blocks}\n{views}\n\n"
            f"{CONSOLIDATION} ({workspace.application(CONSOLIDATION).id}): import configurations\n{configurations}\n\n"
            f"{self._word(self.folder)} contains source.json, destination.json, catalog.json, the certificate, and "
            "ids.json with all of the above.\n\n"
            f"To try the connectors, in another terminal:\n\n  cd {shlex.quote(str(Path.cwd()))}\n{commands}\n\n"
            f"Or with the images, after make images:\n\n{contained}\n\n"
            f"These commands are also in {self._word(self.folder / 'commands.txt')}. Watch {self.page.url} meanwhile: "
            "it refreshes itself.\nStop with Ctrl-C. More: make fake ARGS=--help"
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
        environment = {"REQUESTS_CA_BUNDLE": str(self.folder.absolute() / "ca.pem")}
        if len(without_proxies(os.environ)) < len(os.environ):
            environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1,localhost"
        return environment

    def _word(self, path: Path) -> str:
        """The path as it is typed: relative if it is below the current folder."""
        absolute, here = Path(os.path.abspath(path)), Path.cwd()  # noqa: PTH100 - a link to a Python is not followed
        return shlex.quote(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))


def _steps(source: str, destination: str, folder: str, messages: str, readable: str) -> list[str]:
    """The commands of a whole sync; the messages of the source go through a file."""
    out, into, catalog = (f"{folder}/{name}.json" for name in ("source", "destination", "catalog"))
    return [
        f"{source} spec | {readable}",
        f"{source} check --config {out} | {readable}",
        f"{source} discover --config {out} | {readable}",
        f"{source} read --config {out} --catalog {catalog} | tee {messages} | {readable}",
        f"{destination} spec | {readable}",
        f"{destination} check --config {into} | {readable}",
        f"{destination} discover --config {into} | {readable}",
        f"{destination} write --config {into} --catalog {catalog} < {messages} | {readable}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fake", description="A local Pigment to try the connectors with.")
    parser.add_argument("--port", type=int, default=0, help="the port of the page; a free one if not given")
    parser.add_argument("--ledger-rows", type=int, default=2000, help="rows in the general ledger")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=f"what to write into ({_FOLDER})")
    return parser.parse_args()


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

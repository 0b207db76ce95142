"""Start the local Pigment with the sample planning model and say how to use it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Any

from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="local_pigment", description="A local Pigment with a sample planning model.")
    parser.add_argument("--port", type=int, default=0, help="the port to serve on; a free one if not given")
    parser.add_argument("--tls", action="store_true", help="HTTPS with HTTP/2, certificate signed by a CA of its own")
    parser.add_argument("--ledger-rows", type=int, default=2000, help="rows in the general ledger")
    parser.add_argument("--describe-to", type=Path, help="write address, keys and ids into this private JSON file")
    arguments = parser.parse_args()
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    workspace = planning_model(ledger_rows=arguments.ledger_rows)
    workspace.variants.polls_until_done = 1
    with LocalPigment(workspace, tls=arguments.tls, port=arguments.port) as pigment:
        if arguments.describe_to:
            write_private(arguments.describe_to, describe(pigment))
        sys.stdout.write(greeting(pigment))
        sys.stdout.flush()
        stop.wait()


def describe(pigment: LocalPigment) -> dict[str, Any]:
    """All that a program needs to use the server."""
    workspace = pigment.workspace
    return {
        "url": pigment.url,
        "ca_file": str(pigment.ca_file) if pigment.ca_file else None,
        "keys": {key.name: key.secret for key in workspace.keys},
        "applications": {each.name: each.id for each in workspace.applications.values()},
        "blocks": {
            owner.name: {block.name: {"id": block.id, "type": block.type} for block in owner.blocks.values()}
            for owner in workspace.applications.values()
        },
        "views": {view.name: view.id for owner in workspace.applications.values() for view in owner.views.values()},
        "import_configurations": {each.name: each.id for each in workspace.configurations.values()},
    }


def write_private(path: Path, value: dict[str, Any]) -> None:
    """Write JSON into a file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)


def greeting(pigment: LocalPigment) -> str:
    """What the terminal shows."""
    workspace = pigment.workspace
    planning, consolidation = workspace.application(PLANNING), workspace.application(CONSOLIDATION)
    credentials = {"auth_type": "single_key", "api_key": workspace.secret("all")}
    source = {"credentials": credentials, "application_id": planning.id, "base_url": pigment.url}
    destination = {**source, "application_id": consolidation.id}
    keys = "\n".join(f"  {key.name:<9} {key.secret}  ({', '.join(sorted(key.scopes))})" for key in workspace.keys)
    blocks = "\n".join(f"  {block.type:<15} {block.id}  {block.name}" for block in planning.blocks.values())
    authority = f"CA certificate   {pigment.ca_file}   (export REQUESTS_CA_BUNDLE)\n" if pigment.ca_file else ""
    return (
        f"Local Pigment    {pigment.url}   (open it in a browser)\n{authority}\n"
        f"Keys\n{keys}\n\nBlocks of {PLANNING} ({planning.id})\n{blocks}\n\n"
        f"A configuration for source-pigment\n{json.dumps(source, indent=2)}\n\n"
        "A configuration for destination-pigment, which finds its targets by name\n"
        f"{json.dumps(destination, indent=2)}\n\n"
        "Stop with Ctrl-C.\n"
    )


if __name__ == "__main__":
    main()

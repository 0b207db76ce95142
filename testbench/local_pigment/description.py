"""All that a program needs to use a running local Pigment: address, keys and ids."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from local_pigment.server import LocalPigment


def describe(pigment: LocalPigment) -> dict[str, Any]:
    """Address, certificate, keys, and the ids of everything by its name."""
    workspace = pigment.workspace
    applications = workspace.applications.values()
    return {
        "url": pigment.url,
        "ca_file": str(pigment.ca_file) if pigment.ca_file else None,
        "keys": {key.name: key.secret for key in workspace.keys},
        "applications": {each.name: each.id for each in applications},
        "blocks": {
            owner.name: {block.name: {"id": block.id, "type": block.type} for block in owner.blocks.values()}
            for owner in applications
        },
        "views": {view.name: view.id for owner in applications for view in owner.views.values()},
        "import_configurations": {each.name: each.id for each in workspace.configurations.values()},
    }


def write_private(path: Path, value: dict[str, Any]) -> None:
    """Write JSON into a file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)

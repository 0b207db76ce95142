"""Each connector's metadata.yaml, made from the facts in the root metadata.yaml: `make metadata`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent

_NOTE = "# Generated from the metadata.yaml at the root of the repository: change that, then run `make metadata`.\n"


def connector_metadata(connector: str, root: Path = ROOT) -> str:
    """The text of a connector's metadata.yaml."""
    facts: dict[str, Any] = yaml.safe_load((root / "metadata.yaml").read_text(encoding="utf-8"))
    own = facts["connectors"][connector]
    data = {
        "name": own["name"],
        "definitionId": own["definitionId"],
        "connectorType": own["type"],
        "connectorSubtype": "api",
        "dockerRepository": f"airbyte/{connector}",
        "dockerImageTag": facts["version"],
        "githubIssueLabel": connector,
        "icon": "icon.svg",
        "license": facts["license"],
        "documentationUrl": f"{facts['documentation']}/{own['documentationPath']}",
        "releaseStage": facts["releaseStage"],
        "supportLevel": facts["supportLevel"],
        "allowedHosts": {"hosts": [*facts["hosts"], *own.get("hosts", [])]},
        "remoteRegistries": {"pypi": {"enabled": True, "packageName": f"airbyte-{connector}"}},
        **{name: own[name] for name in ("supportsRefreshes",) if name in own},
        "connectorBuildOptions": {"baseImage": facts["baseImage"]},
        "connectorTestSuitesOptions": [{"suite": "unitTests"}, {"suite": "integrationTests"}],
        "tags": facts["tags"],
    }
    return _NOTE + yaml.safe_dump({"metadataSpecVersion": "1.0", "data": data}, sort_keys=False, width=120)


def connectors(root: Path = ROOT) -> list[str]:
    """The names of the connectors."""
    return list(yaml.safe_load((root / "metadata.yaml").read_text(encoding="utf-8"))["connectors"])


def main() -> None:
    """Write both files."""
    for connector in connectors():
        (ROOT / connector / "metadata.yaml").write_text(connector_metadata(connector), encoding="utf-8")


if __name__ == "__main__":
    main()

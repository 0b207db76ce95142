"""A local Pigment for Airbyte's standard suite, and the configurations that `acceptance-test-config.yml` names.

`airbyte-cdk connector test` in a connector's folder loads the folder's `conftest.py`, which calls this: no workspace
and no key is needed to run it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from connectors import destination_config, key, source_config, unset_proxies
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment


class AcceptancePigment:
    """Serves while a session of pytest lasts, and writes `secrets/` into the connector's folder for as long."""

    def __init__(self, connector: Path) -> None:
        self._secrets = connector / "secrets"
        self._pigment = LocalPigment(planning_model(ledger_rows=200))
        self._of_source = connector.name == "source-pigment"

    def start(self) -> None:
        """Serve, and write the configurations."""
        unset_proxies()
        self._pigment.start()
        self._secrets.mkdir(mode=0o700, exist_ok=True)
        for name, config in self._configs().items():
            path = self._secrets / f"{name}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps(config), encoding="utf-8")

    def stop(self) -> None:
        """Stop, and take the configurations away."""
        self._pigment.stop()
        shutil.rmtree(self._secrets)

    def _configs(self) -> dict[str, dict[str, Any]]:
        make = source_config if self._of_source else destination_config
        usual = make(self._pigment)
        secret = self._pigment.workspace.secret
        first = "export" if self._of_source else "import"
        separate = {
            "auth_type": "separate_keys",
            f"{first}_api_key": secret(first),
            "metadata_api_key": secret("metadata"),
        }
        system_streams = {"model_streams": True, "audit_log": True} if self._of_source else {}
        unknown = {"auth_type": "single_key", "api_key": "pgmt_unknown_key"}
        return {
            "config": usual,
            "separate_keys": {**usual, "credentials": separate},
            "wrong_key": {**usual, "credentials": unknown},
            "expired_key": {**usual, "credentials": key(self._pigment, "expired")},
            "everything": {**usual, "block_types": ["list", "table", "metric"], "row_metadata": True, **system_streams},
        }

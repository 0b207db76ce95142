"""The plain way, made fairly: an AbstractSource with csv.DictReader, one message for each record.

For comparison only. Its schema is made once: the CDK asks for it at every record, and a connector that copies it each
time is nearly twice as slow.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import requests
from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConnectorSpecification, SyncMode
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.streams import Stream


class Export(Stream):
    """One block."""

    primary_key = None

    def __init__(self, config: Mapping[str, Any], name: str) -> None:
        self._config = config
        self._name = name
        self._schema: Mapping[str, Any] = config["schema"]
        self._numbers = [key for key, value in self._schema["properties"].items() if "number" in value["type"]]

    @property
    def name(self) -> str:
        return self._name

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK caches it; here it is a value
        return self._schema

    def read_records(self, sync_mode: SyncMode, *_: Any, **__: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ARG002
        config = self._config
        response = requests.post(
            f"{config['base_url']}/api/v1/export/list/{config['lists'][self.name]}",
            json={},
            headers={"Authorization": f"Bearer {config['credentials']['api_key']}"},
            stream=True,
            timeout=60,
        )
        lines = (line.decode() + "\n" for line in response.iter_lines(chunk_size=65536))
        for row in csv.DictReader(lines, delimiter=";"):
            record: dict[str, Any] = {name: value or None for name, value in row.items()}
            for name in self._numbers:
                record[name] = float(record[name]) if record[name] else None
            yield record


class PlainSource(AbstractSource):
    """The connector around it."""

    def spec(self, *_: Any) -> ConnectorSpecification:
        return ConnectorSpecification(connectionSpecification={"type": "object"})

    def check_connection(self, *_: Any) -> tuple[bool, Any]:
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        return [Export(config, name) for name in config["lists"]]


def arguments() -> Iterable[str]:
    return sys.argv[1:]


if __name__ == "__main__":
    launch(PlainSource(), list(arguments()))

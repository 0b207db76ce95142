"""The stock way: a CDK destination with csv.DictWriter that posts 10,000 rows at a time. For comparison only."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from airbyte_cdk.destinations import Destination
from airbyte_cdk.models import AirbyteConnectionStatus, AirbyteMessage, ConnectorSpecification, Status, Type

ROWS_IN_A_POST = 10_000


class StockDestination(Destination):
    """Writes one stream."""

    check_config_against_spec = False

    def spec(self, *_: Any) -> ConnectorSpecification:
        return ConnectorSpecification(connectionSpecification={"type": "object"})

    def check(self, *_: Any) -> AirbyteConnectionStatus:
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    def write(
        self, config: Mapping[str, Any], configured_catalog: Any, input_messages: Iterable[AirbyteMessage]
    ) -> Iterable[AirbyteMessage]:
        names = sorted(configured_catalog.streams[0].stream.json_schema["properties"])
        rows: list[Mapping[str, Any]] = []
        for message in input_messages:
            if message.type is Type.RECORD and message.record is not None:
                rows.append(message.record.data)
                if len(rows) >= ROWS_IN_A_POST:
                    post(config, names, rows)
                    rows = []
            elif message.type is Type.STATE:
                yield message
        post(config, names, rows)


def post(config: Mapping[str, Any], names: list[str], rows: list[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    requests.post(config["sink"], data=text.getvalue().encode(), timeout=60)


if __name__ == "__main__":
    StockDestination().run(json.loads(json.dumps(sys.argv[1:])))

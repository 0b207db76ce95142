"""The stock way: a CDK destination with csv.DictWriter that posts 10,000 rows at a time. For comparison only."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from airbyte_cdk.destinations import Destination
from airbyte_cdk.models import AirbyteConnectionStatus, AirbyteMessage, ConnectorSpecification, Status, Type

ROWS_IN_A_POST = 10_000


class StockDestination(Destination):
    """Gathers the rows of each stream and posts them, 10,000 at a time and at every state."""

    check_config_against_spec = False

    def spec(self, *_: Any) -> ConnectorSpecification:
        return ConnectorSpecification(connectionSpecification={"type": "object"})

    def check(self, *_: Any) -> AirbyteConnectionStatus:
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    def write(
        self, config: Mapping[str, Any], configured_catalog: Any, input_messages: Iterable[AirbyteMessage]
    ) -> Iterable[AirbyteMessage]:
        names = {each.stream.name: sorted(each.stream.json_schema["properties"]) for each in configured_catalog.streams}
        rows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
        for message in input_messages:
            if message.type is Type.RECORD and message.record is not None:
                gathered = rows[message.record.stream]
                gathered.append(message.record.data)
                if len(gathered) >= ROWS_IN_A_POST:
                    post(config, names[message.record.stream], gathered)
            elif message.type is Type.STATE:
                for name, gathered in rows.items():
                    post(config, names[name], gathered)
                yield message
        for name, gathered in rows.items():
            post(config, names[name], gathered)


def post(config: Mapping[str, Any], names: list[str], rows: list[Mapping[str, Any]]) -> None:
    if not rows:
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    requests.post(config["sink"], data=text.getvalue().encode(), timeout=60)
    rows.clear()


if __name__ == "__main__":
    StockDestination().run(sys.argv[1:])

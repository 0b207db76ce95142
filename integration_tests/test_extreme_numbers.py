"""Numbers that no float holds: a process sends their digits as they came, and a call in process does not fail."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from airbyte_cdk.models import AirbyteMessageSerializer, ConfiguredAirbyteCatalogSerializer, Type

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import configured
from connectors import running, source_config
from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from source_pigment.source import SourcePigment

NAME = "Extremes"
LOGGER = logging.getLogger("airbyte")

# The exponent too large or too small for a float, more digits than it has, more than 64 bits.
NUMBERS = [
    "1e400", "-1e400", "1E+400", "1e-400", "-1e-400", "1e99999999999", "1e-99999999999", "1.7976931348623159e308",
    "9" * 400, "-" + "9" * 400, "0." + "9" * 400, "0." + "0" * 400 + "1", "9" * 5000, "18446744073709551617",
    "9007199254740993", "12345678901234567890.123456789", "-0", "-0.0", "1.50",
]  # fmt: skip


@pytest.fixture(params=["in the sample", "after the sample"])
def pigment(request: pytest.FixtureRequest) -> Iterator[LocalPigment]:
    ordinary = 0 if request.param == "in the sample" else 3000
    rows = [f"o{n};{n}" for n in range(ordinary)] + [f"x{at};{number}" for at, number in enumerate(NUMBERS)]
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        block = ListBlock(new_id("raw", NAME), NAME, [Property("x")], is_dimension=True)
        block.stream = lambda: iter(["\r\n".join(["name;n", *rows, ""]).encode()])
        started.workspace.application(PLANNING).put(block)
        yield started


def numeric(stream: dict[str, Any]) -> bool:
    return "number" in stream["json_schema"]["properties"]["n"]["type"]


def test_a_process_checks_discovers_and_reads_them_digit_by_digit(
    pigment: LocalPigment, source_fork_server: ForkServer
) -> None:
    with running(source_fork_server, pigment, {**source_config(pigment), "include": [NAME]}) as source:
        assert source.run("check").statuses == []
        catalog = source.catalog()
        run = source.run("read", catalog=catalog)

    assert numeric(catalog["streams"][0]["stream"])
    assert run.exit_code == 0
    records = [line for line in run.lines if line.startswith(b'{"type":"RECORD"')][-len(NUMBERS) :]
    for at, (line, number) in enumerate(zip(records, NUMBERS, strict=True)):
        assert f'"data":{{"name":"x{at}","n":{number}}}}}}}'.encode() in line


def test_in_process_a_number_is_the_nearest_that_python_has(pigment: LocalPigment) -> None:
    source, config = SourcePigment(), {**source_config(pigment), "include": [NAME]}
    assert source.check(LOGGER, config).status.value == "SUCCEEDED"
    (stream,) = source.discover(LOGGER, config).streams
    found = {"name": NAME, "json_schema": stream.json_schema, "supported_sync_modes": ["full_refresh"]}
    assert numeric(found)
    catalog = ConfiguredAirbyteCatalogSerializer.load(configured({"streams": [found]}, destination_sync_mode="append"))
    messages = [each for each in source.read(LOGGER, config, catalog) if each.type is Type.RECORD]

    for message, number in zip(messages[-len(NUMBERS) :], NUMBERS, strict=True):
        value = message.record.data["n"]
        if isinstance(value, int):
            assert value == int(number)
        else:
            assert value == (float(number) if math.isfinite(float(number)) else number)
        assert orjson.loads(orjson.dumps(AirbyteMessageSerializer.dump(message)))["record"]["data"]["n"] == value

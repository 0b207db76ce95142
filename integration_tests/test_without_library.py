"""Both connectors send the same bytes with the conversions in C and without them: no platform loses anything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pigment_native
from airbyte_platform.process import Connector, Run, as_lines, configured
from connectors import destination_config, source_config
from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id

BINARIES = Path(sys.executable).parent
ROWS = 20_000

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def without_library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package has no library."""
    folder = tmp_path_factory.mktemp("without")
    package = Path(pigment_native.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    environment = {"PYTHONPATH": str(folder)}
    look = "from pigment_native.library import LIBRARY; print(LIBRARY)"
    looked = subprocess.run([sys.executable, "-c", look], env=environment, capture_output=True, text=True, check=True)
    assert looked.stdout == "None\n"
    return environment


def awkward_rows() -> bytes:
    """Rows with every kind of cell that an export may have."""
    texts = ["plain", "\u2028 \x85", "üñ🚀", '"quoted ""twice"""', '"a;b\r\nc"', "\x01\\\t", "9" * 400, "1e5", ""]
    rows = [f"{texts[n % len(texts)]};{n};{n % 7}.50;2026-0{n % 9 + 1}-3{n % 2}" for n in range(ROWS)]
    return b"Name;Number;Amount;Day\n" + "\n".join(rows).encode() + b"\n"


def test_an_export_is_read_as_the_same_lines(without_library: dict[str, str]) -> None:
    with LocalPigment(planning_model(ledger_rows=300)) as pigment:
        content = awkward_rows()
        block = ListBlock(new_id("raw", "Awkward"), "Awkward", [Property("Name")], False)
        block.stream = lambda: iter([content[:70_000], content[70_000:]])
        pigment.workspace.application(PLANNING).put(block)
        config = {**source_config(pigment), "row_metadata": True}
        catalog: dict[str, Any] = {}
        read: list[dict[str, list[bytes]]] = []
        said: list[bool] = []
        for environment in ({}, without_library):
            source = Connector(BINARIES / "source-pigment", environment)
            catalog = catalog or configured(
                source.run("discover", config=config).of("CATALOG")[0], destination_sync_mode="append"
            )
            run = source.run("read", config=config, catalog=catalog)
            assert run.exit_code == 0, run.errors
            read.append(by_stream(run))
            said.append("Rows are converted in Python" in run.everything)

    assert said == [False, True]
    assert sum(map(len, read[0].values())) > ROWS
    assert read[0] == read[1]


def test_records_are_sent_as_the_same_files(without_library: dict[str, str]) -> None:
    name, columns = "General Ledger", ("Entry", "Account", "Amount", "Memo", "Reversed")
    values = [1, -0.5, 1e-7, None, True, "", 'q"u', "a,b;c\r\nd", "\u2028é🚀", {"k": [1, {}]}, "x" * 300]
    records = [
        {column: values[(n * (place + 3)) % len(values)] for place, column in enumerate(columns)} for n in range(5000)
    ]
    messages: list[Any] = [
        {"type": "RECORD", "record": {"stream": name, "data": data, "emitted_at": 1}} for data in records
    ]
    descriptor = {"stream_descriptor": {"name": name}, "stream_state": {"at": 1}}
    messages.append({"type": "STATE", "state": {"type": "STREAM", "stream": descriptor}})
    status = {"stream_descriptor": {"name": name}, "status": "COMPLETE"}
    trace = {"type": "STREAM_STATUS", "stream_status": status, "emitted_at": 1}
    messages.append({"type": "TRACE", "trace": trace})
    properties = {column: {"type": ["null", "string"]} for column in columns}
    stream = {"name": name, "json_schema": {"properties": properties}, "supported_sync_modes": ["full_refresh"]}
    catalog = configured({"streams": [stream]}, destination_sync_mode="append")
    sent = []
    for environment in ({}, without_library):
        with LocalPigment(planning_model(ledger_rows=3)) as pigment:
            destination = Connector(BINARIES / "destination-pigment", environment)
            config = {**destination_config(pigment), "max_file_rows": 1700}
            run = destination.run("write", stdin=as_lines(messages), config=config, catalog=catalog)
            assert run.exit_code == 0
            sent.append([each.received for each in pigment.workspace.imports.values()])

    assert b"".join(sent[0]).count(b"\r\n") > len(records)
    assert b"".join(sent[0]) == b"".join(sent[1])


def by_stream(run: Run) -> dict[str, list[bytes]]:
    """The RECORD lines as they are, but for the time; streams of one sync leave in any order."""
    lines: dict[str, list[bytes]] = {}
    for line, message in zip(run.lines, run.messages, strict=True):
        if message["type"] == "RECORD":
            timeless = re.sub(rb'"emitted_at":[0-9]+', b"", line)
            lines.setdefault(message["record"]["stream"], []).append(timeless)
    return lines

"""Both connectors as processes, the platform between them: what leaves is what arrives, and nothing leaks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.process import Connector, as_lines, configured
from airbyte_platform.sync import Side, sync
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment

BINARIES = Path(sys.executable).parent
AWKWARD = ["Sales; Americas", "33.333333333333333333", "9007199254740993", "Line\u2028separator", "CR\r\nLF", "0012"]


@pytest.fixture(params=[pytest.param(False, id="HTTP/1.1", marks=pytest.mark.long), pytest.param(True, id="HTTP/2")])
def pigment(request: pytest.FixtureRequest) -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=300), tls=request.param) as running:
        yield running


def sides(pigment: LocalPigment, **more: Any) -> tuple[Side, Side]:
    environment = {"REQUESTS_CA_BUNDLE": str(pigment.ca_file)} if pigment.ca_file else {}
    workspace = pigment.workspace
    shared = {
        "credentials": {"auth_type": "single_key", "api_key": workspace.secret("all")},
        "base_url": pigment.url,
    }
    source = {**shared, "application_id": workspace.application(PLANNING).id, "block_types": ["list", "metric"]}
    destination = {**shared, "application_id": workspace.application(CONSOLIDATION).id, **more}
    return (
        Side(Connector(BINARIES / "source-pigment", environment), source),
        Side(Connector(BINARIES / "destination-pigment", environment), destination),
    )


def replacing_targets(pigment: LocalPigment) -> list[dict[str, str]]:
    return [
        {
            "stream": block.name,
            "import_configuration_id": pigment.workspace.configuration(block.name).id,
            "replace_import_configuration_id": pigment.workspace.configuration(f"{block.name} (replace)").id,
        }
        for block in pigment.workspace.application(PLANNING).blocks.values()
        if block.type != "Table"
    ]


def assert_equal(pigment: LocalPigment, names: list[str]) -> None:
    workspace = pigment.workspace
    for name in names:
        assert sorted(workspace.rows(name, PLANNING)) == sorted(workspace.rows(name, CONSOLIDATION)), name


def test_what_leaves_is_what_arrives(pigment: LocalPigment) -> None:
    source, destination = sides(pigment)
    catalog = configured(
        source.connector.run("discover", config=source.config).of("CATALOG")[0], destination_sync_mode="append"
    )
    result = sync(source, destination, catalog)

    assert (result.source_exit, result.destination_exit) == (0, 0)
    assert_equal(pigment, list(result.read))
    arrived = {cell for name in result.read for row in pigment.workspace.rows(name, CONSOLIDATION) for cell in row}
    assert set(AWKWARD) <= arrived
    assert result.read == result.stored


@pytest.mark.long
@pytest.mark.parametrize("generations", [{}, {"generation_id": 4, "minimum_generation_id": 4}])
def test_overwriting_twice_leaves_one_copy(pigment: LocalPigment, generations: dict[str, int]) -> None:
    source, destination = sides(pigment, targets=replacing_targets(pigment))
    mode = "append" if generations else "overwrite"
    discovered = source.connector.run("discover", config=source.config).of("CATALOG")[0]
    catalog = configured(discovered, destination_sync_mode=mode, **generations)
    for _ in range(2):
        result = sync(source, destination, catalog)
        assert (result.source_exit, result.destination_exit) == (0, 0)

    assert_equal(pigment, list(result.read))


@pytest.mark.long
def test_nothing_secret_is_printed_even_when_debugging(pigment: LocalPigment) -> None:
    source, destination = sides(pigment)
    workspace = pigment.workspace
    printed = ""
    catalog: dict[str, Any] = {}
    for side in (source, destination):
        for command in ("spec", "check", "discover"):
            files = {} if command == "spec" else {"config": side.config}
            run = with_debug(side.connector).run(command, **files)
            printed += run.everything
            if command == "discover" and side is source:
                catalog = configured(run.of("CATALOG")[0], destination_sync_mode="append")
    reading = with_debug(source.connector).run("read", config=source.config, catalog=catalog)
    records = [line for line in reading.lines if b'"RECORD"' in line[:20]]
    printed += b"\n".join(line for line in reading.lines if line not in set(records)).decode() + reading.stderr
    writing = with_debug(destination.connector).run(
        "write", stdin=b"\n".join(reading.lines) + b"\n", config=destination.config, catalog=catalog
    )
    bad = with_debug(destination.connector).run(
        "write",
        stdin=as_lines(
            [{"type": "RECORD", "record": {"stream": "Months", "data": {"Month": "a secret row"}, "emitted_at": 1}}]
        )
        + b'{"type":"RECORD" a secret row\n',
        config={**destination.config, "csv": {"delimiter": "semicolon"}},
        catalog=catalog,
    )
    printed += writing.everything + bad.everything
    cells = {
        cell
        for name in ("General Ledger", "Employees")
        for row in workspace.rows(name, PLANNING)
        for cell in row
        if len(cell) > 8
    }

    assert bad.exit_code != 0
    assert len(cells) > 300
    assert not [cell for cell in cells if cell in printed]
    for key in workspace.keys:
        assert key.secret not in printed
    assert "a secret row" not in printed


def with_debug(connector: Connector) -> Connector:
    return Debugging(connector.executable, connector.environment)


class Debugging(Connector):
    """Adds `--debug`, and the environment variable by which the platform asks for it."""

    def arguments(self, command: str, folder: Path, files: Any) -> list[str]:
        return [*super().arguments(command, folder, files), "--debug"]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "LOG_LEVEL": "DEBUG"}

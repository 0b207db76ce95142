"""The command line of both connectors: a mistake ends in one sentence, never in a traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import Runner
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from source_pigment.source import SourcePigment

BOTH = pytest.mark.parametrize(("connector", "data_command"), [("source", "read"), ("destination", "write")])


@pytest.fixture(scope="module")
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        yield started


def run(connector: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(f"{connector}-pigment")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def messages(done: subprocess.CompletedProcess[str], type_: str) -> list[dict[str, Any]]:
    return [each for each in map(json.loads, done.stdout.splitlines()) if each["type"] == type_]


@BOTH
def test_a_missing_configuration_file_is_an_answer_to_the_check(
    tmp_path: Path, connector: str, data_command: str
) -> None:
    path = tmp_path / "given.json"
    done = run(connector, "check", "--config", path)

    statuses = [each["connectionStatus"] for each in messages(done, "CONNECTION_STATUS")]
    sentence = f"The configuration file {path} does not exist: correct the path."
    assert statuses == [{"status": "FAILED", "message": sentence}]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("connector", "command", "file", "what"),
    [
        ("source", "read", "config", "configuration"),
        ("source", "read", "catalog", "catalog"),
        ("source", "read", "state", "state"),
        ("destination", "write", "config", "configuration"),
        ("destination", "write", "catalog", "catalog"),
    ],
)
def test_a_broken_file_ends_a_sync_in_one_sentence(
    tmp_path: Path, request: pytest.FixtureRequest, connector: str, command: str, file: str, what: str
) -> None:
    server: ForkServer = request.getfixturevalue(f"{connector}_fork_server")
    config = {"credentials": {"auth_type": "single_key", "api_key": "pgmt_x"}}
    files = {"config": config, "catalog": {"streams": []}, **({"state": []} if command == "read" else {})}
    done = server.run(command, tmp_path, **{**files, file: b"{"})

    (error,) = done.errors
    path = tmp_path / f"{file}.json"
    assert error["message"] == f"The {what} file {path} is not JSON (line 1, column 2): correct the file."
    assert error["failure_type"] == "config_error"
    assert "Traceback" not in str(done.of("LOG"))
    assert (done.exit_code, done.stderr) == (1, "")


@pytest.mark.parametrize("content", ["{}", "[]", "null"])
def test_an_empty_state_of_any_kind_is_no_state(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)

    assert SourcePigment.read_state(str(path)) == []


@BOTH
@pytest.mark.parametrize("catalog", [{"streams": [{"name": "Departments"}]}, {}], ids=str)
def test_a_catalog_of_another_kind_is_a_configuration_error(
    request: pytest.FixtureRequest, connector: str, data_command: str, catalog: dict[str, Any]
) -> None:
    runner: Runner = request.getfixturevalue(connector)
    (error,) = runner.run(data_command, catalog=catalog).errors

    assert re.match(r"The catalog file \S+ is not a configured catalog: write one with ", error["message"])
    assert error["failure_type"] == "config_error"


@BOTH
def test_a_program_without_a_command_ends_in_one_line(connector: str, data_command: str) -> None:
    done = run(connector)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{connector}-pigment")
    assert done.stderr.endswith("Run it with --help to see what it expects.\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "discover"])
def test_the_first_line_of_a_log_names_version_application_and_host(
    source: Runner, destination: Runner, command: str
) -> None:
    for runner, name in ((source, "source-pigment"), (destination, "destination-pigment")):
        first = runner.run(command).of("LOG")[0]["message"]
        assert first.startswith(f"{name} ")
        assert first.endswith(f", application {runner.config['application_id']}, host 127.0.0.1.")


def test_a_users_error_leaves_no_place_in_the_code_in_the_log(source: Runner, destination: Runner) -> None:
    for runner, command in ((source, "check"), (source, "discover"), (destination, "check"), (destination, "discover")):
        done = runner.run(command, credentials={"auth_type": "single_key", "api_key": "pgmt_unknown"})
        log = str(done.of("LOG")) + done.stderr
        assert not [word for word in (".py", "Traceback", "MemoryMonitor", "FATAL") if word in log]


def test_an_unknown_property_is_one_warning_of_a_sync(source: Runner, destination: Runner) -> None:
    for runner, command in ((source, "read"), (source, "discover"), (destination, "write"), (destination, "discover")):
        files = {} if command == "discover" else {"catalog": {"streams": []}}
        run = runner.run(command, **files, aplication_id="x", __airbyte=1, _of_a_client=1)
        warnings = [each["message"] for each in run.of("LOG") if "does not know" in each["message"]]
        sentence = (
            'The configuration has the property "aplication_id", which the connector does not know: write '
            '"application_id", or remove it. Until then it changes nothing.'
        )
        assert warnings == [sentence]

"""The command line of both connectors: a mistake ends in one sentence, never in a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import Runner, destination_config, source_config
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from source_pigment.source import SourcePigment

BOTH = pytest.mark.parametrize(("connector", "data_command"), [("source", "read"), ("destination", "write")])

BROKEN_FILES = {
    "missing": (None, "does not exist: correct the path."),
    "a folder": ("", "cannot be read (is a directory): check the file."),
    "not JSON": ('{"credentials": }', "is not JSON (line 1, column 17): correct the file."),
    "not text": (b"\xff\xfe\x00", "is not JSON: correct the file."),
    "a list": ("[]", "must contain a JSON object: correct the file."),
}


@pytest.fixture(scope="module")
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        yield started


def run(connector: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(f"{connector}-pigment")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def messages(done: subprocess.CompletedProcess[str], type_: str) -> list[dict[str, Any]]:
    return [each for each in map(json.loads, done.stdout.splitlines()) if each["type"] == type_]


def broken(folder: Path, content: str | bytes | None) -> Path:
    path = folder / "given.json"
    if content == "":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@BOTH
@pytest.mark.parametrize(("content", "sentence"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_configuration_file_is_an_answer_to_the_check(
    tmp_path: Path, connector: str, data_command: str, content: str | bytes | None, sentence: str
) -> None:
    path = broken(tmp_path, content)
    done = run(connector, "check", "--config", path)

    statuses = [each["connectionStatus"] for each in messages(done, "CONNECTION_STATUS")]
    assert statuses == [{"status": "FAILED", "message": f"The configuration file {path} {sentence}"}]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("connector", "data_command", "file"),
    [
        ("source", "read", "configuration"),
        ("source", "read", "catalog"),
        ("source", "read", "state"),
        ("destination", "write", "configuration"),
        ("destination", "write", "catalog"),
    ],
)
def test_a_broken_file_ends_a_sync_in_one_sentence(
    tmp_path: Path, pigment: LocalPigment, connector: str, data_command: str, file: str
) -> None:
    config = source_config(pigment) if connector == "source" else destination_config(pigment)
    good = {"configuration": config, "catalog": {"streams": []}, "state": []}
    paths = {name: tmp_path / f"{name}.json" for name in good}
    for name, path in paths.items():
        path.write_text(json.dumps(good[name]) if name != file else "{", encoding="utf-8")
    arguments = ["--config", paths["configuration"], "--catalog", paths["catalog"]]
    done = run(connector, data_command, *arguments, *(["--state", paths["state"]] if connector == "source" else []))

    errors = [each["trace"]["error"] for each in messages(done, "TRACE")]
    assert [each["message"] for each in errors] == [
        f"The {file} file {paths[file]} is not JSON (line 1, column 2): correct the file."
    ]
    assert [each["failure_type"] for each in errors] == ["config_error"]
    assert "Traceback" not in str(messages(done, "LOG"))
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("content", ["{}", "[]", "null"])
def test_an_empty_state_of_any_kind_is_no_state(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)

    assert SourcePigment.read_state(str(path)) == []


@BOTH
def test_a_catalog_of_another_kind_is_a_configuration_error(
    tmp_path: Path, pigment: LocalPigment, connector: str, data_command: str
) -> None:
    config, catalog = tmp_path / "config.json", tmp_path / "catalog.json"
    given = source_config(pigment) if connector == "source" else destination_config(pigment)
    config.write_text(json.dumps(given), encoding="utf-8")
    catalog.write_text('{"streams": [{"name": "Departments"}]}', encoding="utf-8")
    done = run(connector, data_command, "--config", config, "--catalog", catalog)

    (error,) = (each["trace"]["error"] for each in messages(done, "TRACE"))
    assert error["message"].startswith(f"The catalog file {catalog} is not a configured catalog: write one with ")
    assert error["failure_type"] == "config_error"


@BOTH
@pytest.mark.parametrize("arguments", [[], ["sync"], ["check"], ["check", "--config"]], ids=str)
def test_a_command_line_that_makes_no_sense_ends_in_one_line(
    connector: str, data_command: str, arguments: list[str]
) -> None:
    done = run(connector, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{connector}-pigment")
    assert done.stderr.endswith("Run it with --help to see what it expects.\n")
    assert done.stderr.count("\n") == 1


@BOTH
def test_the_version_and_every_command_are_shown(connector: str, data_command: str) -> None:
    assert run(connector, "--version").stdout.startswith(f"{connector}-pigment ")
    help_text = run(connector, "--help").stdout
    assert all(f"    {each} " in help_text for each in ("spec", "check", "discover", data_command))


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

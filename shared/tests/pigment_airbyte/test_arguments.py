"""The arguments of a command and the files that they name: a mistake is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigment_airbyte.command_line import parse_arguments, read_json_file
from pigment_airbyte.failures import ConfigProblem

BOTH = pytest.mark.parametrize(("connector", "data_command"), [("source", "read"), ("destination", "write")])

BROKEN_FILES = {
    "not JSON": (b'{"credentials": }', "is not JSON (line 1, column 17): correct the file."),
    "not text": (b"\xff\xfe\x00", "is not JSON: correct the file."),
    "nested without an end": (b"[" * 100_000, "is not JSON: correct the file."),
    "a list": (b"[]", "must contain a JSON object: correct the file."),
}


@pytest.mark.parametrize(("content", "sentence"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_file_is_described(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "given.json"
    path.write_bytes(content)
    assert problem_with(path) == f"The catalog file {path} {sentence}"


def test_what_is_no_file_is_described(tmp_path: Path) -> None:
    assert problem_with(tmp_path) == (f"The catalog file {tmp_path} cannot be read (is a directory): check the file.")
    missing = tmp_path / "missing"
    assert problem_with(missing) == f"The catalog file {missing} does not exist: correct the path."


def problem_with(path: Path) -> str:
    with pytest.raises(ConfigProblem) as problem:
        read_json_file(str(path), "catalog")
    return str(problem.value)


def ended(arguments: list[str], connector: str, data_command: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        parse_arguments(f"{connector}-pigment", data_command, arguments)
    return end.value.code


@BOTH
@pytest.mark.parametrize("arguments", [[], ["sync"], ["check"], ["check", "--config"]], ids=str)
def test_a_command_line_that_makes_no_sense_ends_in_one_line(
    connector: str, data_command: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(arguments, connector, data_command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{connector}-pigment")
    assert printed.err.endswith("Run it with --help to see what it expects.\n")
    assert printed.err.count("\n") == 1


@BOTH
def test_the_version_and_every_command_are_shown(
    connector: str, data_command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(["--version"], connector, data_command) == 0
    assert capsys.readouterr().out.startswith(f"{connector}-pigment 0.")
    assert ended(["--help"], connector, data_command) == 0
    help_text = capsys.readouterr().out
    assert all(f"    {each} " in help_text for each in ("spec", "check", "discover", data_command))

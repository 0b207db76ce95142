"""source-pigment as a process that is ended or whose output is not read: no file and no key are left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.process import Run, as_run
from connectors import Runner
from local_pigment.faults import StallAfter
from reading import add_numbered

pytestmark = pytest.mark.long


class Alone:
    """source-pigment as a process of its own with a temporary folder of its own."""

    def __init__(self, source: Runner, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir()

    def start(self, command: str, *, stdout: Any = subprocess.PIPE, blocks: int | None = None, **files: Any) -> Any:
        arguments = [sys.executable, "-m", "source_pigment", command]
        config = {**self.source.config, **files.pop("config", {})}
        for name, value in {"config": config, **files}.items():
            path = self.folder / f"{name}.json"
            path.write_text(json.dumps(value))
            arguments += [f"--{name}", str(path)]

        if blocks is not None:
            arguments = ["/bin/sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", *arguments]
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                **self.source.environment,
                "TMPDIR": str(self.temporary),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
        )

    def ended_quietly(self, process: Any, seconds: float = 20) -> None:
        """It fails, leaves no file, and prints no trace."""
        errors = process.stderr.read().decode()
        assert process.wait(seconds) != 0
        assert self.left() == []
        assert "Traceback" not in errors, errors
        assert "Exception ignored" not in errors, errors

    def left(self) -> list[str]:
        return sorted(str(path.relative_to(self.temporary)) for path in self.temporary.rglob("*"))

    def open_to_others(self) -> list[str]:
        return [str(path) for path in self.temporary.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]


@pytest.fixture
def alone(source: Runner) -> Iterator[Alone]:
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        yield Alone(source, Path(folder))


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("moment", ["downloading", "emitting"])
def test_a_signal_leaves_no_file_and_no_key(alone: Alone, moment: str) -> None:
    add_numbered(alone.source, "Large", 400_000)
    catalog = alone.source.catalog("Large")
    if moment == "downloading":
        alone.source.pigment.faults.queue("export_list", StallAfter(100_000, seconds=8))
    process = alone.start("read", catalog=catalog)
    exports = len([each for each in alone.source.pigment.requests if each.operation == "export_list"])
    if moment == "downloading":
        wait_for(lambda: len([e for e in alone.source.pigment.requests if e.operation == "export_list"]) > exports)
        time.sleep(0.7)
    else:
        assert process.stdout
        seen = b""
        while b'"RECORD"' not in seen:
            seen = process.stdout.readline()
    assert alone.open_to_others() == []
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode != 0
    assert alone.left() == []
    assert b"Traceback" not in errors


@pytest.mark.parametrize("command", ["check", "discover"])
def test_a_signal_during_other_commands_leaves_no_key(alone: Alone, command: str) -> None:
    alone.source.pigment.faults.queue("list_blocks", StallAfter(10, seconds=8))
    seen = len(alone.source.pigment.requests)
    process = alone.start(command)
    wait_for(lambda: len(alone.source.pigment.requests) > seen)
    process.send_signal(signal.SIGTERM)
    alone.ended_quietly(process)
    alone.source.pigment.faults.forget()


def sending(alone: Alone) -> Any:
    """A source that reads a large list and has begun to send it."""
    add_numbered(alone.source, "Large", 400_000)
    process = alone.start("read", catalog=alone.source.catalog("Large"))
    assert process.stdout
    seen = b""
    while b'"RECORD"' not in seen:
        seen = process.stdout.readline()
    return process


def test_a_reader_that_leaves_ends_the_source_quietly_and_cleanly(alone: Alone) -> None:
    process = sending(alone)
    process.stdout.close()
    alone.ended_quietly(process)


def test_a_full_disk_for_standard_output_is_no_success(alone: Alone) -> None:
    with Path("/dev/full").open("wb") as full:
        process = alone.start("read", catalog=alone.source.catalog("Months"), stdout=full)
    alone.ended_quietly(process)


NO_FOLDER = "The connector has no folder for temporary files that it can write to"


def without_a_folder(alone: Alone, command: str, **files: Any) -> Run:
    """A file size limit of 0: even root cannot write a single byte."""
    process = alone.start(command, blocks=0, **files)
    out, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
    return as_run(process.returncode, out, errors)


def test_a_read_that_finds_no_folder_for_temporary_files_ends_in_one_sentence(alone: Alone) -> None:
    run = without_a_folder(alone, "read", catalog=alone.source.catalog("Months"))

    assert run.exit_code != 0
    assert [each["failure_type"] for each in run.errors] == ["transient_error"]
    assert run.errors[0]["message"].startswith(NO_FOLDER)
    assert not run.records
    assert not run.states


def test_a_check_that_finds_no_folder_for_temporary_files_ends_in_its_one_status(alone: Alone) -> None:
    run = without_a_folder(alone, "check")

    (status,) = run.of("CONNECTION_STATUS")
    assert status["status"] == "FAILED"
    assert status["message"].startswith(NO_FOLDER)
    assert not run.errors


def test_a_kill_leaves_nothing_that_others_can_read(alone: Alone) -> None:
    process = sending(alone)
    process.kill()
    process.communicate()
    for path in [alone.temporary, *alone.temporary.rglob("*")]:
        if path != alone.temporary:
            assert not path.stat().st_mode & 0o077, path


def test_a_signal_ends_a_source_whose_reader_takes_nothing(alone: Alone) -> None:
    process = sending(alone)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(10) == 128 + signal.SIGTERM
    finally:
        process.kill()
    assert alone.left() == []

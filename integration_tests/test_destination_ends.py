"""destination-pigment as a process: every way of coming to its end."""

from __future__ import annotations

import os
import resource
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.process import as_lines
from connectors import Runner
from local_pigment.faults import FailImport, Late, RespondStatus
from writing import (
    catalog,
    clearing,
    entries,
    entry,
    imports,
    many,
    many_streams,
    names,
    pair,
    record,
    state,
    status,
)


def test_sigterm_reports_the_running_import_and_begins_no_other(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 2
    process = destination.start("write", catalog=catalog(), max_file_rows=10)
    os.write(process.stdin, as_lines([*many(10), state(1), *many(10, 11), state(2), *many(5, 21), state(3)]))
    while not imports(destination):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    run = process.finish()

    assert run.exit_code == 143
    assert [each["id"] for each in run.states] == [1]
    assert entries(destination) == names(10)


@pytest.mark.long
def test_sigterm_between_the_files_of_one_state_says_what_is_stored(destination: Runner) -> None:
    """Starting the sync again would add those rows once more."""
    destination.pigment.workspace.variants.polls_until_done = 2
    process = destination.start("write", catalog=catalog(), max_file_rows=5)
    os.write(process.stdin, as_lines([*many(14), state(1)]))
    while len(imports(destination)) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    run = process.finish()

    assert run.exit_code != 0
    assert not run.states
    assert entries(destination) == names(10)
    assert [each["failure_type"] for each in run.errors] == ["config_error"]
    assert (
        '10 rows of the stream "General Ledger" are stored and not yet covered by a state' in run.errors[0]["message"]
    )


def test_sigterm_between_the_files_of_a_replacing_stream_pushes_no_other(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 2
    process = destination.start("write", catalog=catalog(mode="overwrite"), targets=pair(destination), max_file_rows=10)
    process.feed(as_lines([*many(30), state(1), status("COMPLETE")]))
    while not imports(destination):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    run = process.finish()

    assert run.exit_code != 0
    assert not run.states
    assert len(imports(destination)) == 1
    assert "contains only a part" in run.everything


def test_a_platform_that_goes_away_ends_the_sync_without_another_push(destination: Runner) -> None:
    process = destination.start("write", catalog=catalog(), max_file_rows=10)
    os.close(process.stdout)
    process.feed(as_lines([*many(10), state(1), *many(10, 11), state(2)]))
    assert process.wait() != 0


def test_temporary_files_are_private_and_gone(destination: Runner, tmp_path: Path, monkeypatch: Any) -> None:
    destination.environment["TMPDIR"] = str(tmp_path)
    destination.pigment.faults.queue("push_csv", Late(seconds=1))
    process = destination.start("write", catalog=catalog())
    process.feed(as_lines([*many(5), state(1)]))
    seen: set[int] = set()
    while not seen:
        seen = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.csv")}
    assert process.finish().exit_code == 0
    assert seen == {0o600}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, None])
def test_nothing_stays_on_disk_after_a_failure_or_a_stop(
    destination: Runner, tmp_path: Path, number: int | None
) -> None:
    destination.environment["TMPDIR"] = str(tmp_path)
    process = destination.start("write", catalog=catalog(mode="overwrite"), targets=clearing(destination))
    os.write(process.stdin, as_lines(many(5)))
    while not list(tmp_path.rglob("*.csv")):
        time.sleep(0.01)
    if number is None:
        os.close(process.stdin)
    else:
        process.send_signal(number)
    assert process.finish().exit_code != 0
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_clear_error_before_anything_is_pushed(destination: Runner, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    messages = [record(entry(number, Memo="x" * 1000)) for number in range(3000)]
    process = destination.start("write", catalog=catalog())
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (500_000, hard))
    process.feed(as_lines([*messages, state(1)]))
    run = process.finish()

    assert run.exit_code != 0
    assert "disk is full" in run.errors[0]["message"]
    assert not imports(destination)
    assert not run.states
    assert soft == resource.RLIM_INFINITY


def test_sigterm_with_sixty_imports_running_reports_all_that_are_stored(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 3
    streams, targets = many_streams(destination, 60)
    process = destination.start("write", catalog=catalog(*streams), targets=targets, flush_interval_minutes=0.001)
    for number, each in enumerate(streams):
        os.write(process.stdin, as_lines([record({"Entry": str(number)}, each["name"]), state(number, each["name"])]))
    while len(imports(destination)) < 60:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    run = process.finish()
    assert run.exit_code == 143
    assert len(run.states) == 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_input_is_quiet_ends_soon_without_a_traceback(destination: Runner, number: int) -> None:
    process = destination.start("write", catalog=catalog())
    os.write(process.stdin, as_lines(many(3)))
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(number)
    run = process.finish()
    assert time.monotonic() - began < 5
    assert run.exit_code == 128 + number
    assert not imports(destination)
    assert "Traceback" not in run.everything


def test_a_signal_while_targets_are_looked_for_is_no_error(destination: Runner) -> None:
    destination.pigment.faults.queue("list_import_configurations", RespondStatus(429, retry_after="600"))
    process = destination.start("write", catalog=catalog(), targets=[])
    while "list_import_configurations" in destination.pigment.faults.never_met():
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    run = process.finish()
    assert (run.exit_code, run.errors) == (143, [])


def test_a_disk_that_fills_up_does_not_abandon_an_import_that_runs(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 2
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    process = destination.start("write", catalog=catalog(), max_file_rows=10)
    os.write(process.stdin, as_lines([*many(10), state(1)]))
    while not imports(destination):
        time.sleep(0.02)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (20_000, hard))
    process.feed(as_lines([*(record(entry(number, Memo="x" * 5000)) for number in range(11, 20)), state(2)]))
    run = process.finish()
    assert run.exit_code != 0
    assert "disk is full" in run.errors[0]["message"]
    assert [each["id"] for each in run.states] == [1]
    assert entries(destination) == names(10)
    assert soft == resource.RLIM_INFINITY


def test_every_failure_is_said(destination: Runner) -> None:
    """Two imports run at the same time, and both fail."""
    destination.pigment.workspace.variants.polls_until_done = 2
    streams, targets = many_streams(destination, 2)
    destination.pigment.faults.queue("push_csv", FailImport(), times=2)
    messages = [
        line
        for each in streams
        for line in (record({"Entry": "1"}, each["name"]), state(int(each["name"][-1]), each["name"]))
    ]
    run = destination.run("write", stdin=as_lines(messages), catalog=catalog(*streams), targets=targets)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    said = [each["message"] for each in (*run.errors, *run.of("LOG")) if "as failed" in each["message"]]
    assert all(any(each["name"] in message for message in said) for each in streams)
    assert not run.states


def test_a_hundred_states_of_a_megabyte_wait_on_disk(destination: Runner) -> None:
    big = []
    for number in range(100):
        one = state(number, records=1)
        one["state"]["stream"]["stream_state"] = {"x": "y" * 1_000_000}
        big += [record(entry(number)), one]
    process = destination.start("write", catalog=catalog())
    os.write(process.stdin, as_lines(many(1, 1000)))
    with os.fdopen(os.dup(process.stdin), "wb") as pipe:
        pipe.write(as_lines(big[:-1]))
    peak = int(Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0])
    process.send_signal(signal.SIGTERM)
    process.finish()
    assert peak < 250_000

"""Whole or nothing: what is promised of downloads, states and ends, with the source as a process."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import resource
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkedProcess
from connectors import Runner, sliced_by_department
from local_pigment.faults import RespondStatus, StallAfter
from local_pigment.sample import LEDGER, PLANNING
from reading import add_raw, held_to_the_rules, logged

pytestmark = pytest.mark.long

ROW = b"0123456789;" + b"abcdefghij" * 99 + b"\r\n"
LARGE = [b"a;b\r\n", *[ROW * 100] * 50]


http_2_only = pytest.mark.parametrize("pigment", [True], indirect=True, ids=["HTTP/2"])


def temporary(source: Runner, tmp_path: Path) -> Path:
    """A folder that the source has for its temporary files alone."""
    source.environment["TMPDIR"] = str(tmp_path)
    return tmp_path


def open_files(process: ForkedProcess, folder: Path) -> list[os.stat_result]:
    found = []
    for each in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            if str(each.readlink()).startswith(str(folder)):
                found.append(each.stat())
        except OSError:
            continue
    return found


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


# downloads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gzip", [True, False])
def test_pigment_never_waits_for_a_slow_destination(source: Runner, gzip: bool) -> None:
    for number in range(5):
        add_raw(source, f"Large {number}", *LARGE)
    catalog = source.catalog(*(f"Large {number}" for number in range(5)))
    source.pigment.workspace.variants.gzip = gzip
    source.pigment.workspace.variants.client_patience_seconds = 1
    process = source.start("read", catalog=catalog)
    os.close(process.stdin)
    time.sleep(3)  # takes nothing meanwhile, longer than the server's patience
    run = process.finish()

    assert run.exit_code == 0, run.errors
    held_to_the_rules(run, catalog)
    assert len(run.records) == 5 * 5_000


def test_estimates_are_exact_from_the_first_record_on(source: Runner) -> None:
    add_raw(source, "Large", *LARGE)
    catalog = source.catalog("Large", "Months")
    run = source.run("read", catalog=catalog)

    estimates = {}
    records: dict[str, int] = {}
    for message in run.messages:
        if message["type"] == "TRACE" and message["trace"]["type"] == "ESTIMATE":
            estimate = message["trace"]["estimate"]
            assert estimate["name"] not in records
            estimates[estimate["name"]] = estimate
        if message["type"] == "RECORD":
            name = message["record"]["stream"]
            records[name] = records.get(name, 0) + 1
    assert {name: each["row_estimate"] for name, each in estimates.items()} == records
    assert estimates["Large"]["byte_estimate"] == sum(map(len, LARGE))
    assert {each["type"] for each in estimates.values()} == {"STREAM"}
    rows = f"{sum(records.values()):,} rows"
    assert logged(run, f"Read 2 streams: {rows} in ")


def test_a_download_is_measured_in_the_log(source: Runner) -> None:
    add_raw(source, "Large", *LARGE)
    run = source.run("read", catalog=source.catalog("Large"))
    (line,) = logged(run, 'Read the list "Large"')
    assert re.search("5,000 rows, 5 MB in [0-9.]+ s[.]$", line)


@http_2_only
def test_what_waits_on_disk_is_private_compressed_and_has_no_name(source: Runner, tmp_path: Path) -> None:
    folder = temporary(source, tmp_path)
    for number in range(6):
        add_raw(source, f"Large {number}", *LARGE)
    source.pigment.workspace.variants.gzip = False
    process = source.start("read", catalog=source.catalog(*(f"Large {number}" for number in range(6))), num_workers=2)
    os.close(process.stdin)
    # The destination takes nothing: one file is being read, and no more than two others run or wait.
    wait_for(lambda: len(open_files(process, folder)) == 3)
    time.sleep(1)
    files = open_files(process, folder)
    names = [each for each in folder.rglob("*") if each.is_file()]
    process.send_signal(signal.SIGKILL)
    process.finish()

    assert len(files) == 3
    assert {stat.S_IMODE(each.st_mode) for each in files} == {0o600}
    assert {each.st_nlink for each in files} == {0}
    assert all(each.st_size < sum(map(len, LARGE)) // 10 for each in files)
    assert names == []


def test_a_full_disk_says_how_much_was_needed(source: Runner) -> None:
    add_raw(source, "Large", b"a;b\r\n", *(os.urandom(30_000).hex().encode() + b";1\r\n" for _ in range(200)))
    catalog = source.catalog("Large", "Months")
    source.pigment.faults.queue("list_blocks", StallAfter(10, seconds=2))
    process = source.start("read", catalog=catalog)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    os.close(process.stdin)
    run = process.finish()

    assert run.exit_code != 0
    held_to_the_rules(run, catalog)
    assert run.errors[0]["failure_type"] == "transient_error"
    assert 'disk is full: the list "Large" needed 1 MB so far, compressed' in run.errors[0]["message"]
    assert ("Months", "COMPLETE") in run.statuses
    assert {each["stream"] for each in run.records} == {"Months"}


def test_a_row_that_airbyte_does_not_take_is_found_before_a_record_leaves(source: Runner) -> None:
    block = add_raw(source, "Long", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Long", "Months")
    block.stream = lambda: iter([b"a;b\r\n", b"1;2\r\n" * 100_000, b"x" * 20_000_000, b";3\r\n"])
    run = source.run("read", catalog=catalog)

    assert run.errors[0]["failure_type"] == "config_error"
    assert "longer than the 20,000,000 characters" in run.errors[0]["message"]
    assert {each["stream"] for each in run.records} == {"Months"}


@http_2_only
def test_large_cells_are_taken_one_at_a_time(source: Runner) -> None:
    """Three workers with cells of 18 MB took 748 MB together."""
    part = b"0123456 89abcde\n" * 4096
    for number in range(3):
        add_raw(source, f"Large {number}", b"a;b\r\n1;small\r\n")
    catalog = source.catalog("Large 0", "Large 1", "Large 2")
    for number in range(3):
        add_raw(source, f"Large {number}", b"a;b\r\n", *[b'1;"', *[part] * 275, b'"\r\n'] * 3)
    process = source.start("read", catalog=catalog)
    os.close(process.stdin)
    peak, records = 0, 0
    with os.fdopen(process.stdout, "rb") as lines:
        for line in lines:
            if line.startswith(b'{"type":"RECORD"'):
                records += 1
                assert len(json.loads(line)["record"]["data"]["b"]) == 275 * len(part)
                with contextlib.suppress(OSError, IndexError):  # it may have ended meanwhile
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    peak = max(peak, int(status.split("VmHWM:")[1].split()[0]))
    assert process.wait() == 0
    assert records == 9
    assert 0 < peak < 300 * 1024


@http_2_only
def test_a_cell_that_airbyte_does_not_take_is_refused_while_it_arrives(source: Runner) -> None:
    block = add_raw(source, "Long", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Long")
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        yield b'a;b\r\n1;"'
        for number in range(64):
            sent.append(number)
            yield random.Random(number).randbytes(500_000).hex().encode()

    block.stream = body
    run = source.run("read", catalog=catalog)
    assert run.errors[0]["failure_type"] == "config_error"
    assert "longer than the 20,000,000 characters" in run.errors[0]["message"]
    assert not run.records
    assert len(sent) < 60


# what leaves ----------------------------------------------------------------------------------------------------


def test_readers_that_split_by_unicode_s_line_ends_lose_nothing(source: Runner) -> None:
    rows = [f"{sign}x{sign}y{sign};{number}\r\n" for number, sign in enumerate("\u0085\u2028\u2029")]
    add_raw(source, "Signs", "a;b\u2028\r\n".encode(), "".join(rows).encode())
    catalog = source.catalog("Signs")
    process = source.start("read", catalog=catalog)
    os.close(process.stdin)
    run = process.finish()

    text = b"\n".join(run.lines).decode()
    records = [each["record"]["data"] for each in map(json.loads, text.splitlines()) if each["type"] == "RECORD"]
    assert [each["a"] for each in records] == [f"{sign}x{sign}y{sign}" for sign in "\u0085\u2028\u2029"]
    assert list(records[0]) == ["a", "b\u2028"]


def test_a_stream_that_is_twice_in_the_catalog_is_read_once(source: Runner) -> None:
    catalog = source.catalog("Months", "Months")
    run = source.run("read", catalog=catalog)
    assert run.exit_code == 0
    assert len(run.records) == len(source.pigment.workspace.rows("Months", PLANNING))
    assert run.statuses.count(("Months", "COMPLETE")) == 1


def test_streams_that_wait_for_a_limit_say_so(source: Runner) -> None:
    catalog = source.catalog("Months", "Accounts")
    source.pigment.faults.queue("export_list", RespondStatus(429, retry_after="5"))
    run = source.run("read", catalog=catalog)

    assert run.exit_code == 0
    statuses = [each["stream_status"] for each in run.of("TRACE") if each["type"] == "STREAM_STATUS"]
    limited = [each for each in statuses if each.get("reasons")]
    assert limited
    for each in limited:
        assert each["status"] == "RUNNING"
        assert each["reasons"][0]["type"] == "RATE_LIMITED"
        assert abs(each["reasons"][0]["rate_limited"]["quota_reset"] / 1000 - time.time()) < 60
    held_to_the_rules(run, catalog)


# resumption -----------------------------------------------------------------------------------------------------


def slices_of(source: Runner) -> dict[str, Any]:
    return sliced_by_department(source.pigment, 4)


def test_a_later_attempt_of_the_same_job_does_not_send_again_what_is_kept(source: Runner) -> None:
    config, catalog = slices_of(source), source.catalog(LEDGER, "Months")
    source.environment["WORKER_JOB_ID"] = "7"
    source.pigment.faults.queue("export_list", RespondStatus(404), after=4)
    first = source.run("read", catalog=catalog, num_workers=1, **config)
    assert first.exit_code != 0
    second = source.run("read", catalog=catalog, state=[first.states[-1]], **config)
    assert second.exit_code == 0
    held_to_the_rules(second, catalog)
    assert {each["stream"] for each in second.records} == {"Months"}
    source.environment["WORKER_JOB_ID"] = "8"
    third = source.run("read", catalog=catalog, state=[first.states[-1]], **config)
    assert len([each for each in third.records if each["stream"] == LEDGER]) == 50


# ends -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["spec", "check", "discover", "read"])
def test_an_output_that_is_not_read_prints_no_traceback(source: Runner, command: str) -> None:
    catalog = source.catalog("Months")
    process = source.start(command, catalog=catalog if command == "read" else None)
    os.close(process.stdout)
    os.close(process.stdin)
    assert process.wait() != 0
    assert (process.folder / "stderr").read_text() == ""

"""source-pigment against servers, readers and disks that mean it no good: whole or nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run, as_run
from connectors import Runner, running, source_config
from local_pigment.blocks import ListBlock, Property
from local_pigment.faults import CutAfter, EndWithTrailer, RespondWith, StallAfter
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id

pytestmark = pytest.mark.long

ROW = b"0123456789;abcdefghij\r\n"


@pytest.fixture(params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def pigment(request: pytest.FixtureRequest) -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=50), tls=request.param) as started:
        yield started


@pytest.fixture
def source(pigment: LocalPigment, source_fork_server: ForkServer) -> Iterator[Runner]:
    with running(source_fork_server, pigment, source_config(pigment)) as runner:
        yield runner


def add(source: Runner, name: str, rows: int, *, chunk_rows: int = 1000, header: bytes = b"a;b\r\n") -> ListBlock:
    """A list whose rows are numbered, so that a lost or doubled one is seen."""
    block = ListBlock(new_id("attack", name), name, [Property("x")], is_dimension=False)

    def body() -> Iterator[bytes]:
        yield header
        for start in range(0, rows, chunk_rows):
            yield b"".join(b"%d;row-%d\r\n" % (n, n * 7919) for n in range(start, min(start + chunk_rows, rows)))

    block.stream = body
    source.pigment.workspace.application(PLANNING).put(block)
    return block


def add_wide(source: Runner, name: str, rows: int, *, header: bytes = b"a;b\r\n", wait: float = 0) -> ListBlock:
    """Few rows of a kilobyte that gzip cannot make small: what flows fills every buffer on the way."""
    block = ListBlock(new_id("attack", name), name, [Property("x")], is_dimension=False)
    chance = random.Random(rows)
    text = b"%0500x" % chance.getrandbits(2000)
    more = b";" * (header.count(b";") - 1)

    def body() -> Iterator[bytes]:
        time.sleep(wait)
        yield header
        for start in range(0, rows, 50):
            yield b"".join(b"%d;%b%b%b\r\n" % (n, text, text[::-1], more) for n in range(start, min(start + 50, rows)))

    block.stream = body
    source.pigment.workspace.application(PLANNING).put(block)
    source.pigment.workspace.variants.gzip = False
    return block


def add_raw(source: Runner, name: str, *chunks: bytes) -> ListBlock:
    block = ListBlock(new_id("attack", name), name, [Property("x")], is_dimension=False)
    block.stream = lambda: iter(chunks)
    source.pigment.workspace.application(PLANNING).put(block)
    return block


def numbers(run: Run, stream: str) -> list[int]:
    return [int(record["data"]["a"]) for record in run.records if record["stream"] == stream]


def read_slowly(source: Runner, catalog: Any, *, pause: float, first: int = 1, **config: Any) -> Run:
    """Read with a destination that takes a few bytes and then nothing for a while."""
    process = source.start("read", catalog=catalog, **config)
    os.close(process.stdin)
    head = os.read(process.stdout, first)
    time.sleep(pause)
    with os.fdopen(process.stdout, "rb") as pipe:
        rest = pipe.read()
    return as_run(process.wait(), head + rest, (process.folder / "stderr").read_bytes())


# slow readers -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_destination_that_pauses_costs_nothing_with_an_impatient_pigment(source: Runner) -> None:
    source.pigment.workspace.variants.client_patience_seconds = 1.0
    add_wide(source, "Large", 60_000)
    catalog = source.catalog("Large")
    run = read_slowly(source, catalog, pause=5, max_retries=0)
    assert run.exit_code == 0, [each["message"] for each in run.errors]
    assert numbers(run, "Large") == list(range(60_000))


@pytest.mark.long
def test_a_worker_with_something_to_log_does_not_wait_for_the_destination(source: Runner) -> None:
    """The log shares the pipe with the records; nobody may wait for it with an export open."""
    source.pigment.workspace.variants.client_patience_seconds = 1.0
    add_wide(source, "First", 2_000)
    add_wide(source, "Grown", 40_000)
    catalog = source.catalog("First", "Grown")
    add_wide(source, "Grown", 40_000, header=b"a;b;new\r\n", wait=2)
    asked = len([each for each in source.pigment.requests if each.operation == "export_list"])
    run = read_slowly(source, catalog, pause=8, max_retries=0)
    assert run.exit_code == 0, [each["message"] for each in run.errors]
    assert len([each for each in source.pigment.requests if each.operation == "export_list"]) - asked == 2
    assert numbers(run, "Grown") == list(range(40_000))


def test_a_row_that_airbyte_cannot_take_leaves_none_before_it(source: Runner) -> None:
    block = add_raw(source, "Long", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Long")
    block.stream = lambda: iter([b"a;b\r\n", *[ROW * 1000] * 20, b'1;"' + b"x" * 20_000_100 + b'"\r\n'])
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert not run.records


@pytest.mark.long
def test_slices_ahead_of_a_slow_reader_are_not_lost(source: Runner) -> None:
    source.pigment.workspace.variants.client_patience_seconds = 1.0
    add_wide(source, "Sliced", 30_000)
    config: dict[str, Any] = {"block_requests": [{"block": "Sliced", "slices": json.dumps([{}] * 5)}]}
    catalog = source.catalog("Sliced", **config)
    run = read_slowly(source, catalog, pause=5, **config)
    assert run.exit_code == 0, [each["message"] for each in run.errors]
    assert sorted(numbers(run, "Sliced")) == sorted(list(range(30_000)) * 5)


@pytest.mark.long
def test_a_reader_that_takes_nothing_bounds_what_is_fetched(source: Runner) -> None:
    """num_workers downloads, as many finished files, and what is being emitted."""
    names = [f"Part {n}" for n in range(20)]
    for name in names:
        add(source, name, 60_000)
    catalog = source.catalog(*names)
    asked = len([each for each in source.pigment.requests if each.operation == "export_list"])
    process = source.start("read", catalog=catalog, num_workers=2)
    os.close(process.stdin)
    os.read(process.stdout, 1)
    time.sleep(6)
    begun = len([each for each in source.pigment.requests if each.operation == "export_list"]) - asked
    process.send_signal(signal.SIGKILL)
    process.finish()
    assert begun <= 5, begun


# breaks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.9999])
def test_a_break_anywhere_is_repeated(source: Runner, share: float) -> None:
    source.pigment.workspace.variants.gzip = False
    add(source, "Large", 200_000)
    catalog = source.catalog("Large")
    size = sum(len(b"%d;row-%d\r\n" % (n, n * 7919)) for n in range(200_000))
    source.pigment.faults.queue("export_list", CutAfter(max(1, int(size * share))), times=2)
    run = source.run("read", catalog=catalog)
    assert run.exit_code == 0, [each["message"] for each in run.errors]
    assert numbers(run, "Large") == list(range(200_000))


@pytest.mark.parametrize("gzip", [True, False])
def test_an_export_that_keeps_breaking_leaves_no_record(source: Runner, gzip: bool) -> None:
    source.pigment.workspace.variants.gzip = gzip
    add(source, "Large", 300_000)
    catalog = source.catalog("Large", "Months")
    source.pigment.faults.queue("export_list", CutAfter(4_000_000 if not gzip else 900_000), times=1)
    source.pigment.faults.queue("export_list", CutAfter(4_000_000 if not gzip else 900_000), times=1)
    run = source.run("read", catalog=catalog, max_retries=0, num_workers=1)
    source.pigment.faults.forget()
    assert run.exit_code != 0
    assert numbers(run, "Large") == []
    assert ("Large", "INCOMPLETE") in run.statuses
    assert {error["failure_type"] for error in run.errors} == {"transient_error"}


def test_an_error_in_a_trailer_is_a_break(source: Runner) -> None:
    add(source, "Small", 100)
    catalog = source.catalog("Small")
    source.pigment.faults.queue("export_list", EndWithTrailer())
    run = source.run("read", catalog=catalog)
    assert run.exit_code == 0
    assert numbers(run, "Small") == list(range(100))
    assert len([each for each in source.pigment.requests if each.operation == "export_list"]) >= 3


JSON_ERROR = '{"code": "INTERNAL", "message": "SECRET-OF-PIGMENT"}'
BODIES = [
    RespondWith(JSON_ERROR),
    RespondWith(JSON_ERROR, "text/csv"),
    RespondWith(JSON_ERROR, "text/plain"),
    RespondWith('"SECRET-OF-PIGMENT"', "text/csv"),
    RespondWith("null", "text/csv"),
    RespondWith("[]", "text/csv"),
    RespondWith("SECRET-OF-PIGMENT went wrong", "text/csv"),
    RespondWith("SECRET-OF-PIGMENT went wrong\n", "text/csv"),
    RespondWith("SECRET-OF-PIGMENT\nwent wrong\n", "text/csv"),
    RespondWith("<html>SECRET-OF-PIGMENT</html>", "text/csv"),
    RespondWith("<?xml version='1.0'?><e>SECRET-OF-PIGMENT</e>", "text/csv"),
    RespondWith("", "text/csv"),
    RespondWith(" \r\n", "text/csv"),
    RespondWith("SECRET-OF-PIGMENT", "text/csv", 201),
    RespondWith("SECRET-OF-PIGMENT", "text/csv", 202),
    RespondWith("", "text/csv", 204),
    RespondWith("SECRET-OF-PIGMENT", "text/csv", 206),
    RespondWith("a;b\r\n1;2\r\n", "text/csv", 299),
    RespondWith("a;b\r\n1;2\r\n", "text/csv", 302),
    RespondWith("a;b\r\n1;2\r\n", "text/csv", 304),
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_what_is_no_export_is_no_record_and_not_quoted(source: Runner, body: RespondWith) -> None:
    add(source, "Small", 100)
    catalog = source.catalog("Small")
    source.pigment.faults.queue("export_list", body, times=4)
    run = source.run("read", catalog=catalog, max_retries=0)
    source.pigment.faults.forget()
    assert run.exit_code != 0
    assert not run.records
    assert run.statuses[-1] == ("Small", "INCOMPLETE")
    assert "SECRET-OF-PIGMENT" not in run.everything
    assert run.errors


# Lines that end as they should look like a list of one column, whatever they say: discovery has nothing to hold them
# against, as reading has.
LOOKS_LIKE_A_LIST = {7, 8}


@pytest.mark.parametrize(
    "body", [body for number, body in enumerate(BODIES) if number not in LOOKS_LIKE_A_LIST], ids=str
)
def test_what_is_no_export_is_no_stream(source: Runner, body: RespondWith) -> None:
    add(source, "Small", 100)
    source.pigment.faults.queue("export_list", body, times=4)
    run = source.run("discover", max_retries=0, include=["Small"])
    source.pigment.faults.forget()
    assert run.exit_code != 0
    assert not run.of("CATALOG")
    assert "SECRET-OF-PIGMENT" not in run.everything


@pytest.mark.parametrize(
    "body",
    [
        b"a;b\r\n1;2\r\n3;\xe9t\xe9\r\n",
        b"a,b\r\n1,2\r\n",
        b"a;b\r\n1;2;3\r\n",
        b'a;b\r\n1;"2"x\r\n',
        b"a;b\r\n1;2\r\n3;\xed\xa0\x80\r\n",
        b"a;b\r\n1;2\r\n\xff\xfe\r\n",
    ],
)
def test_a_body_that_will_never_be_right_is_not_transient_and_not_repeated(source: Runner, body: bytes) -> None:
    block = add_raw(source, "Damaged", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Damaged")
    block.stream = lambda: iter([body])
    asked = len([each for each in source.pigment.requests if each.operation == "export_list"])
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert not run.records
    assert {each["failure_type"] for each in run.errors} <= {"config_error", "system_error"}, run.errors
    assert len([each for each in source.pigment.requests if each.operation == "export_list"]) - asked == 1


def test_a_damaged_row_at_the_end_leaves_none_of_those_before_it(source: Runner) -> None:
    block = add_raw(source, "Damaged", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Damaged")
    block.stream = lambda: iter([b"a;b\r\n", *([ROW * 1000] * 300), b"only one field\r\n"])
    run = source.run("read", catalog=catalog, max_retries=0)
    assert run.exit_code != 0
    assert not run.records


# nothing stays behind -----------------------------------------------------------------------------------------------


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


@pytest.mark.long
@pytest.mark.parametrize("moment", ["downloading", "emitting"])
def test_a_signal_leaves_no_file_and_no_key_behind(alone: Alone, moment: str) -> None:
    add(alone.source, "Large", 400_000)
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


@pytest.mark.long
@pytest.mark.parametrize("command", ["check", "discover"])
def test_a_signal_during_other_commands_leaves_no_key_behind(alone: Alone, command: str) -> None:
    alone.source.pigment.faults.queue("list_blocks", StallAfter(10, seconds=8))
    seen = len(alone.source.pigment.requests)
    process = alone.start(command)
    wait_for(lambda: len(alone.source.pigment.requests) > seen)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    alone.source.pigment.faults.forget()
    assert process.returncode != 0
    assert alone.left() == []
    assert b"Traceback" not in errors


@pytest.mark.long
def test_a_reader_that_leaves_ends_the_source_quietly_and_cleanly(alone: Alone) -> None:
    add(alone.source, "Large", 400_000)
    process = alone.start("read", catalog=alone.source.catalog("Large"))
    assert process.stdout
    seen = b""
    while b'"RECORD"' not in seen:
        seen = process.stdout.readline()
    process.stdout.close()
    assert process.stderr
    errors = process.stderr.read()
    assert process.wait(20) != 0
    assert alone.left() == []
    assert b"Traceback" not in errors, errors.decode()
    assert b"Exception ignored" not in errors, errors.decode()


@pytest.mark.long
def test_a_reader_that_left_before_the_first_line(alone: Alone) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = alone.start("read", catalog=alone.source.catalog("Months"), stdout=write_end)
    os.close(write_end)
    assert process.stderr
    errors = process.stderr.read()
    assert process.wait(20) != 0
    assert alone.left() == []
    assert b"Traceback" not in errors, errors.decode()


@pytest.mark.long
def test_a_full_disk_behind_standard_output_is_no_success(alone: Alone) -> None:
    with Path("/dev/full").open("wb") as full:
        process = alone.start("read", catalog=alone.source.catalog("Months"), stdout=full)
    assert process.stderr
    errors = process.stderr.read()
    assert process.wait(20) != 0
    assert alone.left() == []
    assert b"Traceback" not in errors, errors.decode()


@pytest.mark.long
def test_a_full_disk_is_a_clear_error_that_says_how_much_was_needed(alone: Alone) -> None:
    chance = random.Random(1)
    rows = b"".join(b"%032x;%032x\r\n" % (chance.getrandbits(128), chance.getrandbits(128)) for _ in range(60_000))
    add_raw(alone.source, "Dense", b"a;b\r\n", *[rows[n : n + 65536] for n in range(0, len(rows), 65536)])
    catalog = alone.source.catalog("Dense", "Months")
    process = alone.start("read", catalog=catalog, blocks=1000)
    out, errors = process.communicate(timeout=60)
    run = as_run(process.returncode, out, errors)
    assert run.exit_code != 0
    assert [each for each in run.records if each["stream"] == "Dense"] == []
    assert ("Dense", "INCOMPLETE") in run.statuses
    assert ("Months", "COMPLETE") in run.statuses
    assert any("disk" in each["message"].lower() for each in run.errors), run.errors
    assert "Traceback" not in run.stderr
    assert alone.left() == []


@pytest.mark.long
def test_a_temporary_folder_that_cannot_be_written_is_said(alone: Alone) -> None:
    alone.temporary.rmdir()
    process = alone.start("read", catalog=alone.source.catalog("Months"))
    out, errors = process.communicate(timeout=60)
    alone.temporary.mkdir()
    assert process.returncode == 0 or b"Traceback" not in errors, out.decode()[-2000:] + errors.decode()[-2000:]


@pytest.mark.long
def test_a_kill_leaves_nothing_that_others_can_read(alone: Alone) -> None:
    add(alone.source, "Large", 400_000)
    process = alone.start("read", catalog=alone.source.catalog("Large"))
    assert process.stdout
    seen = b""
    while b'"RECORD"' not in seen:
        seen = process.stdout.readline()
    process.kill()
    process.communicate()
    for path in [alone.temporary, *alone.temporary.rglob("*")]:
        if path != alone.temporary:
            assert not path.stat().st_mode & 0o077, path


@pytest.mark.long
def test_a_signal_ends_a_source_whose_reader_takes_nothing(alone: Alone) -> None:
    add(alone.source, "Large", 400_000)
    process = alone.start("read", catalog=alone.source.catalog("Large"))
    assert process.stdout
    seen = b""
    while b'"RECORD"' not in seen:
        seen = process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(10) != 0
    finally:
        process.kill()
    assert alone.left() == []

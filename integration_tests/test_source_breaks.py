"""source-pigment as a process: what happens to a sync when Pigment or the connection to it fails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import Runner, running, source_config
from local_pigment.faults import CutAfter, ResetBeforeResponse, RespondGarbage, RespondStatus, StallAfter
from local_pigment.server import LocalPigment
from reading import add_raw, data_of, held_to_the_rules

LARGE = b"a;b\r\n" + b"0123456789;abcdefghij\r\n" * 100_000


@pytest.fixture
def fast_source(pigment: LocalPigment, fast_source_fork_server: ForkServer) -> Iterator[Runner]:
    """A source whose waits between attempts are over soon."""
    with running(fast_source_fork_server, pigment, source_config(pigment)) as runner:
        yield runner


def test_a_break_before_the_first_record_is_repeated(fast_source: Runner) -> None:
    source = fast_source
    catalog = source.catalog("General Ledger")
    source.pigment.faults.queue("export_list", CutAfter(3))
    source.pigment.faults.queue("export_list", ResetBeforeResponse(carried_out=True))
    source.pigment.faults.queue("export_list", RespondStatus(503))
    run = source.run("read", catalog=catalog)

    assert run.exit_code == 0
    held_to_the_rules(run, catalog)
    assert len(run.records) == 50


def test_an_export_that_goes_on_breaking_sends_nothing_and_leaves_the_others_unharmed(source: Runner) -> None:
    source.pigment.workspace.variants.gzip = False
    add_raw(source, "Large", *(LARGE[start : start + 65536] for start in range(0, len(LARGE), 65536)))
    catalog = source.catalog("Large", "P&L")
    source.pigment.faults.queue("export_list", CutAfter(len(LARGE) // 2), times=2)
    run = source.run("read", catalog=catalog, max_retries=1)

    assert run.exit_code != 0
    held_to_the_rules(run, catalog)
    assert ("Large", "INCOMPLETE") in run.statuses
    assert ("P&L", "COMPLETE") in run.statuses
    assert not data_of(run, "Large")
    assert {state["stream"]["stream_descriptor"]["name"] for state in run.states} == {"P&L"}
    assert {error["failure_type"] for error in run.errors} == {"transient_error"}
    assert "broke off" in run.errors[0]["message"]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_no_cut_ever_completes(source: Runner, share: float) -> None:
    """A cut at a record's end included."""
    add_raw(source, "Small", b"a;b\r\n", *([b"0123456789;abcdefghij\r\n"] * 1000))
    size = 5 + 1000 * 23
    catalog = source.catalog("Small")
    at = 5 + int(share * 1000) * 23
    for cut in (at, at + 7):
        source.pigment.faults.queue("export_list", CutAfter(min(cut, size - 1)), times=4)
        run = source.run("read", catalog=catalog, max_retries=0)
        source.pigment.faults.forget()
        assert run.exit_code != 0
        assert run.statuses[-1] == ("Small", "INCOMPLETE")
        assert not run.states
        assert not run.records


def test_garbage_in_an_export_is_never_complete(source: Runner) -> None:
    catalog_of = add_raw(source, "Broken", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Broken")
    for body in (b'a;b\r\n1;2\r\n3;"4', b"a;b\r\n1;2\r\n3\r\n", b"a;b\r\n1;\xff\r\n", b'a;b\r\n1;"2"x\r\n'):
        catalog_of.stream = lambda body=body: iter([body])  # type: ignore[misc] # bound now
        run = source.run("read", catalog=catalog, max_retries=0)
        assert run.exit_code != 0
        assert run.statuses[-1] == ("Broken", "INCOMPLETE")
        assert not run.states
        assert not run.records


def test_silence_is_a_break(source: Runner) -> None:
    add_raw(source, "Silent", b"a;b\r\n", *([b"0123456789;abcdefghij\r\n"] * 1000))
    catalog = source.catalog("Silent")
    source.pigment.faults.queue("export_list", StallAfter(5000, seconds=3))
    run = source.run("read", catalog=catalog, idle_timeout_seconds=1, max_retries=0)

    assert run.exit_code != 0
    assert run.statuses[-1] == ("Silent", "INCOMPLETE")


def test_a_limit_that_is_reached_is_waited_for(source: Runner) -> None:
    catalog = source.catalog("Months")
    source.pigment.faults.queue("list_blocks", RespondStatus(429, retry_after="1"))
    source.pigment.faults.queue("export_list", RespondStatus(429, retry_after="1"))
    began = time.monotonic()
    run = source.run("read", catalog=catalog)

    assert run.exit_code == 0
    assert time.monotonic() - began >= 2


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, "config_error", "rejected"),
        (401, "config_error", "rejected the API key"),
        (403, "config_error", '"Export"'),
        (404, "config_error", "refresh the schema"),
        (413, "config_error", "too large"),
        (422, "config_error", "rejected the export options"),
        (500, "transient_error", "later"),
    ],
)
def test_an_export_that_is_rejected_says_what_to_do(source: Runner, status: int, kind: str, words: str) -> None:
    catalog = source.catalog("P&L")
    source.pigment.faults.queue("export_table", RespondStatus(status))
    run = source.run("read", catalog=catalog, max_retries=0)

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == kind
    assert words in run.errors[0]["message"], run.errors[0]["message"]
    assert len([each for each in source.pigment.requests if each.operation == "export_table"]) == 2


ROW = b"x;1\r\n"
LONE = b'5" pipe;1\r\n"a\r\nb";2\r\n6" pipe;3\r\n'


@pytest.mark.parametrize(
    "chunks",
    [
        [b"a;b\r\n", ROW * 999, LONE],
        [b"a;b\r\n", ROW * 999, LONE[:12], LONE[12:]],
        [b"a;b\r\n" + ROW * 999 + LONE[:20], LONE[20:]],
    ],
    ids=range(3),
)
def test_a_lone_quote_is_the_same_error_wherever_the_network_cuts(source: Runner, chunks: list[bytes]) -> None:
    block = add_raw(source, "Pipes", b"a;b\r\n", ROW)
    catalog = source.catalog("Pipes")
    block.stream = lambda: iter(chunks)
    asked = len([each for each in source.pigment.requests if each.operation == "export_list"])
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert not run.records
    assert "a quote inside a cell is not doubled (record 1001)" in run.errors[0]["message"]
    assert len([each for each in source.pigment.requests if each.operation == "export_list"]) - asked == 1


def test_a_quote_that_never_closes_does_not_fill_the_memory(source: Runner) -> None:
    block = add_raw(source, "Open", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Open")
    line = b"0123456789;abcdefghij\r\n" * 10_000
    block.stream = lambda: iter([b'a;b\r\n1;"', *([line] * 500)])
    run = source.run("read", catalog=catalog, max_retries=0)
    assert run.exit_code != 0
    assert "never closed" in run.errors[0]["message"]
    assert not run.states


def test_another_number_of_equal_headers_stops_the_stream(source: Runner) -> None:
    block = add_raw(source, "Same names", b"Name;Name\r\nAnn;Boss\r\n")
    catalog = source.catalog("Same names")
    block.stream = lambda: iter([b"Name;Name;Name\r\nAnn;NEW;Boss\r\n"])
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert "share a name" in run.errors[0]["message"]
    assert not run.records


def test_a_page_instead_of_an_export_is_no_record(source: Runner) -> None:
    catalog = source.catalog("Months")
    source.pigment.faults.queue("export_list", RespondGarbage())
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "system_error"
    assert not run.records


def test_a_wait_of_a_day_is_refused(source: Runner) -> None:
    catalog = source.catalog("Months")
    source.pigment.faults.queue("export_list", RespondStatus(429, retry_after="86400"))
    began = time.monotonic()
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert time.monotonic() - began < 30


def test_a_downstream_that_goes_away_ends_the_source(source: Runner) -> None:
    add_raw(source, "Large", *([LARGE] * 20))
    process = source.start("read", catalog=source.catalog("Large"))
    os.close(process.stdin)
    os.read(process.stdout, 1000)
    os.close(process.stdout)
    began = time.monotonic()
    assert process.wait() != 0
    assert time.monotonic() - began < 20
    assert (process.folder / "stderr").read_bytes() == b""

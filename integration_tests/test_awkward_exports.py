"""source-pigment as a process against a Pigment that is as awkward as it may be, from the promises alone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run
from airbyte_platform.rules import SourceRules
from connectors import Runner, running, sliced_by_department, source_config
from local_pigment.blocks import ListBlock, Property
from local_pigment.faults import EndWithTrailer, RespondWith
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from writing import LEDGER

pytestmark = pytest.mark.long

ROWS = 4000


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.long)], ids=["HTTP/2", "HTTP/1.1"])
def source(request: pytest.FixtureRequest, source_fork_server: ForkServer) -> Any:
    with (
        LocalPigment(planning_model(ledger_rows=ROWS), tls=request.param) as pigment,
        running(source_fork_server, pigment, source_config(pigment)) as runner,
    ):
        yield runner


def read(source: Runner, catalog: dict[str, Any], *, pause_seconds: float = 0.0, **config: Any) -> Run:
    """Read by somebody who first looks away for a while."""
    process = source.start("read", catalog=catalog, **config)
    time.sleep(pause_seconds)
    process.feed(b"")
    run = process.finish()
    rules = SourceRules(catalog)
    for message in run.messages:
        rules.see(message)
    rules.end(run.exit_code)
    return run


def wide(source: Runner) -> None:
    """A block of some megabytes, more than a pipe and a window hold."""
    block = ListBlock(new_id("wide"), "Wide", [Property("Name"), Property("Text")], is_dimension=False)
    for number in range(20_000):
        block.add(f"row {number}", "x" * 1000)
    source.pigment.workspace.application(PLANNING).put(block)


def test_a_destination_that_pauses_never_makes_pigment_wait(source: Runner) -> None:
    wide(source)
    catalog = source.catalog("Wide")
    source.pigment.workspace.variants.client_patience_seconds = 0.5
    run = read(source, catalog, pause_seconds=4)

    assert run.exit_code == 0, run.errors
    assert len(run.records) == 20_000


def test_slices_wait_for_no_reader(source: Runner) -> None:
    sliced = sliced_by_department(source.pigment, 4)
    catalog = source.catalog(LEDGER, **sliced)
    source.pigment.workspace.variants.client_patience_seconds = 0.3
    run = read(source, catalog, pause_seconds=3, **sliced)

    assert run.exit_code == 0, run.errors
    assert len(run.records) == ROWS


DISGUISES = [
    RespondWith('{"error": "try later"}'),
    RespondWith('{"error": "try later"}', "text/csv"),
    RespondWith("<html><body>Sign in</body></html>", "text/html"),
]


@pytest.mark.parametrize("fault", DISGUISES)
def test_an_error_in_disguise_is_no_export(source: Runner, fault: RespondWith) -> None:
    catalog = source.catalog(LEDGER)
    source.pigment.faults.queue("export_list", fault, times=9)
    run = read(source, catalog, max_retries=0)
    source.pigment.faults.forget()

    assert run.exit_code != 0
    assert not run.records
    assert "try later" not in run.everything
    assert "Sign in" not in run.everything


@pytest.mark.parametrize("fault", DISGUISES)
def test_an_error_in_disguise_makes_no_stream(source: Runner, fault: RespondWith) -> None:
    source.pigment.faults.queue("export_list", fault, times=30)
    run = source.run("discover", max_retries=0)
    source.pigment.faults.forget()

    catalogs = run.of("CATALOG")
    columns = [list(each["json_schema"]["properties"]) for each in catalogs[0]["streams"]] if catalogs else []
    assert all(len(each) > 1 and "error" not in "".join(each) for each in columns)


def test_an_error_in_a_trailer_is_no_good_end(source: Runner) -> None:
    catalog = source.catalog(LEDGER)
    source.pigment.faults.queue("export_list", EndWithTrailer(), times=9)
    run = read(source, catalog, max_retries=0)
    source.pigment.faults.forget()

    # Over HTTP/1.1 requests shows nobody a trailer.
    assert (run.exit_code != 0, not run.records) == (source.pigment.ca_file is not None,) * 2


def test_only_a_stream_with_slices_is_resumable(source: Runner) -> None:
    assert not source.discovered()[LEDGER].get("is_resumable")
    assert source.discovered(**sliced_by_department(source.pigment, 4))[LEDGER]["is_resumable"]

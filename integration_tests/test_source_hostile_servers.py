"""source-pigment against hostile servers and slow readers: whole or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors import Runner
from local_pigment.faults import CutAfter, EndWithTrailer, RespondWith
from other_sites import before
from reading import add_numbered, add_raw, add_wide, numbers, read_slowly

pytestmark = pytest.mark.long


# slow readers -----------------------------------------------------------------------------------------------------


def test_a_worker_with_something_to_log_does_not_wait_for_the_destination(source: Runner) -> None:
    """The log shares the pipe with the records; no thread may wait for it with an export open."""
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


def test_slices_ahead_of_a_slow_reader_are_not_lost(source: Runner) -> None:
    source.pigment.workspace.variants.client_patience_seconds = 1.0
    add_wide(source, "Sliced", 30_000)
    config: dict[str, Any] = {"block_requests": [{"block": "Sliced", "slices": json.dumps([{}] * 5)}]}
    catalog = source.catalog("Sliced", **config)
    run = read_slowly(source, catalog, pause=5, **config)
    assert run.exit_code == 0, [each["message"] for each in run.errors]
    assert sorted(numbers(run, "Sliced")) == sorted(list(range(30_000)) * 5)


# breaks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.9999])
def test_a_break_anywhere_is_repeated(source: Runner, share: float) -> None:
    source.pigment.workspace.variants.gzip = False
    add_numbered(source, "Large", 200_000)
    catalog = source.catalog("Large")
    size = sum(len(b"%d;row-%d\r\n" % (n, n * 7919)) for n in range(200_000))
    source.pigment.faults.queue("export_list", CutAfter(max(1, int(size * share))), times=2)
    run = source.run("read", catalog=catalog)
    assert run.exit_code == 0, [each["message"] for each in run.errors]
    assert numbers(run, "Large") == list(range(200_000))


def test_an_error_in_a_trailer_is_a_break(source: Runner) -> None:
    add_numbered(source, "Small", 100)
    catalog = source.catalog("Small")
    source.pigment.faults.queue("export_list", EndWithTrailer())
    run = source.run("read", catalog=catalog)
    assert run.exit_code == 0
    assert numbers(run, "Small") == list(range(100))
    assert len([each for each in source.pigment.requests if each.operation == "export_list"]) >= 3


ENDLESS = {
    "no length": "",
    "a length that is no number": "Content-Length: many\r\n",
    "identity": "Transfer-Encoding: identity\r\n",
    "two different lengths": "Content-Length: 3500\r\nContent-Length: 7000\r\n",
}


@pytest.mark.parametrize("pigment", [False], indirect=True, ids=["HTTP/1.1"])
@pytest.mark.parametrize("headers", ENDLESS.values(), ids=ENDLESS)
def test_half_an_export_whose_end_is_not_stated_is_no_export(source: Runner, headers: str) -> None:
    add_raw(source, "Cut", b"a;b\r\n", *([b"1;row\r\n"] * 1000))
    catalog = source.catalog("Cut")
    half = f"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n{headers}\r\na;b\r\n" + "1;row\r\n" * 500
    with before(source.pigment.url, half.encode()) as url:
        run = source.run("read", catalog=catalog, base_url=url)
    assert run.exit_code != 0
    assert not run.records
    assert run.statuses[-1] == ("Cut", "INCOMPLETE")
    assert "does not state where it ends" in run.errors[0]["message"]


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
    add_numbered(source, "Small", 100)
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
    add_numbered(source, "Small", 100)
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
    assert {each["failure_type"] for each in run.errors} == {"system_error"}, run.errors
    assert len([each for each in source.pigment.requests if each.operation == "export_list"]) - asked == 1

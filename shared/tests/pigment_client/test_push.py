"""Once a part of a file was sent, any failure leaves the outcome unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from pigment_client.errors import ImportOutcomeUnknown, KeyRejected
from pigment_client.http.clock import Clock
from pigment_client.http.request import Request
from pigment_client.http.retry import RetryPolicy
from pigment_client.imports import IMPORTS, Imports
from pigment_client.models import PushOptions
from simulated_client import SimulatedTime


class Stopped(Exception):
    """A sleep that a cancel ended."""


class Wire:
    """Stands in for the transport: reads the body if it should, then does what it is given."""

    def __init__(self, respond: Callable[[], requests.Response], *, reads: bool = True) -> None:
        self._respond = respond
        self._reads = reads

    def repeat(self, _policy: RetryPolicy, attempt: Callable[[], Any], *, repeatable: bool) -> Any:
        assert not repeatable
        return attempt()

    def send(self, request: Request, _key: str) -> requests.Response:
        if self._reads:
            assert request.body is not None
            b"".join(request.body)
        return self._respond()


def push(tmp_path: Path, wire: Wire) -> Any:
    file = tmp_path / "file.csv"
    file.write_bytes(b"a\r\n1\r\n")
    imports = Imports(wire, RetryPolicy(0), Clock())  # type: ignore[arg-type] # stands in
    return imports.push("configuration", file, PushOptions(repeatable=False), "key")


def raising(error: Exception) -> Callable[[], requests.Response]:
    def respond() -> requests.Response:
        raise error

    return respond


@pytest.mark.parametrize("error", [RecursionError(), MemoryError(), OSError("disk"), ValueError(), Stopped()], ids=repr)
def test_any_failure_after_a_part_of_the_file_was_sent_leaves_the_outcome_unknown(
    tmp_path: Path, error: Exception
) -> None:
    with pytest.raises(ImportOutcomeUnknown):
        push(tmp_path, Wire(raising(error)))


@pytest.mark.parametrize("error", [Stopped(), MemoryError()], ids=repr)
def test_a_failure_before_that_does_not(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)):
        push(tmp_path, Wire(raising(error), reads=False))


def test_after_a_rejection_the_outcome_is_known(tmp_path: Path) -> None:
    with pytest.raises(KeyRejected):
        push(tmp_path, Wire(raising(KeyRejected("push CSV"))))


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b""], ids=["lists", "objects", "x", ""])
def test_a_response_that_cannot_be_parsed_leaves_the_outcome_unknown(tmp_path: Path, body: bytes) -> None:
    response = requests.Response()
    response.status_code = 200
    response._content = body
    with pytest.raises(ImportOutcomeUnknown):
        push(tmp_path, Wire(lambda: response))


def test_each_import_configuration_has_an_hour_of_its_own(tmp_path: Path) -> None:
    time = SimulatedTime()
    file = tmp_path / "file.csv"
    file.write_bytes(b"a\r\n1\r\n")
    accepted = requests.Response()
    accepted.status_code = 200
    accepted._content = b'{"importId": "1"}'
    imports = Imports(Wire(lambda: accepted), RetryPolicy(0), time.clock)  # type: ignore[arg-type] # stands in
    for _ in range(IMPORTS):
        imports.push("a", file, PushOptions(repeatable=False), "key")
    imports.push("b", file, PushOptions(repeatable=False), "key")
    assert time.now() == 0.0

    imports.push("a", file, PushOptions(repeatable=False), "key")
    assert time.now() >= 3600.0

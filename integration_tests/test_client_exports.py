"""Exports from the local Pigment: whole, or an error that says what was received."""

from __future__ import annotations

import errno
import logging
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local_pigment.blocks import ListBlock, Property
from local_pigment.faults import (
    CutAfter,
    EndWithTrailer,
    RespondStatus,
    RespondWith,
    StallAfter,
)
from local_pigment.sample import PLANNING
from local_pigment.workspace import new_id
from other_sites import answering
from pigment_client import errors
from pigment_client.client import ClientOptions, Export, PigmentClient
from pigment_client.keys import Keys
from pigment_client.models import (
    ExportKind,
    ExportRequest,
)
from simulated_client import WHOLE, client_for, export_all, export_months, running


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_an_export_is_whole_however_it_came(tls: bool, gzipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def received(export: Export) -> tuple[int, int]:
        return sum(map(len, export)), export.wire_bytes

    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.gzip = gzipped
        request = ExportRequest(ExportKind.LIST, new_id("big"), {})
        content_bytes, wire_bytes = client_for(pigment).export(request, received)

    assert content_bytes == WHOLE
    assert (wire_bytes < content_bytes) is gzipped


@pytest.mark.parametrize("gzipped", [False, True])
def test_an_error_of_the_consumer_of_an_export_is_not_taken_for_a_break(
    gzipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Export) -> None:
        raise OSError(errno.ENOSPC, "full")

    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.gzip = gzipped
        request = ExportRequest(ExportKind.LIST, new_id("big"), {})
        with pytest.raises(OSError, match="full"):
            client_for(pigment).export(request, full)
        assert len(pigment.requests) == 1


@pytest.mark.parametrize("change", ["load_verify_locations", "set_alpn_protocols"])
def test_threads_that_connect_at_once_change_their_tls_once(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL may crash where one thread changes a context while another connects with it."""
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        calls, original = [], getattr(ssl.SSLContext, change)

        def counting(context: ssl.SSLContext, *given: Any, **named: Any) -> None:
            calls.append(given)
            original(context, *given, **named)

        client = client_for(pigment)
        monkeypatch.setattr(ssl.SSLContext, change, counting)
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: export_all(client), range(8))) == [WHOLE] * 8
    assert len(calls) == 1


def test_a_silent_cut_over_http_1_cannot_be_detected_and_one_warning_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.gzip = False
        pigment.faults.queue("export_list", CutAfter(WHOLE // 2, silent=True))
        client = client_for(pigment)

        assert export_all(client) == WHOLE // 2
        export_all(client)
    assert sum("HTTP/1.1" in record.getMessage() for record in caplog.records) == 1


def test_a_server_that_only_speaks_http_1_over_tls_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tls=True, monkeypatch=monkeypatch, protocols=("http/1.1",)) as pigment:
        assert export_all(client_for(pigment)) == WHOLE
    assert any("HTTP/1.1" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_stream_that_stalls_is_broken_off_after_the_idle_time(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", StallAfter(WHOLE // 2, seconds=4))

        with pytest.raises(errors.BrokenOff):
            export_all(client_for(pigment, idle_timeout_seconds=0.3, max_retries=0))


@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_slow_reader_is_waited_for(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment, idle_timeout_seconds=0.4)

        def read_slowly(export: Export) -> int:
            received = 0
            for number, chunk in enumerate(export):
                received += len(chunk)
                if number == 1:
                    time.sleep(1.0)
            return received

        assert client.export(ExportRequest(ExportKind.LIST, new_id("big"), {}), read_slowly) == WHOLE


@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_closing_early_is_no_error_and_frees_the_server(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment)
        client.export(ExportRequest(ExportKind.LIST, new_id("big"), {}), lambda export: next(iter(export)))

        assert export_all(client) == WHOLE


def test_an_unknown_certificate_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")

        with pytest.raises(errors.CertificateRejected):
            export_all(client_for(pigment))


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        ('{"error": "no such view"}', "text/csv", "JSON"),
        ('{"title": "Error"}', "application/problem+json", "a problem document"),
        ("Service Unavailable", "text/plain", "a text without columns and line ends"),
    ],
)
@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_response_that_cannot_be_an_export_is_rejected(
    tls: bool, body: str, content_type: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", RespondWith(body, content_type))
        with pytest.raises(errors.NotAnExport) as caught:
            export_months(client_for(pigment))

        assert len(pigment.requests) == 1
    assert caught.value.received == kind
    assert body not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("status", [201, 204, 206])
def test_only_200_is_an_export(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", RespondWith("a;b\r\n", "text/csv", status))
        with pytest.raises(errors.NotAnExport):
            export_months(client_for(pigment))


def test_latin_1_is_no_export_and_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        block = ListBlock(new_id("latin"), "Latin", [Property("a")])
        block.stream = lambda: iter(["Größe;b\r\n".encode("latin-1")])
        pigment.workspace.application(PLANNING).put(block)
        with pytest.raises(errors.NotAnExport, match="not an export"):
            export_all(client_for(pigment), new_id("latin"))

        assert len(pigment.requests) == 1


@pytest.mark.parametrize("value", ["13", "2"])
def test_an_error_in_the_trailer_is_a_break(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", EndWithTrailer(value=value))

        with pytest.raises(errors.BrokenOff):
            export_all(client_for(pigment, max_retries=0))


def test_names_in_half_surrogate_pairs_do_not_crash() -> None:
    body = b'[{"id": "1", "name": "\\ud800"}, {"id": "2", "name": ""}]'
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with answering(response) as port:
        client = PigmentClient(Keys.single("pgmt_x"), ClientOptions(base_url=f"http://127.0.0.1:{port}"))

        assert [each.name for each in client.list_applications()] == ["\ufffd", "2"]


def test_nothing_is_logged_or_waited_for_while_an_export_is_under_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log ends in the same pipe as the records, where it may have to wait for a slow destination."""
    caplog.set_level(logging.INFO, logger="airbyte")
    logged: list[str] = []

    def read(export: Export) -> int:
        received = sum(map(len, export))
        logged.extend(record.getMessage() for record in caplog.records if "Waiting" not in record.getMessage())
        return received

    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", RespondStatus(429, retry_after="30"))
        client_for(pigment).export(ExportRequest(ExportKind.LIST, new_id("big"), {}), read)

    assert logged == []
    assert [record.getMessage()[:9] for record in caplog.records] == ["Waiting u", "Exports c", "The limit"]

"""The client against the local Pigment: every answer becomes a value or an error, and no cut looks whole."""

from __future__ import annotations

import errno
import gzip
import io
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from local_pigment.blocks import ListBlock, Property
from local_pigment.faults import (
    CutAfter,
    EndWithTrailer,
    FailImport,
    Fault,
    Late,
    ResetBeforeBody,
    ResetBeforeResponse,
    RespondGarbage,
    RespondStatus,
    RespondWith,
    StallAfter,
)
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from pigment_client import errors
from pigment_client.client import ClientOptions, Export, PigmentClient
from pigment_client.http.clock import Clock
from pigment_client.keys import Keys
from pigment_client.models import (
    CompletedImport,
    ExportKind,
    ExportRequest,
    FailedImport,
    PushOptions,
    RunningImport,
    UploadForm,
)

ROWS = 40_000
LINE = b"0123456789;abcdefghij\r\n"


class SimulatedTime:
    """A clock that moves only when somebody sleeps, and remembers for how long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0.0
        self.slept: list[float] = []
        self.clock = Clock(monotonic=self.now, sleep=self.sleep)

    def now(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += max(seconds, 1e-6)
            self.slept.append(seconds)


@contextmanager
def running(*, tls: bool, monkeypatch: pytest.MonkeyPatch, **options: object) -> Iterator[LocalPigment]:
    workspace = planning_model(ledger_rows=50)
    big = ListBlock(new_id("big"), "Big", [Property("a"), Property("b")])

    def body() -> Iterator[bytes]:
        yield b"a;b\r\n"
        for _ in range(ROWS // 100):
            yield LINE * 100

    big.stream = body
    workspace.application(PLANNING).put(big)
    with LocalPigment(workspace, tls=tls, **options) as pigment:  # type: ignore[arg-type] # passed on as they are
        if pigment.ca_file:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pigment.ca_file))
        yield pigment


def client_for(pigment: LocalPigment, key: str = "all", **options: object) -> PigmentClient:
    simulated = SimulatedTime()
    given = replace(ClientOptions(base_url=pigment.url), **options)  # type: ignore[arg-type] # passed on as they are
    client = PigmentClient(Keys.single(pigment.workspace.secret(key)), given, clock=simulated.clock)
    client.slept = simulated.slept  # type: ignore[attr-defined] # for the assertions of a test
    return client


def export_all(client: PigmentClient, block: str = "Big") -> int:
    request = ExportRequest(ExportKind.LIST, new_id("big") if block == "Big" else block, {})
    return client.export(request, lambda export: sum(map(len, export)))


WHOLE = 5 + len(LINE) * ROWS


@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_an_export_comes_whole(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        assert export_all(client_for(pigment)) == WHOLE


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_an_export_that_is_cut_is_broken_off(tls: bool, gzipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.gzip = gzipped
        pigment.faults.queue("export_list", CutAfter(WHOLE // 2))

        with pytest.raises(errors.BrokenOff):
            export_all(client_for(pigment, max_retries=0))


@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_an_export_that_is_cut_is_read_again_from_its_beginning(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", CutAfter(WHOLE // 2), times=3)

        assert export_all(client_for(pigment)) == WHOLE
        assert len(pigment.requests) == 4


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_copy_holds_the_bytes_as_they_came(tls: bool, gzipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def copied(export: Export) -> tuple[str, bytes, bytes, int]:
        copy = io.BytesIO()
        content = b"".join(export.chunks(copy=copy.write))
        return export.encoding, copy.getvalue(), content, export.wire_bytes

    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.gzip = gzipped
        request = ExportRequest(ExportKind.LIST, new_id("big"), {})
        encoding, copy, content, wire_bytes = client_for(pigment).export(request, copied)

    assert (encoding, len(content)) == ("gzip" if gzipped else "identity", WHOLE)
    assert (gzip.decompress(copy) if gzipped else copy) == content
    assert wire_bytes == len(copy)


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_copy_that_cannot_be_stored_is_not_taken_for_a_break(gzipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: bytes) -> None:
        raise OSError(errno.ENOSPC, "full")

    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.gzip = gzipped
        request = ExportRequest(ExportKind.LIST, new_id("big"), {})
        with pytest.raises(OSError, match="full"):
            client_for(pigment).export(request, lambda export: list(export.chunks(copy=full)))
        assert len(pigment.requests) == 1


def test_a_silent_cut_over_http_1_cannot_be_seen_and_the_log_says_so_once(
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


def test_a_certificate_that_nobody_vouches_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")

        with pytest.raises(errors.CertificateRejected):
            export_all(client_for(pigment))


def list_blocks(client: PigmentClient) -> object:
    return client.list_blocks(new_id(PLANNING))


def export_months(client: PigmentClient) -> object:
    return export_all(client, new_id(PLANNING, "Months"))


@pytest.mark.parametrize("call", [list_blocks, export_months])
@pytest.mark.parametrize("fault", [RespondStatus(429), RespondStatus(503), RespondStatus(502), ResetBeforeBody()])
def test_a_read_is_repeated(
    call: Callable[[PigmentClient], object], fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("list_blocks" if call is list_blocks else "export_list", fault, times=3)

        assert call(client_for(pigment))


def test_after_the_last_try_the_error_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("list_blocks", RespondStatus(503), times=4)

        with pytest.raises(errors.Unavailable):
            list_blocks(client_for(pigment))


def test_retry_after_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("list_blocks", RespondStatus(429, retry_after="17"))
        client = client_for(pigment)
        list_blocks(client)

    assert sum(client.slept) >= 16.9  # type: ignore[attr-defined] # set above


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, errors.RequestRejected), (409, errors.RequestRejected), (413, errors.TooLarge), (301, errors.AddressMoved)],
)
def test_what_the_user_must_fix_is_asked_once(
    status: int, error: type[errors.PigmentError], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", RespondStatus(status))

        with pytest.raises(error):
            export_months(client_for(pigment))
        assert len(pigment.requests) == 1


@pytest.mark.parametrize(
    ("key", "error"), [("expired", errors.KeyRejected), ("import", errors.PermissionMissing), ("all", None)]
)
def test_keys(key: str, error: type[errors.PigmentError] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        if error is None:
            assert list_blocks(client_for(pigment, key))
            return
        with pytest.raises(error) as caught:
            list_blocks(client_for(pigment, key))
        assert caught.value.purpose == "Modeling Metadata"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("Department,Parent\r\nNew one,Über\r\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("form", list(UploadForm))
def test_a_file_arrives_byte_by_byte(form: UploadForm, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment)
        pushed = client.push_csv(new_id("configuration", "Departments"), file, PushOptions(True, form))
        assert isinstance(pushed, RunningImport)
        done = client.import_status(pushed.id)

    assert isinstance(done, CompletedImport)
    assert done.counts is not None
    assert done.counts.inserted == 1
    assert pigment.workspace.imports[pushed.id].received == file.read_bytes()


LOST = [
    ResetBeforeResponse(carried_out=True),
    ResetBeforeResponse(carried_out=False),
    RespondStatus(504),
    RespondGarbage(),
]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_an_unknown_outcome_and_the_file_is_not_sent_again(
    fault: Fault, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", fault)

        with pytest.raises(errors.OutcomeUnknown):
            client_for(pigment).push_csv(new_id("configuration", "Departments"), file, PushOptions(False))
        assert len(pigment.requests) == 1


@pytest.mark.parametrize("fault", LOST[:3])
def test_where_repeating_is_harmless_it_is_repeated(fault: Fault, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", fault)

        assert client_for(pigment).push_csv(new_id("configuration", "Departments"), file, PushOptions(True))
        assert len(pigment.requests) == 2


def test_a_server_that_is_not_there_certainly_did_not_take_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment)

    with pytest.raises(errors.Unavailable):
        client.push_csv(new_id("configuration", "Departments"), file, PushOptions(False))


def test_a_failed_import_names_its_errors(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", FailImport())
        client = client_for(pigment)
        pushed = client.push_csv(new_id("configuration", "Departments"), file, PushOptions(True))
        assert isinstance(pushed, RunningImport)

        assert client.import_status(pushed.id) == FailedImport(pushed.id, ("InternalError",))


def test_a_late_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", Late(seconds=0.5))

        assert export_all(client_for(pigment)) == WHOLE


def test_no_key_row_or_body_is_logged_at_any_level(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "hpack", "h2", "requests", "charset_normalizer"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment)
        client.list_applications()
        export_months(client)
        client.push_csv(new_id("configuration", "Departments"), file, PushOptions(True))
        pigment.faults.queue("push_csv", RespondStatus(400))
        with pytest.raises(errors.RequestRejected) as caught:
            client.push_csv(new_id("configuration", "Departments"), file, PushOptions(True))
        secret = pigment.workspace.secret("all")

    shown = caplog.text + str(caught.value) + repr(caught.value)
    assert caplog.records, "something is logged"
    for forbidden in (secret, "New one", "Über", "Jan 26", "2026-01-01"):
        assert forbidden not in shown


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500, 503])
def test_import_configurations_are_listed_whatever_the_richer_list_answers(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.richer_metadata = True
        pigment.faults.queue("list_import_configurations", RespondStatus(status))
        known = client_for(pigment, max_retries=0).list_import_configurations()

        assert {each.id for each in known} == set(pigment.workspace.configurations)


def test_260_blocks_lose_none_while_others_have_spent_the_limit_of_the_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="airbyte")
    began = time.monotonic()

    def hurried() -> float:
        """A second of the test is five minutes of Pigment."""
        return (time.monotonic() - began) * 300

    clock = Clock(monotonic=hurried, sleep=lambda seconds: time.sleep(seconds / 300))
    request = ExportRequest(ExportKind.LIST, new_id(PLANNING, "Months"), {})
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.clock = hurried
        pigment.workspace.limits.spend("127.0.0.1", 480, hurried())
        options = ClientOptions(base_url=pigment.url)
        client = PigmentClient(Keys.single(pigment.workspace.secret("all")), options, clock=clock)
        reported: list[datetime | None] = []
        client.report_rate_limit_to(reported.append)
        with ThreadPoolExecutor(10) as pool:
            sizes = list(pool.map(lambda _: client.export(request, lambda export: len(b"".join(export))), range(520)))
        rejected = client.requests_made - 520

    assert len(set(sizes)) == 1
    assert 0 < rejected <= 10 * 12
    assert reported[-1] is None
    assert any(reported[:-1])
    said = [record.getMessage() for record in caplog.records if "limit of requests" in record.getMessage()]
    assert 2 <= len(said) <= 6


def test_a_limit_that_never_ends_is_given_up_after_more_than_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = SimulatedTime()
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.clock = lambda: 0.0
        pigment.workspace.limits.spend("127.0.0.1", 500, 0.0)
        client = PigmentClient(
            Keys.single(pigment.workspace.secret("all")), ClientOptions(base_url=pigment.url), clock=simulated.clock
        )
        with pytest.raises(errors.LimitReached):
            list_blocks(client)

    assert 300 < simulated.now() <= 900


def test_the_limit_of_one_import_configuration_does_not_hold_up_other_requests(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = SimulatedTime()
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.limits.imports = 1
        client = PigmentClient(
            Keys.single(pigment.workspace.secret("all")), ClientOptions(base_url=pigment.url), clock=simulated.clock
        )
        departments = new_id("configuration", "Departments")
        client.push_csv(departments, file, PushOptions(True))
        with pytest.raises(errors.ImportLimitReached):
            client.push_csv(departments, file, PushOptions(False))
        assert simulated.now() > 300
        before = simulated.now()
        assert list_blocks(client)
        assert simulated.now() == before


@pytest.mark.parametrize(
    ("body", "content_type", "came"),
    [
        ('{"error": "no such view"}', "text/csv", "JSON"),
        ('{"error": "no such view"}', "application/json", "JSON"),
        ('{"title": "Error"}', "application/problem+json", "a problem document"),
        ("[]", "text/plain", "JSON"),
        ("<html>\n", "text/html", "a page of markup such as HTML"),
        ("<!doctype html>\n", "text/plain", "a page of markup such as HTML"),
        ("Service Unavailable", "text/plain", "a text without columns and line ends"),
    ],
)
@pytest.mark.parametrize("tls", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_what_cannot_be_an_export_is_none(
    tls: bool, body: str, content_type: str, came: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", RespondWith(body, content_type))
        with pytest.raises(errors.NotAnExport) as caught:
            export_months(client_for(pigment))

        assert len(pigment.requests) == 1
    assert caught.value.came == came
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


@contextmanager
def answering(response: bytes) -> Iterator[int]:
    """A server that sends these bytes to whoever asks, and closes."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.wfile.write(response)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def error_at(base_url: str) -> errors.PigmentError:
    options = ClientOptions(base_url=base_url, max_retries=0, connect_timeout_seconds=0.5, idle_timeout_seconds=0.5)
    with pytest.raises(errors.PigmentError) as caught:
        PigmentClient(Keys.single("pgmt_secret"), options).list_applications()
    assert "pgmt_secret" not in repr(caught.value) + repr(caught.value.__cause__)
    return caught.value


def test_a_server_that_cannot_be_reached_is_named_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, answering(b"not TLS\r\n") as plain, answering(b"") as closing:
        found = [
            error_at("https://no-such-host.invalid"),
            error_at("http://127.0.0.1:1"),
            error_at(f"http://127.0.0.1:{silent.getsockname()[1]}"),
            error_at(f"https://127.0.0.1:{plain}"),
            error_at(f"http://127.0.0.1:{closing}"),
        ]

    assert [(type(error), error.host, error.obstacle) for error in found] == [  # type: ignore[attr-defined] # Unavailable
        (errors.Unavailable, "no-such-host.invalid", errors.Obstacle.NAME_UNKNOWN),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.REFUSED),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.TIMED_OUT),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.TLS),
        (errors.Unavailable, "127.0.0.1", errors.Obstacle.LOST),
    ]


@pytest.mark.parametrize(
    ("proxy", "kind", "host"),
    [
        ("http://127.0.0.1:1", errors.Unavailable, "127.0.0.1"),
        ("http://no-such-proxy.invalid:3128", errors.Unavailable, "no-such-proxy.invalid"),
        ("http://name:word@proxy.invalid:99999", errors.AddressUnusable, "proxy.invalid"),
        ("http://", errors.AddressUnusable, ""),
        ("gopher://proxy.invalid", errors.AddressUnusable, "proxy.invalid"),
    ],
)
def test_a_proxy_that_does_not_work_is_named(
    proxy: str, kind: type[errors.PigmentError], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_proxies(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = error_at("https://pigment.invalid")

    assert (type(error), error.host) == (kind, host)
    assert getattr(error, "obstacle", errors.Obstacle.PROXY) is errors.Obstacle.PROXY
    assert "word" not in repr(error) + repr(error.__cause__)


@pytest.mark.parametrize("tls", [False, True])
def test_this_machine_is_reached_without_the_proxies_of_the_environment(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://no-such-proxy.invalid:3128")
    with running(tls=tls, monkeypatch=monkeypatch) as pigment:
        assert list_blocks(client_for(pigment))
        assert export_months(client_for(pigment))


def test_headers_that_cannot_be_parsed_do_not_put_the_body_into_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nsecret row of a plan\r\n\r\n[]"
    with answering(response) as port:
        client = PigmentClient(Keys.single("pgmt_secret"), ClientOptions(base_url=f"http://127.0.0.1:{port}"))
        client.list_applications()

    assert "secret" not in caplog.text


def test_names_in_half_surrogate_pairs_do_not_crash() -> None:
    body = b'[{"id": "1", "name": "\\ud800"}, {"id": "2", "name": ""}]'
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with answering(response) as port:
        client = PigmentClient(Keys.single("pgmt_x"), ClientOptions(base_url=f"http://127.0.0.1:{port}"))

        assert [each.name for each in client.list_applications()] == ["\ufffd", "2"]


def test_an_answer_to_a_push_may_take_longer_than_the_idle_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", Late(seconds=1.0))
        client = client_for(pigment, idle_timeout_seconds=0.3)
        options = PushOptions(False, answer_timeout_seconds=20)

        assert client.push_csv(new_id("configuration", "Departments"), file, options)


def test_an_upload_that_nobody_takes_is_given_up_long_before_the_answer_would_be(tmp_path: Path) -> None:
    """The long wait is for the answer alone: a connection that dies while the file is sent costs seconds."""
    large = tmp_path / "large.csv"
    large.write_bytes(b"a\r\n" * 8_000_000)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        options = ClientOptions(
            base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}", connect_timeout_seconds=0.3, max_retries=0
        )
        with pytest.raises(errors.OutcomeUnknown):
            PigmentClient(Keys.single("pgmt_x"), options).push_csv(
                new_id("any"), large, PushOptions(False, answer_timeout_seconds=250)
            )


def test_a_push_makes_five_attempts_in_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", RespondStatus(503), times=5)
        with pytest.raises(errors.OutcomeUnknown):
            client_for(pigment, max_retries=20).push_csv(
                new_id("configuration", "Departments"), file, PushOptions(True)
            )

        assert len(pigment.requests) == 5


def test_nothing_is_logged_or_waited_for_while_an_export_is_under_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log ends in the same pipe as the records, where it may have to wait for a slow destination."""
    caplog.set_level(logging.INFO, logger="airbyte")
    said: list[str] = []

    def read(export: Export) -> int:
        received = sum(map(len, export))
        said.extend(record.getMessage() for record in caplog.records if "Waiting" not in record.getMessage())
        return received

    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", RespondStatus(429, retry_after="30"))
        client_for(pigment).export(ExportRequest(ExportKind.LIST, new_id("big"), {}), read)

    assert said == []
    assert [record.getMessage()[:9] for record in caplog.records] == ["Waiting 3", "Exports c", "The limit"]

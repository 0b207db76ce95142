"""Requests to the local Pigment: repeated, waited for, given up, unreachable, and never logged."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from deviating_pigment import DeviatingPigment, Proceed
from local_pigment.faults import (
    Fault,
    ResetBeforeBody,
    RespondStatus,
)
from local_pigment.http_messages import Request, Response, problem
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.workspace import new_id
from other_sites import answering
from pigment_client import errors
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.http.clock import Clock
from pigment_client.keys import Keys
from pigment_client.models import (
    ExportKind,
    ExportRequest,
    PushOptions,
)
from simulated_client import SimulatedTime, client_for, export_months, list_blocks, running


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


def test_no_key_row_or_body_is_logged_at_any_level(
    csv_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "hpack", "h2", "requests", "charset_normalizer"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment)
        client.list_applications()
        export_months(client)
        client.push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(True))
        pigment.faults.queue("push_csv", RespondStatus(400))
        with pytest.raises(errors.RequestRejected) as caught:
            client.push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(True))
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


@pytest.mark.parametrize("is_limited", [True, False])
def test_a_richer_list_alone_gives_no_configuration_of_another_application(is_limited: bool) -> None:
    def change(request: Request, proceed: Proceed) -> Response:
        if request.path.endswith("/importConfigurations"):
            return problem(404, "Not Found")
        return proceed(request if is_limited else replace(request, target=request.target.partition("?")[0]))

    workspace = planning_model(ledger_rows=1)
    workspace.variants.richer_metadata = True
    with DeviatingPigment(workspace, change, tls=False) as pigment:
        client = client_for(pigment, max_retries=0)
        own = pigment.workspace.application(CONSOLIDATION).id
        if is_limited:
            found = client.list_import_configurations(own)
            assert {workspace.configurations[each.id].application_id for each in found} == {own}
        else:
            with pytest.raises(errors.NotFound):
                client.list_import_configurations(own)
        assert len(client.list_import_configurations()) == len(workspace.configurations)


@pytest.mark.parametrize(
    ("richer", "status", "offered"), [(True, None, True), (True, 503, False), (False, None, False)]
)
def test_a_dry_run_is_offered_only_where_the_richer_list_answers(
    richer: bool, status: int | None, offered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.richer_metadata = richer
        if status is not None:
            pigment.faults.queue("list_import_configurations", RespondStatus(status))
        client = client_for(pigment, max_retries=0)
        assert client.offers_dry_run() is offered
        asked = client.requests_made
        if status is None:
            assert client.offers_dry_run() is offered
            assert client.requests_made == asked == 1
        else:
            # Pigment was busy: that does not last.
            assert client.offers_dry_run()


def test_nothing_is_asked_again_where_the_configurations_have_been_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.variants.richer_metadata = True
        client = client_for(pigment)
        client.list_import_configurations()
        asked = client.requests_made
        assert client.offers_dry_run()
        assert client.requests_made == asked


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
    logged = [record.getMessage() for record in caplog.records if "limit of requests" in record.getMessage()]
    assert 2 <= len(logged) <= 6


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
    csv_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = SimulatedTime()
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.workspace.limits.imports = 1
        client = PigmentClient(
            Keys.single(pigment.workspace.secret("all")), ClientOptions(base_url=pigment.url), clock=simulated.clock
        )
        departments = new_id("configuration", "Departments")
        client.push_csv(departments, csv_file, PushOptions(True))
        with pytest.raises(errors.ImportLimitReached):
            client.push_csv(departments, csv_file, PushOptions(False))
        assert simulated.now() > 300
        before = simulated.now()
        assert list_blocks(client)
        assert simulated.now() == before


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

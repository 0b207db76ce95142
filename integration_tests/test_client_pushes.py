"""Files pushed to the local Pigment: arrived, rejected, or unknown."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from local_pigment.faults import (
    FailImport,
    Fault,
    Late,
    ResetBeforeResponse,
    RespondGarbage,
    RespondStatus,
)
from local_pigment.workspace import new_id
from pigment_client import errors
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.keys import Keys
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    PushOptions,
    RunningImport,
    UploadForm,
)
from simulated_client import WHOLE, client_for, export_all, running


@pytest.mark.parametrize("form", list(UploadForm))
def test_a_file_arrives_byte_by_byte(form: UploadForm, csv_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment)
        pushed = client.push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(True, form))
        assert isinstance(pushed, RunningImport)
        done = client.import_status(pushed.id)

    assert isinstance(done, CompletedImport)
    assert done.counts is not None
    assert done.counts.inserted == 1
    assert pigment.workspace.imports[pushed.id].received == csv_file.read_bytes()


LOST = [
    ResetBeforeResponse(carried_out=True),
    ResetBeforeResponse(carried_out=False),
    RespondStatus(504),
    RespondGarbage(),
]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_response_is_an_unknown_outcome_and_the_file_is_not_sent_again(
    fault: Fault, csv_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", fault)

        with pytest.raises(errors.ImportOutcomeUnknown):
            client_for(pigment).push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(False))
        assert len(pigment.requests) == 1


@pytest.mark.parametrize("fault", LOST[:3])
def test_where_repeating_is_harmless_it_is_repeated(
    fault: Fault, csv_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", fault)

        pushed = client_for(pigment).push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(True))
        assert pushed.was_repeated
        assert len(pigment.requests) == 2


@pytest.mark.parametrize("faults", [[], [RespondStatus(429)]], ids=["at once", "after a limit"])
def test_what_certainly_did_not_arrive_twice_is_not_called_repeated(
    faults: list[Fault], csv_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        for fault in faults:
            pigment.faults.queue("push_csv", fault)
        pushed = client_for(pigment).push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(True))
    assert not pushed.was_repeated


def test_a_server_that_is_not_there_certainly_did_not_take_the_file(
    csv_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        client = client_for(pigment)

    with pytest.raises(errors.Unavailable):
        client.push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(False))


def test_a_failed_import_names_its_errors(csv_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", FailImport())
        client = client_for(pigment)
        pushed = client.push_csv(new_id("configuration", "Departments"), csv_file, PushOptions(True))
        assert isinstance(pushed, RunningImport)

        assert client.import_status(pushed.id) == FailedImport(pushed.id, ("InternalError",))


def test_a_late_response_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", Late(seconds=0.5))

        assert export_all(client_for(pigment)) == WHOLE


def test_a_response_to_a_push_may_take_longer_than_the_idle_time(
    csv_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", Late(seconds=1.0))
        client = client_for(pigment, idle_timeout_seconds=0.3)
        options = PushOptions(False, response_timeout_seconds=20)

        assert client.push_csv(new_id("configuration", "Departments"), csv_file, options)


def test_an_upload_that_is_not_read_is_given_up_long_before_the_response_would_be(tmp_path: Path) -> None:
    """The long wait is for the answer alone: a connection that dies while the file is sent costs seconds."""
    large = tmp_path / "large.csv"
    large.write_bytes(b"a\r\n" * 8_000_000)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        options = ClientOptions(
            base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}", connect_timeout_seconds=0.3, max_retries=0
        )
        with pytest.raises(errors.ImportOutcomeUnknown):
            PigmentClient(Keys.single("pgmt_x"), options).push_csv(
                new_id("any"), large, PushOptions(False, response_timeout_seconds=250)
            )


def test_a_push_makes_five_attempts_in_all(csv_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("push_csv", RespondStatus(503), times=5)
        with pytest.raises(errors.ImportOutcomeUnknown):
            client_for(pigment, max_retries=20).push_csv(
                new_id("configuration", "Departments"), csv_file, PushOptions(True)
            )

        assert len(pigment.requests) == 5

"""The rows of a block, counted by an export from the local Pigment."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from destination_pigment.imports.block_reading import count_block, total_block, totals_of_export
from local_pigment.faults import CutAfter, Fault, RespondStatus
from local_pigment.sample import PLANNING
from local_pigment.workspace import new_id
from pigment_client.client import PigmentClient
from pigment_client.keys import Keys
from pigment_client.models import ExportKind, ImportedBlock
from simulated_client import ROWS, client_for, running

BIG = ImportedBlock(new_id("big"), ExportKind.LIST)


@pytest.mark.parametrize(
    ("chunks", "rows"),
    [
        ([b"a\r\n"], 0),
        ([b"a"], 0),
        ([b"a;b\r\n1;2\r\n3;4"], 2),
        ([b'a;b\r\n"1\r\n2";";"\r\n', b'"x""\r\n";\r\n'], 2),
        ([b"a\r\n", b"\r\n", b"\r\n1\r\n"], 3),
        ([b"\xef\xbb", b"\xbfa\n", b"1\n2\n"], 2),
    ],
)
def test_rows_are_counted_and_not_lines(chunks: list[bytes], rows: int) -> None:
    assert totals_of_export(chunks, {}).rows == rows


def test_a_property_is_summed_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        workspace, client = pigment.workspace, client_for(pigment)
        for name, kind, column in (
            ("Employees", ExportKind.LIST, "Salary"),
            ("Headcount", ExportKind.METRIC, "Headcount"),
        ):
            totals = total_block(client, ImportedBlock(workspace.block(name, PLANNING).id, kind), {column, "Missing"})
            assert totals is not None
            assert list(totals.by_column) == [column]
            rows = workspace.rows(name, PLANNING)
            assert totals.rows == len(rows)


@pytest.mark.parametrize("kind", [ExportKind.LIST, None])
def test_of_a_list_one_column_is_exported(kind: ExportKind | None, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        assert count_block(client_for(pigment), replace(BIG, kind=kind)) == ROWS
        assert [each.operation for each in pigment.requests] == ["export_list", "export_list"]


def test_where_no_column_can_be_asked_for_the_whole_list_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=False, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", RespondStatus(400), after=1)
        assert count_block(client_for(pigment), BIG) == ROWS


def test_a_block_of_unknown_kind_may_be_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        client, metric = client_for(pigment), new_id(PLANNING, "Headcount")
        known = count_block(client, ImportedBlock(metric, ExportKind.METRIC))
        assert known
        assert count_block(client, ImportedBlock(metric)) == known
        # As `check` takes it: Pigment does not say how it answers to the ID of a metric as a list.
        pigment.faults.queue("export_list", RespondStatus(400))
        assert count_block(client, ImportedBlock(metric)) == known


@pytest.mark.parametrize(
    "fault",
    [RespondStatus(403), RespondStatus(404), RespondStatus(413), RespondStatus(503), CutAfter(1000)],
    ids=str,
)
def test_a_count_that_fails_is_one_warning(
    fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        pigment.faults.queue("export_list", fault, times=9)
        caplog.set_level(logging.WARNING)
        assert count_block(client_for(pigment), BIG) is None
        pigment.faults.forget()
    assert sum("could not be counted" in each.getMessage() for each in caplog.records) == 1


def test_without_an_export_key_nothing_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    assert count_block(PigmentClient(Keys({})), BIG) is None
    assert "could not be counted" in caplog.text

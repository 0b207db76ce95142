"""Every form of Pigment's reports on an import is understood; an unknown form is a value of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from pigment_client.errors import ResponseNotUnderstood
from pigment_client.http.request import Request
from pigment_client.http.transport import decoded
from pigment_client.import_responses import parse_import_status, parse_pushed
from pigment_client.keys import Purpose
from pigment_client.models import (
    CompletedImport,
    ExportKind,
    FailedImport,
    Import,
    ImportCounts,
    ImportedBlock,
    RejectedRow,
    RunningImport,
    SkippedData,
    UnreadableStatus,
)

REQUEST = Request("push CSV", Purpose.IMPORT, "POST", "/")
ACCEPTED = {"recordsAccepted": 5, "recordsRejected": 0}
SUMMARY = {"insertedCount": 3, "updatedCount": 2, "deletedCount": 1, "skippedCount": 0}


def status(word: str, **more: Any) -> dict[str, Any]:
    return {"importId": "1", "importStatus": word, **more}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (status("InProgress"), RunningImport("1")),
        (status("Completed"), CompletedImport("1")),
        (status("Completed", detailedReport=None), CompletedImport("1")),
        (status("Completed", detailedReport={"summary": SUMMARY}), CompletedImport("1", ImportCounts(3, 2, 1, 0))),
        (status("Failed", errorsDetails=[{"name": "A", "description": "a row"}]), FailedImport("1", ("A",))),
        (status("Paused"), UnreadableStatus("1", completed=False)),
        (status("completed"), UnreadableStatus("1", completed=False)),
        ({"importId": "1", "status": "completed", "recordsAccepted": 5}, UnreadableStatus("1", completed=True)),
        ({"importId": "1", "status": "Queued"}, RunningImport("1")),
        ({"importId": "1", "status": "dreaming"}, UnreadableStatus("1", completed=False)),
        *(
            ({"importId": "1", "status": word} | ACCEPTED, UnreadableStatus("1", completed=False))
            for word in ("aborted", "success", "partial", "completed_with_errors", "")
        ),
        *(({"importId": "1", "status": word} | ACCEPTED, RunningImport("1")) for word in ("pending", "InProgress")),
        ({"importId": "1", "status": "failed"} | ACCEPTED, FailedImport("1", accepted=5)),
        ({"importId": "1", "status": "failed", "recordsAccepted": "5"}, FailedImport("1")),
    ],
)
def test_a_status(body: dict[str, Any], expected: Import) -> None:
    assert parse_import_status(body) == expected


@pytest.mark.parametrize(
    "details",
    [None, [], [{"description": "x"}], [{"name": None}], [{"name": 5}], ["text"], "text", {"name": "A"}, [None]],
)
@pytest.mark.parametrize("field", ["importStatus", "status"])
def test_a_failure_without_names_is_a_failure(field: str, details: Any) -> None:
    body = {"importId": "1", field: "Failed", "errorsDetails": details, "errors": details}

    assert parse_import_status(body) == FailedImport("1")


@pytest.mark.parametrize(
    "report",
    [
        {},
        [],
        "text",
        {"summary": {}},
        {"summary": SUMMARY | {"insertedCount": -1}},
        {"summary": SUMMARY | {"insertedCount": "3"}},
        {"summary": SUMMARY | {"insertedCount": True}},
    ],
)
def test_a_report_that_cannot_be_read_leaves_a_completed_import(report: Any) -> None:
    assert parse_import_status(status("Completed", detailedReport=report)) == UnreadableStatus("1", completed=True)


REASON = {"reason": "ParsingError", "count": 1, "sourceColumnName": "Amount", "samples": ["n/a"]}


@pytest.mark.parametrize(
    "odd", [5, None, "text", {}, {"blockId": 5}, {"skippedData": 5}, {"skippedData": [5, {"count": 1}]}], ids=str
)
def test_an_odd_entry_of_a_report_leaves_everything_else(odd: Any) -> None:
    blocks = [odd, {"blockId": "b", "scenarioId": "s", "skippedData": [odd, REASON]}, {"blockId": "c"}]
    report = {"blockType": "Metric", "summary": SUMMARY, "impactedBlocks": blocks}
    assert parse_import_status(status("Completed", detailedReport=report)) == CompletedImport(
        "1",
        ImportCounts(3, 2, 1, 0),
        (SkippedData("ParsingError", 1, "Amount", ("n/a",)),),
        blocks=(ImportedBlock("b", ExportKind.METRIC, "s"), ImportedBlock("c", ExportKind.METRIC)),
    )


@pytest.mark.parametrize("odd", [5, "text", {}])
def test_impacted_blocks_that_are_no_list_leave_the_counts(odd: Any) -> None:
    report = {"blockType": "List", "summary": SUMMARY, "impactedBlocks": odd}
    assert parse_import_status(status("Completed", detailedReport=report)) == CompletedImport(
        "1", ImportCounts(3, 2, 1, 0)
    )


@pytest.mark.parametrize(
    ("word", "kind"), [("List", ExportKind.LIST), ("Metric", ExportKind.METRIC), ("Cube", None), (5, None), ([], None)]
)
def test_the_kind_of_a_block_is_known_where_the_report_says_it(word: Any, kind: ExportKind | None) -> None:
    report = {"blockType": word, "summary": SUMMARY, "impactedBlocks": [{"blockId": "b", "scenarioId": None}]}
    done = parse_import_status(status("Completed", detailedReport=report))
    assert isinstance(done, CompletedImport)
    assert done.blocks == (ImportedBlock("b", kind),)


def test_a_result_that_comes_at_once() -> None:
    errors = [
        {"row": 2, "field": "Country", "code": "UNKNOWN_ITEM", "value": "x"},
        {"field": "Year", "code": "MISSING"},
    ]
    body = {"importId": "1", "status": "completed", "recordsAccepted": 8, "recordsRejected": 2, "errors": errors}

    assert parse_pushed(body) == CompletedImport(
        "1",
        ImportCounts(inserted=8, deleted=None, skipped=2),
        (SkippedData("MISSING", 1, "Year"),),
        (RejectedRow(2, "Country", "UNKNOWN_ITEM", "x"),),
    )


@pytest.mark.parametrize("odd", [5, None, "text", {"row": "2"}, {"row": 1.5}, {"row": 2, "field": 5}, [1]], ids=str)
def test_an_odd_error_of_a_result_leaves_everything_else(odd: Any) -> None:
    errors = [odd, {"row": 2, "field": "Country", "code": "UNKNOWN_ITEM"}]
    body = {"importId": "1", "status": "completed", "recordsAccepted": 8, "recordsRejected": 2, "errors": errors}
    assert parse_pushed(body) == CompletedImport(
        "1",
        ImportCounts(inserted=8, deleted=None, skipped=2),
        rejected_rows=(RejectedRow(2, "Country", "UNKNOWN_ITEM"),),
    )


@pytest.mark.parametrize("body", [None, [], {}, "text", {"importId": 5}, {"importStatus": "Completed"}])
def test_a_response_without_an_import_is_not_understood(body: Any) -> None:
    response = requests.Response()
    response.status_code, response._content = 200, json.dumps(body).encode()
    for parse in (parse_pushed, parse_import_status):
        with pytest.raises(ResponseNotUnderstood) as caught:
            decoded(REQUEST, response, parse)
        assert caught.value.__context__ is None


def test_an_id_alone_is_an_import_that_was_accepted() -> None:
    assert parse_pushed({"importId": "1"}) == RunningImport("1")

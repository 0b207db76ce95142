"""The rules of the local Pigment: limits, export options, imports."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from local_pigment.faults import RespondStatus
from local_pigment.imports import UnknownItem
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace
from stranger import Site


@pytest.fixture
def workspace() -> Workspace:
    return planning_model(ledger_rows=20)


@pytest.fixture
def site(workspace: Workspace) -> Any:
    with LocalPigment(workspace) as pigment:
        yield Site(pigment)


def test_the_options_of_an_export_are_respected(site: Site) -> None:
    text = site.export(
        "list",
        "Departments",
        friendlyHeaders=True,
        fieldDelimiter="Comma",
        decimalSeparator="Comma",
        encoding="Utf8WithoutBom",
    )

    assert text.startswith("Department,Active,FTE,Parent\r\n")
    assert '"Sales, EMEA",TRUE,"45,5",Go to market\r\n' in text
    assert '"CR\r\nLF"' in text


def test_filters_keep_what_they_say(site: Site) -> None:
    departments = site.pigment.workspace.block("Departments", PLANNING)
    headcount = site.pigment.workspace.block("Headcount", PLANNING)
    item = departments.items[0]  # type: ignore[union-attr] # it is a list
    tree = {
        "type": "And",
        "and": [
            {"type": "Dimension", "dimension": {"dimensionId": departments.id, "modalityIds": [item.id]}},
            {"type": "Value", "value": {"metricId": headcount.id, "condition": {"type": "GreaterThan", "value": 40}}},
        ],
    }
    lines = site.export("metric", "Headcount", exportFilter=tree).split("\r\n")[1:-1]

    assert lines
    assert all(line.startswith("Engineering;") and int(line.split(";")[2]) > 40 for line in lines)


def test_the_request_limit_is_a_window_that_slides() -> None:
    now = [0.0]
    workspace = planning_model(ledger_rows=1)
    workspace.clock = lambda: now[0]
    workspace.limits.requests = 5
    with LocalPigment(workspace) as pigment:
        site = Site(pigment)
        statuses = []
        for moment in (0, 10, 20, 30, 40, 50, 299, 300, 301, 310):
            now[0] = moment
            statuses.append(site.get("/api/v1/applications").status_code)

    assert statuses == [200] * 5 + [429, 429, 200, 429, 200]


def test_the_import_limit_is_each_configurations_own(site: Site) -> None:
    site.pigment.workspace.limits.imports = 1
    site.push("Departments", "Department\r\nA\r\n")

    with pytest.raises(requests.HTTPError, match="429"):
        site.push("Departments", "Department\r\nA\r\n")
    site.push("Accounts", "Account\r\nA\r\n")


def test_a_dimension_list_is_updated_by_key_and_absent_columns_stay(site: Site) -> None:
    site.push("Departments", "Department,Parent,FTE\r\nA,x,1.50\r\n")
    report = site.push("Departments", "Department,Parent\r\nA,\r\nB,y\r\n")

    assert report["summary"] == {"insertedCount": 1, "updatedCount": 1, "deletedCount": 0, "skippedCount": 0}
    assert site.pigment.workspace.rows("Departments", CONSOLIDATION) == [["A", "", "", "1.50"], ["B", "y", "", ""]]


def test_clearing_deletes_first_and_says_so(site: Site) -> None:
    site.push("General Ledger", "Entry\r\n1\r\n2\r\n")
    report = site.push("General Ledger (replace)", "Entry\r\n3\r\n")

    assert report["summary"]["deletedCount"] == 2
    assert [row[0] for row in site.pigment.workspace.rows("General Ledger", CONSOLIDATION)] == ["3"]


@pytest.mark.parametrize(
    ("rule", "rows", "skipped"),
    [
        (UnknownItem.SKIP_ROW, [], 1),
        (UnknownItem.USE_BLANK, [["1", "", "", "", "", "", ""]], 0),
        (UnknownItem.CREATE, [["1", "", "Nowhere", "", "", "", ""]], 0),
    ],
)
def test_unknown_items(site: Site, rule: UnknownItem, rows: list[list[str]], skipped: int) -> None:
    site.pigment.workspace.configuration("General Ledger").unknown_item = rule
    report = site.push("General Ledger", "Entry,Department\r\n1,Nowhere\r\n")

    assert site.pigment.workspace.rows("General Ledger", CONSOLIDATION) == rows
    assert report["summary"]["skippedCount"] == skipped
    created = report["detailedReport"]["autoCreatedDimensionModalities"]
    assert [each["count"] for each in created] == ([1] if rule is UnknownItem.CREATE else [])


def test_a_value_that_cannot_be_read_is_skipped_with_its_reason(site: Site) -> None:
    report = site.push("General Ledger", 'Entry,Amount\r\n1,"1,5"\r\n2,5\r\n')
    skipped = report["detailedReport"]["impactedBlocks"][0]["skippedData"]

    assert skipped == [{"count": 1, "reason": "ParsingError", "sourceColumnName": "Amount", "samples": ["1,5"]}]


@pytest.mark.parametrize(
    "text", ["Entry;Amount\r\n1;5\r\n", "Nothing\r\n1\r\n", "Entry,Amount\r\n1\r\n", 'Entry\r\n"1\r\n']
)
def test_a_file_that_does_not_fit_fails_and_changes_nothing(site: Site, text: str) -> None:
    report = site.push("General Ledger (replace)", text)

    assert report["importStatus"] == "Failed"
    assert report["errorsDetails"]
    assert site.pigment.workspace.rows("General Ledger", CONSOLIDATION) == []


def test_a_result_at_once_numbers_its_rows(site: Site) -> None:
    site.pigment.workspace.variants.immediate_results = True
    response = site.push("General Ledger", "Entry,Amount\r\n1,5\r\n2,x\r\n")

    assert (response["recordsAccepted"], response["recordsRejected"]) == (1, 1)
    assert response["errors"][0]["row"] == 2


def test_richer_metadata_only_where_it_is_offered(site: Site) -> None:
    assert site.get("/api/v1/import/configurations").status_code == 404
    site.pigment.workspace.variants.richer_metadata = True
    columns = next(
        each for each in site.get("/api/v1/import/configurations").json() if each["name"] == "General Ledger"
    )["columns"]

    assert {column["name"]: column["autoCreate"] for column in columns}["Department"] is True


def test_a_fault_that_nothing_met_fails_the_test() -> None:
    with (
        pytest.raises(AssertionError, match="nothing met"),
        LocalPigment(planning_model(ledger_rows=1)) as pigment,
    ):
        pigment.faults.queue("push_csv", RespondStatus(500))


def test_the_page_shows_the_workspace_and_escapes_it(site: Site) -> None:
    site.pigment.workspace.block("Departments", PLANNING).name = "<script>alert(1)</script>"
    site.push("Departments", "Department\r\nA\r\n")
    html = requests.get(site.pigment.url, timeout=10).text

    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "General Ledger" in html
    assert "16 more rows are not shown" in html
    assert "<td>no</td>" in html
    assert html.index("Last imports") < html.index("General Ledger")
    assert "Completed" in html

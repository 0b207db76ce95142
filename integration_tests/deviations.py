"""How the local Pigment deviates from what is assumed, for the tests of `make verify`, and the probes that find it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deviating_pigment import (
    Change,
    Deviation,
    Proceed,
    asked,
    body,
    document,
    header,
    pushed,
    query,
    rejecting,
    status,
    when,
    with_body,
)
from local_pigment.audit import AuditNames
from local_pigment.blocks import ValueType
from local_pigment.http_messages import Request, Response
from local_pigment.imports import FromBlock
from local_pigment.sample import ACCOUNTS_FROM_OUTSIDE, PLANNING, planning_model
from local_pigment.variants import DoubleCell, DuplicateKey, Forbidden
from local_pigment.workspace import ApiKey, ImportsOfABlock, Limits, Workspace, new_id
from verify_blocks import BY_KEY, BY_SCOPE, TRIAL_LIST


def redirected(request: Request, proceed: Proceed) -> Response:
    if "moved" not in request.query:
        return Response(307, b"", {"Location": f"{request.path}?moved=1"})
    return proceed(request)


def body_made_up(request: Request, proceed: Proceed) -> Response:
    return proceed(with_body(request, request.body.read() or b"{}"))


def no_table_configurations(request: Request, proceed: Proceed) -> Response:
    return Response(404) if "blockId" in request.query else proceed(request)


def unknown_application_not_found(request: Request, proceed: Proceed) -> Response:
    return proceed(request) if request.query.get("applicationId") in {None, PLANNING_ID} else Response(404)


def no_views_of_applications(request: Request, proceed: Proceed) -> Response:
    is_of_a_block = "applicationId" not in request.query or "blockId" in request.query
    return proceed(request) if is_of_a_block else Response(200, b"[]", {"Content-Type": "application/json"})


def without_its_source(workspace: Workspace) -> None:
    workspace.configuration(ACCOUNTS_FROM_OUTSIDE).source = FromBlock("gone")


def two_at_once_rejected() -> Change:
    pushed_last: list[bool] = [False, False]

    def change(request: Request, proceed: Proceed) -> Response:
        is_push = "push" in request.path
        response = proceed(request)
        if is_push and pushed_last[-1] and response.status == 200:
            response = Response(409)
        pushed_last.append(is_push and response.status == 200)
        return response

    return change


def dashed_key_accepted(request: Request, proceed: Proceed) -> Response:
    response = proceed(request)
    return Response(200, b"[]") if "00000000-0000" in request.headers.get("authorization", "") else response


def replaced(old: bytes, new: bytes) -> Change:
    return body(lambda content: content.replace(old, new))


def with_field(name: str) -> Change:
    return document(lambda entries: [{**entry, name: 1} for entry in entries])


def in_report(edit: Any) -> Change:
    def change(report: dict[str, Any]) -> dict[str, Any]:
        if report.get("detailedReport"):
            edit(report["detailedReport"])
        return report

    return when("/status", document(change))


def without(name: str) -> Any:
    return lambda options: {key: value for key, value in options.items() if key != name}


def overlapping(workspace: Workspace) -> None:
    workspace.variants.import_seconds = 2.0
    workspace.variants.imports_of_a_block = ImportsOfABlock.OVERLAP


def keys_of_all_types(workspace: Workspace) -> None:
    every = frozenset({"Export", "Import", "Modeling Metadata", "Audit logs"})
    workspace.keys = [ApiKey(key.name, key.secret, every, key.expires) for key in workspace.keys]


def no_unique_identifier(workspace: Workspace) -> None:
    block = workspace.block("Accounts", "Consolidation")
    block.is_dimension = False  # type: ignore[union-attr]  # Accounts is a list
    workspace.configuration("Accounts").key = None


def clearing(workspace: Workspace) -> None:
    """A list with a unique identifier would be updated, and a second file would show nothing."""
    no_unique_identifier(workspace)
    workspace.configuration("Accounts").clear_before_import = True


def oldest_first(page: dict[str, Any]) -> dict[str, Any]:
    return {**page, "events": page["events"][::-1]}


def events_without_ids(page: dict[str, Any]) -> dict[str, Any]:
    return {**page, "events": [{name: each[name] for name in each if name != "eventId"} for each in page["events"]]}


def audit_for_everybody(request: Request, proceed: Proceed) -> Response:
    headers = {**request.headers, "authorization": f"Bearer {AUDIT_KEY}"}
    return proceed(replace(request, headers=headers))


def half_the_reach(request: Request, proceed: Proceed) -> Response:
    since = datetime.fromisoformat(request.query.get("ingestedSince", "2999-01-01T00:00:00Z"))
    return Response(400) if since < datetime.now(UTC) - timedelta(days=90) else proceed(request)


METRIC, TABLE, LIST = "/export/metric/", "/export/table/", "/export/list/"


SCENARIOS = list(planning_model(ledger_rows=1).application(PLANNING).scenarios)


def turned(found_by: set[str], switch: str, *, to: Any) -> Deviation:
    """A switch of the local Pigment that is set to something else."""
    return Deviation(found_by, prepare=lambda each: setattr(each.variants, switch, to))


def configured(name: str, field: str, value: Any) -> Callable[[Workspace], None]:
    """An import configuration in which one field is different."""
    return lambda each: setattr(each.configuration(name), field, value)


def without_blanks(content: bytes) -> bytes:
    return b"".join(line for line in content.splitlines(keepends=True) if not line.endswith(b",\r\n"))


def integers(workspace: Workspace) -> None:
    amount = workspace.block(TRIAL_LIST).properties[-1]  # type: ignore[union-attr]  # it is a list
    amount.type = ValueType.INTEGER


def labelled(content: bytes) -> bytes:
    """A file whose rows have the labels that they had in the file before."""
    return re.sub(rb"(verify-\w+-\d),,", rb"\1,as pushed,", content)


# Each switch of the local Pigment's variants, by the name of the field.
VARIANTS: dict[str, Deviation] = {
    "richer_metadata": Deviation(
        {"block-fields", "richer-configurations"},
        prepare=lambda each: setattr(each.variants, "richer_metadata", True),
    ),
    "immediate_results": Deviation(
        {"push-answer", "start-answer"}, prepare=lambda each: setattr(each.variants, "immediate_results", True)
    ),
    "polls_until_done": Deviation({"first-status"}, prepare=lambda each: setattr(each.variants, "polls_until_done", 2)),
    "largest_push_bytes": Deviation(
        {"megabyte"}, prepare=lambda each: setattr(each.variants, "largest_push_bytes", 100_000)
    ),
    "import_seconds": Deviation({"first-status"}, prepare=lambda each: setattr(each.variants, "import_seconds", 2.0)),
    "imports_of_a_block": Deviation({"first-status", "imports-queue"}, prepare=overlapping),
    "respects_dry_run": turned({"dry-run"}, "respects_dry_run", to=True),
    "audit_names": Deviation(
        {"audit-page", "audit-cursor"},
        prepare=lambda each: setattr(each.variants, "audit_names", AuditNames("data", "id", "after")),
    ),
    "gzip": turned({"gzip"}, "gzip", to=False),
    "clear_counted": turned(
        {"clear-counted", "clear-all-counted", "scope-counted", "metric-clear-counted"}, "clear_counted", to=False
    ),
    "header_only_clears": turned({"header-only-clears", "clear-all-header-only"}, "header_only_clears", to=False),
    "failed_import_clears": turned({"failed-import-keeps"}, "failed_import_clears", to=True),
    "crossed_scope": turned({"scope-pairs"}, "crossed_scope", to=True),
    "clear_without_right": turned({"delete-right"}, "clear_without_right", to=Forbidden.SKIP),
    "duplicate_key": turned({"key-twice"}, "duplicate_key", to=DuplicateKey.LAST),
    "double_cell": turned({"metric-two-rows"}, "double_cell", to=DoubleCell.SUM),
    "case_sensitive": turned({"item-names"}, "case_sensitive", to=False),
    "trims": turned({"item-names"}, "trims", to=True),
    "blank_deletion_counted": turned({"metric-blank-counted"}, "blank_deletion_counted", to=False),
    "unchanged_counted": turned({"unchanged-counted", "repeated-file"}, "unchanged_counted", to=False),
    "blanked_counted": turned({"blanked-not-counted"}, "blanked_counted", to=True),
}


# Switches that change nothing that a probe can ask for, each with its reason.
NO_ASSUMPTION = {
    "kb_filter_words": "the source sends the words of the API description, whatever the knowledge base writes",
    "rights_limit_clearing": "asking needs a key whose owner may not write every row",
    "protected_items": "asking needs a list that is protected",
    "client_patience_seconds": "asking would take minutes of silence; the source downloads as fast as Pigment sends",
}


# What the local Pigment has no switch for, or what is no switch but a rule of its workspace.
OTHERS: dict[str, Deviation] = {
    "a limit with Retry-After": Deviation(
        {"retry-after"}, prepare=lambda each: setattr(each, "limits", Limits(requests=20, retry_after=True))
    ),
    "a configuration that clears": Deviation({"repeated-file", "other-rows"}, prepare=clearing),
    "a configuration that clears by key": Deviation(
        {"other-rows"}, prepare=configured("Accounts", "clear_before_import", value=True)
    ),
    "no unique identifier": Deviation({"repeated-file"}, prepare=no_unique_identifier),
    "keys of all types": Deviation({"one-type-per-key", "audit-key"}, prepare=keys_of_all_types),
    "HTTP/1.1 alone": Deviation({"http2"}, protocols=("http/1.1",)),
    "a redirect": Deviation({"address"}, when("/applications", redirected)),
    "more about applications": Deviation({"application-fields"}, when("/applications", with_field("owner"))),
    "more about views": Deviation({"view-fields"}, when("/views", with_field("owner"))),
    "more about configurations": Deviation(
        {"configuration-fields"}, when("/importConfigurations", with_field("clearsBeforeImport"))
    ),
    "another type of block": Deviation(
        {"block-types"},
        when(
            "/blocks", document(lambda found: [*found, {"id": "1", "name": "n", "type": "Board"}] if found else found)
        ),
        alone=False,
    ),
    "no configurations of tables": Deviation(
        {"table-configurations"},
        when("/importConfigurations", no_table_configurations),
    ),
    "404 for an unknown application": Deviation(
        {"unknown-application"},
        when("/blocks", unknown_application_not_found),
    ),
    "blocks of every application": Deviation(
        {"blocks-of-an-application", "unknown-application"}, when("/v1/blocks", query(without("applicationId")))
    ),
    "views of every application": Deviation(
        {"views-of-an-application"}, when("/v1/views", query(without("applicationId")))
    ),
    "views of blocks alone": Deviation({"views-of-an-application"}, when("/v1/views", no_views_of_applications)),
    "octet-stream": Deviation({"content-type"}, when("/v1" + LIST, header("Content-Type", "application/octet-stream"))),
    "another encoding": Deviation({"encoding"}, when(TABLE, replaced(b"Department", b"D\xe9partment")), alone=False),
    "always semicolons": Deviation({"delimiter-comma"}, when("/export/", asked(without("fieldDelimiter")), "POST")),
    "always commas": Deviation(
        {"delimiter-semicolon", "defaults"},
        when(LIST, asked(lambda each: {**each, "fieldDelimiter": "Comma"})),
        alone=False,
    ),
    "always a byte order mark": Deviation({"no-byte-order-mark"}, when("/export/", asked(without("encoding")), "POST")),
    "never a byte order mark": Deviation(
        {"byte-order-mark", "defaults"}, when(LIST, asked(lambda each: {**each, "encoding": "Utf8WithoutBom"}))
    ),
    "always friendly headers": Deviation(
        {"headers", "defaults"}, when(LIST, asked(lambda each: {**each, "friendlyHeaders": True}))
    ),
    "LF": Deviation({"line-ends"}, when("/export/", replaced(b"\r\n", b"\n"))),
    "no last line end": Deviation({"last-line-end"}, when("/v1" + LIST, body(lambda content: content.rstrip(b"\r\n")))),
    "quoted blanks": Deviation({"blank-cells"}, when(LIST, replaced(b";;", b';"";'))),
    "backslashes before quotes": Deviation(
        {"quoted-cells"}, when(LIST, replaced(b'The ""A""', b'The \\"A\\"')), alone=False
    ),
    "quotes in cells without quotes": Deviation(
        {"quoted-cells"}, when(LIST, replaced(b"Go to market", b'Go to 5" market')), alone=False
    ),
    "other booleans": Deviation({"booleans"}, when(LIST, replaced(b"TRUE", b"True"))),
    "exponents": Deviation({"numbers"}, when(LIST, replaced(b"33.333333333333333333", b"3.3333333333333333E1"))),
    "always older dates": Deviation(
        {"dates", "default-dates"}, when("/v1" + LIST, asked(lambda each: {**each, "dateFormat": "Legacy"}))
    ),
    "older dates by default": Deviation(
        {"default-dates"}, when("/v1" + LIST, asked(lambda each: {"dateFormat": "Legacy", **each}))
    ),
    "never older dates": Deviation(
        {"older-dates"}, when("/api" + LIST, asked(lambda each: {"dateFormat": "Iso8601", **each}))
    ),
    "an item twice": Deviation(
        {"item-first"}, when(LIST, body(lambda content: content + b"".join(content.splitlines(keepends=True)[1:2])))
    ),
    "another name of the value": Deviation(
        {"metric-columns", "scenario"}, when(METRIC, replaced(b"Headcount", b"Value"))
    ),
    "a scenario": Deviation(
        {"metric-columns", "scenario"}, when(METRIC, asked(lambda each: {**each, "scenarios": SCENARIOS[:1]}))
    ),
    "another name in a table": Deviation({"table-columns"}, when(TABLE, replaced(b"Headcount", b"Value"))),
    "views with commas": Deviation(
        {"view-delimiter"}, when("/export/view", query(lambda each: {**each, "fieldDelimiter": "Comma"}))
    ),
    "400 for a view too big": Deviation({"view-statuses"}, when("/export/view", status(413, 400))),
    "403 for a wrong key": Deviation({"wrong-key", "dashed-key"}, status(401, 403)),
    "old keys": Deviation({"dashed-key"}, dashed_key_accepted),
    "errors as CSV": Deviation({"error-document"}, when("/applications", header("Content-Type", "text/csv"))),
    "401 for a missing permission": Deviation({"one-type-per-key", "audit-key"}, status(403, 401)),
    "403 for an unknown block": Deviation({"unknown-block"}, when(LIST, status(404, 403))),
    "403 for an unknown import": Deviation({"unknown-import"}, when("/status", status(404, 403))),
    "unknown fields ignored": Deviation({"unknown-field"}, when(LIST, asked(without("surprise")))),
    "no body needed": Deviation({"empty-body"}, when(LIST, body_made_up)),
    "403 for an unknown configuration": Deviation({"unknown-configuration"}, when("/push/", status(404, 403))),
    "no forms": Deviation({"push-multipart"}, when("/push/", rejecting(lambda content: content.startswith(b"--")))),
    "only forms": Deviation(
        {
            "push-raw",
            "push-answer",
            "report-fields",
            "new-rows",
            "repeated-file",
            "two-at-once",
            "failed-import",
            "header-only",
            "unmapped-column",
            "megabyte",
            "dry-run",
        },
        when("/push/", rejecting(lambda content: not content.startswith(b"--"))),
        alone=False,
    ),
    "another status word": Deviation(
        {"status-words", "failed-import"}, when("/status", replaced(b'"Failed"', b'"Refused"'))
    ),
    "never a report": Deviation(
        {"detailed-report", "report-fields", "new-rows", "repeated-file", "start-report"},
        when("/status", query(without("includedDetailedReport"))),
    ),
    "always a report": Deviation(
        {"detailed-report"}, when("/status", query(lambda each: {**each, "includedDetailedReport": "true"}))
    ),
    "another field in the report": Deviation({"report-fields"}, in_report(lambda report: report.update(rowErrors=[]))),
    "no inserted count": Deviation(
        {"report-fields", "new-rows", "repeated-file", "start-report"},
        in_report(lambda report: report["summary"].pop("insertedCount")),
    ),
    "new rows counted as updated": Deviation(
        {"new-rows"}, in_report(lambda report: report["summary"].update(insertedCount=0, updatedCount=1))
    ),
    "one import at a time": Deviation({"two-at-once"}, two_at_once_rejected()),
    "failures without a name": Deviation(
        {"failed-import"}, when("/status", document(lambda report: {**report, "errorsDetails": []}))
    ),
    "no file without rows": Deviation(
        {"header-only"}, when("/push/", rejecting(lambda content: content.count(b"\n") == 1))
    ),
    "no unmapped columns": Deviation(
        {"unmapped-column", "megabyte", "failed-import"},
        when("/push/", rejecting(lambda content: b"unmapped" in content)),
    ),
    "the cursor under pagination": Deviation(
        {"audit-page"},
        when(
            "/audit/",
            document(
                lambda page: {"events": page["events"], "pagination": {"nextCursor": page.get("nextEventsCursor")}}
            ),
        ),
    ),
    "events without ids": Deviation({"audit-fields", "audit-cursor"}, when("/audit/", document(events_without_ids))),
    "oldest events first": Deviation({"audit-order"}, when("/audit/", document(oldest_first))),
    "another name of the cursor": Deviation({"audit-cursor"}, when("/audit/", query(without("cursor")))),
    "events of half a year alone": Deviation({"audit-reach"}, when("/audit/", half_the_reach)),
    "views of every block": Deviation({"views-of-a-block"}, when("/v1/views", query(without("blockId")))),
    "an audit log for everybody": Deviation({"audit-key"}, when("/audit/", audit_for_everybody)),
    "a start of what is not there": Deviation({"start-unknown"}, when("/trigger", status(404, 400))),
    "files that can be started": Deviation({"start-takes-files"}, when("/trigger", status(400, 200))),
    "copies in no list": Deviation(
        {"start-listed"},
        when("/importConfigurations", document(lambda each: [one for one in each if one["id"] != STARTED_ID])),
    ),
    "more in the answer to a start": Deviation(
        {"start-answer"}, when("/trigger", document(lambda answer: {**answer, "operation": "copy"}))
    ),
    "a copy that fails": Deviation({"start-report"}, prepare=without_its_source),
    "a list that does not clear": Deviation(
        {"clear-absent-rows", "header-only-clears", "delete-right"},
        prepare=configured(BY_KEY, "clear_before_import", value=False),
    ),
    "a list without a unique identifier": Deviation(
        {"clear-present-rows", "absent-column", "key-twice"}, prepare=configured(BY_KEY, "key", value=None), alone=False
    ),
    "the first row of a key": turned({"key-twice"}, "duplicate_key", to=DuplicateKey.FIRST),
    "two rows of a cell fail": turned({"metric-two-rows"}, "double_cell", to=DoubleCell.FAIL),
    "days and months swapped": Deviation({"same-day"}, prepare=configured(BY_KEY, "date_format", value="yyyy-dd-MM")),
    "dates in another form": Deviation({"same-day"}, prepare=configured(BY_KEY, "date_format", value="dd/MM/yyyy")),
    "a percentage": Deviation({"same-number"}, prepare=configured(BY_KEY, "percent", value=("Amount",))),
    "a number without decimals": Deviation({"same-number"}, prepare=integers),
    "a scope that does not clear": Deviation(
        {"scope-changed-rows"}, prepare=configured(BY_SCOPE, "clear_before_import", value=False)
    ),
    "a fixed scope": Deviation(
        {"scope-header-only"}, prepare=configured(BY_SCOPE, "fixed_scope", value=("One", "One")), alone=False
    ),
    "empty cells that leave values alone": Deviation({"empty-cell"}, pushed(labelled)),
    "blanks that leave values alone": Deviation(
        {"metric-blank", "metric-emptied"}, pushed(without_blanks), alone=False
    ),
    "no block in the report": Deviation(
        {"block-named"}, in_report(lambda report: report["impactedBlocks"][0].update(blockId=None))
    ),
    "import modes ignored": Deviation({"import-mode"}, when("/push/", query(without("importMode")))),
}


DEVIATIONS = {**VARIANTS, **OTHERS}


STARTED_ID = new_id("started", ACCOUNTS_FROM_OUTSIDE)


PLANNING_ID = planning_model(ledger_rows=1).application(PLANNING).id
AUDIT_KEY = planning_model(ledger_rows=1).secret("audit")

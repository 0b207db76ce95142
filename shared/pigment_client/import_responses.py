"""What Pigment says about an import: accepted, running, completed with a report, or failed. Pure.

Everything here raises one of the errors in `MALFORMED` for a body that is not as it should be.

There are two forms. In the API description, the response to a push contains only an id, and the rest is reported when
asked for (`importStatus`, `detailedReport`); the text "CSV Push API" describes a response with the immediate result
(`status`, `recordsAccepted`, `errors` by row). Either form is understood in every response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
    id_in_one_case,
)
from pigment_client.responses import MALFORMED, optional_text_of, text_of

# Words of the immediate form that mean "ask again later". Only "completed" is documented, and only that is a success,
# even if another word comes with counts.
_RUNNING = {"accepted", "inprogress", "in_progress", "pending", "processing", "queued", "running", "started"}


def parse_pushed(body: Any) -> Import:
    """The response of a push; an id alone is an import that was accepted."""
    if "importStatus" not in body and "status" not in body:
        return RunningImport(text_of(body, "importId"))
    return parse_import_status(body)


def parse_import_status(body: Any) -> Import:
    """The response of `GET /api/v1/import/{importId}/status`."""
    import_id = text_of(body, "importId")
    return _parse_asked(import_id, body) if "importStatus" in body else _parse_immediate(import_id, body)


def _parse_asked(import_id: str, body: Mapping[str, Any]) -> Import:
    match text_of(body, "importStatus"):
        case "InProgress":
            return RunningImport(import_id)
        case "Failed":
            return FailedImport(import_id, _error_names(body.get("errorsDetails"), "name"))
        case "Completed":
            return _completed(import_id, body, _parse_report)
        case _:
            return UnreadableStatus(import_id, completed=False)


def _error_names(errors: Any, key: str) -> tuple[str, ...]:
    """The names of the errors that have one; errors in other forms are ignored, because failed is failed."""
    names = (each.get(key) for each in errors if isinstance(each, dict)) if isinstance(errors, list) else ()
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _completed(
    import_id: str, body: Mapping[str, Any], parse: Callable[[str, Mapping[str, Any]], CompletedImport]
) -> Import:
    try:
        return parse(import_id, body)
    except MALFORMED:
        return UnreadableStatus(import_id, completed=True)


def _parse_report(import_id: str, body: Mapping[str, Any]) -> CompletedImport:
    report = body.get("detailedReport")
    if report is None:
        return CompletedImport(import_id)
    summary = report["summary"]
    counts = ImportCounts(
        _count(summary, "insertedCount"),
        _count(summary, "updatedCount"),
        _count(summary, "deletedCount"),
        _count(summary, "skippedCount"),
    )
    impacted = [block for block in _items(report.get("impactedBlocks")) if isinstance(block, dict)]
    kind = _KINDS.get(report["blockType"]) if isinstance(report.get("blockType"), str) else None
    blocks = tuple(
        ImportedBlock(
            id_in_one_case(block["blockId"]),
            kind,
            id_in_one_case(scenario) if isinstance(scenario := block.get("scenarioId"), str) else None,
        )
        for block in impacted
        if isinstance(block.get("blockId"), str)
    )
    skipped = (_parse_skipped(data) for block in impacted for data in _items(block.get("skippedData")))
    return CompletedImport(import_id, counts, tuple(each for each in skipped if each is not None), blocks=blocks)


# The kinds of block that can be imported into (API description, ApiImportBlockType).
_KINDS = {"Metric": ExportKind.METRIC, "List": ExportKind.LIST}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parse_skipped(data: Any) -> SkippedData | None:
    """What was skipped, for one reason; None where that cannot be read, because the counts stand without it."""
    try:
        samples = tuple(str(sample) for sample in _items(data.get("samples")))
        return SkippedData(
            text_of(data, "reason"), _count(data, "count"), optional_text_of(data, "sourceColumnName"), samples
        )
    except MALFORMED:
        return None


def _parse_immediate(import_id: str, body: Mapping[str, Any]) -> Import:
    match text_of(body, "status").lower():
        case "failed":
            return FailedImport(import_id, _error_names(body.get("errors"), "code"), _accepted(body))
        case "completed":
            return _completed(import_id, body, _parse_immediate_result)
        case status if status in _RUNNING:
            return RunningImport(import_id)
        case _:
            return UnreadableStatus(import_id, completed=False)


def _parse_immediate_result(import_id: str, body: Mapping[str, Any]) -> CompletedImport:
    counts = None
    if "recordsAccepted" in body:
        accepted, rejected_count = _count(body, "recordsAccepted"), _count(body, "recordsRejected")
        counts = ImportCounts(inserted=accepted, deleted=None, skipped=rejected_count)
    found = [_parse_error(error) for error in _items(body.get("errors"))]
    rejected = tuple(each for each in found if isinstance(each, RejectedRow))
    return CompletedImport(import_id, counts, tuple(each for each in found if isinstance(each, SkippedData)), rejected)


def _parse_error(error: Any) -> RejectedRow | SkippedData | None:
    """A row that was rejected, or a reason without one; None where that cannot be read: the counts stand without it."""
    try:
        column, code = optional_text_of(error, "field"), optional_text_of(error, "code")
        if error.get("row") is None:
            return SkippedData(code or "unknown", 1, column)
        value = error.get("value")
        return RejectedRow(_count(error, "row"), column, code, None if value is None else str(value))
    except MALFORMED:
        return None


def _accepted(body: Mapping[str, Any]) -> int:
    try:
        return _count(body, "recordsAccepted")
    except (KeyError, TypeError):
        return 0


def _count(item: Mapping[str, Any], name: str) -> int:
    value = item[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(name)
    return value

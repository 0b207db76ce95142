"""What an answer of Pigment means: status, headers and decoded body to a value or an error. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from pigment_client.errors import (
    AnswerNotUnderstood,
    KeyRefused,
    LimitReached,
    NotFound,
    PermissionMissing,
    PigmentError,
    RequestRefused,
    TooLarge,
    Unavailable,
)
from pigment_client.models import (
    Application,
    Block,
    BlockType,
    Column,
    CompletedImport,
    FailedImport,
    Import,
    ImportConfiguration,
    ImportCounts,
    RejectedRow,
    RunningImport,
    SkippedData,
    View,
)

T = TypeVar("T")

_BY_STATUS: dict[int, type[PigmentError]] = {
    401: KeyRefused,
    403: PermissionMissing,
    404: NotFound,
    413: TooLarge,
    429: LimitReached,
}


def error_for(status: int) -> type[PigmentError] | None:
    """The error that a status stands for, or None for success.

    A redirection is an answer we do not understand: it would take the key to another address.
    """
    if 200 <= status < 300:
        return None
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return RequestRefused
    return Unavailable if status >= 500 else AnswerNotUnderstood


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """What the header Retry-After asks for, in seconds or as a date; None where it is absent or not readable."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def parse_applications(body: Any) -> list[Application]:
    """The answer of `GET /api/v1/applications`."""
    return _each(body, lambda item: Application(_text(item, "id"), _text(item, "name")))


def parse_blocks(body: Any) -> list[Block]:
    """The answer of `GET /api/v1/blocks`."""
    return _each(
        body,
        lambda item: Block(_text(item, "id"), _text(item, "name"), BlockType(_text(item, "type")), _columns(item)),
    )


def parse_views(body: Any) -> list[View]:
    """The answer of `GET /api/v1/views`."""
    return _each(body, lambda item: View(_text(item, "id"), _text(item, "name"), _text(item, "type")))


def parse_import_configurations(body: Any) -> list[ImportConfiguration]:
    """The answer of `GET /api/v1/importConfigurations` or of the richer `GET /api/v1/import/configurations`."""
    return _each(
        body,
        lambda item: ImportConfiguration(
            _text(item, "id"),
            _text(item, "name"),
            _optional(item, "target") or _optional(item, "targetTable"),
            _columns(item),
        ),
    )


def parse_pushed(body: Any) -> Import:
    """The answer of a push: an id to ask for, or the result at once (mission text "CSV Push API")."""
    with_result = isinstance(body, dict) and "status" in body
    return _understood(lambda: _immediate(body) if with_result else RunningImport(_text(body, "importId")))


def parse_import(body: Any) -> Import:
    """The answer of `GET /api/v1/import/{importId}/status`."""
    return _understood(lambda: _import(body))


def _import(body: Any) -> Import:
    import_id, status = _text(body, "importId"), _text(body, "importStatus")
    match status:
        case "InProgress":
            return RunningImport(import_id)
        case "Failed":
            return FailedImport(import_id, tuple(_text(error, "name") for error in body.get("errorsDetails") or ()))
        case "Completed":
            report = body.get("detailedReport")
            return CompletedImport(import_id) if report is None else _completed(import_id, report)
        case _:
            raise ValueError(status)


def _completed(import_id: str, report: Mapping[str, Any]) -> CompletedImport:
    summary = report["summary"]
    skipped = tuple(
        SkippedData(
            _text(data, "reason"), int(data["count"]), _optional(data, "sourceColumnName"), tuple(data["samples"])
        )
        for block in report.get("impactedBlocks") or ()
        for data in block.get("skippedData") or ()
    )
    counts = ImportCounts(
        int(summary["insertedCount"]),
        int(summary["updatedCount"]),
        int(summary["deletedCount"]),
        int(summary["skippedCount"]),
    )
    return CompletedImport(import_id, counts, skipped)


def _immediate(body: Mapping[str, Any]) -> Import:
    import_id, status = _text(body, "importId"), _text(body, "status").lower()
    if status == "failed":
        return FailedImport(import_id, tuple(_optional(error, "code") or "" for error in body.get("errors") or ()))
    if status != "completed":
        return RunningImport(import_id)
    rejected = tuple(
        RejectedRow(int(error["row"]), _optional(error, "field"), _optional(error, "code"), _optional(error, "value"))
        for error in body.get("errors") or ()
    )
    counts = ImportCounts(inserted=int(body["recordsAccepted"]), skipped=int(body["recordsRejected"]))
    return CompletedImport(import_id, counts, (), rejected)


def _columns(item: Mapping[str, Any]) -> tuple[Column, ...] | None:
    columns = item.get("columns")
    if not isinstance(columns, list):
        return None
    return tuple(
        Column(
            _text(column, "name"),
            _optional(column, "type"),
            column.get("isKey") is True,
            column.get("required") is True,
            _optional(column, "dimensionRef"),
            column.get("autoCreate") is True,
        )
        for column in columns
    )


def _each(body: Any, parse: Callable[[Mapping[str, Any]], T]) -> list[T]:
    def parse_all() -> list[T]:
        if not isinstance(body, Sequence) or isinstance(body, str):
            raise TypeError
        return [parse(item) for item in body]

    return _understood(parse_all)


def _understood(parse: Callable[[], T]) -> T:
    """What the parser gives; `AnswerNotUnderstood` where the body has another shape. Its content is not quoted."""
    try:
        return parse()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise AnswerNotUnderstood from None


def _text(item: Any, name: str) -> str:
    value = item[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _optional(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return None if value is None else str(value)

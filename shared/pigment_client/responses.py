"""What a response of Pigment means: status, headers and decoded body to a value or an error. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from pigment_client.errors import (
    AddressMoved,
    ImportLimitReached,
    KeyRejected,
    LimitReached,
    NotFound,
    PermissionMissing,
    PigmentError,
    RequestRejected,
    ResponseNotUnderstood,
    TooLarge,
    Unavailable,
)
from pigment_client.json_objects import fields_of, items_of, json_document, text_in
from pigment_client.models import Application, Block, BlockType, Column, ImportConfiguration, ListedObject, View

T = TypeVar("T")

_BY_STATUS: dict[int, type[PigmentError]] = {
    401: KeyRejected,
    403: PermissionMissing,
    404: NotFound,
    # The server gave up waiting for the request: not the request's fault.
    408: Unavailable,
    410: NotFound,
    413: TooLarge,
    429: LimitReached,
}


def error_for(status: int, body: str = "") -> type[PigmentError] | None:
    """The error that a status stands for, or None for success.

    `body` is the text of the response where it was read; only the words of two limits are looked for, because a push
    answers 400 for "Bad request or size limit exceeded", and 429 for "Maximum number of reports per configuration per
    hour exceeded" (API description).
    """
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return AddressMoved
    if status == 429 and "per configuration" in body.lower():
        return ImportLimitReached
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == 400 and "size limit" in body.lower():
        return TooLarge
    if 400 <= status < 500:
        return RequestRejected
    return Unavailable if status >= 500 else ResponseNotUnderstood


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """What the header Retry-After asks for, in seconds or as a date; None where it is absent or not readable."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def parse_applications(body: Any) -> list[Application]:
    """The response of `GET /api/v1/applications`."""
    return _each(body, lambda item: Application(text_of(item, "id"), _name_of(item)))


def parse_blocks(body: Any) -> tuple[list[Block], int]:
    """The response of `GET /api/v1/blocks`, and how many more blocks it holds of types that we do not know."""
    blocks = _each(body, _block)
    known = [block for block in blocks if block is not None]
    return known, len(blocks) - len(known)


def parse_views(body: Any) -> list[View]:
    """The response of `GET /api/v1/views`."""
    return _each(body, lambda item: View(text_of(item, "id"), _name_of(item), text_of(item, "type")))


def parse_import_configurations(body: Any) -> list[ImportConfiguration]:
    """The response of `GET /api/v1/importConfigurations` or of the richer `GET /api/v1/import/configurations`."""
    return _each(body, _import_configuration)


def parse_listing(content: bytes) -> list[ListedObject]:
    """The body of any listing with all that its entries carry, those of types that we do not know too."""
    items = items_of(json_document(content))
    if items is None:
        raise ResponseNotUnderstood
    return [_listed_object(item) for item in items]


def _listed_object(item: bytes) -> ListedObject:
    fields = fields_of(item) or {}
    id_ = text_in(fields.get("id"))
    if not id_:
        raise ResponseNotUnderstood
    return ListedObject(id_, fields)


def understood(parse: Callable[[], T]) -> T:
    """What the parser gives; `ResponseNotUnderstood` where the body has another shape. Its content is not quoted."""
    try:
        return parse()
    except (KeyError, TypeError, ValueError, AttributeError):
        pass  # these may quote the body; raised from here, ours would carry them along
    raise ResponseNotUnderstood


def text_of(item: Any, name: str) -> str:
    """A text that must be there; raises KeyError or TypeError."""
    value = item[name]
    if not isinstance(value, str):
        raise TypeError(name)
    # JSON can hold half a surrogate pair, which nothing behind us can encode.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _name_of(item: Any) -> str:
    """The name of an object; its id where the name is blank, because everything is addressed by a name."""
    return text_of(item, "name") if text_of(item, "name").strip() else text_of(item, "id")


def optional_text_of(item: Mapping[str, Any], name: str) -> str | None:
    """A text that may be absent or null; raises TypeError for anything else."""
    return None if item.get(name) is None else text_of(item, name)


def _block(item: Any) -> Block | None:
    kind = text_of(item, "type")
    if kind not in set(BlockType):
        return None
    return Block(text_of(item, "id"), _name_of(item), BlockType(kind), _columns(item))


def _import_configuration(item: Any) -> ImportConfiguration:
    target = optional_text_of(item, "target") or optional_text_of(item, "targetTable")
    return ImportConfiguration(text_of(item, "id"), _name_of(item), target, _columns(item))


def _columns(item: Mapping[str, Any]) -> tuple[Column, ...] | None:
    columns = item.get("columns")
    if not isinstance(columns, list):
        return None
    return tuple(
        Column(
            text_of(column, "name"),
            optional_text_of(column, "type"),
            column.get("isKey") is True,
            column.get("required") is True,
            optional_text_of(column, "dimensionRef"),
            column.get("autoCreate") is True,
        )
        for column in columns
    )


def _each(body: Any, parse: Callable[[Any], T]) -> list[T]:
    def parse_all() -> list[T]:
        if not isinstance(body, list):
            raise TypeError
        return [parse(item) for item in body]

    return understood(parse_all)

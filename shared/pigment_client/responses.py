"""Listings of Pigment: their decoded bodies as typed values, or one of the errors in `MALFORMED`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pigment_client.errors import ResponseNotUnderstood
from pigment_client.json_objects import fields_of, items_of, json_document, text_in
from pigment_client.models import (
    Application,
    Block,
    BlockType,
    Column,
    ImportConfiguration,
    ListedObject,
    View,
    id_in_one_case,
)

# What is raised where a decoded body is not as it should be. The texts may quote the body.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError)


def parse_applications(body: Any) -> list[Application]:
    """The response of `GET /api/v1/applications`."""
    return [Application(id_of(item, "id"), _name_of(item)) for item in _items(body)]


def parse_blocks(body: Any) -> tuple[list[Block], int]:
    """The response of `GET /api/v1/blocks`, and how many more blocks of unknown types it contains."""
    items, types = _items(body), set(BlockType)
    known = [
        Block(id_of(item, "id"), _name_of(item), BlockType(text_of(item, "type")), _columns(item))
        for item in items
        if text_of(item, "type") in types
    ]
    return known, len(items) - len(known)


def parse_views(body: Any) -> list[View]:
    """The response of `GET /api/v1/views`."""
    return [View(id_of(item, "id"), _name_of(item), text_of(item, "type")) for item in _items(body)]


def parse_import_configurations(body: Any) -> list[ImportConfiguration]:
    """The response of `GET /api/v1/importConfigurations` or of the richer `GET /api/v1/import/configurations`."""
    return [
        ImportConfiguration(
            id_of(item, "id"),
            _name_of(item),
            optional_id_of(item, "target") or optional_id_of(item, "targetTable"),
            _columns(item),
        )
        for item in _items(body)
    ]


def parse_listing(content: bytes) -> list[ListedObject]:
    """Any listing with every field of its entries, including those of unknown types."""
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


def text_of(item: Any, name: str) -> str:
    """A required text."""
    value = item[name]
    if not isinstance(value, str):
        raise TypeError(name)
    # JSON can contain half a surrogate pair, which cannot be encoded again later.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def id_of(item: Any, name: str) -> str:
    """A required id, or a text that may be one, in the case in which ids are compared."""
    return id_in_one_case(text_of(item, name))


def optional_id_of(item: Mapping[str, Any], name: str) -> str | None:
    """An id that may be absent or null, or a text that may be one."""
    text = optional_text_of(item, name)
    return None if text is None else id_in_one_case(text)


def _name_of(item: Any) -> str:
    """The name of an object; its id where the name is blank, because a stream needs a name."""
    return text_of(item, "name") if text_of(item, "name").strip() else text_of(item, "id")


def optional_text_of(item: Mapping[str, Any], name: str) -> str | None:
    """A text that may be absent or null."""
    return None if item.get(name) is None else text_of(item, name)


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
            optional_id_of(column, "dimensionRef"),
            column.get("autoCreate") is True,
        )
        for column in columns
    )


def _items(body: Any) -> list[Any]:
    if not isinstance(body, list):
        raise TypeError
    return body

"""Listings of Pigment: their decoded bodies as typed values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pigment_client.errors import ResponseNotUnderstood
from pigment_client.json_objects import fields_of, items_of, json_document, text_in
from pigment_client.models import Application, Block, BlockType, Column, ImportConfiguration, ListedObject, View

T = TypeVar("T")


def parse_applications(body: Any) -> list[Application]:
    """The response of `GET /api/v1/applications`."""
    return _each(body, lambda item: Application(text_of(item, "id"), _name_of(item)))


def parse_blocks(body: Any) -> tuple[list[Block], int]:
    """The response of `GET /api/v1/blocks`, and how many more blocks of unknown types it contains."""
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


def understood(parse: Callable[[], T]) -> T:
    """The result of the parser; raises `ResponseNotUnderstood`, without quoting the body, where that is malformed."""
    try:
        return parse()
    except (KeyError, TypeError, ValueError, AttributeError):
        pass  # these may quote the body; raised from here, ours would carry them along
    raise ResponseNotUnderstood


def text_of(item: Any, name: str) -> str:
    """A required text; raises KeyError or TypeError."""
    value = item[name]
    if not isinstance(value, str):
        raise TypeError(name)
    # JSON can contain half a surrogate pair, which cannot be encoded again later.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _name_of(item: Any) -> str:
    """The name of an object; its id where the name is blank, because a stream needs a name."""
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

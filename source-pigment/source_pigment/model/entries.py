"""What an entry of the model's streams contains, and its schema. Pure.

Pigment's lists give id, name and type, and in some workspaces more. What has a column goes there; everything else is
kept in `additional_fields`, unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from pigment_client.json_objects import Fields, items_of, object_text, text_in
from pigment_client.models import BlockType, ListedObject

_TEXT: dict[str, Any] = {"type": ["null", "string"]}
_OBJECT: dict[str, Any] = {"type": ["null", "object"], "additionalProperties": True}
_OBJECTS: dict[str, Any] = {"type": ["null", "array"], "items": {"type": "object", "additionalProperties": True}}
_PLACES: dict[str, Any] = {
    "type": ["null", "array"],
    "items": {"type": "object", "properties": {"application_id": _TEXT, "block_id": _TEXT}},
}

_APPLICATION = ("application_id", "application_name")
_BLOCK = ("block_id", "block_name", "block_type")


class ModelKind(StrEnum):
    """What is listed; the value is the name of its stream."""

    APPLICATIONS = "_pigment_applications"
    BLOCKS = "_pigment_blocks"
    VIEWS = "_pigment_views"
    IMPORT_CONFIGURATIONS = "_pigment_import_configurations"


# The columns whose values come from the entry itself, and then those that say where it belongs.
_OWN: Mapping[ModelKind, tuple[str, ...]] = {
    ModelKind.APPLICATIONS: ("id", "name"),
    ModelKind.BLOCKS: ("id", "name", "type", "columns"),
    ModelKind.VIEWS: ("id", "name", "type"),
    ModelKind.IMPORT_CONFIGURATIONS: ("id", "name", "target", "columns"),
}
_BELONGING: Mapping[ModelKind, tuple[str, ...]] = {
    ModelKind.APPLICATIONS: (),
    ModelKind.BLOCKS: (*_APPLICATION, "listed_in"),
    ModelKind.VIEWS: (*_APPLICATION, *_BLOCK, "listed_in"),
    ModelKind.IMPORT_CONFIGURATIONS: (*_APPLICATION, *_BLOCK, "listed_in"),
}
_SCHEMAS = {"columns": _OBJECTS, "listed_in": _PLACES, "additional_fields": _OBJECT}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is listed: an application, and a block in it (None: the application's own list)."""

    application: ListedObject
    block: ListedObject | None = None

    @property
    def is_table(self) -> bool:
        return self.block is not None and text_in(self.block.fields.get("type")) == BlockType.TABLE


@dataclass(slots=True)
class Entry:
    """One object of the model, with the places that list it, in the order of the requests."""

    id: str
    fields: dict[str, bytes]
    places: list[Place] = field(default_factory=list)

    def values(self, kind: ModelKind) -> Fields:
        """The record: the JSON of each column."""
        own = {name: value for name in _OWN[kind] if _fits(name, value := self.fields.get(name, b"null"))}
        others = {name: value for name, value in self.fields.items() if name not in own}
        belonging = _belonging(self.places)
        return {
            **{name: own.get(name, b"null") for name in _OWN[kind]},
            **{name: belonging[name] for name in _BELONGING[kind]},
            "additional_fields": object_text(others) if others else b"null",
        }


def properties_of(kind: ModelKind) -> dict[str, Any]:
    """The properties of the stream's schema."""
    names = (*_OWN[kind], *_BELONGING[kind], "additional_fields")
    return {name: _SCHEMAS.get(name, _TEXT) for name in names}


def merge_listings(listings: Sequence[tuple[Place | None, Sequence[ListedObject]]]) -> list[Entry]:
    """Every object once, in the order of its first listing, with all its places and fields."""
    entries: dict[str, Entry] = {}
    for place, listed in listings:
        for each in listed:
            entry = entries.setdefault(each.id, Entry(each.id, {}))
            entry.fields = {**each.fields, **entry.fields}
            if place is not None:
                entry.places.append(place)
    return list(entries.values())


def _fits(name: str, value: bytes) -> bool:
    """Whether a value has the type of its column; one that has not goes to `additional_fields`."""
    if value == b"null":
        return True
    if name == "columns":
        items = items_of(value)
        return items is not None and all(item[:1] == b"{" for item in items)
    return text_in(value) is not None


def _belonging(places: Sequence[Place]) -> dict[str, bytes]:
    """Where an object belongs: the first block that lists it, else the application; and every place."""
    with_block = [each for each in places if each.block is not None]
    first = next(iter(with_block or places), None)
    application = first.application.fields if first else {}
    block = first.block.fields if first and first.block else {}
    return {
        **{name: _text(application.get(name.removeprefix("application_"))) for name in _APPLICATION},
        **{name: _text(block.get(name.removeprefix("block_"))) for name in _BLOCK},
        "listed_in": orjson.dumps(list(_listed_in(places))) if places else b"null",
    }


def _text(value: bytes | None) -> bytes:
    return b"null" if value is None or text_in(value) is None else value


def _listed_in(places: Sequence[Place]) -> Iterator[dict[str, str | None]]:
    """Each place once; an application's own list only where none of its blocks lists the object."""
    seen = set()
    with_block = {each.application.id for each in places if each.block is not None}
    for each in places:
        found = (each.application.id, each.block.id if each.block else None)
        if found not in seen and (each.block is not None or each.application.id not in with_block):
            seen.add(found)
            yield {"application_id": found[0], "block_id": found[1]}

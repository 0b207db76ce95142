"""What Airbyte's UI can draw, and what its secret handling can find: rules for a connector's specification."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# The UI draws none of these.
_NOT_DRAWN = {"anyOf", "allOf", "not", "if", "then", "else", "patternProperties", "$ref", "dependencies"}

_LOOKS_SECRET = ("key", "secret", "password", "token")

Problems = Iterator[str]


def forms(spec: Mapping[str, Any]) -> Problems:
    """Every part can be drawn, explains itself, and its default is one of its values."""
    root = spec["connectionSpecification"]
    if root.get("additionalProperties") is not True:
        yield "additionalProperties must be true, so that an older connector takes a newer configuration"
    for path, node in _nodes(root):
        yield from (f"{path}: {word} cannot be drawn" for word in _NOT_DRAWN & node.keys())
        if path and "const" not in node and not (node.get("title") and (node.get("description") or "oneOf" in path)):
            yield f"{path}: needs a title and a description"
        if "enum" in node and "default" in node and node["default"] not in node["enum"]:
            yield f"{path}: the default is not one of the values"
        if "oneOf" in node:
            yield from _choices(path, node["oneOf"])
        if "pattern" in node and "pattern_descriptor" not in node:
            yield f"{path}: a pattern without pattern_descriptor"
        if node.get("type") == "array" and not isinstance(node.get("items"), Mapping):
            yield f"{path}: an array needs one type of item"


def _choices(path: str, choices: list[Mapping[str, Any]]) -> Problems:
    constants = [
        {name: each["const"] for name, each in choice["properties"].items() if "const" in each} for choice in choices
    ]
    names = {name for each in constants for name in each}
    if len(names) != 1 or any(len(each) != 1 for each in constants):
        yield f"{path}: every choice needs one constant, of the same name"
    elif len({next(iter(each.values())) for each in constants}) != len(choices):
        yield f"{path}: two choices have the same constant"
    for choice in choices:
        if not names <= set(choice.get("required") or ()):
            yield f"{path}: the constant must be required"


def secrets(spec: Mapping[str, Any]) -> Problems:
    """What looks like a secret is marked, and is where masking finds it."""
    for path, node in _nodes(spec["connectionSpecification"]):
        last = path.rsplit("/", 1)[-1]
        marked = node.get("airbyte_secret") is True
        if marked and "[]" in path:
            yield f"{path}: a secret in an array is not masked"
        if node.get("type") == "string" and last.endswith(_LOOKS_SECRET) and not marked:
            yield f"{path}: looks like a secret and is not marked"


def groups(spec: Mapping[str, Any]) -> Problems:
    """Every property has its place: a group that exists, and an order that is its own."""
    root = spec["connectionSpecification"]
    known = {each["id"] for each in root.get("groups") or ()}
    taken: dict[tuple[str, int], str] = {}
    for name, node in root["properties"].items():
        group, order = node.get("group"), node.get("order")
        if group not in known:
            yield f"{name}: is in no group"
        elif not isinstance(order, int):
            yield f"{name}: has no order"
        elif other := taken.setdefault((group, order), name) != name and taken[group, order]:
            yield f"{name}: has the same place as {other}"
    for path, node in _nodes(root):
        if path and "properties" in node:
            orders = defaultdict(list)
            for name, each in node["properties"].items():
                orders[each.get("order")].append(name)
            yield from (f"{path}: {names} have the same order" for names in orders.values() if len(names) > 1)


def documentation(spec: Mapping[str, Any]) -> Problems:
    """The documentation is linked, and the protocol's version is left to the platform."""
    if not str(spec.get("documentationUrl", "")).startswith("https://"):
        yield "documentationUrl must be an https address"
    if "protocol_version" in spec:
        yield "protocol_version is left out today"


RULES: dict[str, Callable[[Mapping[str, Any]], Problems]] = {
    rule.__name__: rule for rule in (forms, secrets, groups, documentation)
}


def _nodes(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All properties and items, with their paths."""
    yield path, node
    for name, each in (node.get("properties") or {}).items():
        yield from _nodes(each, f"{path}/{name}")
    for number, each in enumerate(node.get("oneOf") or ()):
        yield from _nodes(each, f"{path}/oneOf{number}")
    if isinstance(node.get("items"), Mapping):
        yield from _nodes({"title": "-", "description": "-", **node["items"]}, f"{path}/[]")

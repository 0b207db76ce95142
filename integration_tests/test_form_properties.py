"""Every property of both forms is read: without it, the same configuration means something else."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from copy import deepcopy
from typing import Any

import pytest

from documents.forms import spec_of
from pigment_airbyte.connection import client_options
from pigment_airbyte.credentials import keys_from_config
from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import check_form

CONNECTORS = ("source", "destination")

# What cannot be found out from the form: a text that is none of its examples, and another than its default.
ENTERED = {"base_url": "https://eu.pigment.app"}

Form = Mapping[str, Any]
Way = tuple[str, ...]


def meaning(connector: str, config: Form) -> object:
    """What a connector makes of a configuration, or the sentence about what is wrong."""
    parse_config = importlib.import_module(f"{connector}_pigment.config").parse_config
    try:
        return parse_config(config), client_options(config), keys_from_config(config.get("credentials") or {})
    except ConfigProblem as problem:
        return str(problem)


def filled_in(node: Form, choice: int, name: str = "", *, in_entry: bool = False) -> Any:
    """A value for a part of the form that is not its default; `choice` is the one that is taken where there are some.

    Fields of an entry differ from those of the same name for the whole connection.
    """
    if "oneOf" in node:
        return filled_in(node["oneOf"][min(choice, len(node["oneOf"]) - 1)], choice, in_entry=in_entry)
    if "properties" in node:
        return {key: filled_in(field, choice, key, in_entry=in_entry) for key, field in node["properties"].items()}
    if "items" in node:
        return [filled_in(node["items"], choice, name, in_entry=True)]
    default = node.get("default")
    match node:
        case {"const": constant}:
            return constant
        case {"type": "boolean"}:
            return not default
        case {"type": "integer" | "number"}:
            return (
                node.get("minimum", 0) + 1 if default is None else default + (1 if default == node["minimum"] else -1)
            )
    known = [each for each in (*node.get("enum", ()), *node.get("examples", ())) if each != default]
    text = known[0 if in_entry else -1] if known else f"pgmt_{name}" if name.endswith("api_key") else f"a {name}"
    return ENTERED.get(name, text)


def properties(node: Form, config: Any, way: Way = ()) -> Iterator[tuple[Way, MutableMapping[str, Any]]]:
    """Each property that is filled in, by its names from the outside, with the part of `config` that it is in."""
    inside = [node, *node.get("oneOf", ())]
    for entry in config if isinstance(config, list) else ():
        yield from properties(node["items"], entry, way)
    for name in config if isinstance(config, dict) else ():
        yield (*way, name), config
        fields = [each["properties"][name] for each in inside if name in each.get("properties", ())]
        yield from properties(fields[0], config[name], (*way, name))


def unread(connector: str, form: Form) -> set[Way]:
    """The properties without which no configuration means anything else."""
    seen, read = set(), set()
    for choice in (0, 1):
        config = filled_in(form, choice)
        check_form(config, form)
        whole = meaning(connector, config)
        assert not isinstance(whole, str), whole
        for way, _ in properties(form, config):
            seen.add(way)
            changed = deepcopy(config)
            for part in [part for other, part in properties(form, changed) if other == way]:
                del part[way[-1]]
            if meaning(connector, changed) != whole:
                read.add(way)
    return seen - read


@pytest.mark.parametrize("connector", CONNECTORS)
def test_every_property_of_the_form_is_read(connector: str) -> None:
    """A field that no code reads would do nothing, whatever is entered."""
    assert unread(connector, spec_of(connector)["connectionSpecification"]) == set()


@pytest.mark.parametrize(
    ("connector", "way"),
    [
        ("source", ()),
        ("source", ("credentials",)),
        ("source", ("block_requests",)),
        ("destination", ("csv",)),
        ("destination", ("targets", "protected_values")),
        ("destination", ("object_storage_config",)),
    ],
)
def test_a_property_that_no_code_reads_is_found_wherever_it_is(connector: str, way: Way) -> None:
    form = deepcopy(spec_of(connector)["connectionSpecification"])
    node: Any = form
    for name in way:
        node = node["properties"][name]
        node = node.get("items", node)
    node.get("oneOf", [node])[-1]["properties"]["forgotten"] = {"type": "string", "examples": ["a text"]}

    assert unread(connector, form) == {(*way, "forgotten")}

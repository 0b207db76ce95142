"""The forms as people see them: what is seen when one opens, what is needed, and examples that work."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import MAX_RETRIES
from documents.forms import Opened, cards_of, draw, fields, is_folded, spec_of
from documents.generated import ROOT
from pigment_airbyte.connection import client_from_config, client_options
from pigment_airbyte.credentials import AUTHENTICATION, KEY_FIELDS, KEY_PROPERTIES, SINGLE_KEY_FIELD
from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import check_form, without_empty
from pigment_client.errors import PigmentError
from pigment_client.keys import Purpose
from pigment_client.models import ExportKind
from pigment_client.payloads import find_problem

CONNECTORS = ("source", "destination")


def seen(connector: str) -> list[str]:
    return [field.title for field in fields(spec_of(connector)) if field.seen]


def test_the_source_asks_for_two_keys_and_an_application_that_may_stay_empty() -> None:
    assert seen("source") == ["Authentication", "Export key", "Metadata key", "Application ID", "Block types"]
    needed = [field.title for field in fields(spec_of("source")) if field.needed and field.seen]
    assert needed == ["Authentication", "Export key", "Metadata key"]


def test_the_destination_shows_where_things_go() -> None:
    assert seen("destination") == [
        "Authentication",
        "Import key",
        "Metadata key",
        "Application ID",
        "Targets",
        "CSV format",
        "Delimiter",
        "Decimal separator",
        "Encoding",
        "Dates",
        "Rejected rows",
        "Storage of rejected rows",
    ]


@pytest.mark.parametrize("connector", CONNECTORS)
def test_no_card_holds_optional_fields_alone(connector: str) -> None:
    root = spec_of(connector)["connectionSpecification"]
    for title, names in cards_of(root):
        assert any(not is_folded(root["properties"][name], name, root) for name in names), title


@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_key_for_each_purpose_comes_first(connector: str) -> None:
    choices = spec_of(connector)["connectionSpecification"]["properties"]["credentials"]["oneOf"]
    assert [each["properties"]["auth_type"]["const"] for each in choices] == ["separate_keys", "single_key"]


@pytest.mark.parametrize("connector", CONNECTORS)
def test_every_word_that_is_drawn_raw_is_explained(connector: str) -> None:
    explained = [each for each in nodes(spec_of(connector)["connectionSpecification"]) if "enum" in each]
    for each in explained:
        assert "" not in each["enum"]
        if "title" in each:
            assert all(f"“{word}”" in each["description"] for word in each["enum"]), each["title"]


def defaults_in(form: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says where nothing is entered, groups of fields included."""
    found = {
        name: defaults_in(field) if "properties" in field else field.get("default")
        for name, field in form["properties"].items()
    }
    return without_empty(found)


@pytest.mark.parametrize("connector", CONNECTORS)
def test_what_is_left_empty_is_the_default_of_the_form(connector: str) -> None:
    """The defaults are written in the form and in the code; here they are compared."""
    config_module = importlib.import_module(f"{connector}_pigment.config")
    root = spec_of(connector)["connectionSpecification"]
    empty = {"credentials": {"auth_type": "single_key", "api_key": "pgmt_x"}}
    filled_in = {**defaults_in(root), **empty}

    check_form(filled_in, root)
    assert config_module.parse_config(filled_in) == config_module.parse_config(empty)
    retries = {"default_max_retries": MAX_RETRIES} if connector == "destination" else {}
    options = [client_options(each, **retries) for each in (filled_in, empty)]
    assert options[0] == options[1]


@pytest.mark.parametrize("connector", CONNECTORS)
def test_messages_name_the_fields_of_keys_by_their_titles(connector: str) -> None:
    credentials = spec_of(connector)["connectionSpecification"]["properties"]["credentials"]
    separate, single = (each["properties"] for each in credentials["oneOf"])

    assert credentials["title"] == AUTHENTICATION
    assert single["api_key"]["title"] == SINGLE_KEY_FIELD
    fields_of_keys = {KEY_PROPERTIES[purpose]: KEY_FIELDS[purpose] for purpose in Purpose}
    assert {name: key["title"] for name, key in separate.items() if "title" in key}.items() <= fields_of_keys.items()


def test_the_examples_of_export_options_are_requests_that_pigment_knows() -> None:
    custom = spec_of("source")["connectionSpecification"]["properties"]["block_requests"]["items"]["properties"]
    of_a_list, of_a_table = (json.loads(each) for each in custom["request"]["examples"])
    assert find_problem(ExportKind.LIST, of_a_list) is None
    assert find_problem(ExportKind.TABLE, of_a_table) is None
    assert find_problem(ExportKind.METRIC, of_a_table) is None
    (parts,) = (json.loads(each) for each in custom["slices"]["examples"])
    assert all(find_problem(ExportKind.TABLE, each) is None for each in parts)


@pytest.mark.parametrize("unfolded", [False, True])
@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_form_can_be_drawn(connector: str, unfolded: bool) -> None:
    page = draw(spec_of(connector), connector, Opened(folded=unfolded))
    for field in fields(spec_of(connector)):
        if field.seen or unfolded:
            assert f">{field.title}<" in page


def test_an_entry_of_targets_can_be_drawn_open_in_its_card_alone() -> None:
    page = draw(spec_of("destination"), "x", Opened(entry="targets"), only_card="Where the data goes")

    for title in ("Targets", "Stream", "Import configuration ID", "Clears before import"):
        assert f">{title}<" in page
    assert ">CSV format<" not in page
    assert ">Fewest rows<" not in draw(spec_of("destination"), "x")


def titles(connector: str) -> set[str]:
    root = spec_of(connector)["connectionSpecification"]
    return {each["title"] for each in nodes(root) if "title" in each}


@pytest.mark.parametrize("connector", CONNECTORS)
def test_messages_name_fields_that_the_forms_have(connector: str) -> None:
    """A title in quotes after the word that leads to a field, such as `under "Targets"`."""
    known = titles(connector)
    for folder in (ROOT / f"{connector}-pigment", ROOT / "shared/pigment_airbyte"):
        for path in folder.rglob("*.py"):
            named = re.findall(
                r"(?:under|tick|lower|raise|widen) \"([A-Z][^\"{}]*)\"", path.read_text(encoding="utf-8")
            )
            ours = known if connector in path.parts[-2] else known | titles("source") | titles("destination")
            assert set(named) <= ours, path


@pytest.mark.parametrize("folder", ["source-pigment", "destination-pigment", "shared", "tools/verify"])
def test_no_message_leaves_the_plural_to_its_reader(folder: str) -> None:
    """No "row(s)", and no bare number before a plural, which reads "1 rows": `wording.counted` gives both."""
    for path in (ROOT / folder).rglob("*.py"):
        if "tests" not in path.as_posix():
            assert re.findall(r"\w\(e?s\)|%d [a-z]+s\b", path.read_text(encoding="utf-8")) == [], path


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["https://[", "{}"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("connector", CONNECTORS)
@given(data=st.data())
def test_whatever_a_field_holds_is_a_value_or_a_sentence(connector: str, data: st.DataObject) -> None:
    """Nothing but `ConfigProblem` comes of a form, however it is filled in."""
    root = spec_of(connector)["connectionSpecification"]
    parse = importlib.import_module(f"{connector}_pigment.config").parse_config
    name = data.draw(st.sampled_from(sorted(root["properties"])))
    inside = root["properties"][name].get("items", {}).get("properties")
    value = data.draw(JSON if inside is None else JSON | st.lists(st.fixed_dictionaries(dict.fromkeys(inside, JSON))))
    credentials = {"auth_type": "single_key", "api_key": "pgmt_x"}
    config = without_empty({"credentials": credentials, "application_id": "", name: value})
    with contextlib.suppress(ConfigProblem, PigmentError):
        check_form(config, root)
        client_from_config(config).close()
        parse(config)


def nodes(node: Any) -> list[dict[str, Any]]:
    """All schemas inside one."""
    inside = [*node.get("properties", {}).values(), *node.get("oneOf", ()), *filter(None, [node.get("items")])]
    return [node, *(found for each in inside for found in nodes(each))]


@pytest.mark.parametrize("connector", CONNECTORS)
def test_every_choice_is_a_group_of_fields(connector: str) -> None:
    """Clients that build forms from the schema draw a choice without a type as nothing."""
    form = spec_of(connector)["connectionSpecification"]
    choices = [choice for node in nodes(form) for choice in node.get("oneOf", ())]
    assert choices
    assert {choice.get("type") for choice in choices} == {"object"}

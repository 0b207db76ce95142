"""The form: loaded from its YAML file, checked when it is filled in, and the IDs that people paste into it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml
from airbyte_cdk.models import ConnectorSpecification, ConnectorSpecificationSerializer
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ID_PATTERN, is_id

Schema = Mapping[str, Any]

# The parser in C takes 7 ms for a form instead of 45; a PyYAML that was built without libyaml lacks it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_spec(package: str) -> ConnectorSpecification:
    """The specification of a connector from `spec.yaml` in its package.

    In the file, `shared: name` stands for the fields under that name in `shared_fields.yaml`; what is written beside it
    is added, or takes the place of what is shared.
    """
    spec = _with_shared(_load(package, "spec.yaml"), _load("pigment_airbyte", "shared_fields.yaml"))
    return ConnectorSpecificationSerializer.load(spec)


def _load(package: str, name: str) -> Any:
    return yaml.load(files(package).joinpath(name).read_bytes(), Loader=_Loader)  # noqa: S506 - both are safe loaders


def _with_shared(node: Any, shared: Schema) -> Any:
    if isinstance(node, list):
        return [_with_shared(each, shared) for each in node]
    if not isinstance(node, dict):
        return node
    own = {name: _with_shared(value, shared) for name, value in node.items()}
    return {**shared[own.pop("shared")], **own} if "shared" in own else own


def without_empty(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what is null or an empty text, at any depth, and without lists of nothing else.

    Clients send both for a field, or an entry of a list, that is not filled in.
    """

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return without_empty(value)
        return [clean(each) for each in value if not _is_empty(each)] if isinstance(value, list) else value

    return {name: clean(value) for name, value in config.items() if not _is_empty(value)}


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, list) and bool(value) and all(map(_is_empty, value)))


def entered_text(fields: Mapping[str, Any], name: str) -> str:
    """The text in a field, without blanks around it; empty where there is none."""
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""


_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list of entries",
    "object": "a group of fields",
    "string": "a text",
}


def check_form(config: Mapping[str, Any], schema: Schema) -> None:
    """Raise `ConfigProblem` for the first field, in the form's order, with a value that the form does not allow."""
    errors = [inner for error in Draft7Validator(schema).iter_errors(config) for inner in _inner_errors(error)]
    if errors:
        raise ConfigProblem(_sentence(min(errors, key=lambda error: _place(error, schema)), schema))


def check_properties(config: Mapping[str, Any], schema: Schema) -> None:
    """Raise `ConfigProblem` for the first property that the form does not know, with the known one that is nearest."""
    for sentence in unknown_properties(config, schema):
        raise ConfigProblem(sentence)


def unknown_properties(config: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    """A sentence for each property, at any depth, that the form does not know; those that begin with `_` are Airbyte's.

    A field of another choice is known: it may be left from before the choice changed.
    """
    yield from _unknown_below(config, schema, schema, [])


def _unknown_below(value: Any, node: Schema, schema: Schema, path: list[Any]) -> Iterator[str]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unknown_below(each, node.get("items", {}), schema, [*path, index])
        return
    known = [name for branch in (node, *node.get("oneOf", ())) for name in branch.get("properties", ())]
    if not isinstance(value, Mapping) or not known:
        return
    for name, inner in value.items():
        if name in known:
            yield from _unknown_below(inner, _property(node, name), schema, [*path, name])
        elif not name.startswith("_"):
            place = _field(path, schema) if path else "The configuration"
            close = get_close_matches(name, known, n=1, cutoff=0.5)
            advice = f'write "{close[0]}", or remove it' if close else "remove it"
            yield f'{place} has the property "{name}", which the connector does not know: {advice}.'


def _inner_errors(error: ValidationError) -> Iterator[ValidationError]:
    """The errors in the chosen branch of a `oneOf`; any other error itself."""
    if error.validator == "oneOf":
        branches: Any = error.validator_value
        chosen = [index for index, branch in enumerate(branches) if _is_chosen(branch, error.instance)]
        inside = [each for each in error.context or () if each.schema_path[0] in chosen]
        if inside:
            for each in inside:
                yield from _inner_errors(each)
            return
    yield error


def _is_chosen(branch: Schema, value: Any) -> bool:
    constants = {name: each["const"] for name, each in branch["properties"].items() if "const" in each}
    return isinstance(value, Mapping) and any(value.get(name) == each for name, each in constants.items())


def _place(error: ValidationError, schema: Schema) -> tuple[int, int, list[str]]:
    """Where the field is in the form: card, position in it, path."""
    groups = [each["id"] for each in schema.get("groups", ())]
    path = _path(error)
    top = schema["properties"].get(path[0], {}) if path else {}
    group = groups.index(top["group"]) if top.get("group") in groups else len(groups)
    return group, int(top.get("order", 0)), [str(each) for each in path]


def _path(error: ValidationError) -> list[Any]:
    """The way to the field, also to one that is missing."""
    if error.validator != "required":
        return list(error.absolute_path)
    required: Any = error.validator_value
    given: Any = error.instance
    return [*error.absolute_path, next(name for name in required if name not in given)]


def _sentence(error: ValidationError, schema: Schema) -> str:
    field = _field(_path(error), schema)
    wanted: Any = error.validator_value
    own: Any = error.schema
    match error.validator:
        case "required":
            return f"{field} is empty: fill it in."
        case "type":
            kinds = " or ".join(_TYPES[each] for each in ([wanted] if isinstance(wanted, str) else wanted))
            return f"{field} must be {kinds}: correct it."
        case "minimum" | "maximum":
            least, most = own["minimum"], own.get("maximum")
            bounds = f"{least} or more" if most is None else f"between {least} and {most}"
            return f"{field} must be {bounds}: correct it."
        case "enum":
            choices = ", ".join(map(str, wanted[:-1])) + " or " * (len(wanted) > 1) + str(wanted[-1])
            return f"{field} must be {choices}: choose one of them."
        case "pattern":
            return f"{field} must be {own.get('pattern_descriptor', 'written differently')}: correct it."
        case "oneOf":
            titles = " or ".join(f'"{each["title"]}"' for each in wanted)
            return f"{field} is not chosen: choose {titles}."
        case "uniqueItems":
            return f"{field} contains the same entry twice: leave one of them."
        case _:
            return f"{field} is not filled in as the form asks: correct it."


def _field(path: list[Any], schema: Schema) -> str:
    """A field by the titles on the way to it, such as `The field "Stream" in entry 2 of "Targets"`."""
    titles: list[str] = []
    node: Schema = schema
    entry: int | None = None
    for step in path:
        if isinstance(step, int):
            node, entry = node.get("items", {}), step + 1
        else:
            node = _property(node, step)
            titles.append(str(node.get("title", step)))
    match titles:
        case []:
            return "The form"
        case [title]:
            return f'The field "{title}"' if entry is None else f'Entry {entry} of "{title}"'
        case [outer, *_, title]:
            return f'The field "{title}"{f" in entry {entry}" if entry else ""} of "{outer}"'
    raise AssertionError


def _property(node: Schema, name: Any) -> Schema:
    inside = [node, *node.get("oneOf", ())]
    found: Any = next((each["properties"][name] for each in inside if name in each.get("properties", {})), {})
    return found if isinstance(found, Mapping) else {}


# Straight quotes, and those that mail and text programs turn them into.
_QUOTES = "\"'`<>\u201c\u201d\u2018\u2019\u00ab\u00bb"


class IdKind(StrEnum):
    """What an ID stands for, in the user's words."""

    APPLICATION = "application"
    BLOCK = "block"
    LIST = "list"
    VIEW = "view"
    IMPORT_CONFIGURATION = "import configuration"


# What comes before an ID in an address: the path segment, or the name of the query parameter.
_BEFORE: dict[IdKind, re.Pattern[str]] = {
    IdKind.APPLICATION: re.compile(r"app|applications?|applicationId"),
    IdKind.BLOCK: re.compile(r"(dimension|transaction)?-?(block|list|metric|table)s?|blockId"),
    IdKind.LIST: re.compile(r"(dimension|transaction)?-?(block|list)s?|blockId|listId"),
    IdKind.VIEW: re.compile(r"views?|viewId"),
    IdKind.IMPORT_CONFIGURATION: re.compile(r".*import.*|.*configurations?|.*configurationId|ApiPush|pipelines?"),
}
_ADVICE: dict[IdKind, str] = {
    IdKind.APPLICATION: "open the application in Pigment and copy the address from there",
    IdKind.BLOCK: "open the block in Pigment and copy the address from there",
    IdKind.LIST: "open the list in Pigment and copy the address from there",
    IdKind.VIEW: "open the view in Pigment and copy the address, with its viewId, from there",
    IdKind.IMPORT_CONFIGURATION: "copy the ID in Pigment, from the import configuration",
}
# A name of another kind is accepted here and looked up later, so that the message can give its ID.
_NEVER_A_NAME = frozenset({IdKind.APPLICATION, IdKind.VIEW})


def pasted_id(pasted: object, kind: IdKind, field: str) -> str:
    """The ID in what was pasted, in lower case; a name is returned as it is.

    `field` is the title of the form's field. Raises `ConfigProblem` for an address that contains no such ID, and for a
    name where only an ID is possible.
    """
    text = unquoted(pasted)
    if is_id(text):
        return text.lower()
    if not _is_address(text):
        if text and kind in _NEVER_A_NAME:
            raise ConfigProblem(f'"{text}" under "{field}" is not an ID: {_ADVICE[kind]}.')
        return text
    found = id_in_address(pasted, kind)
    if found is None:
        raise ConfigProblem(f'The address under "{field}" contains no {kind} ID: {_ADVICE[kind]}.')
    return found


def id_in_address(pasted: object, kind: IdKind) -> str | None:
    """The ID of a kind in a pasted address, in lower case; None if it is no address or contains no such ID."""
    text = unquoted(pasted)
    if not _is_address(text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:  # half an IPv6 address
        return None
    segments = [unquote(each) for each in parts.path.split("/")]
    # The query names its IDs, so it is read before the path.
    pairs = [*parse_qsl(parts.query), *parse_qsl(parts.fragment.rpartition("?")[2]), *pairwise(segments)]
    return next((after.lower() for before, after in pairs if _BEFORE[kind].fullmatch(before) and is_id(after)), None)


def unquoted(pasted: object) -> str:
    """A text without the blanks and quotes around it, which may have come with it from elsewhere."""
    return str(pasted or "").strip().strip(_QUOTES).strip()


def _is_address(text: str) -> bool:
    if re.match(r"https?://", text, re.IGNORECASE):
        return True
    # Browsers leave out the scheme. A name such as "Revenue/Cost" is not an address.
    return re.match(r"[\w-]+(\.[\w-]+)+/", text) is not None and re.search(ID_PATTERN, text) is not None

"""The form: loaded from its YAML file, checked when it is filled in, and the IDs that people paste into it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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


def without_nulls(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what is null, at any depth: some clients send null for what was left empty."""
    return {name: _without_nulls(value) for name, value in config.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_nulls(value)
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


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
    """Raise `ConfigProblem` for the first field, in the form's order, whose value the form does not allow."""
    errors = [leaf for error in Draft7Validator(schema).iter_errors(config) for leaf in _leaves(error, config)]
    if errors:
        first = min(errors, key=lambda error: _place(error, schema))
        raise ConfigProblem(_sentence(first, schema))


def _leaves(error: ValidationError, config: Mapping[str, Any]) -> Iterator[ValidationError]:
    """The errors of the chosen branch of a `oneOf`, or the error itself."""
    if error.validator != "oneOf" or not error.context:
        yield error
        return
    branches: dict[int, list[ValidationError]] = {}
    for each in error.context:
        branches.setdefault(int(each.schema_path[0]), []).append(each)
    chosen = [errors for errors in branches.values() if all(each.validator != "const" for each in errors)]
    named = isinstance(error.instance, Mapping) and any(_constant(branch, error.instance) for branch in _choices(error))
    if named and len(chosen) == 1:
        for each in chosen[0]:
            yield from _leaves(each, config)
    else:
        yield error


def _choices(error: ValidationError) -> list[Schema]:
    choices: Any = error.validator_value
    return list(choices)


def _constant(branch: Schema, instance: Mapping[str, Any]) -> bool:
    return any("const" in each and instance.get(name) == each["const"] for name, each in branch["properties"].items())


def _place(error: ValidationError, schema: Schema) -> tuple[int, int, list[str]]:
    """Where the field stands in the form."""
    groups = [each["id"] for each in schema.get("groups", ())]
    path = [*error.absolute_path, *(_missing(error) if error.validator == "required" else ())]
    top = schema["properties"].get(path[0], {}) if path else {}
    group = groups.index(top["group"]) if top.get("group") in groups else len(groups)
    return group, int(top.get("order", 0)), [str(each) for each in path]


def _missing(error: ValidationError) -> list[str]:
    required: Any = error.validator_value
    given: Any = error.instance
    return [name for name in required if name not in given][:1]


def _sentence(error: ValidationError, schema: Schema) -> str:
    field = _field(list(error.absolute_path), schema)
    wanted: Any = error.validator_value
    own: Any = error.schema
    match error.validator:
        case "required":
            inside = _field([*error.absolute_path, *_missing(error)], schema)
            return f"{inside} is empty: fill it in."
        case "type":
            kinds = " or ".join(_TYPES[each] for each in ([wanted] if isinstance(wanted, str) else wanted))
            return f"{field} must be {kinds}: correct it."
        case "minimum" | "maximum" | "exclusiveMinimum":
            return f"{field} {_range(own)}: correct it."
        case "enum":
            return f"{field} must be {_any_of(wanted)}: choose one of them."
        case "pattern":
            return f"{field} must be {own.get('pattern_descriptor', 'written differently')}: correct it."
        case "oneOf":
            titles = " or ".join(f'"{each["title"]}"' for each in wanted)
            return f"{field} is not chosen: choose {titles}."
        case "uniqueItems":
            return f"{field} holds the same entry twice: leave one of them."
        case _:
            return f"{field} is not filled in as the form asks: correct it."


def _any_of(words: list[Any]) -> str:
    *others, last = [str(each) for each in words if each]
    return f"{', '.join(others)} or {last}" if others else last


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"must be between {least} and {most}"
    return f"must be {least} or more" if least is not None else f"must be {most} or less"


def _field(path: list[Any], schema: Schema) -> str:
    """The titles of the fields on the way, such as `The field "Stream" in entry 2 of "Targets"`."""
    titles: list[str] = []
    node: Schema = schema
    entry: int | None = None
    for step in path:
        if isinstance(step, int):
            node, entry = node.get("items", {}), step + 1
            continue
        node = _property(node, step)
        titles.append(str(node.get("title", step)))
    if not titles:
        return "The form"
    where = f' in entry {entry} of "{titles[0]}"' if entry is not None and len(titles) > 1 else ""
    if entry is not None and len(titles) == 1:
        return f'Entry {entry} of "{titles[0]}"'
    if not where and len(titles) > 1:
        where = f' of "{titles[0]}"'
    return f'The field "{titles[-1]}"{where}'


def _property(node: Schema, name: Any) -> Schema:
    inside = [node, *node.get("oneOf", ())]
    found: Any = next((each["properties"][name] for each in inside if name in each.get("properties", {})), {})
    return found if isinstance(found, Mapping) else {}


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Straight quotes, and the ones that mail and text programs make of them.
_QUOTES = "\"'`<>\u201c\u201d\u2018\u2019\u00ab\u00bb"


class IdKind(StrEnum):
    """What an ID stands for, in the user's words."""

    APPLICATION = "application"
    BLOCK = "block"
    LIST = "list"
    VIEW = "view"
    IMPORT_CONFIGURATION = "import configuration"


# The word in front of an ID in an address: the segment before it, or the name of the query parameter.
_BEFORE: dict[IdKind, re.Pattern[str]] = {
    IdKind.APPLICATION: re.compile(r"app|applications?|applicationId"),
    IdKind.BLOCK: re.compile(r"(dimension|transaction)?-?(block|list|metric|table)s?|blockId"),
    IdKind.LIST: re.compile(r"(dimension|transaction)?-?(block|list)s?|blockId|listId"),
    IdKind.VIEW: re.compile(r"views?|viewId"),
    IdKind.IMPORT_CONFIGURATION: re.compile(r".*import.*|.*configurations?|.*configurationId|ApiPush|pipelines?"),
}
_WHERE: dict[IdKind, str] = {
    IdKind.APPLICATION: "open the application in Pigment and copy the address from there",
    IdKind.BLOCK: "open the block in Pigment and copy the address from there",
    IdKind.LIST: "open the list in Pigment and copy the address from there",
    IdKind.VIEW: "open the view in Pigment and copy the address, with its viewId, from there",
    IdKind.IMPORT_CONFIGURATION: "copy the ID in Pigment, from the import configuration",
}


# The others are looked up, so that a name is answered with its ID.
_NEVER_A_NAME = frozenset({IdKind.APPLICATION, IdKind.VIEW})


def is_id(text: str) -> bool:
    """Whether a text is an ID of Pigment, a UUID."""
    return _UUID.fullmatch(text) is not None


def pasted_id(pasted: object, kind: IdKind, field: str) -> str:
    """The ID in what was pasted, in small letters; a name comes back as it is.

    `field` is the title of the form's field. Raises `ConfigProblem` for an address without such an ID in it, and for a
    name where only an ID can be.
    """
    text = _unquoted(pasted)
    if is_id(text):
        return text.lower()
    if not _is_address(text):
        if text and kind in _NEVER_A_NAME:
            raise ConfigProblem(f'"{text}" under "{field}" is no ID: {_WHERE[kind]}.')
        return text
    found = _labelled(text, _BEFORE[kind])
    if found is None:
        raise ConfigProblem(f'The address under "{field}" holds no {kind} ID: {_WHERE[kind]}.')
    return found.lower()


def id_in_address(pasted: object, kind: IdKind) -> str | None:
    """An ID that stands in a pasted address beside the one that was asked for; None where there is none."""
    text = _unquoted(pasted)
    found = _labelled(text, _BEFORE[kind]) if _is_address(text) else None
    return found.lower() if found else None


def _unquoted(pasted: object) -> str:
    return str(pasted or "").strip().strip(_QUOTES).strip()


def _is_address(text: str) -> bool:
    if re.match(r"https?://", text, re.IGNORECASE):
        return True
    # The browser leaves the scheme out; a name such as "Revenue/Cost" is no address.
    return re.match(r"[\w-]+(\.[\w-]+)+/", text) is not None and _UUID.search(text) is not None


def _labelled(address: str, label: re.Pattern[str]) -> str | None:
    try:
        parts = urlsplit(address)
    except ValueError:  # half an IPv6 address
        return None
    segments = [unquote(each) for each in parts.path.split("/")]
    # The query says what its ids are, so it comes before the path.
    pairs = [*parse_qsl(parts.query), *parse_qsl(parts.fragment.rpartition("?")[2]), *pairwise(segments)]
    return next((after for before, after in pairs if label.fullmatch(before) and is_id(after)), None)

"""What is wrong with a filled-in form, in the words of the form. Pure.

A validator quotes values and JSON paths: a value may be a key, and nobody but us knows the paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from pigment_airbyte.failures import ConfigProblem

Schema = Mapping[str, Any]

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

"""The configuration as values: parsed and checked once, used everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import IdKind, entered_text, id_in_address, pasted_id
from pigment_client.json_objects import forbid_constant
from pigment_client.models import EXPORT_FORMAT, Block, ExportKind
from pigment_client.names import composed
from pigment_client.payloads import find_problem, in_described_words
from pigment_csv.dialect import CsvDialect

Payload = Mapping[str, Any]

DIALECT = CsvDialect(delimiter=";")

# The platform's rule: "One message line stays under 20,000,000 characters"; bytes are never fewer than characters. What
# a record contains is never longer as a message than as CSV, so it is also the most that is taken of one record.
LONGEST_LINE_BYTES = 20_000_000

# The fields of a payload that decide which columns an export has.
_COLUMNS_DEPEND_ON = ("fields", "metrics", "propertyTechnicalNames")


@dataclass(frozen=True, slots=True)
class CustomExport:
    """A custom export of one block: the payload of its export, and those of the slices it is split into."""

    block: str
    request: Payload
    slices: tuple[Payload, ...]


@dataclass(frozen=True, slots=True)
class NamedView:
    """A view to read and the name of its stream; also its application if a whole address was pasted."""

    view_id: str
    name: str
    application_id: str | None = None


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """The configuration except the connection; without an application ID, every application is read."""

    application_id: str | None
    block_types: frozenset[ExportKind]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    views: tuple[NamedView, ...]
    custom_exports: tuple[CustomExport, ...]
    friendly_headers: bool
    infer_types: bool
    row_metadata: bool
    model_streams: bool
    audit_log: bool
    num_workers: int
    control_totals: bool = False

    def choose(self, blocks: Sequence[Block], applications: Sequence[str] = ()) -> list[Block]:
        """The blocks that become streams; `applications` are the names of their application if several are read."""
        possible = [each for each in blocks if each.type.kind in self.block_types]
        names = [each.name for each in possible]
        included = _all_matching(self.include, names, applications) if self.include else set(names)
        wanted = included - _all_matching(self.exclude, names, applications)
        return [each for each in possible if each.name in wanted]

    def payloads_for(self, kind: ExportKind, name: str, custom: CustomExport | None) -> tuple[Payload, ...]:
        """The payloads of the slices of a block or view, at least one; `name` is what messages call it.

        Raises `ConfigProblem` with the path of what does not fit the API description.
        """
        if kind is ExportKind.VIEW:
            return ({"fieldDelimiter": EXPORT_FORMAT["fieldDelimiter"]},)
        request: Payload = custom.request if custom else {}
        slices: tuple[Payload, ...] = (custom.slices if custom else ()) or ({},)
        _require_compatible(request, slices, name)
        return tuple(
            {
                **_require_valid({**request, **each}, kind, name, number if len(slices) > 1 else None),
                **EXPORT_FORMAT,  # last, so that no payload can change it
                "friendlyHeaders": self.friendly_headers,
            }
            for number, each in enumerate(slices, 1)
        )


def _require_valid(payload: Payload, kind: ExportKind, name: str, slice_number: int | None) -> Payload:
    payload = in_described_words(kind, payload)
    problem = find_problem(kind, payload)
    if problem is not None:
        where = f"Part {slice_number}" if slice_number is not None else '"Export options"'
        place = "its top level" if problem.path == "$" else problem.path
        raise ConfigProblem(
            f'{where} of the block "{name}" under "Custom exports" must be corrected at {place}: {problem.message}.'
        )
    return payload


def _require_compatible(request: Payload, slices: tuple[Payload, ...], name: str) -> None:
    """Raise `ConfigProblem` if a slice overrides the request, or the slices would have different columns."""
    both = sorted({key for each in slices for key in each if key in request})
    if both:
        raise ConfigProblem(
            f'Both "Export options" and "Parts" of the block "{name}" under "Custom exports" say {", ".join(both)}, '
            "and only one of them can apply: leave it in one of the two."
        )
    for key in _COLUMNS_DEPEND_ON:
        if any(each.get(key) != slices[0].get(key) for each in slices):
            raise ConfigProblem(
                f'The "Parts" of the block "{name}" under "Custom exports" have different {key}, so their columns '
                'would differ: put it into "Export options".'
            )
    if len({bool(each.get("scenarios")) for each in slices}) > 1:
        raise ConfigProblem(
            f'Some "Parts" of the block "{name}" under "Custom exports" have scenarios and some have none, so their '
            "columns would differ: give all of them scenarios."
        )


def parse_config(config: Mapping[str, Any]) -> SourceConfig:
    """The configuration as a value; raises `ConfigProblem`."""
    return SourceConfig(
        application_id=pasted_id(config.get("application_id"), IdKind.APPLICATION, "Application ID") or None,
        block_types=frozenset(ExportKind(word) for word in config.get("block_types", ("list", "table"))),
        include=tuple(config.get("include") or ()),
        exclude=tuple(config.get("exclude") or ()),
        views=_views(config.get("views") or ()),
        custom_exports=tuple(_custom_export(each) for each in config.get("block_requests") or ()),
        friendly_headers=config.get("headers", "friendly") != "technical",
        infer_types=config.get("types", "infer") != "text",
        row_metadata=config.get("row_metadata") is True,
        model_streams=config.get("model_streams") is True,
        audit_log=_audit_log(config),
        num_workers=int(config.get("num_workers") or 3),
        control_totals=config.get("control_totals") is True,
    )


def _audit_log(config: Mapping[str, Any]) -> bool:
    is_on = config.get("audit_log") is True
    credentials = config.get("credentials") or {}
    has_key = credentials.get("auth_type") != "separate_keys" or entered_text(credentials, "audit_api_key")
    if is_on and not has_key:
        raise ConfigProblem(
            '"Audit log" is switched on, and the field "Audit log key" is empty: enter a key of the type "Audit logs", '
            "or switch it off."
        )
    return is_on


def _views(entries: Sequence[Mapping[str, Any]]) -> tuple[NamedView, ...]:
    views = tuple(_view(each) for each in entries)
    if len({(each.view_id, each.name) for each in views}) < len(views):
        raise ConfigProblem('The same view is listed twice with the same name: leave one of them under "Views".')
    return views


def _view(entry: Mapping[str, Any]) -> NamedView:
    view_id = pasted_id(entry.get("view_id"), IdKind.VIEW, "Views")
    name = entered_text(entry, "name")
    if not view_id or not name:
        raise ConfigProblem('Every view needs a view ID and a name: complete them under "Views".')
    return NamedView(view_id, name, id_in_address(entry.get("view_id"), IdKind.APPLICATION))


def _custom_export(entry: Mapping[str, Any]) -> CustomExport:
    block = pasted_id(entry.get("block"), IdKind.BLOCK, "Custom exports")
    if not block:
        raise ConfigProblem('An entry under "Custom exports" names no block: enter the name of the block, or its ID.')
    request = _json(str(entry.get("request") or ""), block, "Export options", {})
    slices = _json(str(entry.get("slices") or ""), block, "Parts", [])
    if not isinstance(request, dict):
        raise ConfigProblem(
            f'"Export options" of the block "{block}" under "Custom exports" must be a JSON object: write {{…}}.'
        )
    if not isinstance(slices, list) or not all(isinstance(each, dict) for each in slices):
        raise ConfigProblem(
            f'"Parts" of the block "{block}" under "Custom exports" must be a JSON list: correct it to [{{…}}, {{…}}].'
        )
    return CustomExport(block, request, tuple(slices))


def _json(text: str, block: str, field: str, nothing: Any) -> Any:
    if not text.strip():
        return nothing
    try:
        return json.loads(text, parse_constant=forbid_constant)
    except ValueError as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigProblem(
            f'"{field}" of the block "{block}" under "Custom exports" is not JSON{place}: paste it again from '
            "Pigment's payload generator."
        ) from None


def _all_matching(patterns: Iterable[str], names: Sequence[str], applications: Sequence[str]) -> set[str]:
    """The names of blocks that a pattern matches, in the form in which it is written or else in the composed one."""
    found: set[str] = set()
    for pattern in patterns:
        exact = {name for name in names if any_matches([pattern], name, applications)}
        # With a placeholder, it does not say which form is meant.
        if not exact or set(pattern) & {"*", "?"}:
            spaces = [composed(each) for each in applications]
            exact |= {name for name in names if any_matches([composed(pattern)], composed(name), spaces)}
        found |= exact
    return found


def any_matches(patterns: Iterable[str], block: str, applications: Sequence[str] = ()) -> bool:
    """Whether a pattern of "Include" or "Exclude" matches the block.

    A pattern means the name of a block. If a connection reads several applications, a pattern with a slash also means
    an application (before the slash) and a block of it (after the slash); names contain slashes, too, so in a pattern
    with several of them each may be that one. `applications` are the names that the block's application goes by.
    """
    return any(
        _matches(pattern, block)
        or any(
            _matches(pattern[: slash.start()], application) and _matches(pattern[slash.end() :], block)
            for slash in re.finditer("/", pattern)
            for application in applications
        )
        for pattern in patterns
    )


def _matches(pattern: str, name: str) -> bool:
    # The form promises only * and ?: a bracket is an ordinary character.
    return fnmatchcase(name.strip(), pattern.strip().replace("[", "[[]"))

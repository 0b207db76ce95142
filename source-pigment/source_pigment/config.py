"""The configuration as values: read once, checked once, used everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import IdKind, id_in_address, pasted_id
from pigment_client.models import Block, ExportKind
from pigment_client.payloads import find_problem
from pigment_csv.dialect import CsvDialect

Payload = Mapping[str, Any]

# What every export is asked for, so that no default of the server matters; nothing in a payload can change it.
_FORMAT: Payload = {
    "dateFormat": "Iso8601",
    "fieldDelimiter": "Semicolon",
    "decimalSeparator": "Dot",
    "encoding": "Utf8WithoutBom",
}
DIALECT = CsvDialect(delimiter=";")

# What decides which columns an export has.
_COLUMNS_DEPEND_ON = ("fields", "metrics", "propertyTechnicalNames")


@dataclass(frozen=True, slots=True)
class BlockRequest:
    """What the user asks of one block: a payload for its export, and several that split it."""

    block: str
    request: Payload
    slices: tuple[Payload, ...]


@dataclass(frozen=True, slots=True)
class NamedView:
    """A view to read, under the name its stream is to have; its application where a whole address was pasted."""

    view_id: str
    name: str
    application_id: str | None = None


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """The whole configuration but the connection; without an application ID, every application is read."""

    application_id: str | None
    block_types: frozenset[ExportKind]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    views: tuple[NamedView, ...]
    block_requests: tuple[BlockRequest, ...]
    friendly_headers: bool
    infer_types: bool
    row_metadata: bool
    model_streams: bool
    audit_log: bool
    num_workers: int

    @property
    def has_system_streams(self) -> bool:
        """Whether there are streams beside those of blocks and views."""
        return self.model_streams or self.audit_log

    def chooses(self, block: Block, applications: Sequence[str] = ()) -> bool:
        """Whether a block becomes a stream; `applications` are names of its application, where there are several."""
        if block.type.kind not in self.block_types:
            return False
        if self.include and not any_matches(self.include, block.name, applications):
            return False
        return not any_matches(self.exclude, block.name, applications)

    def payloads_for(self, kind: ExportKind, *names: str) -> tuple[Payload, ...]:
        """The payloads of an object's slices, one at least; `names` are its id and name.

        Raises `ConfigProblem` that names the path of what does not fit the API description.
        """
        if kind is ExportKind.VIEW:
            return ({"fieldDelimiter": _FORMAT["fieldDelimiter"]},)
        matching = [each for each in self.block_requests if each.block in names]
        if len(matching) > 1:
            raise ConfigProblem(
                f'There is more than one entry for the block "{names[-1]}" under "Custom exports": put them into one.'
            )
        request: Payload = matching[0].request if matching else {}
        slices: tuple[Payload, ...] = (matching[0].slices if matching else ()) or ({},)
        _check_slices(request, slices, names[-1])
        return tuple(
            self._checked(kind, {**request, **each}, f'"{names[-1]}"', position if len(slices) > 1 else None)
            for position, each in enumerate(slices)
        )

    def _checked(self, kind: ExportKind, payload: Payload, name: str, position: int | None) -> Payload:
        problem = find_problem(kind, payload)
        if problem is not None:
            where = f"Part {position + 1}" if position is not None else '"Export options"'
            raise ConfigProblem(
                f'{where} of the block {name} under "Custom exports" must be corrected at {problem.path}: '
                f"{problem.message}."
            )
        return {**payload, **_FORMAT, "friendlyHeaders": self.friendly_headers}


def _check_slices(request: Payload, slices: tuple[Payload, ...], name: str) -> None:
    """A slice must not undo what the request asks for, and all slices must have the same columns."""
    both = sorted({key for each in slices for key in each if key in request})
    if both:
        raise ConfigProblem(
            f'Both "Export options" and "Parts" of the block "{name}" under "Custom exports" say {", ".join(both)}, '
            "and only one of them can hold: leave it in one of the two."
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
        block_requests=tuple(_block_request(each) for each in config.get("block_requests") or ()),
        friendly_headers=config.get("headers", "friendly") != "technical",
        infer_types=config.get("types", "infer") != "text",
        row_metadata=config.get("row_metadata") is True,
        model_streams=config.get("model_streams") is True,
        audit_log=_audit_log(config),
        num_workers=int(config.get("num_workers") or 3),
    )


def _audit_log(config: Mapping[str, Any]) -> bool:
    is_on = config.get("audit_log") is True
    credentials = config.get("credentials") or {}
    has_key = credentials.get("auth_type") != "separate_keys" or str(credentials.get("audit_api_key") or "").strip()
    if is_on and not has_key:
        raise ConfigProblem(
            '"Audit log" is switched on, and the field "Audit log key" is empty: enter a key of the type "Audit logs", '
            "or switch it off."
        )
    return is_on


def _views(entries: Sequence[Mapping[str, Any]]) -> tuple[NamedView, ...]:
    views = tuple(_view(each) for each in entries)
    if len({(each.view_id, each.name) for each in views}) < len(views):
        raise ConfigProblem('The same view is there twice under the same name: leave one of them under "Views".')
    return views


def _view(entry: Mapping[str, Any]) -> NamedView:
    view_id = pasted_id(entry.get("view_id"), IdKind.VIEW, "Views")
    name = str(entry.get("name") or "").strip()
    if not view_id or not name:
        raise ConfigProblem('Every view needs a view ID and a name: complete them under "Views".')
    return NamedView(view_id, name, id_in_address(entry.get("view_id"), IdKind.APPLICATION))


def _block_request(entry: Mapping[str, Any]) -> BlockRequest:
    block = pasted_id(entry.get("block"), IdKind.BLOCK, "Custom exports")
    if not block:
        raise ConfigProblem('An entry under "Custom exports" names no block: enter the name of the block, or its ID.')
    request = _json(entry.get("request"), block, "Export options", {})
    slices = _json(entry.get("slices"), block, "Parts", [])
    if not isinstance(request, dict):
        raise ConfigProblem(
            f'"Export options" of the block "{block}" under "Custom exports" must be a JSON object: write {{…}}.'
        )
    if not isinstance(slices, list) or not all(isinstance(each, dict) for each in slices):
        raise ConfigProblem(
            f'"Parts" of the block "{block}" under "Custom exports" must be a JSON list: correct it to [{{…}}, {{…}}].'
        )
    return BlockRequest(block, request, tuple(slices))


def _json(text: Any, block: str, field: str, nothing: Any) -> Any:
    if text is None or not str(text).strip():
        return nothing
    try:
        return json.loads(text, parse_constant=_reject_constant)
    except ValueError as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigProblem(
            f'"{field}" of the block "{block}" under "Custom exports" is not JSON{place}: paste it again from '
            "Pigment's payload generator."
        ) from None


def _reject_constant(_word: str) -> None:
    """NaN and Infinity are no JSON, whatever Python's parser says."""
    raise ValueError


def any_matches(patterns: Iterable[str], block: str, applications: Sequence[str] = ()) -> bool:
    """Whether a pattern of "Include" or "Exclude" means the block.

    A pattern means the name of a block, with any characters in it. Where a connection reads several applications, one
    with a slash also means an application (before the slash) and a block of it (after the slash); in a pattern of
    several slashes each may be that one, because names contain slashes, too. `applications` are the names by which the
    block's application may be called.
    """
    return any(
        _matches(pattern, block) or any(_matches_in(pattern, block, each) for each in applications)
        for pattern in patterns
    )


def _matches_in(pattern: str, block: str, application: str) -> bool:
    return any(_matches(before, application) and _matches(behind, block) for before, behind in _halves(pattern))


def _halves(pattern: str) -> Iterator[tuple[str, str]]:
    for position, sign in enumerate(pattern):
        if sign == "/":
            yield pattern[:position], pattern[position + 1 :]


def _matches(pattern: str, name: str) -> bool:
    # Only * and ? are promised: a bracket in a name is a bracket.
    return fnmatchcase(name.strip(), pattern.strip().replace("[", "[[]"))

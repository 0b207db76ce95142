"""The configuration as values: read once, checked once, used everywhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.pasted_ids import IdKind, pasted_id
from pigment_client.models import ImportMode, UploadForm
from pigment_csv.date_pattern import ISO_DAY, DatePattern, PatternProblem, parse_date_pattern
from pigment_csv.dialect import CsvDialect

_MEGABYTE = 1_000_000

# Tries after the first, where the form says nothing; a push takes no more than `retry.PUSH` has.
MAX_RETRIES = 5

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class OnUnknown(StrEnum):
    """What to do with a value that is not an item of the dimension list."""

    FAIL = "fail"
    SKIP = "skip"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """An entry of `targets`: which import configuration takes a stream, and whether it clears its block first."""

    stream: str
    namespace: str | None
    configuration_id: str
    replace_configuration_id: str | None = None
    clears: bool = False
    minimum_rows: int = 0


@dataclass(frozen=True, slots=True)
class DimensionCheck:
    """A column whose values must be items of a list."""

    stream: str
    column: str
    list_id: str
    on_unknown: OnUnknown


@dataclass(frozen=True, slots=True)
class FileLimits:
    """When a file is full or old enough to go."""

    max_bytes: int
    max_rows: int
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class DestinationConfig:
    """The whole configuration but the connection."""

    application_id: str | None
    targets: tuple[TargetEntry, ...]
    dialect: CsvDialect
    form: UploadForm
    import_mode: ImportMode | None
    dry_run: bool
    limits: FileLimits
    import_timeout: timedelta
    fail_on_rejected: bool
    dimension_checks: tuple[DimensionCheck, ...]
    then_run: tuple[str, ...] = ()


def parse_config(config: Mapping[str, Any]) -> DestinationConfig:
    """The configuration as a value; raises `ConfigProblem`."""
    csv = config.get("csv") or {}
    mode = str(config.get("import_mode") or "")
    targets = _targets(config.get("targets") or ())
    return DestinationConfig(
        application_id=pasted_id(config.get("application_id"), IdKind.APPLICATION, "Application ID") or None,
        targets=targets,
        dialect=_dialect(csv),
        form=UploadForm(config.get("upload") or "raw"),
        import_mode=ImportMode(mode) if mode else None,
        dry_run=config.get("dry_run") is True,
        limits=FileLimits(
            int(float(config.get("max_file_megabytes") or 100) * _MEGABYTE),
            int(config.get("max_file_rows") or 1_000_000),
            timedelta(minutes=float(config.get("flush_interval_minutes") or 10)),
        ),
        import_timeout=timedelta(minutes=float(config.get("import_timeout_minutes") or 60)),
        fail_on_rejected=config.get("rejected_rows") == "fail",
        dimension_checks=tuple(_check(each) for each in config.get("dimension_checks") or ()),
        then_run=_then_run(config.get("then_run") or (), targets),
    )


def _dialect(csv: Mapping[str, Any]) -> CsvDialect:
    return CsvDialect(
        ";" if csv.get("delimiter") == "semicolon" else ",",
        "," if csv.get("decimal_separator") == "comma" else ".",
        csv.get("encoding") == "utf-8-bom",
        _dates(_text(csv, "dates")),
    )


def _dates(text: str) -> DatePattern | None:
    if text.lower() in {"", "as_sent"}:
        return None
    if text.lower() == "iso":
        return ISO_DAY
    try:
        return parse_date_pattern(text)
    except PatternProblem as problem:
        raise ConfigProblem(f'The pattern in the field "Dates" of "CSV format" {problem}.') from None


def _targets(entries: Sequence[Mapping[str, Any]]) -> tuple[TargetEntry, ...]:
    targets = tuple(_target(each) for each in entries)
    counts = Counter((each.namespace, each.stream) for each in targets)
    repeated = sorted(stream for (_, stream), count in counts.items() if count > 1)
    if repeated:
        raise ConfigProblem(
            f'There is more than one entry for "{", ".join(repeated)}" under "Targets": leave one for each stream.'
        )
    return targets


def _target(entry: Mapping[str, Any]) -> TargetEntry:
    stream = _text(entry, "stream")
    configuration_id = pasted_id(entry.get("import_configuration_id"), IdKind.IMPORT_CONFIGURATION, "Targets")
    if not stream or not configuration_id:
        raise ConfigProblem('Every target needs a stream and an import configuration ID: complete it under "Targets".')
    replacing = pasted_id(entry.get("replace_import_configuration_id"), IdKind.IMPORT_CONFIGURATION, "Targets") or None
    if replacing == configuration_id:
        raise ConfigProblem(
            f'The target "{stream}" has the same import configuration twice, and of the two the replacing one clears '
            'its block and the other one does not: leave "Replacing import configuration ID" empty, or enter another.'
        )
    return TargetEntry(
        stream,
        _text(entry, "namespace") or None,
        configuration_id,
        replacing,
        clears=entry.get("clears_before_import") is True,
        minimum_rows=int(entry.get("minimum_rows") or 0),
    )


def _then_run(entries: Sequence[object], targets: Sequence[TargetEntry]) -> tuple[str, ...]:
    ids = tuple(filter(None, (pasted_id(each, IdKind.IMPORT_CONFIGURATION, "Then run") for each in entries)))
    for each, count in Counter(ids).items():
        if count > 1:
            raise ConfigProblem(f'"{each}" is more than once under "Then run", and each is started once: leave one.')
        if any(each in {target.configuration_id, target.replace_configuration_id} for target in targets):
            raise ConfigProblem(
                f'The import configuration {each} is under "Targets", where it takes files, and under "Then run", '
                'where it would have to run without one: remove it from "Then run".'
            )
    return ids


def _check(entry: Mapping[str, Any]) -> DimensionCheck:
    stream, column = _text(entry, "stream"), _text(entry, "column")
    list_id = pasted_id(entry.get("list_id"), IdKind.LIST, "Dimension checks")
    if not stream or not column or not list_id:
        raise ConfigProblem(
            'Every dimension check needs a stream, a column and a list ID: complete it under "Dimension checks".'
        )
    return DimensionCheck(stream, column, list_id, OnUnknown(entry.get("on_unknown") or "fail"))


def _text(entry: Mapping[str, Any], name: str) -> str:
    return str(entry.get(name) or "").strip()


def same_form(identifier: str) -> str:
    """An id in the one form in which ids are compared with each other."""
    return identifier.lower() if UUID.fullmatch(identifier) else identifier

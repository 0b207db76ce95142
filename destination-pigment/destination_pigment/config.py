"""The configuration as values: parsed and checked once, used everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from destination_pigment.rejected_rows.store import Bucket, parse_bucket
from pigment_airbyte.credentials import KEY_PROPERTIES
from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import IdKind, entered_text, pasted_id
from pigment_client.keys import Purpose
from pigment_client.models import ImportMode, UploadForm, is_id
from pigment_csv.date_pattern import ISO_DAY, PatternProblem, parse_date_pattern
from pigment_csv.dialect import CsvDialect

# Airbyte fails a destination that leaves its input unread for so long (airbyte-platform: heartbeat of the destination).
PLATFORM_PATIENCE = timedelta(seconds=7200)

# Retries of a read if the form says nothing; a push takes no more than `retry.PUSH` allows.
MAX_RETRIES = 5

_MEGABYTE = 1_000_000

Form = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loading:
    """How the files for an import configuration are written, and its import mode; None if Pigment decides that."""

    dialect: CsvDialect = field(default_factory=CsvDialect)
    import_mode: ImportMode | None = None


def parse_loading(config: Form, target: Form | None = None) -> Loading:
    """What the connection says, or the entry of a target where it is filled in; raises `ConfigProblem`."""
    target = target or {}
    given = {name: value for name, value in (target.get("csv") or {}).items() if value is not None and value != ""}
    csv = {**(config.get("csv") or {}), **given}
    entered = entered_text(csv, "dates")
    word = entered.lower()
    try:
        dates = None if word in {"", "as_sent"} else ISO_DAY if word == "iso" else parse_date_pattern(entered)
    except PatternProblem as problem:
        where = f' in the entry for "{entered_text(target, "stream")}" under "Targets"' if "dates" in given else ""
        raise ConfigProblem(f'The pattern in the field "Dates" of "CSV format"{where} {problem}.') from None
    dialect = CsvDialect(
        ";" if csv.get("delimiter") == "semicolon" else ",",
        "," if csv.get("decimal_separator") == "comma" else ".",
        csv.get("encoding") == "utf-8-bom",
        dates,
    )
    mode = entered_text(target, "import_mode") or entered_text(config, "import_mode")
    return Loading(dialect, ImportMode(mode) if mode else None)


class OnUnknown(StrEnum):
    """What to do with a value that is not an item of the dimension list."""

    FAIL = "fail"
    SKIP = "skip"
    REPORT = "report"


class DeletedRows(StrEnum):
    """What to do with a record that says that its row was deleted in the source database."""

    REPORT = "report"
    BLANK = "blank"
    MARK = "mark"


class CountBlocks(StrEnum):
    """When the rows of a block are counted after a replacement."""

    IN_DOUBT = "in_doubt"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """An entry of `targets`: which import configuration takes a stream, and what it clears first.

    `scope` is the column that limits what is cleared; `minimum_rows` is None where the field is empty, and 0 says that
    an empty source may empty the block. `protected` are the values by column that no file may contain.
    """

    stream: str
    namespace: str | None
    configuration_id: str
    replace_configuration_id: str | None = None
    clears: bool = False
    minimum_rows: int | None = None
    scope: str | None = None
    minimum_percent: int | None = None
    block_id: str | None = None
    step: int = 1
    protected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    loading: Loading = field(default_factory=Loading)


@dataclass(frozen=True, slots=True)
class DimensionCheck:
    """A column whose values must be items of a list."""

    stream: str
    column: str
    list_id: str
    on_unknown: OnUnknown


@dataclass(frozen=True, slots=True)
class FileLimits:
    """When a file is full, or old enough to be sent."""

    max_bytes: int
    max_rows: int
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class DestinationConfig:
    """The configuration except the connection."""

    application_id: str | None
    targets: tuple[TargetEntry, ...]
    loading: Loading
    form: UploadForm
    dry_run: bool
    limits: FileLimits
    import_timeout: timedelta
    fail_on_rejected: bool
    dimension_checks: tuple[DimensionCheck, ...]
    then_run: tuple[str, ...] = ()
    bucket: Bucket | None = None
    deleted_rows: DeletedRows = DeletedRows.REPORT
    count_blocks: CountBlocks = CountBlocks.IN_DOUBT
    stamp_columns: bool = False
    control_totals: bool = False
    # What the targets say of their import configurations; a sync asks for each of its streams.
    _loadings: Mapping[str, Loading] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_loadings", loadings_by_configuration(self.targets))

    def warnings(self) -> list[str]:
        """Sentences about settings that may end a sync."""
        if self.import_timeout <= PLATFORM_PATIENCE:
            return []
        minutes = int(PLATFORM_PATIENCE.total_seconds() // 60)
        warning = (
            f'"Import timeout (minutes)" is more than {minutes}, and Airbyte ends a sync whose destination has read '
            f"nothing for {minutes} minutes, as it may while it waits for a long import: enter {minutes} or less, or "
            "make the imports smaller."
        )
        return [warning]

    def loading_of(self, configuration_id: str) -> Loading:
        """How the files for an import configuration are written, and its import mode."""
        return self._loadings.get(configuration_id, self.loading)


def parse_config(config: Form) -> DestinationConfig:
    """The configuration as a value; raises `ConfigProblem`."""
    targets = _parse_targets(config)
    return DestinationConfig(
        application_id=pasted_id(config.get("application_id"), IdKind.APPLICATION, "Application ID") or None,
        targets=targets,
        loading=parse_loading(config),
        form=UploadForm(entered_text(config, "upload") or "raw"),
        dry_run=config.get("dry_run") is True,
        limits=FileLimits(
            int(float(config.get("max_file_megabytes") or 100) * _MEGABYTE),
            int(config.get("max_file_rows") or 1_000_000),
            timedelta(minutes=float(config.get("flush_interval_minutes") or 10)),
        ),
        import_timeout=timedelta(minutes=float(config.get("import_timeout_minutes") or 60)),
        fail_on_rejected=config.get("rejected_rows") == "fail",
        dimension_checks=tuple(_parse_check(each) for each in config.get("dimension_checks") or ()),
        then_run=_parse_then_run(config.get("then_run") or (), targets),
        bucket=parse_bucket(config),
        deleted_rows=DeletedRows(entered_text(config, "deleted_rows") or "report"),
        count_blocks=CountBlocks(entered_text(config, "count_blocks") or "in_doubt"),
        stamp_columns=config.get("stamp_columns") is True,
        control_totals=config.get("control_totals") is True,
    )


def _parse_targets(config: Form) -> tuple[TargetEntry, ...]:
    targets = tuple(_parse_target(each, config) for each in config.get("targets") or ())
    counts = Counter((each.namespace, each.stream) for each in targets)
    repeated = sorted(stream for (_, stream), count in counts.items() if count > 1)
    if repeated:
        raise ConfigProblem(
            f'There is more than one entry for "{", ".join(repeated)}" under "Targets": leave one for each stream.'
        )
    _require_countable(targets, config.get("credentials") or {})
    return targets


def _require_countable(targets: Sequence[TargetEntry], credentials: Form) -> None:
    """Raise `ConfigProblem` where a target depends on a count of its block, and no key can count."""
    if credentials.get("auth_type") != "separate_keys" or entered_text(credentials, KEY_PROPERTIES[Purpose.EXPORT]):
        return
    for each in targets:
        if each.minimum_percent is not None:
            raise ConfigProblem(
                f'The target "{each.stream}" has a "Smallest share of rows (%)", and without an Export key the rows of '
                'its block cannot be counted: enter an "Export key" under "Authentication", or remove the share.'
            )


def loadings_by_configuration(targets: Sequence[TargetEntry]) -> dict[str, Loading]:
    """The loading of each import configuration that a target names; raises `ConfigProblem` if two of them differ."""
    found: dict[str, TargetEntry] = {}
    for target in targets:
        for identifier in filter(None, (target.configuration_id, target.replace_configuration_id)):
            other = found.setdefault(identifier, target)
            if other.loading != target.loading:
                differing = "CSV format" if other.loading.dialect != target.loading.dialect else "Import mode"
                raise ConfigProblem(
                    f'The targets "{other.stream}" and "{target.stream}" name the same import configuration '
                    f'({identifier}) with a different "{differing}": enter the same in both under "Targets".'
                )
    return {identifier: target.loading for identifier, target in found.items()}


def _parse_target(entry: Form, config: Form) -> TargetEntry:
    stream = entered_text(entry, "stream")
    configuration_id = pasted_id(entry.get("import_configuration_id"), IdKind.IMPORT_CONFIGURATION, "Targets")
    if not stream or not configuration_id:
        raise ConfigProblem('Every target needs a stream and an import configuration ID: complete it under "Targets".')
    replacing = pasted_id(entry.get("replace_import_configuration_id"), IdKind.IMPORT_CONFIGURATION, "Targets") or None
    require_distinct_pair(stream, configuration_id, replacing)
    scope, block_id = entered_text(entry, "scope") or None, _parse_block_id(entry, stream)
    minimum_percent = _entered_number(entry, "minimum_percent")
    if minimum_percent is not None and block_id is None:
        raise ConfigProblem(
            f'The target "{stream}" has a "Smallest share of rows (%)", which compares the rows of a sync with those '
            'of a block, and it has no "Block ID": enter the ID of the block that it fills, or remove the share.'
        )
    clears = entry.get("clears_before_import") is True
    protected = _parse_protected(entry, stream)
    if protected and scope is None and (clears or replacing is not None):
        raise ConfigProblem(
            f'The target "{stream}" has "Protected values" and replaces all of its block, which would delete the rows '
            'with these values: enter the column by which clearing is limited as "Scope", or remove the values.'
        )
    return TargetEntry(
        stream,
        entered_text(entry, "namespace") or None,
        configuration_id,
        replacing,
        clears=clears,
        minimum_rows=_entered_number(entry, "minimum_rows"),
        scope=scope,
        minimum_percent=minimum_percent,
        block_id=block_id,
        step=_entered_number(entry, "load_order") or 1,
        protected=protected,
        loading=parse_loading(config, entry),
    )


def _parse_protected(entry: Form, stream: str) -> dict[str, frozenset[str]]:
    """The values by column that no file may contain; raises `ConfigProblem` for an entry that is not complete."""
    found: dict[str, frozenset[str]] = {}
    for each in entry.get("protected_values") or ():
        column = entered_text(each, "column")
        values = frozenset(value for value in each.get("values") or () if value)
        if not column or not values:
            raise ConfigProblem(
                f'An entry of "Protected values" of the target "{stream}" has no column or no values: complete it, or '
                "remove it."
            )
        found[column] = found.get(column, frozenset()) | values
    return found


def require_distinct_pair(stream: str, configuration_id: str, replacing: str | None = None) -> None:
    """Raise `ConfigProblem` where both import configurations of a target are the same."""
    if replacing == configuration_id:
        raise ConfigProblem(
            f'The target "{stream}" has the same import configuration twice, and of the two the replacing one clears '
            'its block and the other one does not: leave "Replacing import configuration ID" empty, or enter another.'
        )


def _parse_block_id(entry: Form, stream: str) -> str | None:
    block_id = pasted_id(entry.get("block_id"), IdKind.BLOCK, "Block ID")
    if block_id and not is_id(block_id):
        raise ConfigProblem(
            f'The "Block ID" of the target "{stream}" is not an ID: open the block in Pigment and paste the address of '
            "the page."
        )
    return block_id or None


def _entered_number(fields: Form, name: str) -> int | None:
    """The whole number in a field, None where it is empty."""
    value = fields.get(name)
    return None if value is None or value == "" else int(value)


def _parse_then_run(entries: Sequence[object], targets: Sequence[TargetEntry]) -> tuple[str, ...]:
    runs = tuple(filter(None, (pasted_id(each, IdKind.IMPORT_CONFIGURATION, "Then run") for each in entries)))
    require_distinct_runs(runs, targets)
    return runs


def require_distinct_runs(ids: Sequence[str], targets: Iterable[TargetEntry]) -> None:
    """Raise `ConfigProblem` for what would be started twice, or takes the files of a target."""
    for each, count in Counter(ids).items():
        if count > 1:
            raise ConfigProblem(
                f'"{each}" is listed more than once under "Then run", and each is started once: leave one.'
            )
    for target in targets:
        require_runs_without_files(
            ids, (target.configuration_id, target.replace_configuration_id), f'target "{target.stream}"'
        )


def require_runs_without_files(then_run: Sequence[str], configuration_ids: Iterable[str | None], subject: str) -> None:
    """Raise `ConfigProblem` if an import configuration that takes files is also to be started without one."""
    for each in then_run:
        if each in configuration_ids:
            raise ConfigProblem(
                f'The import configuration {each} takes the files of the {subject}, and is under "Then run", where it '
                'would have to run without one: remove it from "Then run".'
            )


def _parse_check(entry: Form) -> DimensionCheck:
    stream, column = entered_text(entry, "stream"), entered_text(entry, "column")
    list_id = pasted_id(entry.get("list_id"), IdKind.LIST, "Dimension checks")
    if not stream or not column or not list_id:
        raise ConfigProblem(
            'Every dimension check needs a stream, a column and a list ID: complete it under "Dimension checks".'
        )
    return DimensionCheck(stream, column, list_id, OnUnknown(entered_text(entry, "on_unknown") or "fail"))

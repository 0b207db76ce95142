"""How a file is written for an import configuration, and in which mode Pigment loads it; parsed from the form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ImportMode
from pigment_csv.date_pattern import ISO_DAY, DatePattern, PatternProblem, parse_date_pattern
from pigment_csv.dialect import CsvDialect

Form = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loading:
    """The form of the files for an import configuration, and its import mode; None leaves that to the configuration."""

    dialect: CsvDialect
    import_mode: ImportMode | None = None


def parse_loading(config: Form) -> Loading:
    """What a connection says; raises `ConfigProblem`."""
    return _loading(config, '"CSV format"')


def parse_target_loading(entry: Form, config: Form) -> Loading:
    """What a target says; what it leaves empty is as the connection has it. Raises `ConfigProblem`."""
    given = {name: value for name, value in _csv(entry).items() if value is not None and value != ""}
    mode = _text(entry, "import_mode") or config.get("import_mode")
    where = f' in the entry for "{_text(entry, "stream")}" under "Targets"' if "dates" in given else ""
    return _loading({"csv": {**_csv(config), **given}, "import_mode": mode}, f'"CSV format"{where}')


def _loading(config: Form, where: str) -> Loading:
    csv = _csv(config)
    dialect = CsvDialect(
        ";" if csv.get("delimiter") == "semicolon" else ",",
        "," if csv.get("decimal_separator") == "comma" else ".",
        csv.get("encoding") == "utf-8-bom",
        _dates(_text(csv, "dates"), where),
    )
    mode = _text(config, "import_mode")
    return Loading(dialect, ImportMode(mode) if mode else None)


def _dates(text: str, where: str) -> DatePattern | None:
    if text.lower() in {"", "as_sent"}:
        return None
    if text.lower() == "iso":
        return ISO_DAY
    try:
        return parse_date_pattern(text)
    except PatternProblem as problem:
        raise ConfigProblem(f'The pattern in the field "Dates" of {where} {problem}.') from None


def _csv(form: Form) -> Form:
    csv: Form = form.get("csv") or {}
    return csv


def _text(form: Form, name: str) -> str:
    return str(form.get(name) or "").strip()

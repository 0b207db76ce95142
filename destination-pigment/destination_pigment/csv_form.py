"""The part of the form that says how files are written and loaded: for the connection, and once more for a target."""

from __future__ import annotations

from typing import Any


def import_mode_spec(description: str, *, order: int) -> dict[str, Any]:
    """The field for an import mode.

    A text and not an enum: the empty text is valid and means that something else decides, and a list of choices would
    draw it as an empty entry.
    """
    return {
        "type": "string",
        "title": "Import mode",
        "description": description,
        "pattern": "^(create|update|upsert)?$",
        "pattern_descriptor": "create, update or upsert",
        "examples": ["create", "update", "upsert"],
        "order": order,
    }


def csv_spec(description: str, *, order: int) -> dict[str, Any]:
    """The fields of the CSV format, shown and with their defaults."""
    fields = _fields()
    for each in fields.values():
        each |= {"default": each.get("enum", ["as_sent"])[0], "always_show": True}
    return {**_group(description, fields), "always_show": True, "order": order}


def target_csv_spec(description: str, *, order: int) -> dict[str, Any]:
    """The same fields for one target: without defaults, because what is empty is as the connection has it."""
    return {**_group(description, _fields()), "order": order}


def _group(description: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "title": "CSV format", "description": description, "properties": fields}


def _fields() -> dict[str, Any]:
    return {
        "delimiter": _choice(
            "Delimiter",
            "What stands between two columns. “comma”: <code>,</code> “semicolon”: <code>;</code>",
            ["comma", "semicolon"],
            order=0,
        ),
        "decimal_separator": _choice(
            "Decimal separator",
            "How numbers are written. “dot”: <code>1234.5</code> “comma”: <code>1234,5</code>",
            ["dot", "comma"],
            order=1,
        ),
        "encoding": _choice(
            "Encoding",
            "“utf-8”: the usual form. “utf-8-bom”: with a byte order mark at the start of the file.",
            ["utf-8", "utf-8-bom"],
            order=2,
        ),
        "dates": {
            "type": "string",
            "title": "Dates",
            "description": (
                "How dates are written. “as_sent”: as the source sends them. “iso”: like <code>2026-04-30</code>, a "
                "moment as its day. Or the date format of your import configuration in its letters, such as "
                "<code>dd/MM/yyyy</code>; a row without a proper date is then rejected."
            ),
            "examples": ["as_sent", "iso", "dd/MM/yyyy", "MM/dd/yyyy", "yyyy-MM-dd HH:mm:ss"],
            "order": 3,
        },
    }


def _choice(title: str, description: str, words: list[str], *, order: int) -> dict[str, Any]:
    return {"type": "string", "title": title, "description": description, "enum": words, "order": order}

"""The keys in a configuration, and what cannot be one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import entered_text
from pigment_client.keys import Keys, Purpose

AUTHENTICATION = "Authentication"

# The titles of the fields, as messages name them; a test compares them with the forms.
SINGLE_KEY_FIELD = "API key"
KEY_FIELDS: Mapping[Purpose, str] = {
    Purpose.EXPORT: "Export key",
    Purpose.METADATA: "Metadata key",
    Purpose.IMPORT: "Import key",
    Purpose.AUDIT: "Audit log key",
}
KEY_PROPERTIES: Mapping[Purpose, str] = {
    Purpose.EXPORT: "export_api_key",
    Purpose.METADATA: "metadata_api_key",
    Purpose.IMPORT: "import_api_key",
    Purpose.AUDIT: "audit_api_key",
}

_WHERE_CREATED = "in Pigment, under Workspace settings > API keys"

# A key of the old format is a UUID with dashes; Pigment no longer accepts it (knowledge base, "Import API").
_OLD_FORMAT = re.compile(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}", re.IGNORECASE)
# Straight quotes, and those that mail and text programs turn them into.
_QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
# What a field shows instead of a secret.
_MASKED = re.compile(r"[*\u2022\u25cf.\u2026]+")


def keys_from_config(credentials: Mapping[str, Any]) -> Keys:
    """The keys of a configuration; raises `ConfigProblem` with the field of what cannot be a key."""
    match credentials.get("auth_type"):
        case "single_key":
            found = dict.fromkeys(Purpose, _key(credentials, "api_key", SINGLE_KEY_FIELD))
        case "separate_keys":
            found = {each: _key(credentials, KEY_PROPERTIES[each], KEY_FIELDS[each]) for each in Purpose}
        case _:
            raise ConfigProblem(
                f'Choose under "{AUTHENTICATION}" whether each purpose has a key of its own or one key serves '
                "everything."
            )
    if not any(found.values()):
        raise ConfigProblem(f'No API key is given: enter one under "{AUTHENTICATION}"; create it {_WHERE_CREATED}.')
    return Keys({purpose: key for purpose, key in found.items() if key})


def _key(credentials: Mapping[str, Any], name: str, field: str) -> str:
    key = entered_text(credentials, name)
    if key and (problem := _find_problem(key)):
        raise ConfigProblem(f'The key under "{field}" {problem}.')
    return key


def _find_problem(key: str) -> str | None:
    """What is wrong with how a key looks, and what to do; the key itself is not quoted."""
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        return "is in quotes: remove the quotes around it"
    if _MASKED.fullmatch(key):
        return f"is only the dots or stars that stand for a hidden key: copy the key itself {_WHERE_CREATED}"
    if key.lower().startswith("bearer "):
        return 'begins with the word "Bearer": enter only the key'
    if _OLD_FORMAT.fullmatch(key):
        return f"has the old format with dashes, which Pigment no longer accepts: create a new key {_WHERE_CREATED}"
    if any(each.isspace() for each in key):
        return "contains a space or a line break: copy it again, alone and in one piece"
    if not all("!" <= each <= "~" for each in key):
        return "contains a character that keys never have: copy it again, or create a new one"
    return None

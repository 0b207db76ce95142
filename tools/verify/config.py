"""The configuration of `make verify`: that of the source, and what the user created for this purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_QUOTES = "\"'`<>\u201c\u201d\u2018\u2019\u00ab\u00bb"
# What comes before an ID in an address of Pigment: a part of the path, or the name of a parameter.
_APPLICATION = re.compile(r"app|applications?|applicationId")
_BLOCK = re.compile(r"(dimension|transaction)?-?(block|list|metric)s?|blockId|listId")
_CONFIGURATION = re.compile(r".*import.*|.*configurations?|.*configurationId|ApiPush|pipelines?")


class ConfigurationProblem(Exception):
    """The configuration of `make verify` cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that the configuration has, by purpose; `single` is one key for everything."""

    export: str | None
    metadata: str | None
    imports: str | None
    audit: str | None
    single: bool = False


@dataclass(frozen=True, slots=True)
class ImportsForVerifying:
    """The import configuration that the user named for this purpose, and a small file for it."""

    configuration_id: str
    file: str


@dataclass(frozen=True, slots=True)
class BlockForVerifying:
    """A list or metric that the user created for this purpose, and the import configurations that fill it.

    `replacing_id` is a configuration that clears all of the block, `dates` the form in which its files write a day, and
    `key_without_delete` a key whose owner may not delete items.
    """

    section: str
    configuration_id: str
    block_id: str
    replacing_id: str | None
    dates: str
    key_without_delete: str | None


@dataclass(frozen=True, slots=True)
class Config:
    """What is asked, and with which keys."""

    base_url: str
    keys: Keys
    application_id: str | None
    imports: ImportsForVerifying | None
    start_id: str | None
    list: BlockForVerifying | None
    scope: BlockForVerifying | None
    metric: BlockForVerifying | None


_ISO = "yyyy-MM-dd"
_DEFAULT_ADDRESS = "https://pigment.app"


def read_config(path: Path) -> Config:
    """The configuration in a file."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigurationProblem(f"{path} cannot be read.") from None
    except ValueError:
        raise ConfigurationProblem(f"{path} does not contain JSON.") from None
    if not isinstance(config, dict):
        raise ConfigurationProblem(f"{path} must contain a JSON object.")
    return parse_config(config)


def parse_config(config: Mapping[str, Any]) -> Config:
    """The configuration as values; IDs may be pasted as whole addresses."""
    return Config(
        str(config.get("base_url") or _DEFAULT_ADDRESS),
        _keys(config),
        _pasted_id(config, "application_id", _APPLICATION),
        _imports(config),
        _pasted_id(config, "verify_start", _CONFIGURATION),
        *(_block(config, f"verify_{name}") for name in ("list", "scope", "metric")),
    )


def _keys(config: Mapping[str, Any]) -> Keys:
    given = config.get("credentials")
    if not isinstance(given, Mapping):
        raise ConfigurationProblem('"credentials" is missing; it is the same as in the form of the source.')
    one = given.get("api_key") or None
    if one:
        return Keys(one, one, one, given.get("audit_api_key") or one, single=True)
    export, metadata, imports, audit = (
        given.get(f"{purpose}_api_key") or None for purpose in ("export", "metadata", "import", "audit")
    )
    return Keys(export, metadata, imports, audit)


def _imports(config: Mapping[str, Any]) -> ImportsForVerifying | None:
    given = config.get("verify_import")
    if not given:
        return None
    if not isinstance(given, Mapping) or not given.get("import_configuration_id") or not given.get("file"):
        raise ConfigurationProblem('"verify_import" needs "import_configuration_id" and "file".')
    return ImportsForVerifying(_pasted_id(given, "import_configuration_id", _CONFIGURATION) or "", str(given["file"]))


def _block(config: Mapping[str, Any], section: str) -> BlockForVerifying | None:
    given = config.get(section)
    if not given:
        return None
    if not isinstance(given, Mapping) or not given.get("import_configuration_id") or not given.get("block_id"):
        raise ConfigurationProblem(f'"{section}" needs "import_configuration_id" and "block_id".')
    return BlockForVerifying(
        section,
        _pasted_id(given, "import_configuration_id", _CONFIGURATION) or "",
        _pasted_id(given, "block_id", _BLOCK) or "",
        _pasted_id(given, "replace_import_configuration_id", _CONFIGURATION),
        str(given.get("dates") or _ISO),
        given.get("import_api_key_without_delete") or None,
    )


def _pasted_id(given: Mapping[str, Any], field: str, before: re.Pattern[str]) -> str | None:
    """The ID in what was pasted, an ID or an address; None where nothing was."""
    text = str(given.get(field) or "").strip().strip(_QUOTES).strip()
    if not text:
        return None
    if _ID.fullmatch(text):
        return text.lower()
    try:
        parts = urlsplit(text)
    except ValueError:  # half an IPv6 address
        parts = urlsplit("")
    pairs = [*parse_qsl(parts.query), *pairwise(parts.path.split("/"))]
    for name, value in pairs:
        if before.fullmatch(name) and _ID.fullmatch(value):
            return value.lower()
    raise ConfigurationProblem(f'"{field}" contains no ID: paste the ID, or the whole address that contains it.')

"""IDs as people paste them: alone, in quotes, or inside the address that the browser shows. Pure.

Addresses seen: `https://pigment.app/application/{application}/tables/{block}?displayMode=Grid&viewId={view}` (text
"Export with APIs"), `https://pigment.app/app/{application}/…` (text "Pigment Connector Setup"), the same with
`/w/{workspace}` in front (public repositories), and the API's own, such as `…/push/csv?configurationId={id}`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise
from urllib.parse import parse_qsl, unquote, urlsplit

from pigment_airbyte.failures import ConfigProblem

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

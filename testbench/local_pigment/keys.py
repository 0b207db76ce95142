"""API keys, and what their owners may see, write and delete."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

EXPORT, METADATA, IMPORT, AUDIT = "Export", "Modeling Metadata", "Import", "Audit logs"

# The names of items that somebody has a right to, by the name of their dimension list; lists not named are free.
ItemRights = Mapping[str, AbstractSet[str]]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key; it acts as its owner, who sees all but `hidden` (ids of applications and blocks).

    `writable` and `readable` are the owner's access rights, applied row by row ("Apply access rights to admins": they
    are, unless the owner has Define Application Security); None: no rights are applied.
    """

    name: str
    secret: str
    scopes: frozenset[str]
    expires: date | None = None
    addresses: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()
    writable: ItemRights | None = None
    readable: ItemRights | None = None
    may_delete_items: bool = True

    def may_write(self, list_name: str, item: str) -> bool:
        """Whether the owner may write rows with this item; a blank needs no right."""
        return _has_right(self.writable, list_name, item)

    def may_read(self, list_name: str, item: str) -> bool:
        """Whether the owner sees rows with this item."""
        return _has_right(self.readable, list_name, item)


def _has_right(rights: ItemRights | None, list_name: str, item: str) -> bool:
    return rights is None or not item or list_name not in rights or item in rights[list_name]

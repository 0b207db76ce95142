"""API keys of Pigment, one for each purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from pigment_client.errors import KeyFormatOutdated, KeyMalformed, KeyMissing

# Keys of the old form are UUIDs with dashes; Pigment no longer accepts them (knowledge base, "Import API").
_OLD_FORM = re.compile(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}", re.IGNORECASE)

# What an HTTP header can certainly carry; a key that was copied with a line break or an ellipsis in it is not valid.
_KEY = re.compile(r"[!-~]+")


class Purpose(StrEnum):
    """What a request needs a key for; a key is created for one purpose or, in some workspaces, for several."""

    EXPORT = "Export"
    METADATA = "Modeling Metadata"
    IMPORT = "Import"
    AUDIT = "Audit logs"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one connection; one key may serve every purpose.

    Raises `KeyFormatOutdated` for a key of the old dashed form and `KeyMalformed` for a text that cannot be a key.
    """

    export: str | None = field(default=None, repr=False)
    metadata: str | None = field(default=None, repr=False)
    imports: str | None = field(default=None, repr=False)
    audit: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for purpose in Purpose:
            key = self._find(purpose)
            if key is None:
                continue
            if _OLD_FORM.fullmatch(key):
                raise KeyFormatOutdated(purpose=purpose.value)
            if not _KEY.fullmatch(key):
                raise KeyMalformed(purpose=purpose.value)

    @classmethod
    def single(cls, key: str) -> Keys:
        """One key for everything."""
        return cls(export=key, metadata=key, imports=key, audit=key)

    def has(self, purpose: Purpose) -> bool:
        """Whether there is a key for the purpose."""
        return self._find(purpose) is not None

    def key_for(self, purpose: Purpose) -> str:
        """The key for a purpose, without surrounding blanks; raises `KeyMissing` if there is none."""
        key = self._find(purpose)
        if key is None:
            raise KeyMissing(purpose=purpose.value)
        return key

    def _find(self, purpose: Purpose) -> str | None:
        keys = dict(zip(Purpose, (self.export, self.metadata, self.imports, self.audit), strict=True))
        return (keys[purpose] or "").strip() or None

"""API keys of Pigment, one for each purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from pigment_client.errors import KeyFormatOutdated, KeyMissing

# Keys of the old form are UUIDs with dashes; Pigment no longer accepts them (knowledge base, "Import API").
_OLD_FORM = re.compile(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}", re.IGNORECASE)


class Purpose(StrEnum):
    """What a request wants a key for; a Pigment key is made for one purpose or, in some workspaces, several."""

    EXPORT = "Export"
    METADATA = "Modeling Metadata"
    IMPORT = "Import"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one connection; one key may serve every purpose.

    Raises `KeyFormatOutdated` for a key of the old dashed form.
    """

    export: str | None = field(default=None, repr=False)
    metadata: str | None = field(default=None, repr=False)
    imports: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for key in (self.export, self.metadata, self.imports):
            if key is not None and _OLD_FORM.fullmatch(key.strip()):
                raise KeyFormatOutdated

    @classmethod
    def single(cls, key: str) -> Keys:
        """One key for everything."""
        return cls(export=key, metadata=key, imports=key)

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
        match purpose:
            case Purpose.EXPORT:
                key = self.export
            case Purpose.METADATA:
                key = self.metadata
            case Purpose.IMPORT:
                key = self.imports
        return key.strip() or None if key else None

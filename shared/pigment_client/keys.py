"""API keys of Pigment, one for each purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pigment_client.errors import KeyMissing


class Purpose(StrEnum):
    """What a request needs a key for; a key is created for one purpose or, in some workspaces, for several."""

    EXPORT = "Export"
    METADATA = "Modeling Metadata"
    IMPORT = "Import"
    AUDIT = "Audit logs"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one connection; one key may serve every purpose."""

    by_purpose: Mapping[Purpose, str] = field(repr=False)

    @classmethod
    def single(cls, key: str) -> Keys:
        return cls(dict.fromkeys(Purpose, key))

    def key_for(self, purpose: Purpose) -> str:
        """The key for a purpose; raises `KeyMissing` if there is none."""
        if purpose not in self.by_purpose:
            raise KeyMissing(purpose=purpose.value)
        return self.by_purpose[purpose]

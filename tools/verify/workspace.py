"""The workspace that is probed: what several probes ask of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from verify.block_trial import BlockTrial
from verify.config import Config
from verify.csv_sample import CsvSample, read_sample
from verify.import_trial import ImportTrial
from verify.imports import Imports
from verify.observer import Exchange, Observer
from verify.probe import NotAsked

LIST, TRANSACTIONS, METRIC, TABLE = "DimensionList", "TransactionList", "Metric", "Table"
# How a report names what was asked of a block of each type.
EACH_TYPE = "export one block of each type as the source does"

AS_THE_CONNECTOR_ASKS: dict[str, Any] = {
    "friendlyHeaders": True,
    "dateFormat": "Iso8601",
    "fieldDelimiter": "Semicolon",
    "decimalSeparator": "Dot",
    "encoding": "Utf8WithoutBom",
}
_PATHS = {LIST: "list", TRANSACTIONS: "list", METRIC: "metric", TABLE: "table"}
_A_WORD = re.compile(r"[A-Za-z]{2,40}")


class Workspace:
    """Asks through an observer, with the key that a question needs."""

    def __init__(self, observer: Observer, config: Config, sleep: Callable[[float], None] = time.sleep) -> None:
        self.observer = observer
        self.config = config
        self.keys = config.keys
        self.application_id = config.application_id
        self.imports = Imports(observer, config.keys.imports, sleep)
        self.trial = ImportTrial(self.imports, config.imports)
        self.list_trial = BlockTrial(self, "verify_list", config.list)
        self.scope_trial = BlockTrial(self, "verify_scope", config.scope)
        self.metric_trial = BlockTrial(self, "verify_metric", config.metric, is_metric=True)

    def metadata(self, path: str) -> Exchange:
        """What a listing returns."""
        return self.observer.once(_needed(self.keys.metadata, "Modeling Metadata"), "GET", path)

    def richer_configurations(self) -> Exchange:
        """The answer to the richer list of import configurations, which only some workspaces offer."""
        if self.application_id is None:
            raise NotAsked("the configuration has no application_id")
        return self.metadata(f"/api/v1/import/configurations?applicationId={self.application_id}")

    def listed(self, path: str) -> list[dict[str, Any]]:
        """The entries of a listing; nothing where it is not what was expected."""
        entries = self.metadata(path).json()
        return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []

    def blocks(self) -> list[dict[str, Any]]:
        """The blocks of the application, or of all that the key sees."""
        return self.listed("/api/v1/blocks" + (f"?applicationId={self.application_id}" if self.application_id else ""))

    def names(self, *types: str) -> set[str]:
        """The names of the blocks of these types."""
        return {str(each.get("name")) for each in self.blocks() if each.get("type") in types}

    def first(self, type_: str) -> dict[str, Any]:
        """The first block of a type."""
        for each in self.blocks():
            if each.get("type") == type_:
                return each
        raise NotAsked(f"the key sees no block of type {type_}")

    def export(self, type_: str, *, legacy: bool = False, **options: Any) -> Exchange:
        """The export of the first block of a type; `options` is the whole request."""
        block = self.first(type_)
        path = f"/api/{'' if legacy else 'v1/'}export/{_PATHS[type_]}/{block.get('id')}"
        return self.observer.once(_needed(self.keys.export, "Export"), "POST", path, json=options)

    def exported(self, kind: str, block_id: str) -> Exchange | None:
        """The export of a block as it is now; None without an Export key."""
        if self.keys.export is None:
            return None
        path = f"/api/v1/export/{kind}/{block_id}"
        return self.observer.send(self.keys.export, "POST", path, json=AS_THE_CONNECTOR_ASKS)

    def sample(self, type_: str, delimiter: str = ";", **changes: Any) -> CsvSample:
        """The first rows of a block, exported as the connector does, with changes."""
        exchange = self.export(type_, **{**AS_THE_CONNECTOR_ASKS, **changes})
        if exchange.status != 200:
            raise NotAsked(f"the export of a {type_} was answered with {exchange.status}")
        return read_sample(exchange.body, delimiter, whole=exchange.whole)

    def samples(self) -> list[CsvSample]:
        """A sample for each type of block that there is."""
        found: list[CsvSample] = []
        for type_ in _PATHS:
            try:
                found.append(self.sample(type_))
            except NotAsked:
                if self.keys.export is None or self.keys.metadata is None or self.observer.limited:
                    raise
        if not found:
            raise NotAsked("no block could be exported")
        return found

    def public_word(self, text: object) -> str:
        """A word of Pigment's API as it stands; anything that might be the user's own is not repeated."""
        is_word = isinstance(text, str) and _A_WORD.fullmatch(text) is not None
        return str(text) if is_word and text not in self._private() else "something else"

    def _private(self) -> set[str]:
        known = {str(each.get("name")) for each in self.blocks()} if self.keys.metadata else set()
        return known | set(self.config.imports.file.split() if self.config.imports else ())


def _needed(key: str | None, kind: str) -> str:
    if key is None:
        raise NotAsked(f"the configuration has no {kind} key")
    return key

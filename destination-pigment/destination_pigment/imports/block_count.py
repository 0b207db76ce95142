"""How many rows a block has: an export that is counted as it passes, and never kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pigment_airbyte.failures import explain
from pigment_client.client import Export, PigmentClient
from pigment_client.errors import NotFound, PigmentError, RequestRejected
from pigment_client.keys import Purpose
from pigment_client.models import ExportKind, ExportRequest, ImportedBlock
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvBroken, CsvReader

logger = logging.getLogger("airbyte.pigment.destination")

_FORMAT: Mapping[str, Any] = {
    "friendlyHeaders": False,
    "dateFormat": "Iso8601",
    "fieldDelimiter": "Semicolon",
    "decimalSeparator": "Dot",
    "encoding": "Utf8WithoutBom",
}

T = TypeVar("T")


class BlockCounter:
    """Counts the rows of blocks with the export key."""

    def __init__(self, client: PigmentClient) -> None:
        self._client = client

    def count(self, block: ImportedBlock | str) -> int | None:
        """How many rows of a block the owner of the key sees; None, with one warning, where they cannot be counted.

        A block whose kind is not known is tried as a list, then as a metric.
        """
        block = ImportedBlock(block) if isinstance(block, str) else block
        if not self._client.has_key_for(Purpose.EXPORT):
            _warn_not_counted(block, 'the connection has no API key of the type "Export".')
            return None
        try:
            if block.kind is ExportKind.METRIC:
                return self._count_metric(block)
            try:
                return self._count_list(block)
            except NotFound:
                if block.kind is not None:
                    raise
                return self._count_metric(block)
        except PigmentError as error:
            _warn_not_counted(block, explain(error, subject=f"block {block.block_id}").message)
        except CsvBroken as error:
            _warn_not_counted(block, f"its export cannot be read: {error}.")
        return None

    def _count_list(self, block: ImportedBlock) -> int:
        """One property is enough; which there are, the header of an export says, which is closed then."""
        header = self._export(block, ExportKind.LIST, {}, _header_of)
        try:
            return self._export(block, ExportKind.LIST, {"propertyTechnicalNames": header[:1]}, count_rows)
        except RequestRejected:
            return self._export(block, ExportKind.LIST, {}, count_rows)

    def _count_metric(self, block: ImportedBlock) -> int:
        scenario = {} if block.scenario_id is None else {"scenarios": [block.scenario_id]}
        return self._export(block, ExportKind.METRIC, scenario, count_rows)

    def _export(
        self, block: ImportedBlock, kind: ExportKind, payload: Mapping[str, Any], consume: Callable[[Export], T]
    ) -> T:
        return self._client.export(ExportRequest(kind, block.block_id, {**_FORMAT, **payload}), consume)


def count_rows(export: Iterable[bytes]) -> int:
    """How many rows an export has below its header; raises `CsvBroken`."""
    reader = CsvReader(CsvDialect(";"))
    rows = sum(len(reader.read_rows(chunk)) for chunk in export)
    return rows + len(reader.read_last_row())


def _header_of(export: Export) -> list[str]:
    reader = CsvReader(CsvDialect(";"))
    try:
        for chunk in export:
            reader.read_rows(chunk)
            if reader.header is not None:
                return reader.header
        reader.read_last_row()
    finally:
        export.close()
    return reader.header or []


def _warn_not_counted(block: ImportedBlock, reason: str) -> None:
    logger.warning("The rows of the block %s could not be counted: %s", block.block_id, reason)

"""What an import reads that is started inside Pigment: a block as it is when the import begins, or a system outside."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from local_pigment.blocks import Application, Block, ListBlock, MetricBlock
from local_pigment.imports import Failed, FromBlock, FromOutside, ImportConfiguration


def read_source(configuration: ImportConfiguration, applications: Mapping[str, Application]) -> bytes:
    """The rows of the source as the file that the configuration expects."""
    match configuration.source:
        case FromOutside(content=content):
            return content
        case FromBlock(block_id=block_id):
            owner, block = _find(block_id, applications)
            return _as_csv(_rows(owner, block), configuration.delimiter)
        case None:
            raise Failed("UnsupportedOperation")


def _find(block_id: str, applications: Mapping[str, Application]) -> tuple[Application, Block]:
    for owner in applications.values():
        if block_id in owner.blocks:
            return owner, owner.blocks[block_id]
    raise Failed("SourceBlockNotFound")


def _rows(owner: Application, block: Block) -> Iterable[Sequence[str]]:
    match block:
        case ListBlock():
            yield [each.name for each in block.properties]
            yield from (item.values for item in block.items)
        case MetricBlock():
            yield [*(owner.lists()[id_].name for id_ in block.dimension_ids), block.name]
            yield from ((*cell, value) for cell, value in block.of().items())
        case _:
            raise Failed("TableIsNoSource")


def _as_csv(rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()

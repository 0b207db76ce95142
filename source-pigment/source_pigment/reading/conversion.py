"""Which way a block of rows becomes records: by row or by column. Both give the same bytes.

By column costs a third as much a row, but loading pyarrow costs as much as a megabyte by row, and each column of each
block has a price of its own. So a sync that reads little never loads it, and blocks of few, wide rows go by row.
"""

from __future__ import annotations

from source_pigment.reading.records import Converter, RecordBlock, RecordLayout, RowConverter

# Where both ways cost the same, measured with 8 to 2,000 columns.
_FEW_ROWS = 32
_CHEAP_BYTES = 1 << 20


class Conversion:
    """The way that all streams of a sync share; for one thread."""

    def __init__(self, cheap_bytes: int = _CHEAP_BYTES) -> None:
        # All mutable state: how much may still go by row before pyarrow is loaded.
        self._cheap_bytes = cheap_bytes

    def converter(self, layout: RecordLayout, *, plain: bool = False) -> Converter:
        """What converts the rows of an export; `plain` says that all of them are known to be plain CSV."""
        return _Chosen(self, layout, plain=plain)

    def by_column(self, block: bytes) -> bool:
        """Whether a block is better converted by column."""
        if block.count(b"\n") < _FEW_ROWS:
            return False
        self._cheap_bytes -= len(block)
        return self._cheap_bytes < 0


class _Chosen:
    def __init__(self, conversion: Conversion, layout: RecordLayout, *, plain: bool) -> None:
        self._conversion = conversion
        self._layout = layout
        self._plain = plain
        self._by_row = RowConverter(layout)
        self._by_column: Converter | None = None

    def convert(self, block: bytes, *, first_record: int, emitted_at: int) -> RecordBlock:
        converter: Converter = self._by_row
        if self._conversion.by_column(block):
            converter = self._by_column = self._by_column or self._loaded()
        return converter.convert(block, first_record=first_record, emitted_at=emitted_at)

    def _loaded(self) -> Converter:
        # pyarrow takes a quarter of a second and 50 MB to load, and only reading much needs it.
        from source_pigment.reading.arrow_records import ArrowConverter  # noqa: PLC0415

        return ArrowConverter(self._layout, plain=self._plain)

"""The preview of a stream as a table of plain text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from destination_pigment.imports.block_count import Readable
from destination_pigment.imports.preview import BlockNow, StreamPreview
from destination_pigment.imports.row_comparison import KeysCompared
from destination_pigment.imports.scope_guards import Unread, compare_scope, shortened
from destination_pigment.targets import Target
from pigment_client.models import ExportKind
from pigment_client.wording import counted, with_more

# What a table lists of values, columns and reasons.
_MOST = 30
_MOST_COLUMNS = 10

# A label, what is sent, what the block has, and a remark.
Line = tuple[str, str, str, str]


def preview_lines(preview: StreamPreview) -> list[str]:
    """The lines of the table, aligned, and below it what could not be compared."""
    now = preview.now if isinstance(preview.now, BlockNow) else None
    lines = [
        ("", "to push", "in block now", ""),
        ("rows", f"{preview.totals.rows:,}", "" if now is None else f"{now.totals.rows:,}", ""),
        ("files", f"{preview.files:,}", "", ""),
        *_rejected(preview),
        *_sums(preview, now),
        *_scope(preview, now),
        *_keys(preview),
    ]
    return [
        f'Preview of the {preview.each.stream.subject}, sync mode "{preview.each.stream.mode}", {_place(preview)}:',
        *_aligned(lines),
        *(f"  {each}" for each in _items(preview)),
        *(f"  {each}" for each in _notes(preview)),
    ]


def _aligned(lines: Sequence[Line]) -> Iterator[str]:
    labels, sent, there = (max(len(line[place]) for line in lines) for place in range(3))
    for label, left, right, remark in lines:
        yield f"  {label:<{labels}}  {left:>{sent}}  {right:>{there}}  {remark}".rstrip()


def _place(preview: StreamPreview) -> str:
    """The import configurations and the block by name."""
    target, place = preview.each.target, preview.place
    adds, clears = target.configuration_id, target.clearing_id
    pair = [clears, adds] if preview.each.replaces and clears not in {None, adds} else [adds]
    through = " and ".join(f'"{place.names[each]}" ({each})' if each in place.names else str(each) for each in pair)
    if place.block_id is None:
        return f"through {through}"
    return f"through {through} into " + (f'"{place.block_name}"' if place.block_name else f"the block {place.block_id}")


def _rejected(preview: StreamPreview) -> Iterator[Line]:
    if preview.rejected:
        yield "rejected before upload", f"{preview.rejected:,}", "", ""
        by_reason = preview.each.files.rejected_by_reason
        for reason, count in list(by_reason.items())[:_MOST]:
            yield "", f"{count:,}", "", reason
    if preview.deleted:
        yield "deleted rows, not sent", f"{preview.deleted:,}", "", ""


def _sums(preview: StreamPreview, now: BlockNow | None) -> Iterator[Line]:
    for name, total in preview.totals.by_column.items():
        there = "" if now is None or name not in now.totals.by_column else now.totals.by_column[name].digits
        remark = f"without {counted(total.texts, 'cell that is', 'cells that are')} no number" if total.texts else ""
        yield f'sum of "{name}"', total.digits, there, remark


def _scope(preview: StreamPreview, now: BlockNow | None) -> Iterator[Line]:
    """Each value of the scope with its rows, and those that only the block has."""
    scope = preview.each.target.scope
    if scope is None or not preview.scope_rows:
        return
    in_files = {value: rows for value, rows in preview.scope_rows.items() if value is not None}
    found = None if now is None else compare_scope(in_files, _named(now.scope_rows))
    yield f'rows by "{scope}"', "", "", ""
    for value, rows in list(in_files.items())[:_MOST]:
        there = None if found is None or isinstance(found, Unread) else found.rows[value]
        remark = _remark(preview.each.target, value, rows, there)
        yield f"  {shortened(value)}", f"{rows:,}", "" if there is None else f"{there:,}", remark
    if len(in_files) > _MOST:
        yield f"  and {len(in_files) - _MOST:,} more", "", "", ""
    if found is not None and not isinstance(found, Unread):
        for value, rows in list(found.gone.items())[:_MOST]:
            yield f"  {shortened(value)}", "", f"{rows:,}", "stays"
        if len(found.gone) > _MOST:
            yield f"  and {len(found.gone) - _MOST:,} more", "", "", "stay"


def _remark(target: Target, value: str, rows: int, there: int | None) -> str:
    """What becomes of the rows with a value of the scope."""
    if value in target.protected.get(target.scope or "", ()):
        return "protected, would stop the sync"
    if there is None:
        return ""
    if 100 * rows < (target.minimum_percent or 0) * there:
        return "too few, would stop the sync"
    return "replaced" if there else "new"


def _keys(preview: StreamPreview) -> Iterator[Line]:
    """How many rows are new, changed or gone, by key."""
    found = preview.keys
    if not isinstance(found, KeysCompared) or not found.is_alike:
        return
    yield f"rows by {_listed(preview.key)}", "", "", ""
    yield "  new", f"{found.new:,}", "", ""
    columns = sorted(found.changed_by_column.items(), key=lambda each: -each[1])
    named = [f'"{name}" {count:,}' for name, count in columns[:_MOST_COLUMNS]]
    yield "  changed", f"{found.changed:,}", f"{found.changed:,}", with_more(named, len(columns))
    yield "  unchanged", f"{found.unchanged:,}", f"{found.unchanged:,}", ""
    if _claims_gone(preview):
        yield "  gone", "", f"{found.gone:,}", "deleted by this load" if found.gone else ""


def _claims_gone(preview: StreamPreview) -> bool:
    """Whether the load deletes rows that it does not have: all, or those with a value of its scope."""
    if not preview.each.replaces:
        return False
    if preview.each.target.scope is None:
        return True
    in_files = _named(preview.scope_rows)
    return isinstance(preview.now, BlockNow) and not isinstance(
        compare_scope(in_files, _named(preview.now.scope_rows)), Unread
    )


def _named(rows: Mapping[str | None, int]) -> dict[str, int]:
    return {value: count for value, count in rows.items() if value is not None}


def _items(preview: StreamPreview) -> Iterator[str]:
    """Items of dimension lists that are not known, or that the import configuration would create."""
    for check in preview.each.files.converter.checks:
        if check.unknown:
            what = "Items that would be created" if check.creates else "Items that are not known"
            listed = with_more(check.described_unknown(), len(check.unknown))
            yield f'{what} in the column "{check.column}", with their rows: {listed}.'


def _notes(preview: StreamPreview) -> Iterator[str]:
    """What could not be compared, with the reason."""
    if isinstance(preview.readable, Unread):
        yield f"Not compared with the block, because {preview.readable.reason}."
        return
    if isinstance(preview.now, Unread):
        yield f"Not compared with the block, because {preview.now.reason}."
        return
    if preview.now is None or not isinstance(preview.readable, Readable):
        return
    scoped = preview.readable.kind is ExportKind.METRIC
    yield "Of the block, what the owner of the Export key sees was read" + (
        ", in the default scenario." if scoped else "."
    )
    lacking = [each for each in preview.columns if preview.readable.columns.count(each) != 1]
    if lacking:
        yield f"Not compared, because the block has no property of that name, or several: {_listed(lacking)}."
    scope = preview.each.target.scope
    if scope is not None and preview.scope_rows:
        found = compare_scope(_named(preview.scope_rows), _named(preview.now.scope_rows))
        if scope not in lacking and isinstance(found, Unread):
            yield f'The values of "{scope}" were not compared, because {found.reason}.'
    yield from _notes_on_keys(preview)


def _notes_on_keys(preview: StreamPreview) -> Iterator[str]:
    found = preview.keys
    if isinstance(found, Unread):
        yield f"Rows were not compared by key, because {found.reason}."
    elif found is not None and not found.is_alike:
        yield (
            f"Rows were not compared by {_listed(preview.key)}, because fewer than half of the keys are in the block, "
            "which may write them in another way."
        )
    elif found is not None:
        both = found.changed + found.unchanged
        other = [name for name, count in found.changed_by_column.items() if count == both > 1]
        if other:
            yield f"{_listed(other)} differs in every row that is in both: the block may write it in another way."
        if found.repeated:
            yield f"Rows of the block with the key of another one, of which one was compared: {found.repeated:,}."


def _listed(names: Sequence[str]) -> str:
    return with_more([f'"{each}"' for each in names[:_MOST_COLUMNS]], len(names))

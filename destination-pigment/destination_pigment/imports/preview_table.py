"""The preview of a stream as a table of plain text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from destination_pigment.imports.block_reading import Readable
from destination_pigment.imports.preview import MOST_SHOWN, BlockNow, StreamPreview
from destination_pigment.imports.row_comparison import KeysCompared
from destination_pigment.imports.scope_guards import ScopeInBlock, Unread
from destination_pigment.targets import Target
from pigment_client.models import ImportMode
from pigment_client.wording import counted, shortened, with_more
from pigment_csv.totals import Total, Totals

# What a table lists of columns.
_MOST_COLUMNS = 10

# The end of a remark about a value that a guard refuses.
_STOPS = "would stop the sync"

# A label, what is sent, what the block has, what it has after the load or by how much both differ, and a remark.
Line = tuple[str, str, str, str, str]


def preview_lines(preview: StreamPreview) -> list[str]:
    """The lines of the table, aligned, and below it what could not be compared."""
    now = preview.now if isinstance(preview.now, BlockNow) else None
    after = preview.after_load()
    then, rows_then = ("after the load", f"{after.rows:,}") if after else ("", "")
    lines = [
        ("", "to push", "in block now", then, ""),
        ("rows", f"{preview.totals.rows:,}", "" if now is None else f"{now.totals.rows:,}", rows_then, ""),
        ("files", f"{preview.files:,}", "", "", ""),
        *_rejected(preview),
        *_sums(preview, now, after),
        *_scope(preview),
        *_sums_by_value(preview, now),
        *_keys(preview),
    ]
    stream = preview.each.stream
    return [
        f'Preview of the {stream.subject}, sync mode "{stream.sync_mode}", {_place(preview)}:',
        *_aligned(lines),
        *(f"  {each}" for each in _items(preview)),
        *(f"  {each}" for each in _notes(preview)),
    ]


def _aligned(lines: Sequence[Line]) -> Iterator[str]:
    labels, sent, there, third = (max(len(line[place]) for line in lines) for place in range(4))
    for label, left, right, after, remark in lines:
        last = f"  {after:>{third}}" if third else ""
        yield f"  {label:<{labels}}  {left:>{sent}}  {right:>{there}}{last}  {remark}".rstrip()


def _place(preview: StreamPreview) -> str:
    """The import configurations and the block by name."""
    target, place = preview.each.target, preview.place
    adds, clears = target.configuration_id, target.clearing_id
    pair = [clears, adds] if preview.each.replaces and clears not in {None, adds} else [adds]
    through = " and ".join(f"{place.name_of(each)} ({each})" if each in place.names else each for each in pair)
    if place.block_id is None:
        return f"through {through}"
    return f"through {through} into " + (f'"{place.block_name}"' if place.block_name else f"the block {place.block_id}")


def _rejected(preview: StreamPreview) -> Iterator[Line]:
    if preview.rejected:
        yield "rejected before upload", f"{preview.rejected:,}", "", "", ""
        reasons = [
            ("", f"{count:,}", "", "", reason) for reason, count in preview.each.files.rejected_by_reason.items()
        ]
        yield from _bounded(reasons)
    if preview.deleted:
        yield "deleted rows, not sent", f"{preview.deleted:,}", "", "", ""


def _sums(preview: StreamPreview, now: BlockNow | None, after: Totals | None) -> Iterator[Line]:
    lines = []
    for name, total in preview.totals.by_column.items():
        there = None if now is None else now.totals.by_column.get(name)
        left = None if after is None or there is None else after.by_column[name]
        then = "" if left is None or left.texts else left.digits
        label = f'sum of "{shortened(name)}"'
        lines.append((label, total.digits, "" if there is None else there.digits, then, _texts(total)))
    yield from _bounded(lines)


def _texts(total: Total) -> str:
    """How many cells of a column were not summed."""
    return f"without {counted(total.texts, 'cell that is', 'cells that are')} no number" if total.texts else ""


def _sums_by_value(preview: StreamPreview, now: BlockNow | None) -> Iterator[Line]:
    """For each numeric column the sum of the rows with each value of the scope, and how it differs in the block."""
    scope, values = preview.each.target.scope or "", preview.by_value
    is_compared = now is not None and isinstance(preview.scope, ScopeInBlock)
    for name in preview.summed_by_value if values else ():
        yield f'sum of "{shortened(name)}" by "{shortened(scope)}"', "to push", "in block now", "difference", ""
        for value, totals in values.items():
            sent = totals.by_column[name]
            there = now.by_value[value].by_column.get(name) if now is not None and is_compared else None
            found = ("", "") if there is None else (there.digits, _difference(sent, there))
            yield f"  {shortened(value or '')}", sent.digits, *found, _texts(sent)
        yield from _and_more(len(preview.scope_values) - len(values))
    if values:
        more = len(preview.totals.by_column.keys() - {scope}) - len(preview.summed_by_value)
        if more > 0:
            yield f"and {counted(more, 'more column')} with numbers", "", "", "", ""


def _difference(sent: Total, there: Total) -> str:
    difference = sent.minus(there)
    return f"{'+' if difference.sum > 0 else ''}{difference.digits}"


def _scope(preview: StreamPreview) -> Iterator[Line]:
    """Each value of the scope with its rows, and those that only the block has."""
    scope, in_files = preview.each.target.scope, preview.scope_values
    if scope is None or not in_files:
        return
    found = preview.scope if isinstance(preview.scope, ScopeInBlock) else None
    yield f'rows by "{shortened(scope)}"', "", "", "", ""
    lines = []
    for value, rows in in_files.items():
        there = None if found is None else found.rows[value]
        remark = _remark(preview.each.target, value, rows, there)
        lines.append((f"  {shortened(value)}", f"{rows:,}", "" if there is None else f"{there:,}", "", remark))
    if len(lines) > MOST_SHOWN:  # then what would stop the sync comes first
        lines.sort(key=lambda line: not line[-1].endswith(_STOPS))
    yield from _bounded(lines)
    stays = "not sent" if scope in preview.each.stream.date_columns else "not sent, stays"
    gone = {} if found is None else found.gone
    yield from _bounded([(f"  {shortened(value)}", "", f"{rows:,}", "", stays) for value, rows in gone.items()])


def _remark(target: Target, value: str, rows: int, there: int | None) -> str:
    """What becomes of the rows with a value of the scope."""
    if target.protects_in_scope(value):
        return f"protected, {_STOPS}"
    if there is None:
        return ""
    if not there:
        return "new"
    if target.minimum_percent is None:
        return "replaced"
    # Rounded down: 59.9 % where 60 % are needed must not look like 60 %.
    share = f"{100 * rows // there:,} % of the rows in the block"
    return f"{share}, {_STOPS}" if 100 * rows < target.minimum_percent * there else f"replaced, {share}"


def _keys(preview: StreamPreview) -> Iterator[Line]:
    """How many rows are new, changed or gone, by key."""
    found, mode = preview.keys, preview.place.import_mode
    if not isinstance(found, KeysCompared) or not found.is_alike:
        return
    yield f"rows by {_listed(preview.key)}", "", "", "", ""
    is_left_out = mode is ImportMode.UPDATE and found.new
    yield "  new", f"{found.new:,}", "", "", 'not added, because "Import mode" is update' if is_left_out else ""
    columns = sorted(found.changed_by_column.items(), key=lambda each: -each[1])
    named = with_more([f'"{shortened(name)}" {count:,}' for name, count in columns[:_MOST_COLUMNS]], len(columns))
    if mode is ImportMode.CREATE and found.changed:
        named = f'{named}; not changed, because "Import mode" is create'
    yield "  changed", f"{found.changed:,}", f"{found.changed:,}", "", named
    yield "  unchanged", f"{found.unchanged:,}", f"{found.unchanged:,}", "", ""
    if found.emptied:
        yield "  blank", f"{found.emptied:,}", f"{found.emptied:,}", "", "deleted by a blank value"
    if _claims_gone(preview):
        yield "  gone", "", f"{found.gone:,}", "", "deleted by this load" if found.gone else ""


def _claims_gone(preview: StreamPreview) -> bool:
    """Whether the load deletes rows that it does not have: all, or those with a value of its scope."""
    if not preview.each.replaces:
        return False
    return preview.each.target.scope is None or isinstance(preview.scope, ScopeInBlock)


def _bounded(lines: Sequence[Line]) -> Iterator[Line]:
    """The first lines, and how many more there are."""
    yield from lines[:MOST_SHOWN]
    yield from _and_more(len(lines) - MOST_SHOWN)


def _and_more(count: int) -> Iterator[Line]:
    if count > 0:
        yield f"  and {count:,} more", "", "", "", ""


def _items(preview: StreamPreview) -> Iterator[str]:
    """Items of dimension lists that are not known, or that the import configuration would create."""
    checks = [each for each in preview.each.files.converter.checks if each.unknown]
    for check in checks[:_MOST_COLUMNS]:
        what = "Items that would be created" if check.creates else "Items that are not known"
        listed = with_more(check.described_unknown(), len(check.unknown))
        yield f'{what} in the column "{shortened(check.column)}", with their rows: {listed}.'
    if len(checks) > _MOST_COLUMNS:
        yield f"And such items in {counted(len(checks) - _MOST_COLUMNS, 'more column')}: see the warnings in the log."


def _notes(preview: StreamPreview) -> Iterator[str]:
    """What could not be compared, with the reason."""
    unread = next((each for each in (preview.readable, preview.now) if isinstance(each, Unread)), None)
    if unread is not None:
        yield f"Not compared with the block, because {unread.reason}."
        return
    if preview.now is None or not isinstance(preview.readable, Readable):
        return
    scenario = ", in the default scenario" if preview.is_of_metric else ""
    yield f"The block was read as the owner of the Export key sees it{scenario}."
    lacking = [each for each in preview.columns if preview.readable.columns.count(each) != 1]
    if lacking:
        yield f"Not compared, because the block has no property of that name, or several: {_listed(lacking)}."
    scope = preview.each.target.scope
    if isinstance(preview.scope, Unread):
        yield f'Rows by "{scope}" were not compared, because {preview.scope.reason}.'
    elif scope in preview.each.stream.date_columns:
        yield (
            f'"{scope}" is a date: if the import configuration clears by month or year, rows with other dates of it '
            "are deleted as well."
        )
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
        yield from _notes_on_rows(preview, found)


def _notes_on_rows(preview: StreamPreview, found: KeysCompared) -> Iterator[str]:
    """What the numbers of rows by key leave open."""
    key = _listed(preview.key)
    both = found.changed + found.unchanged
    other = [name for name, count in found.changed_by_column.items() if count == both > 1]
    if other:
        yield f"{_listed(other)} differs in every row that is in both: the block may write it in another way."
    if found.written_otherwise:
        rows = counted(found.written_otherwise, "unchanged row")
        yield f"Of {rows}, only a number, a date or a truth value is written in another way."
    if preview.without_key:
        rows = counted(preview.without_key, "row without", "rows without")
        yield f"Not compared, and maybe rejected by Pigment: {rows} {key}."
    if found.repeated_in_files:
        rows = counted(found.repeated_in_files, "row has", "rows have")
        is_known = bool(preview.each.stream.primary_key)
        yield f"{rows} the same {key} as a later row" + (
            " of another file, which counts." if is_known else ", which was compared: Pigment may reject the file."
        )
    if found.repeated:
        yield f"Rows of the block with the key of another one, of which one was compared: {found.repeated:,}."
    if preview.is_of_metric or not both:
        return
    if found.elsewhere and preview.each.target.scope is not None:
        yield (
            f"Rows of the block with the same {key} that this load does not clear: {found.elsewhere:,}. "
            f"{_ADDED_AGAIN.format(key=key)}"
        )
    elif not preview.each.replaces and preview.key != preview.place.key:
        yield _ADDED_AGAIN.format(key=key)


_ADDED_AGAIN = (
    "Pigment updates rows that are there only if the import configuration matches them by {key}; otherwise it adds "
    "them again."
)


def _listed(names: Sequence[str]) -> str:
    return with_more([f'"{shortened(each)}"' for each in names[:_MOST_COLUMNS]], len(names))

"""What reloading a list with a unique identifier is taken to do; only the list under verify_list is touched."""

from __future__ import annotations

from collections.abc import Callable

from verify.block_trial import BlockTrial, Row, Step, imported
from verify.probe import NotAsked, Probe, Seen
from verify.workspace import Workspace

_BLANKED = "MissingModalityUseDefaultOrNullModality"
_LABEL, _OTHER_LABEL = "as pushed", "pushed again"
# A day whose month could be taken for its day.
_DAY = {"yyyy": "2026", "yy": "26", "MM": "02", "dd": "01"}
_STORED_DAY, _SWAPPED_DAY = "2026-02-01", "2026-01-02"
_NUMBER = "1234.5"
_UNKNOWN, _OTHER_CASE, _TRAILING_BLANK, _ITEM = "Three", "one", "One ", "One"


def _on(look: Callable[[BlockTrial], Seen]) -> Callable[[Workspace], Seen]:
    """A probe of the workspace's one list."""
    return lambda workspace: look(workspace.list_trial)


def _row(trial: BlockTrial, number: int, **cells: str) -> Row:
    return {"Key": trial.key(number), "Label": _LABEL, "Amount": "10", **cells}


# The files, in the order in which they are pushed.


def _filled(trial: BlockTrial) -> Step:
    return trial.first([_row(trial, number) for number in (1, 2, 3)])


def _vanished(trial: BlockTrial) -> Step:
    _filled(trial)
    return trial.step("without the third row", [_row(trial, number) for number in (1, 2)])


def _repeated(trial: BlockTrial) -> Step:
    _vanished(trial)
    return trial.step("repeated", [_row(trial, number) for number in (1, 2)])


def _narrow(trial: BlockTrial) -> Step:
    _repeated(trial)
    rows = [_row(trial, number, Amount="11") for number in (1, 2)]
    return trial.step("without its label", rows, columns=("Key", "Amount"))


def _twice(trial: BlockTrial) -> Step:
    _narrow(trial)
    return trial.step("a key twice", [_row(trial, 1), _row(trial, 1, Label=_OTHER_LABEL)])


def _keyless(trial: BlockTrial) -> Step:
    _twice(trial)
    return trial.step("without its key", [_row(trial, 3)], columns=("Label",))


def _items(trial: BlockTrial) -> Step:
    _twice(trial)
    names = (_ITEM, _UNKNOWN, _OTHER_CASE, _TRAILING_BLANK)
    return trial.step("items", [_row(trial, number, First=name) for number, name in enumerate(names, 1)])


def _written(trial: BlockTrial) -> Step:
    _items(trial)
    day = trial.given.dates
    for letters, digits in _DAY.items():
        day = day.replace(letters, digits)
    # Each in a row of its own, because a row that cannot be read is skipped.
    rows = [_row(trial, 1, Day=day), _row(trial, 2, Amount=_NUMBER), _row(trial, 3, Label="")]
    return trial.step("a date, a number, an empty cell", rows)


def _forbidden(trial: BlockTrial) -> Step:
    _written(trial)
    if trial.given.key_without_delete is None:
        raise NotAsked("verify_list has no import_api_key_without_delete")
    return trial.step("without the right", [_row(trial, 1)], api_key=trial.given.key_without_delete)


def _emptied(trial: BlockTrial) -> Step:
    _written(trial)
    return trial.step("header only", [])


# What is seen after them.


def _clear_counted(trial: BlockTrial, step: Step) -> Seen:
    deleted = step.outcome.count("deletedCount")
    if deleted == 0 and (step.contents is None or _is_there(trial, step, 3)):
        return Seen("0 deleted, and the row was not seen to go", same=None)
    return Seen(step.outcome.in_words(), same=bool(deleted))


def _vanished_row(trial: BlockTrial, step: Step) -> Seen:
    gone = not _is_there(trial, step, 3)
    return Seen("it is gone" if gone else "it is still there", same=gone)


def _updated_by_key(trial: BlockTrial, step: Step) -> Seen:
    rows = 2 if step.contents is None else len(_labels(trial, step, 1, 2))
    words = step.outcome.in_words() + ("" if rows == 2 else f"; {rows} rows instead of 2")
    counts = [step.outcome.count(f"{name}Count") for name in ("inserted", "deleted")]
    return Seen(words, same=counts == [0, 0] and rows == 2)


def _unchanged_counted(_: BlockTrial, step: Step) -> Seen:
    updated, inserted = (step.outcome.count(f"{name}Count") for name in ("updated", "inserted"))
    return Seen(step.outcome.in_words(), same=None if inserted else updated == 2)


def _column_kept(trial: BlockTrial, step: Step) -> Seen:
    kept = _labels(trial, step, 1, 2) == [_LABEL, _LABEL]
    return Seen("it keeps its values" if kept else "its values are gone", same=kept)


def _key_twice(trial: BlockTrial) -> Seen:
    step = _twice(trial)
    if not step.outcome.completed or step.contents is None:
        return Seen(step.outcome.in_words(), same=_failed(step))
    labels = _labels(trial, step, 1)
    known = {_LABEL: "the first row stays", _OTHER_LABEL: "the last row stays"}
    return Seen(known.get(labels[0], "another row") if len(labels) == 1 else f"{len(labels)} rows", same=False)


def _failed_keeps(trial: BlockTrial) -> Seen:
    before, after = _narrow(trial), _twice(trial)
    if after.outcome.completed:
        before, after = after, _keyless(trial)
    if not after.outcome.failed:
        return Seen("no file failed", same=None)
    kept = sorted(after.column("Key")) == sorted(before.column("Key"))
    return Seen("the rows are still there" if kept else "rows are gone", same=kept)


def _blanked_not_counted(_: BlockTrial, step: Step) -> Seen:
    blanked = step.outcome.skipped(_BLANKED)
    if not blanked:
        return Seen("no row was stored with a blank for its item", same=None)
    skipped = step.outcome.count("skippedCount")
    return Seen(f"skippedCount {skipped}, with {blanked} blanks", same=skipped == 0)


def _exact_names(trial: BlockTrial, step: Step) -> Seen:
    stored = dict(zip(step.column("Key"), step.column("First"), strict=True))
    if stored.get(trial.key(1)) != _ITEM:
        return Seen("the item was not stored", same=None)
    places = {"another case": 3, "a trailing blank": 4}
    taken = [name for name, number in places.items() if stored.get(trial.key(number)) == _ITEM]
    return Seen(f"{' and '.join(taken)}: taken for the item" if taken else "both are unknown", same=not taken)


def _same_day(_: BlockTrial, step: Step) -> Seen:
    days = {day for day in step.column("Day") if day}
    known = {_STORED_DAY: "the same day", _SWAPPED_DAY: "day and month are swapped"}
    words = known.get(next(iter(days)), "another day") if days else "no date was stored"
    return Seen(words, same=days == {_STORED_DAY})


def _same_number(trial: BlockTrial, step: Step) -> Seen:
    amounts = dict(zip(step.column("Key"), step.column("Amount"), strict=True))
    same = amounts.get(trial.key(2), "").rstrip("0") == _NUMBER
    return Seen("the same number" if same else "another number", same=same)


def _blank_written(trial: BlockTrial, step: Step) -> Seen:
    blank = _labels(trial, step, 3) == [""]
    return Seen("it is blank" if blank else "it keeps its value", same=blank)


def _right_needed(trial: BlockTrial) -> Seen:
    step = _forbidden(trial)
    if not step.outcome.completed:
        return Seen(step.outcome.in_words(), same=_failed(step))
    if step.contents is not None and not _is_there(trial, step, 2):
        return Seen("it is imported and clears", same=None)
    return Seen("it is imported and clears nothing", same=False)


def _header_clears(_: BlockTrial, step: Step) -> Seen:
    if step.contents is None:
        return Seen(step.outcome.in_words(), same=bool(step.outcome.count("deletedCount")) or None)
    return Seen(f"{len(step.contents)} rows are left", same=not step.contents)


def _block_named(trial: BlockTrial, step: Step) -> Seen:
    ids = {str(each.get("blockId")).lower() for each in step.outcome.blocks()}
    fine = ids == {trial.given.block_id}
    return Seen("the block of verify_list" if fine else "something else", same=fine)


def _failed(step: Step) -> bool | None:
    """Whether a file failed; None where its import was not seen to end."""
    return True if step.outcome.failed else False if step.outcome.completed else None


def _labels(trial: BlockTrial, step: Step, *numbers: int) -> list[str]:
    """The labels of rows."""
    keys = {trial.key(number) for number in numbers}
    return [label for key, label in zip(step.column("Key"), step.column("Label"), strict=True) if key in keys]


def _is_there(trial: BlockTrial, step: Step, number: int) -> bool:
    return trial.key(number) in step.column("Key")


LIST_PROBES = (
    Probe(
        "clear-counted",
        "Rows that an import clears are counted as deleted.",
        "push three rows through what clears, then two of them",
        "A report does not show that a block was cleared: each reload that only inserts rows is in doubt. Give the "
        'destination an Export key, so that it counts the rows, or set "Count blocks" to never.',
        _on(imported(_vanished, _clear_counted)),
    ),
    Probe(
        "clear-absent-rows",
        "With a unique identifier, clearing deletes the rows that the file lacks.",
        "push three rows through what clears, then two of them",
        "Rows that vanish from the source stay in Pigment, although each sync succeeds: check that the import "
        "configuration clears the entire list.",
        _on(imported(_vanished, _vanished_row)),
    ),
    Probe(
        "clear-present-rows",
        "With a unique identifier, clearing updates the rows that the file has: none is deleted or inserted.",
        "push the same two rows again",
        "With deletions, each reload creates the rows again, without what people filled in for them. With insertions "
        "alone, each reload doubles the list: do not reload through such a configuration.",
        _on(imported(_repeated, _updated_by_key)),
    ),
    Probe(
        "unchanged-counted",
        "A row that changes nothing is counted as updated.",
        "push the same two rows again",
        "The log of a sync shows fewer updated rows than were written; what is stored is right.",
        _on(imported(_repeated, _unchanged_counted)),
    ),
    Probe(
        "absent-column",
        "A column that the file lacks keeps its values in rows that stay, also where the configuration clears.",
        "push the two rows without their labels",
        "Each reload empties the columns that people fill in: keep them in another list.",
        _on(imported(_narrow, _column_kept)),
    ),
    Probe(
        "key-twice",
        "A file with a key twice fails.",
        "push a key twice",
        "None for deduplicated streams, whose files have each key once. In other streams one row of the key silently "
        "replaces the other.",
        _on(_key_twice),
    ),
    Probe(
        "failed-import-keeps",
        "An import that fails has cleared nothing.",
        "look at the list after a file that failed",
        "After a reload that failed the block may be empty: do not rely on it before the next sync.",
        _on(_failed_keeps),
    ),
    Probe(
        "blanked-not-counted",
        "A row that is stored with a blank for an unknown item is not in skippedCount.",
        "push a row with an unknown item",
        "None: the destination counts as rejected only rows that were neither inserted nor updated.",
        _on(imported(_items, _blanked_not_counted)),
    ),
    Probe(
        "item-names",
        "Items are matched exactly: another case or a trailing blank is an unknown item.",
        "push rows with an item in another case and with a trailing blank",
        "Dimension checks compare exactly: they report or hold back items that Pigment would have taken.",
        _on(imported(_items, _exact_names)),
    ),
    Probe(
        "same-day",
        "A date is stored as the day that it is.",
        "push 1 February 2026",
        'Dates become other days without an error: write them in the form that the import configuration reads ("Dates" '
        "in the destination's form).",
        _on(imported(_written, _same_day)),
    ),
    Probe(
        "same-number",
        "A number is stored as it is.",
        "push a number with a decimal dot",
        "Numbers change on their way without an error: look for a factor, a percentage, another decimal separator or a "
        "type without decimals in the import configuration.",
        _on(imported(_written, _same_number)),
    ),
    Probe(
        "empty-cell",
        "An empty cell writes a blank.",
        "push a row without the label that it had",
        "Values that became blank in the source keep their old value in Pigment.",
        _on(imported(_written, _blank_written)),
    ),
    Probe(
        "delete-right",
        "An import that clears fails where the owner of the key may not delete items.",
        "push a row with the key of such an owner",
        "It looks like a success and old rows stay, or a list without a unique identifier doubles: give the owner of "
        "the import key the right Delete Item.",
        _on(_right_needed),
    ),
    Probe(
        "header-only-clears",
        "A file without rows empties a list whose configuration clears the entire list.",
        "push the header alone",
        'Airbyte\'s Clear, and an empty source with "Fewest rows" 0, leave the old rows in Pigment: delete them there.',
        _on(imported(_emptied, _header_clears)),
    ),
    Probe(
        "block-named",
        "The report names the block that was imported into.",
        "the report of the first file",
        "Two streams that fill the same block are not noticed, and its rows are not counted after a reload.",
        _on(imported(_filled, _block_named)),
    ),
)

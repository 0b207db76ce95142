"""What clearing by a scope is taken to do, and clearing all; only the list under verify_scope is touched.

It has no unique identifier, so each row of a file is added, and what is gone was cleared. One of the configurations
clears the values of two columns, `First` and `Second`, the other one everything.
"""

from __future__ import annotations

from collections.abc import Callable

from verify.block_trial import BlockTrial, Row, Step, imported
from verify.probe import Probe, Seen
from verify.workspace import Workspace

# The rows of the first file by number: each pair of values, one pair with a second row.
_PAIRS = {1: ("One", "One"), 2: ("One", "One"), 3: ("One", "Two"), 4: ("Two", "One"), 5: ("Two", "Two")}
_SECOND_ROW_OF_A_PAIR = 2
# The rows of the second file: two of the pairs. The others are crossings of their values.
_PAIRS_AGAIN = {6: ("One", "One"), 7: ("Two", "Two")}
_IN_PAIRS, _CROSSINGS = {1, 2, 5}, {3, 4}


def _on(look: Callable[[BlockTrial], Seen]) -> Callable[[Workspace], Seen]:
    """A probe of the workspace's one list with a scope."""
    return lambda workspace: look(workspace.scope_trial)


def _rows(trial: BlockTrial, pairs: dict[int, tuple[str, str]]) -> list[Row]:
    return [
        {"Key": trial.key(number), "First": first, "Second": second, "Amount": "1"}
        for number, (first, second) in pairs.items()
    ]


def _filled(trial: BlockTrial) -> Step:
    return trial.first(_rows(trial, _PAIRS))


def _two_pairs(trial: BlockTrial) -> Step:
    _filled(trial)
    return trial.step("two pairs", _rows(trial, _PAIRS_AGAIN))


def _header_alone(trial: BlockTrial) -> Step:
    _two_pairs(trial)
    return trial.step("header only", [])


def _replaced(trial: BlockTrial) -> Step:
    _header_alone(trial)
    return trial.step("everything", _rows(trial, {8: ("One", "One")}), replacing=True)


def _emptied(trial: BlockTrial) -> Step:
    _replaced(trial)
    return trial.step("header only, everything", [], replacing=True)


def _gone(trial: BlockTrial, before: Step, after: Step) -> set[int]:
    """The numbers of the rows that were there before a file and are not after it."""
    there = set(after.column("Key"))
    keys = set(before.column("Key")) - there
    return {number for number in range(1, 9) if trial.key(number) in keys}


def _only_changed_rows(trial: BlockTrial, step: Step) -> Seen:
    gone = _SECOND_ROW_OF_A_PAIR in _gone(trial, _filled(trial), step)
    return Seen("the other row is gone" if gone else "the other row is still there", same=gone)


def _pairs_alone(trial: BlockTrial, step: Step) -> Seen:
    if step.contents is None:
        deleted = step.outcome.count("deletedCount")
        known = {len(_IN_PAIRS): True, len(_IN_PAIRS | _CROSSINGS): False}
        return Seen(step.outcome.in_words(), same=known.get(deleted or 0))
    gone = _gone(trial, _filled(trial), step)
    if not gone:
        return Seen("nothing was cleared", same=None)
    crossed = gone & _CROSSINGS
    return Seen("the crossings are gone too" if crossed else "the crossings are still there", same=not crossed)


def _scope_counted(trial: BlockTrial, step: Step) -> Seen:
    return _counted(step, len(_gone(trial, _filled(trial), step)))


def _counted(step: Step, gone: int) -> Seen:
    deleted = step.outcome.count("deletedCount")
    return Seen(f"{gone} gone, {deleted} deleted", same=deleted == gone if gone else None)


def _nothing_cleared(trial: BlockTrial, step: Step) -> Seen:
    if step.contents is None:
        return Seen(step.outcome.in_words(), same=None if step.outcome.count("deletedCount") == 0 else False)
    gone = _gone(trial, _two_pairs(trial), step)
    return Seen("rows are gone" if gone else "every row is still there", same=not gone)


def _all_counted(trial: BlockTrial, step: Step) -> Seen:
    return _counted(step, len(_gone(trial, _header_alone(trial), step)))


def _all_gone(_: BlockTrial, step: Step) -> Seen:
    return Seen(f"{len(step.read())} rows are left", same=not step.read())


SCOPE_PROBES = (
    Probe(
        "scope-changed-rows",
        "A file that has one row of a scope value deletes the value's other rows.",
        "push one row for a pair of values that has two",
        "A reload by scope leaves rows that the source no longer has: check that the import configuration clears.",
        _on(imported(_two_pairs, _only_changed_rows)),
    ),
    Probe(
        "scope-pairs",
        "Of two scope columns, the pairs in the file are cleared, and no other crossing of their values.",
        "push two pairs of four",
        "A file deletes rows of combinations that it does not have: limit the clearing to one column.",
        _on(imported(_two_pairs, _pairs_alone)),
    ),
    Probe(
        "scope-counted",
        "Rows that are cleared by scope are counted as deleted.",
        "push two pairs of four",
        "The destination cannot warn that a scope lost more rows than it gained.",
        _on(imported(_two_pairs, _scope_counted)),
    ),
    Probe(
        "scope-header-only",
        "A file without rows clears nothing where clearing is limited by scope.",
        "push the header alone",
        "The scope is fixed in the import configuration: every file deletes its rows, whatever values the file has.",
        _on(imported(_header_alone, _nothing_cleared)),
    ),
    Probe(
        "clear-all-counted",
        "Without a unique identifier, rows that an import clears are counted as deleted.",
        "push a row through what clears everything",
        "Each reload of such a list looks like one that doubled it, and is in doubt. Give the destination an Export "
        'key, so that it counts the rows, or set "Count blocks" to never.',
        _on(imported(_replaced, _all_counted)),
    ),
    Probe(
        "clear-all-header-only",
        "A file without rows empties a list without a unique identifier.",
        "push the header alone through what clears everything",
        'Airbyte\'s Clear, and an empty source with "Fewest rows" 0, leave the old rows in Pigment: delete them there.',
        _on(imported(_emptied, _all_gone)),
    ),
)

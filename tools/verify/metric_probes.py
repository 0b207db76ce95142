"""What an import into a metric is taken to do; only the metric under verify_metric is touched."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from verify.block_trial import BlockTrial, Row, Step, imported
from verify.probe import Probe, Seen
from verify.workspace import Workspace


def _on(look: Callable[[BlockTrial], Seen]) -> Callable[[Workspace], Seen]:
    """A probe of the workspace's one metric."""
    return lambda workspace: look(workspace.metric_trial)


def _rows(*cells: tuple[str, str]) -> list[Row]:
    return [{"First": item, "Amount": amount} for item, amount in cells]


def _filled(trial: BlockTrial) -> Step:
    return trial.first(_rows(("One", "10"), ("Two", "20")))


def _blanked(trial: BlockTrial) -> Step:
    _filled(trial)
    return trial.step("a blank", _rows(("One", "11"), ("Two", "")))


def _twice(trial: BlockTrial) -> Step:
    _blanked(trial)
    return trial.step("two rows", _rows(("One", "1"), ("One", "2"), ("Two", "20")))


def _replaced(trial: BlockTrial) -> Step:
    _twice(trial)
    return trial.step("everything", _rows(("One", "5")), replacing=True)


def _emptied(trial: BlockTrial) -> Step:
    _twice(trial)
    if trial.given.replacing_id is not None:
        _replaced(trial)
    return trial.step("blanks alone", _rows(("One", ""), ("Two", "")))


def _values(step: Step) -> dict[str, Decimal | None]:
    """The metric's values by item, without blanks."""
    return {row["First"]: _number(row["Amount"]) for row in step.read() if row["Amount"]}


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _blank_deletes(_: BlockTrial, step: Step) -> Seen:
    gone = "Two" not in _values(step)
    return Seen("the value is gone" if gone else "the value is still there", same=gone)


def _blank_counted(_: BlockTrial, step: Step) -> Seen:
    if step.contents is not None and "Two" in _values(step):
        return Seen("the value is still there", same=None)
    return Seen(step.outcome.in_words(), same=step.outcome.count("deletedCount") == 1)


def _last_row(trial: BlockTrial) -> Seen:
    step = _twice(trial)
    if not step.outcome.completed:
        return Seen(step.outcome.in_words(), same=False)
    known = {Decimal(2): "the last row stays", Decimal(1): "the first row stays", Decimal(3): "the rows are added up"}
    found = _values(step).get("One")
    return Seen(known.get(found, "another value") if found is not None else "no value", same=found == 2)


def _clear_counted(trial: BlockTrial, step: Step) -> Seen:
    deleted = step.outcome.count("deletedCount")
    if step.contents is None:
        return Seen(step.outcome.in_words(), same=bool(deleted) or None)
    if "Two" in _values(step):
        return Seen("the other value is still there", same=False)
    before = len(_values(_twice(trial)))
    return Seen(f"{before} values were there, {deleted} deleted", same=deleted == before)


def _cells_gone(_: BlockTrial, step: Step) -> Seen:
    left = len(_values(step))
    return Seen(f"{left} values are left", same=not left)


METRIC_PROBES = (
    Probe(
        "metric-blank",
        "A blank in the file deletes the value that a metric has.",
        "push two values, then one of them as a blank",
        'Values that became blank in the source keep their old number in Pigment, and "Deleted rows" set to blank has '
        "no effect in a metric.",
        _on(imported(_blanked, _blank_deletes)),
    ),
    Probe(
        "metric-blank-counted",
        "A value that a blank deletes is counted as deleted.",
        "push two values, then one of them as a blank",
        "None: the destination lets a file have as many deletions as it has blanks.",
        _on(imported(_blanked, _blank_counted)),
    ),
    Probe(
        "metric-two-rows",
        "Of two rows for one value of a metric, the last one counts.",
        "push two rows with the same item",
        "Where they are added up or the import fails, give the stream a primary key of all dimensions, or add the rows "
        "up in the source.",
        _on(_last_row),
    ),
    Probe(
        "metric-clear-counted",
        "Values that an import clears in a metric are counted as deleted.",
        "push one value through what clears everything",
        "Each reload of a metric looks like one that cleared nothing, and is in doubt. Give the destination an Export "
        'key, so that it counts the values, or set "Count blocks" to never.',
        _on(imported(_replaced, _clear_counted)),
    ),
    Probe(
        "metric-emptied",
        "Blanks for all its values leave a metric without any.",
        "push blanks alone",
        "The metric under verify_metric still has values of this run: delete it.",
        _on(imported(_emptied, _cells_gone)),
    ),
)

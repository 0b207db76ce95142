"""What a push and its import are taken to be. They write, and so only through a configuration named for this."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from verify.import_trial import ImportTrial
from verify.imports import Outcome
from verify.probe import NotAsked, Probe, Seen
from verify.workspace import Workspace

_STATUS_WORDS = {"InProgress", "Completed", "Failed"}
_REPORT_FIELDS = {"blockType", "summary", "impactedBlocks", "autoCreatedDimensionModalities"}
_SUMMARY_FIELDS = {"insertedCount", "updatedCount", "deletedCount", "skippedCount"}
_IMPACTED_FIELDS = {"blockId", "scenarioId", "insertedCount", "updatedCount", "deletedCount", "skippedData"}
_LONG_ENOUGH_SECONDS = 1.0
_BIG_CELL = "x" * 1_000_000
_UNMAPPED = "pigment_verify_unmapped"


def _on(look: Callable[[ImportTrial, Workspace], Seen]) -> Callable[[Workspace], Seen]:
    """A probe of the workspace's one trial."""
    return lambda workspace: look(workspace.trial, workspace)


def _came_of(outcome: Outcome) -> Seen:
    """Whether a file was accepted and imported."""
    if outcome.pushed.status != 200:
        return Seen(f"status {outcome.pushed.status}", same=False)
    return Seen("imported" if outcome.completed else "accepted, not imported", same=outcome.completed)


def _raw(trial: ImportTrial, _: Workspace) -> Seen:
    return _came_of(trial.first())


def _multipart(trial: ImportTrial, _: Workspace) -> Seen:
    return _came_of(trial.outcome("multipart", trial.file(), multipart=True))


def _answer(trial: ImportTrial, workspace: Workspace) -> Seen:
    body = trial.first().pushed.json()
    if not isinstance(body, dict):
        return Seen(f"status {trial.first().pushed.status}, no JSON object", same=False)
    return Seen(", ".join(sorted(map(workspace.public_word, body))), same=set(body) == {"importId"})


def _words(trial: ImportTrial, workspace: Workspace) -> Seen:
    found = {word for outcome in (trial.first(), trial.repeated(), _wrong_file(trial)) for word in outcome.words}
    words = ", ".join(sorted(map(workspace.public_word, found)))
    return Seen(words or "no status", same=found <= _STATUS_WORDS if found else None)


def _at_once(trial: ImportTrial, _: Workspace) -> Seen:
    asked = len(trial.first().words)
    return Seen("after one question" if asked == 1 else f"after {asked} questions", same=asked == 1 if asked else None)


def _detail(trial: ImportTrial, _: Workspace) -> Seen:
    outcome = trial.first()
    import_id = (outcome.pushed.json() or {}).get("importId")
    if not outcome.completed or not import_id:
        return Seen("the import did not complete", same=None)
    without = trial.imports.report(import_id)
    there, not_there = outcome.report.get("detailedReport"), without.get("detailedReport")
    fine = isinstance(there, dict) and not not_there
    return Seen("only when asked for" if fine else "always" if not_there else "never", same=fine)


def _report_fields(trial: ImportTrial, workspace: Workspace) -> Seen:
    report = trial.first().report.get("detailedReport")
    if not isinstance(report, dict):
        return Seen("no report", same=False)
    impacted: dict[str, Any] = next(iter(report.get("impactedBlocks") or [{}]))
    shapes = [
        (set(report), _REPORT_FIELDS),
        (set(report.get("summary") or {}), _SUMMARY_FIELDS),
        (set(impacted), _IMPACTED_FIELDS),
    ]
    further = sorted(workspace.public_word(name) for found, known in shapes for name in found - known)
    missing = sorted(name for found, known in shapes for name in known - found)
    words = "; ".join(
        ([f"further: {', '.join(further)}"] if further else [])
        + ([f"missing: {', '.join(missing)}"] if missing else [])
    )
    return Seen(words or "as described", same=not words)


def _new_rows(trial: ImportTrial, _: Workspace) -> Seen:
    _needs_new(trial)
    outcome = trial.first()
    return Seen(
        outcome.in_words(), same=(outcome.count("insertedCount"), outcome.count("deletedCount")) == (trial.rows(), 0)
    )


def _repeat(trial: ImportTrial, _: Workspace) -> Seen:
    outcome = trial.repeated()
    found = [outcome.count(f"{name}Count") for name in ("inserted", "updated", "deleted")]
    return Seen(outcome.in_words(), same=found == [0, trial.rows(), 0])


def _two_at_once(trial: ImportTrial, _: Workspace) -> Seen:
    rejected = [each.pushed.status for each in trial.together() if each.pushed.status != 200]
    if rejected:
        return Seen(f"status {rejected[0]} for one of them", same=False)
    fine = all(each.completed for each in trial.together())
    return Seen("both imported" if fine else "one did not complete", same=fine)


def _queue(trial: ImportTrial, _: Workspace) -> Seen:
    first, second = (each.seconds for each in trial.together())
    if first is None or second is None or first < _LONG_ENOUGH_SECONDS:
        return Seen("too quick to tell", same=None)
    waited = second > 1.5 * first
    return Seen("the second waited" if waited else "both ran together", same=waited)


def _wrong_file(trial: ImportTrial) -> Outcome:
    return trial.outcome("wrong", f"{_UNMAPPED}\r\n1\r\n")


def _failure(trial: ImportTrial, _: Workspace) -> Seen:
    outcome = _wrong_file(trial)
    if outcome.pushed.status != 200:
        return Seen(f"status {outcome.pushed.status} to the push", same=False)
    details = outcome.report.get("errorsDetails") or []
    named = all(isinstance(each, dict) and each.get("name") for each in details) and bool(details)
    word = outcome.words[-1] if outcome.words and outcome.words[-1] in _STATUS_WORDS else "another status"
    return Seen(f"{word}, {'with' if named else 'without'} the name of an error", same=word == "Failed" and named)


def _header_only(trial: ImportTrial, _: Workspace) -> Seen:
    header = trial.file().splitlines()[0]
    return _came_of(trial.outcome("header only", f"{header}\r\n"))


def _unmapped_column(trial: ImportTrial, _: Workspace) -> Seen:
    return _came_of(trial.outcome("unmapped", _widened(trial.file(), "x")))


def _megabyte(trial: ImportTrial, _: Workspace) -> Seen:
    status = trial.outcome("megabyte", _widened(trial.file(), _BIG_CELL)).pushed.status
    return Seen(f"status {status}", same=status == 200)


def _widened(file: str, cell: str) -> str:
    header, *rows = file.strip().splitlines()
    return "".join(f"{line}\r\n" for line in (f"{header},{_UNMAPPED}", *(f"{row},{cell}" for row in rows)))


def _dry_files(trial: ImportTrial) -> tuple[Outcome, Outcome]:
    """New rows with dryRun, and the same without."""
    _needs_new(trial)
    dry = trial.outcome("dry run", trial.file(trial.second_word), params={"dryRun": "true"})
    return dry, trial.outcome("after the dry run", trial.file(trial.second_word))


def _other_rows(trial: ImportTrial, _: Workspace) -> Seen:
    deleted = [outcome.count("deletedCount") for outcome in _dry_files(trial) if outcome.completed]
    if not deleted or None in deleted:
        return Seen("no count of deleted rows", same=None)
    return Seen("some are deleted" if any(deleted) else "none is deleted", same=not any(deleted))


def _dry_run(trial: ImportTrial, workspace: Workspace) -> Seen:
    dry, after = _dry_files(trial)
    if dry.pushed.status != 200:
        return Seen(f"status {dry.pushed.status}", same=False)
    inserted = after.count("insertedCount")
    if inserted is None or trial.repeated().count("insertedCount"):
        return Seen("the counts do not tell", same=None)
    stored_nothing = inserted == trial.rows()
    try:
        is_richer = workspace.richer_configurations().status == 200
    except NotAsked:
        is_richer = False
    return Seen("nothing was stored" if stored_nothing else "the rows were stored", same=stored_nothing == is_richer)


def _import_mode(trial: ImportTrial, _: Workspace) -> Seen:
    status = trial.outcome("import mode", trial.file(), params={"importMode": "nonsense"}).pushed.status
    return Seen(f"status {status}", same=status == 400)


def _unknown_configuration(trial: ImportTrial, _: Workspace) -> Seen:
    status = trial.push(trial.file(), configuration_id=str(uuid.UUID(int=1))).status
    return Seen(f"status {status}", same=status == 404)


def _needs_new(trial: ImportTrial) -> None:
    if not trial.marks_new_rows:
        raise NotAsked("the file under verify_import has no {new}")


IMPORT_PROBES = (
    Probe(
        "unknown-configuration",
        "A push to an unknown import configuration is answered with 404.",
        "push to an unknown id",
        "With another status, a wrong target is reported as something else.",
        _on(_unknown_configuration),
    ),
    Probe(
        "push-raw",
        "A CSV file is pushed as the body of the request.",
        "push the file of the configuration",
        "Set Upload to multipart in the destination's form.",
        _on(_raw),
    ),
    Probe(
        "push-answer",
        "The answer to a push is the id of the import and nothing else.",
        "the answer to the first push",
        "Where the answer holds the result, rejected rows are known by number and are sent once more.",
        _on(_answer),
    ),
    Probe(
        "push-multipart",
        "A push as a form with the part file is taken as well.",
        "push the file as a form",
        "Leave Upload at raw.",
        _on(_multipart),
    ),
    Probe(
        "status-words",
        "The status of an import is InProgress, Completed or Failed.",
        "the status of several imports",
        "An unknown word is an unknown outcome: a sync that appends stops there.",
        _on(_words),
    ),
    Probe(
        "first-status",
        "The import of a few rows has ended when its status is first asked for.",
        "count the questions",
        "Many small files take longer; nothing else changes.",
        _on(_at_once),
    ),
    Probe(
        "detailed-report",
        "The detailed report comes only when includedDetailedReport is true.",
        "ask with and without it",
        "Without the report it is unknown what was inserted, deleted or skipped: a sync that replaces stops.",
        _on(_detail),
    ),
    Probe(
        "report-fields",
        "The report has the fields of the API description.",
        "the report of the first import",
        "Missing counts switch off the guards that need them; further fields do no harm.",
        _on(_report_fields),
    ),
    Probe(
        "new-rows",
        "New rows are counted as inserted.",
        "push rows that were never there",
        "The counts of a sync do not add up, which its log says.",
        _on(_new_rows),
    ),
    Probe(
        "repeated-file",
        "A file that is pushed again updates its rows; nothing is inserted or deleted.",
        "push the same file again",
        "inserted: the list has no unique identifier, so repeated rows double. deleted: the configuration clears, so "
        "appended rows replace what is there. 0 updated alone: unchanged rows are not counted, which does no harm.",
        _on(_repeat),
    ),
    Probe(
        "two-at-once",
        "Two imports of one block are accepted together, and both complete.",
        "push the file twice without waiting",
        "None within a sync, which runs one import at a time; two connections into one block can fail.",
        _on(_two_at_once),
    ),
    Probe(
        "imports-queue",
        "Imports of one block wait for each other.",
        "compare how long the two took",
        "None within a sync, which runs one import at a time; two connections into one block may lose rows.",
        _on(_queue),
    ),
    Probe(
        "failed-import",
        "A file without the columns that are needed is accepted; its import fails and names an error.",
        "push a file with an invented column",
        "The log says less about why an import failed.",
        _on(_failure),
    ),
    Probe(
        "header-only",
        "A file with a header and no row is imported.",
        "push the header alone",
        "Clearing a block (Airbyte's Clear, or a stream without rows) fails.",
        _on(_header_only),
    ),
    Probe(
        "unmapped-column",
        "A column that the configuration does not map is ignored.",
        "push the file with a further column",
        "A field that the configuration does not map stops the import: map it or deselect it.",
        _on(_unmapped_column),
    ),
    Probe(
        "megabyte",
        "A file of a megabyte is accepted.",
        "push the file with a cell of a megabyte in a further column",
        "Lower the largest file in the destination's form.",
        _on(_megabyte),
    ),
    Probe(
        "other-rows",
        "A file leaves the rows that it lacks as they are.",
        "push new rows",
        "The configuration clears before import: rows that a sync appends replace what is there.",
        _on(_other_rows),
    ),
    Probe(
        "dry-run",
        "A push with dryRun stores its rows, except where the richer list of import configurations is offered.",
        "push new rows with dryRun, then without",
        "Nothing stored without the richer list: no difference, because the destination then pushes nothing in a dry "
        'run. Rows stored with it: leave "Dry run" off, because its first file is imported.',
        _on(_dry_run),
    ),
    Probe(
        "import-mode",
        "An import mode that does not exist is answered with 400.",
        "push the file with an invented importMode",
        "With 200 the parameter is ignored: import_mode has no effect.",
        _on(_import_mode),
    ),
)

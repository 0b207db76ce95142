"""What starting an import or a copy inside Pigment is taken to be. Only what is named for this is run."""

from __future__ import annotations

import uuid

from verify.imports import Outcome
from verify.observer import Exchange
from verify.probe import NotAsked, Probe, Seen
from verify.workspace import Workspace

_COUNTS = ("insertedCount", "updatedCount", "deletedCount", "skippedCount")


def _start(workspace: Workspace, configuration_id: str) -> Exchange:
    if workspace.keys.imports is None:
        raise NotAsked("the configuration has no Import key")
    params = {"configurationId": configuration_id}
    return workspace.observer.once(workspace.keys.imports, "POST", "/api/v1/import/trigger", params=params)


def _named(workspace: Workspace) -> str:
    if workspace.config.start_id is None:
        raise NotAsked("nothing to start is named under verify_start")
    return workspace.config.start_id


def _unknown(workspace: Workspace) -> Seen:
    status = _start(workspace, str(uuid.UUID(int=1))).status
    return Seen(f"status {status}", same=status == 404)


def _takes_files(workspace: Workspace) -> Seen:
    if workspace.config.imports is None:
        raise NotAsked("no import configuration is named under verify_import")
    status = _start(workspace, workspace.config.imports.configuration_id).status
    return Seen(f"status {status}", same=status == 400)


def _is_listed(workspace: Workspace) -> Seen:
    wanted = _named(workspace).lower()
    listed = {str(each.get("id")).lower() for each in workspace.listed("/api/v1/importConfigurations")}
    return Seen("listed" if wanted in listed else "not listed", same=wanted in listed)


def _answer(workspace: Workspace) -> Seen:
    response = _start(workspace, _named(workspace))
    answer = response.json()
    if response.status != 200 or not isinstance(answer, dict):
        return Seen(f"status {response.status}", same=False)
    return Seen(", ".join(sorted(map(workspace.public_word, answer))), same=set(answer) == {"importId"})


def _report(workspace: Workspace) -> Seen:
    outcome: Outcome = workspace.imports.follow(_start(workspace, _named(workspace)))
    if not outcome.completed:
        return Seen("it did not complete", same=False)
    missing = [name for name in _COUNTS if outcome.count(name) is None]
    return Seen(f"without {', '.join(missing)}" if missing else "completed, with its counts", same=not missing)


START_PROBES = (
    Probe(
        "start-unknown",
        "Starting an unknown configuration is answered with 404.",
        "start an unknown id",
        "With another status, a wrong id under Then run is reported as something else.",
        _unknown,
    ),
    Probe(
        "start-takes-files",
        "A configuration that takes files cannot be started; the answer is 400.",
        "start the configuration under verify_import",
        "With 200, Pigment may run such a configuration without a file: keep it out of Then run.",
        _takes_files,
    ),
    Probe(
        "start-listed",
        "What can be started is in the list of import configurations.",
        "look for the id under verify_start",
        "The destination's check would call it invisible: leave the metadata key out.",
        _is_listed,
    ),
    Probe(
        "start-answer",
        "The answer to a start is the id of an import and nothing else.",
        "start what is named under verify_start",
        "Where the answer holds the result, it is taken from there.",
        _answer,
    ),
    Probe(
        "start-report",
        "What was started is asked about like an import, and reports the same counts.",
        "ask for the status of what was started",
        "Then run ends a sync with an error, or says less about what a copy did.",
        _report,
    ),
)

"""What follows a sync: in order, each once, and nothing more after the first that went wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from scripted_imports import RUNNING, Time, importer_for, next_response

from destination_pigment.config import parse_config
from destination_pigment.imports import polling
from destination_pigment.imports import then_run as module
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.then_run import (
    Concern,
    FollowUp,
    Obstacle,
    ThenRun,
    find_obstacle,
    require_visible,
    resolve_follow_ups,
)
from destination_pigment.input.cancel import Cancel, Cancelled
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.errors import (
    ImportLimitReached,
    ImportOutcomeUnknown,
    KeyRejected,
    NotFound,
    PermissionMissing,
    RequestRejected,
    Unavailable,
)
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportConfiguration,
    ImportCounts,
    SkippedData,
)

IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
WANTED = [FollowUp(IDS[0], "First"), FollowUp(IDS[1], "Second"), FollowUp(IDS[2])]
SECOND = f'"Second" ({IDS[1]}) under "Then run"'
DONE = CompletedImport("import", ImportCounts(3, 2, 1, 0))


class Pigment:
    """Starts what it is asked to, and says of each what it is given to say, the last forever."""

    def __init__(self, **responses: list[Import | Exception]) -> None:
        self.started: list[str] = []
        self.asked = 0
        self._starts = responses.get("starts", [RUNNING])
        self._asks = responses.get("asks", [DONE])
        self.on_start: Callable[[], None] = lambda: None

    def start_import(self, configuration_id: str, _timeout_seconds: float) -> Import:
        self.started.append(configuration_id)
        self.on_start()
        return next_response(self._starts)

    def import_status(self, _import_id: str) -> Import:
        self.asked += 1
        return next_response(self._asks)


def then_run(pigment: Pigment, cancel: Cancel | None = None, **config: Any) -> ThenRun:
    importer = importer_for(pigment, Time(), cancel, **config)
    return ThenRun(pigment, importer, WANTED, 60.0)  # type: ignore[arg-type] # stands in


def reported(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.message.startswith("Then run, ")]


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_each_is_started_in_order_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    pigment = Pigment(asks=[RUNNING, DONE, DONE, RUNNING, RUNNING, DONE])
    then_run(pigment).start_all(None)

    assert pigment.started == IDS
    assert pigment.asked == 6
    counts = "completed: 3 inserted, 2 updated, 1 deleted, 0 skipped."
    titles = [f'"First" ({IDS[0]})', f'"Second" ({IDS[1]})', f'"{IDS[2]}"']
    assert reported(caplog) == [f"Then run, {n} of 3: {title} {counts}" for n, title in enumerate(titles, start=1)]


def test_a_result_that_comes_at_once_is_not_asked_for() -> None:
    pigment = Pigment(starts=[CompletedImport("import", ImportCounts(1, 0, None))])
    then_run(pigment).start_all(None)
    assert (pigment.started, pigment.asked) == (IDS, 0)


STARTS: list[tuple[Exception, str, str]] = [
    (ImportOutcomeUnknown("trigger import"), f"The start of {SECOND} was sent, but", "may have run"),
    (MemoryError(), f"{SECOND} may have been started", "may have run"),
    (NotFound("trigger import"), f"{SECOND} was not started. Pigment does not know it", "was not started"),
    (RequestRejected("trigger import", status=400), "rejected that (HTTP 400)", "was not started"),
    (KeyRejected("trigger import", purpose="Import"), "Pigment rejected the API key", "was not started"),
    (PermissionMissing("trigger import", purpose="Import"), 'lacks the type "Import"', "was not started"),
    (Unavailable("trigger import", arrived=False, host="h"), f"{SECOND} was not started", "was not started"),
    (ImportLimitReached("trigger import"), "limit is used up: start it in Pigment later", "was not started"),
]


@pytest.mark.parametrize(("error", "words", "result"), STARTS, ids=lambda each: type(each).__name__)
def test_after_a_start_that_went_wrong_the_others_are_not_started(
    error: Exception, words: str, result: str, caplog: pytest.LogCaptureFixture
) -> None:
    pigment = Pigment(starts=[RUNNING, error])
    with pytest.raises(ConfigProblem) as caught:
        then_run(pigment).start_all(None)

    assert pigment.started == IDS[:2]
    assert words in str(caught.value)
    assert str(caught.value).endswith(f'All records of this sync are stored; not started: "{IDS[2]}".')
    assert [line.partition(") ")[2] for line in reported(caplog)[:2]][1] == f"{result}."
    assert reported(caplog)[2].endswith(f'"{IDS[2]}" was not started.')


ENDS: list[tuple[list[Import | Exception], str]] = [
    ([FailedImport("import", ("MissingColumn",))], f"Pigment ended {SECOND} as failed (MissingColumn): open the"),
    ([FailedImport("import", accepted=4)], "as failed, and 4 rows as accepted"),
    ([RUNNING], f"The run of {SECOND} has not ended within 60 minutes and may still be running"),
    ([NotFound("import status")], f"{SECOND} was started, and Pigment no longer knows its import."),
    ([KeyRejected("import status")], f"{SECOND} was started, but what became of it could not be asked:"),
    ([MemoryError()], f"{SECOND} was started, and the connector met an error while it waited (MemoryError)"),
]


@pytest.mark.parametrize(("asks", "words"), ENDS)
def test_after_a_run_that_did_not_complete_the_others_are_not_started(
    asks: list[Import | Exception], words: str
) -> None:
    pigment = Pigment(asks=[DONE, *asks])
    with pytest.raises(ConfigProblem) as caught:
        then_run(pigment).start_all(None)
    assert pigment.started == IDS[:2]
    assert words in str(caught.value)


SKIPPED = CompletedImport("import", ImportCounts(3, 0, 0, 2), (SkippedData("ParsingError", 2, "Amount"),))


@pytest.mark.parametrize("word", ["report", "fail"])
def test_rows_that_a_copy_leaves_out_are_said_and_stop_where_the_user_says_so(
    word: str, caplog: pytest.LogCaptureFixture
) -> None:
    pigment = Pigment(asks=[SKIPPED, DONE])
    follow = then_run(pigment, rejected_rows=word)
    if word == "fail":
        with pytest.raises(ConfigProblem, match="rejected 2 rows"):
            follow.start_all(None)
    else:
        follow.start_all(None)
    assert len(pigment.started) == (1 if word == "fail" else 3)
    assert 'Skipped 2 values of the run of "First"' in caplog.text
    assert 'ParsingError in the column "Amount"' in caplog.text


def test_where_the_sync_reports_itself_why_nothing_is_started_there_is_no_second_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pigment = Pigment()
    then_run(pigment).start_all(find_obstacle(stopped="the sync failed", not_accounted_for=3))
    assert pigment.started == []
    assert next(line.partition(") ")[2] or line for line in reported(caplog)) == (
        "was not started, because the sync failed."
    )
    assert len(reported(caplog)) == 3


def test_everything_is_stored_where_there_is_no_obstacle() -> None:
    assert find_obstacle() is None


OBSTACLES: list[tuple[dict[str, Any], Concern, str]] = [
    ({"stopped": "the sync has no stream"}, Concern.REPORTED, "the sync has no stream"),
    (
        {"unfinished": ('stream "a"', 'stream "b"')},
        Concern.AGAIN,
        'the source did not finish the stream "a" and the stream "b"',
    ),
    ({"unproved": ('stream "c"',)}, Concern.ROWS, 'no state came that proves the stream "c" complete'),
    ({"not_accounted_for": 3}, Concern.ROWS, "3 records are not stored"),
    ({"unreadable": 1}, Concern.ROWS, "1 line of the input could not be read and may have been records"),
    ({"unsent_states": 2}, Concern.ROWS, "2 states were not sent"),
    ({"rejected": 1}, Concern.ROWS, "1 row was rejected"),
]


@pytest.mark.parametrize("position", range(len(OBSTACLES)))
def test_the_first_obstacle_is_the_one_whose_turn_comes_first(position: int) -> None:
    later: dict[str, Any] = {}
    for facts, _, _ in OBSTACLES[position:]:
        later |= facts
    _, concern, reason = OBSTACLES[position]
    assert find_obstacle(**OBSTACLES[position][0]) == find_obstacle(**later) == Obstacle(concern, reason)


@pytest.mark.parametrize(("concern", "error"), [(Concern.AGAIN, TransientProblem), (Concern.ROWS, ConfigProblem)])
def test_where_not_everything_is_stored_nothing_is_started_and_the_sync_says_so(
    concern: Concern, error: type[Exception]
) -> None:
    pigment = Pigment()
    with pytest.raises(error, match='Nothing under "Then run" was started, because it rained'):
        then_run(pigment).start_all(Obstacle(concern, "it rained"))
    assert pigment.started == []


def test_without_an_entry_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    importer = Importer(Pigment(), parse_config({}), Cancel(), Time().clock)  # type: ignore[arg-type] # stands in
    ThenRun(Pigment(), importer, (), 60.0).start_all(Obstacle(Concern.ROWS, "x"))  # type: ignore[arg-type] # stands in
    assert not caplog.records


def test_a_cancel_between_two_starts_nothing_more_and_is_no_error_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    cancel = Cancel()
    pigment = Pigment(asks=[RUNNING, DONE])
    pigment.on_start = cancel.request
    then_run(pigment, cancel).start_all(None)
    assert pigment.started == IDS[:1]
    assert "completed" in reported(caplog)[0]
    assert all(line.endswith("was not started.") for line in reported(caplog)[1:])


def test_a_cancel_before_its_turn_came_has_started_nothing() -> None:
    pigment = Pigment(starts=[Cancelled()])
    then_run(pigment).start_all(None)
    assert pigment.started == IDS[:1]
    assert pigment.asked == 0


def test_a_cancel_while_it_runs_is_waited_for_and_then_said() -> None:
    cancel = Cancel()
    pigment = Pigment(asks=[RUNNING])
    pigment.on_start = cancel.request
    with pytest.raises(ConfigProblem, match="was stopped while the run of"):
        then_run(pigment, cancel).start_all(None)
    assert pigment.asked > 5


CONFIGURATIONS = [ImportConfiguration(IDS[0], "First"), ImportConfiguration(IDS[1], "Second")]


def test_names_are_taken_where_they_are_known() -> None:
    assert resolve_follow_ups(IDS, CONFIGURATIONS) == tuple(
        FollowUp(each, name) for each, name in zip(IDS, ["First", "Second", None], strict=True)
    )


def test_a_configuration_that_is_not_visible_is_named() -> None:
    require_visible(WANTED[:2], CONFIGURATIONS)
    with pytest.raises(ConfigProblem, match=f'"Then run" names "{IDS[2]}"') as caught:
        require_visible(WANTED, CONFIGURATIONS)
    assert f"First ({IDS[0]}), Second ({IDS[1]})" in str(caught.value)


def test_ids_are_taken_out_of_addresses_and_blanks_left_out() -> None:
    address = f"https://pigment.app/api/v1/import/trigger?configurationId={IDS[0].upper()}"
    assert parse_config({"then_run": [address, "", f' "{IDS[1]}" ']}).then_run == tuple(IDS[:2])


@pytest.mark.parametrize("target", ["import_configuration_id", "replace_import_configuration_id"])
def test_what_takes_files_is_not_started(target: str) -> None:
    targets = [{"stream": "s", "import_configuration_id": IDS[2], target: IDS[0]}]
    with pytest.raises(ConfigProblem, match='remove it from "Then run"'):
        parse_config({"then_run": [IDS[0]], "targets": targets})


def test_each_is_started_once() -> None:
    with pytest.raises(ConfigProblem, match="more than once"):
        parse_config({"then_run": [IDS[0], f"https://pigment.app/import/{IDS[0]}"]})


def test_a_response_that_does_not_come_holds_up_no_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "CANCEL_GRACE_SECONDS", 0.0)
    monkeypatch.setattr(module, "_LOOK_EVERY_SECONDS", 0.01)
    cancel, ever = Cancel(), Event()
    pigment = Pigment()

    def hang() -> None:
        cancel.request()
        ever.wait(30)

    pigment.on_start = hang
    with pytest.raises(ConfigProblem, match=r'was stopped while "First" .* Pigment did not respond: look at'):
        then_run(pigment, cancel).start_all(None)
    ever.set()
    assert pigment.started == IDS[:1]

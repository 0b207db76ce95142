"""Random faults, endings and rows: whatever happens, what follows a sync is started only where everything is stored."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from airbyte_platform.delivery import Cancelled, Ending, SourceFailed, Succeeded
from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Message
from connectors import Runner, destination_config, running
from local_pigment.faults import FailImport, Fault, Misreport, ResetBeforeResponse, RespondStatus
from local_pigment.sample import (
    ACCOUNTS_FROM_OUTSIDE,
    DEPARTMENTS_TO_FTE,
    FAILING_COPY,
    HEADCOUNT_TO_PLAN,
    add_copies,
    planning_model,
)
from local_pigment.server import LocalPigment
from writing import catalog, names, record, rows, state, status, stream

pytestmark = pytest.mark.long

STARTABLE = [HEADCOUNT_TO_PLAN, DEPARTMENTS_TO_FTE, ACCOUNTS_FROM_OUTSIDE, FAILING_COPY]
FAULTS: list[Fault] = [
    RespondStatus(503),
    RespondStatus(429, retry_after="1"),
    ResetBeforeResponse(carried_out=True),
    ResetBeforeResponse(carried_out=False),
    RespondStatus(400),
    FailImport(),
    Misreport({"skippedCount": 1}),
]


@pytest.fixture
def destination(fast_destination_fork_server: ForkServer) -> Iterator[Runner]:
    workspace = add_copies(planning_model(ledger_rows=1))
    with (
        LocalPigment(workspace) as pigment,
        running(fast_destination_fork_server, pigment, destination_config(pigment)) as runner,
    ):
        yield runner
        workspace.faults.forget()


class Schedule:
    """What one sync meets, and what may be started after it."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.then_run = chance.sample(STARTABLE, chance.randint(1, 4))
        self.count = chance.choice([0, 3, 12])
        self.rejected = chance.random() < 0.2
        self.complete = chance.random() < 0.8
        self.has_statuses = chance.random() < 0.7
        self.last_state = chance.random() < 0.85
        self.junk = chance.random() < 0.1
        endings: list[Ending] = [Succeeded(), SourceFailed(grace_seconds=0.5), Cancelled()]
        self.ending = chance.choices(endings, [8, 1, 1])[0]
        operations = ["push_csv", "import_status", "trigger_import"]
        self.faults = [
            (chance.choice(operations), chance.choice(FAULTS), chance.randint(0, 2))
            for _ in range(chance.choice([0, 0, 0, 1, 2]))
        ]

    def messages(self) -> list[Message]:
        sent = [record({"Department": name}, "Departments") for name in names(self.count)]
        if self.rejected:
            sent.insert(0, record({"Department": ""}, "Departments"))
        if self.last_state:
            sent.append(state(1, "Departments"))
        if self.has_statuses:
            sent.append(status("COMPLETE" if self.complete else "INCOMPLETE", "Departments"))
        return sent

    @property
    def may_be_followed(self) -> bool:
        """Whether the source has said enough, and every row can be stored."""
        proved = self.complete if self.has_statuses else self.last_state
        return proved and not self.rejected and not self.junk


@pytest.mark.parametrize("seed", range(16))
def test_nothing_follows_a_sync_of_which_anything_is_missing(destination: Runner, seed: int) -> None:
    schedule, workspace = Schedule(seed), destination.pigment.workspace
    for operation, fault, after in schedule.faults:
        workspace.faults.queue(operation, fault, after=after)
    ids = [workspace.configuration(name).id for name in schedule.then_run]
    delivery = destination.deliver(catalog(stream("Departments", ("Department",))), then_run=ids, max_file_rows=5)
    if schedule.junk:
        delivery.send(b'{"type": "RECORD", "record": {"stre\n')
    delivery.send_messages(*schedule.messages())
    run = delivery.end(schedule.ending)

    order = [
        each.target.partition("configurationId=")[2]
        for each in destination.pigment.requests
        if each.operation == "trigger_import" and each.status not in {400, 429}
    ]
    stored = {row[0] for row in rows(destination, "Departments")}
    wanted = dict(zip(ids, schedule.then_run, strict=True))
    started = [wanted[each] for each in order]
    # In order, from the first, and none twice.
    assert started == schedule.then_run[: len(started)]
    assert all(workspace.started(name) <= 1 for name in STARTABLE)
    if started:
        assert schedule.may_be_followed
        assert stored >= set(names(schedule.count))
        assert len(run.states) == schedule.last_state or isinstance(schedule.ending, Cancelled)
    if run.exit_code == 0:
        assert started == schedule.then_run

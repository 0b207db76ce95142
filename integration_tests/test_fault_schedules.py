"""The first law end to end: random faults, kills and endings, both connectors as processes, repeated by the platform.

`SCHEDULES=1000` runs a thousand of them, from the seed `FIRST_SEED` on; a seed is all that is needed to see one again,
and with `STORY=1` and `-s` every one prints what happened in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import destination_config, running, sliced_by_department, source_config
from disturbances import ATTEMPTS_MADE, Finding
from local_pigment.blocks import ListBlock
from local_pigment.sample import CONSOLIDATION, LEDGER_BY_KEY, LEDGER_BY_MONTH, PLANNING, planning_model
from local_pigment.server import LocalPigment
from schedules import MODES, OLD, POSTED, SPEED, Plan, Schedule
from writing import LEDGER

SCHEDULES = int(os.environ.get("SCHEDULES", "12"))
FIRST_SEED = int(os.environ.get("FIRST_SEED", "0"))
ROWS = 80


@pytest.fixture(scope="module")
def servers() -> Any:
    with (
        ForkServer("source_pigment.run", speed=SPEED) as source,
        ForkServer("destination_pigment.destination", speed=SPEED) as destination,
    ):
        yield source, destination


@pytest.fixture(scope="module")
def discovered(servers: tuple[ForkServer, ForkServer]) -> dict[int, dict[str, Any]]:
    """The ledger as a stream, by the number of its slices: ids are the same in every local Pigment."""
    streams = {}
    with LocalPigment(planning_model(ledger_rows=ROWS)) as pigment:
        for slices in (1, 4):
            sliced = sliced_by_department(pigment, slices) if slices > 1 else {}
            with running(servers[0], pigment, {**source_config(pigment), **sliced}) as source:
                streams[slices] = {**source.discovered()[LEDGER], "source_defined_primary_key": [["Entry"]]}
    return streams


def targets(pigment: LocalPigment, plan: Plan) -> list[dict[str, Any]]:
    """Keyed, replacing through a pair or through one that clears all, by key or by month, or simply adding."""
    workspace = pigment.workspace
    if plan.by_name:
        return []
    target: dict[str, Any] = {"stream": LEDGER, "import_configuration_id": workspace.configuration(LEDGER).id}
    replacing = workspace.configuration(plan.clearing).id
    if plan.mode == "append_dedup" and not plan.replaces:
        target["import_configuration_id"] = workspace.configuration(f"{LEDGER} (by entry)").id
    elif plan.replaces and plan.max_file_rows > ROWS and plan.seed % 3:
        target |= {"import_configuration_id": replacing, "clears_before_import": True}
    elif plan.replaces:
        adding = f"{LEDGER} (by entry)" if plan.clearing == LEDGER_BY_KEY else LEDGER
        target["import_configuration_id"] = workspace.configuration(adding).id
        target["replace_import_configuration_id"] = replacing
    if plan.replaces and plan.clearing == LEDGER_BY_MONTH:
        target["scope"] = "Posted"
    return [target]


def fill(pigment: LocalPigment, plan: Plan) -> None:
    """Put rows into the ledger before the first sync: of other months, and where all are replaced with a known key."""
    old = pigment.workspace.block(LEDGER, CONSOLIDATION)
    assert isinstance(old, ListBlock)
    known = pigment.workspace.rows(LEDGER, PLANNING)[0]
    for number, posted in enumerate(("", "1999-01-31", known[POSTED])):
        old.add(f"{OLD} {number}", "", "", posted, *[""] * (len(old.properties) - 4))
    if plan.replaces:
        old.add(known[0], "", "", known[POSTED], *[""] * (len(old.properties) - 4))


def credentials(pigment: LocalPigment, plan: Plan) -> dict[str, Any]:
    """One key for everything, or without the one that counts blocks."""
    if plan.counts_blocks:
        return {}
    keys = {f"{name}_api_key": pigment.workspace.secret(name) for name in ("import", "metadata")}
    return {"credentials": {"auth_type": "separate_keys", **keys}}


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(FIRST_SEED + number, marks=[pytest.mark.long] if number >= len(MODES) else [])
        for number in range(SCHEDULES)
    ],
)
def test_rows_in_pigment_are_the_rows_that_were_sent(
    seed: int,
    servers: tuple[ForkServer, ForkServer],
    discovered: dict[int, dict[str, Any]],
    record_property: Callable[[str, object], None],
) -> None:
    plan = Plan.of(seed)
    with LocalPigment(planning_model(ledger_rows=ROWS, seed=seed), tls=plan.tls) as pigment:
        pigment.workspace.limits.requests = 100_000
        plan.put_variants(pigment.workspace.variants)
        fill(pigment, plan)
        sliced = sliced_by_department(pigment, plan.slices) if plan.slices > 1 else {}
        reading = {**source_config(pigment), "max_retries": 1, **sliced}
        writing = {**destination_config(pigment), "max_retries": 2, "targets": targets(pigment, plan)}
        writing |= credentials(pigment, plan)
        with running(servers[0], pigment, reading) as source, running(servers[1], pigment, writing) as destination:
            schedule = Schedule(plan, source, destination, discovered[plan.slices])
            try:
                schedule.run()
            except Finding as finding:
                record_property(finding.broken.value, finding.count)
                story = "\n  ".join([f"{plan}: {finding}", *schedule.story])
                raise AssertionError(story) from None
            finally:
                if os.environ.get("STORY"):
                    print(plan, *schedule.story, sep="\n  ")  # noqa: T201 - asked for
                record_property(ATTEMPTS_MADE, schedule.attempts)

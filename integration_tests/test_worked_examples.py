"""The worked examples of the destination's page, run as they are drawn; and what the page quotes of their logs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.job import REGISTRY, catalog_for, complete
from airbyte_platform.process import Run
from connectors import Runner, destination_config, running
from documents.drawings import draw, pictures
from documents.generated import ROOT
from documents.worked_examples import EXAMPLES, Mark, WorkedExample
from local_pigment.blocks import ListBlock, Property, ValueType
from local_pigment.sample import CONSOLIDATION, planning_model
from local_pigment.server import LocalPigment
from stranger import Site
from writing import imports, record, state, stream, write

BY_NAME = {each.name: each for each in EXAMPLES}
PAGE = ROOT / "docs/destinations/pigment.md"


@dataclass(frozen=True)
class Nights:
    """A first load into the empty list, the night of the picture with its rows and counts, the next; logs of all."""

    example: WorkedExample
    rows: list[list[str]]
    counts: tuple[int, int, int]
    log: list[tuple[str, str]]


@pytest.fixture(scope="module", params=BY_NAME)
def nights(request: pytest.FixtureRequest, destination_fork_server: ForkServer) -> Nights:
    example = BY_NAME[request.param]
    with LocalPigment(planning_model(ledger_rows=1)) as pigment:
        block = build(Site(pigment), example)
        with running(destination_fork_server, pigment, destination_config(pigment)) as runner:
            first = run(runner, example)
            block.items.clear()
            for row in example.before:
                block.add(*row)
            drawn = run(runner, example)
            report = imports(runner)[-1]
            rows = pigment.workspace.rows(example.stream, CONSOLIDATION)
            runs = [first, drawn, run(runner, example)]
    assert [each.exit_code for each in runs] == [0, 0, 0]
    log = [(each["level"], each["message"]) for night in runs for each in night.of("LOG")]
    return Nights(example, rows, (report.inserted, report.updated, report.deleted), log)


def build(site: Site, example: WorkedExample) -> ListBlock:
    months = site.dimension("Month", "Jan 26", "Feb 26", "Mar 26")
    known = {"Month": months, "Amount": Property("Amount", ValueType.NUMBER)}
    return site.add_list(
        example.stream,
        *(known.get(name) or Property(name) for name in example.columns),
        is_dimension=example.key is not None,
        key=example.key,
        scope=() if example.scope is None else (example.scope,),
        clear_before_import=True,
    )


def run(runner: Runner, example: WorkedExample) -> Run:
    """The sync that the page describes: a full refresh that overwrites, with the fields of the form that it names."""
    target: dict[str, Any] = {
        "stream": example.stream,
        "import_configuration_id": runner.pigment.workspace.configuration(example.stream).id,
    }
    target |= {"clears_before_import": True} if example.scope is None else {"scope": example.scope}
    described = stream(example.stream, example.sent)
    records = [record(dict(zip(example.sent, row, strict=True)), example.stream) for row in example.file]
    messages = [*records, state(1, example.stream), complete(described)]
    return write(runner, messages, catalog_for([described], "overwrite", REGISTRY), targets=[target])


def test_the_rows_and_counts_that_a_picture_shows_are_those_of_a_sync(nights: Nights) -> None:
    assert sorted(map(tuple, nights.rows)) == sorted(nights.example.after)
    assert nights.counts == nights.example.counts


@pytest.mark.parametrize("example", EXAMPLES, ids=BY_NAME)
def test_the_marks_of_a_picture_are_as_many_as_its_counts(example: WorkedExample) -> None:
    before, after = example.marks_before(), example.marks_after()

    assert (after.count(Mark.INSERTED), after.count(Mark.UPDATED), before.count(Mark.DELETED)) == example.counts
    assert before.count(Mark.UPDATED) == after.count(Mark.UPDATED)
    assert before.count(Mark.UNTOUCHED) == after.count(Mark.UNTOUCHED)


def test_the_pictures_are_as_they_are_drawn() -> None:
    """Run `make pictures` where they are not."""
    assert {path: path.read_text(encoding="utf-8") for path in pictures()} == pictures()


@pytest.mark.parametrize("example", EXAMPLES, ids=BY_NAME)
def test_a_picture_shows_every_cell(example: WorkedExample) -> None:
    shown = re.findall(r"<text[^>]*>([^<]+)</text>", draw(example))

    for rows in (example.before, example.file, example.after):
        for row in rows:
            assert not {cell for cell in row if cell} - set(shown)


def test_the_log_that_the_page_quotes_is_what_the_sync_logs(nights: Nights) -> None:
    """Of all nights, ids and durations aside; the numbers of rows are those of the picture."""
    section = PAGE.read_text(encoding="utf-8").partition(f"({nights.example.name}.svg)")[2].partition("\n##")[0]
    shown = re.findall(r"^(INFO|WARN) +(.+)$", section, re.MULTILINE)
    logged = {(level, masked(message)) for level, message in nights.log}

    assert len(shown) > 1
    assert [line for line in shown if (line[0], masked(line[1])) not in logged] == [], sorted(logged)


def masked(message: str) -> str:
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]+)*…?|[0-9.]+ (s|bytes)\b", "#", message)

"""A list or metric that the user created for this purpose: small files are pushed into it, and it is read back.

The files build on each other, so each is pushed once and after those before it. Nothing is pushed into a block that
contains anything else: a file through a configuration that clears would delete it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from verify.config import BlockForVerifying
from verify.csv_sample import CsvSample, read_sample
from verify.imports import Outcome
from verify.probe import NotAsked, Seen

if TYPE_CHECKING:
    from verify.workspace import Workspace

LIST_COLUMNS = ("Key", "Label", "First", "Second", "Day", "Amount")
METRIC_COLUMNS = ("First", "Amount")
_OURS = "verify-"
# The dimension has two items, and so the metric has at most two cells.
_MOST_CELLS = 2

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A file that was pushed, and what the block contained after it; None where it cannot be read."""

    outcome: Outcome
    contents: list[Row] | None

    def read(self) -> list[Row]:
        """What the block contained after the file."""
        if self.contents is None:
            raise NotAsked("the configuration has no Export key")
        return self.contents

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        return [row.get(name, "") for row in self.read()]


class BlockTrial:
    """Pushes files into one block, each once, and reads the block after each."""

    def __init__(
        self, workspace: Workspace, section: str, given: BlockForVerifying | None, *, is_metric: bool = False
    ) -> None:
        self._workspace = workspace
        self._section = section
        self._given = given
        self._is_metric = is_metric
        self._columns = METRIC_COLUMNS if is_metric else LIST_COLUMNS
        self._word = f"{_OURS}{secrets.token_hex(4)}"
        self._steps: dict[str, Step] = {}
        self._refusal: str | None = None

    @property
    def given(self) -> BlockForVerifying:
        """What the user named for this purpose."""
        if self._given is None:
            raise NotAsked(f"nothing is named under {self._section}")
        return self._given

    def key(self, number: int) -> str:
        """The key of a row; no run has the keys of another."""
        return f"{self._word}-{number}"

    def first(self, rows: Sequence[Row]) -> Step:
        """Push the first file; whatever is asked later needs that it was imported."""
        if not self._steps and self._refusal is None:
            self._refusal = self._foreign()
        step = self.step("first", rows)
        if not step.outcome.completed:
            raise NotAsked(f"the first file under {self._section} was not imported: docs/verify.md shows its columns")
        return step

    def step(
        self,
        name: str,
        rows: Sequence[Row],
        *,
        columns: Sequence[str] = (),
        replacing: bool = False,
        api_key: str | None = None,
    ) -> Step:
        """Push a file, once for each name; `replacing` uses the configuration that clears the whole block."""
        if name in self._steps:
            return self._steps[name]
        configuration_id = self._replacing_id() if replacing else self.given.configuration_id
        if self._refusal is not None:
            raise NotAsked(self._refusal)
        imports = self._workspace.imports
        try:
            file = _as_csv(columns or self._columns, rows)
            outcome = imports.follow(imports.push(configuration_id, file, api_key=api_key), api_key=api_key)
            self._steps[name] = Step(outcome, self._contents())
        except requests.RequestException:
            self._refusal = f"an earlier file under {self._section} had no answer"
            raise
        return self._steps[name]

    def _replacing_id(self) -> str:
        if self.given.replacing_id is None:
            raise NotAsked(f"{self._section} has no replace_import_configuration_id")
        return self.given.replacing_id

    def _foreign(self) -> str | None:
        """Why nothing may be pushed: the block is not certain to be there for this purpose alone."""
        given = self.given
        if self._workspace.keys.metadata is not None:
            listed = self._workspace.listed(f"/api/v1/importConfigurations?blockId={given.block_id}")
            known = {str(each.get("id")).lower() for each in listed}
            if not {given.configuration_id, given.replacing_id or given.configuration_id} <= known:
                return f"nothing was pushed: {self._section} names an import configuration of another block"
        before = self._contents() or []
        is_ours = len(before) <= _MOST_CELLS if self._is_metric else all(_is_ours(row) for row in before)
        return None if is_ours else f"nothing was pushed: the block under {self._section} contains rows of others"

    def _contents(self) -> list[Row] | None:
        exchange = self._workspace.exported("metric" if self._is_metric else "list", self.given.block_id)
        if exchange is None:
            return None
        sample = read_sample(exchange.body, ";", whole=exchange.whole)
        if exchange.status != 200 or not sample.whole:
            self._refusal = f"the block under {self._section} could not be read back (status {exchange.status})"
            raise NotAsked(self._refusal)
        return [self._row(sample, [cell.text for cell in row]) for row in sample.rows]

    def _row(self, sample: CsvSample, cells: list[str]) -> Row:
        # The columns of a metric have the names of the dimension and of the metric, which are the user's.
        names = [METRIC_COLUMNS[0], METRIC_COLUMNS[-1]] if self._is_metric else sample.header
        return dict(zip(names, [cells[0], cells[-1]] if self._is_metric else cells, strict=False))


def imported(
    push: Callable[[BlockTrial], Step], look: Callable[[BlockTrial, Step], Seen]
) -> Callable[[BlockTrial], Seen]:
    """What is seen once a file was imported; that it failed is a difference of its own."""

    def seen(trial: BlockTrial) -> Seen:
        step = push(trial)
        if step.outcome.completed:
            return look(trial, step)
        return Seen(step.outcome.in_words(), same=False if step.outcome.failed else None)

    return seen


def _is_ours(row: Row) -> bool:
    return row.get("Key", "").startswith(_OURS)


def _as_csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in rows)]
    return "".join(f"{line}\r\n" for line in lines)

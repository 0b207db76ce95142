"""Blocks of raw bytes for the source to read, and what came of them; for tests."""

from __future__ import annotations

import json
from typing import Any

from airbyte_platform.process import Run
from airbyte_platform.rules import SourceRules
from connectors import Runner
from local_pigment.blocks import Application, ListBlock, Property
from local_pigment.sample import PLANNING
from local_pigment.workspace import new_id
from slicing import sliced_by_department


def planning(source: Runner) -> Application:
    return source.pigment.workspace.application(PLANNING)


def add_raw(source: Runner, name: str, *chunks: bytes, is_dimension: bool = False) -> ListBlock:
    block = ListBlock(new_id("raw", name), name, [Property("x")], is_dimension)
    block.stream = lambda: iter(chunks)
    planning(source).put(block)
    return block


def held_to_the_rules(run: Run, catalog: dict[str, Any], *, strict: bool = True) -> SourceRules:
    rules = SourceRules(catalog, strict_schemas=strict)
    for line, message in zip(run.lines, run.messages, strict=True):
        rules.see(message, len(line.decode()))
    rules.end(run.exit_code)
    return rules


def data_of(run: Run, stream: str) -> list[dict[str, Any]]:
    return [record["data"] for record in run.records if record["stream"] == stream]


def logged(run: Run, words: str) -> list[str]:
    return [each["message"] for each in run.of("LOG") if words in each["message"]]


def split_by_department(source: Runner, slices: int = 4) -> dict[str, Any]:
    return sliced_by_department(source.pigment, slices)


def as_multiset(rows: list[list[str]] | list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def add_list(source: Runner, name: str, header: list[str], rows: list[list[str]], **more: Any) -> ListBlock:
    block = ListBlock(new_id("extra", name, str(len(header))), name, [Property(each) for each in header], **more)
    for row in rows:
        block.add(*row)
    planning(source).put(block)
    return block


def properties(stream: dict[str, Any]) -> dict[str, Any]:
    return {name: each.get("format", each["type"][1]) for name, each in stream["json_schema"]["properties"].items()}

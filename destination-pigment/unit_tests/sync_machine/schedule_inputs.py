"""What a schedule is made of: the streams and where they go, how the platform asks, and what may be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from pigment_in_memory import ENDS, LOST, NOT_TAKEN, Configuration, Kind, Nature, Outcome, Row

from destination_pigment.targets import Target


@dataclass(frozen=True, slots=True)
class Shape:
    """A stream: how it is asked for, where it goes, what its records have, and what its block may be."""

    mode: str
    target: Target
    has_key: bool = False
    has_day: bool = False
    is_full_refresh: bool = False
    kinds: tuple[Kind, ...] = (Kind.LIST,)

    @property
    def replaces(self) -> bool:
        """Whether its rows take the place of what is there."""
        return self.target.clearing_id is not None


# "sharing" goes through the configuration of another stream, "beside" through one of its own into the same block;
# "misled" appends through one that clears, and "mistaken" is to replace through one that adds.
SHAPES = {
    "added": Shape("append", Target("adds")),
    "sharing": Shape("append", Target("adds")),
    "beside": Shape("append", Target("adds too")),
    "misled": Shape("append", Target("clears unsaid")),
    "whole": Shape("append", Target("adds all"), is_full_refresh=True),
    "matched": Shape("append_dedup", Target("matches"), has_key=True, kinds=(Kind.KEYED,)),
    "cells": Shape("append_dedup", Target("sets cells"), has_key=True, kinds=(Kind.METRIC,)),
    "replaced": Shape("overwrite", Target("clears", "clears"), is_full_refresh=True, kinds=tuple(Kind)),
    "paired": Shape(
        "overwrite_dedup",
        Target("pair adds", "pair clears"),
        has_key=True,
        is_full_refresh=True,
        kinds=tuple(Kind),
    ),
    "scoped": Shape(
        "overwrite",
        Target("scope adds", "scope clears", scope="m"),
        has_day=True,
        is_full_refresh=True,
        kinds=(Kind.LIST, Kind.KEYED),
    ),
    "mistaken": Shape("overwrite", Target("adds, ticked", "adds, ticked"), is_full_refresh=True),
}
CONFIGURATIONS = {
    "adds": Configuration("ledger"),
    "adds too": Configuration("ledger"),
    "clears unsaid": Configuration("misled", clears=True),
    "adds all": Configuration("whole"),
    "matches": Configuration("matched"),
    "sets cells": Configuration("cells"),
    "clears": Configuration("replaced", clears=True),
    "pair adds": Configuration("paired"),
    "pair clears": Configuration("paired", clears=True),
    "scope adds": Configuration("scoped"),
    "scope clears": Configuration("scoped", clears=True, clears_scope=True),
    "adds, ticked": Configuration("mistaken"),
}
# What the blocks contain before the sync: also what has the key of a record that comes, and days within a scope.
OLD = {
    name: [
        Row("old", "old", m="2025-12-31"),
        Row("key 0", "old", m="2026-01-05"),
        Row("key 9", "old", m="2026-02-03"),
        Row(f"{name} 0", "old", m="2026-01-31"),
    ]
    for name, shape in SHAPES.items()
    if shape.replaces
}
# How the platform asks for it: as a custom image; with generations, as ours or as Airbyte's other
# destinations do; and as PyAirbyte, which asks for no refresh by them.
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "custom image": ({}, {}),
    "generations": ({"generation_id": 7, "minimum_generation_id": 0}, {}),
    "registry": (
        {"generation_id": 7, "minimum_generation_id": 5},
        {"generation_id": 7, "minimum_generation_id": 7, "sync_mode": "full_refresh"},
    ),
    "refresh": (
        {"generation_id": 7, "minimum_generation_id": 0},
        {"generation_id": 7, "minimum_generation_id": 7, "sync_mode": "incremental", "sync_id": 42},
    ),
    "PyAirbyte": (
        {"generation_id": 1, "minimum_generation_id": 1, "sync_id": 1},
        {"generation_id": 1, "minimum_generation_id": 1, "sync_id": 1},
    ),
}
NAMES = st.sampled_from(sorted(SHAPES))
# The streams of the catalog: the fewer, the more comes of each.
LIVELY = st.one_of(
    NAMES.map(lambda name: [name]),
    NAMES.map(lambda name: [name]),
    st.lists(NAMES, min_size=2, max_size=3, unique=True),
    st.lists(NAMES, min_size=2, max_size=3, unique=True),
    st.lists(NAMES, min_size=2, max_size=3, unique=True),
    st.lists(NAMES, min_size=4, unique=True),
    st.just(["beside", "replaced"]),
)
NUMBERS = st.integers(0, len(SHAPES) - 1)
NATURES = st.builds(
    Nature,
    clear_is_counted=st.sampled_from([True, True, False]),
    unchanged_are_counted=st.booleans(),
    blanks_are_counted=st.booleans(),
    blanked_are_counted=st.booleans(),
    header_only_clears=st.sampled_from([True, True, False]),
    duplicates=st.sampled_from(["fail", "fail", "first", "last"]),
    scope_is_coarser=st.booleans(),
    can_be_counted=st.sampled_from([True, True, False]),
    sees_half=st.sampled_from([False, False, True]),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has set, and how full the blocks are; `later` is the stream of step 2, by its place.

    `is_contested`: one stream is imported into the block that another one replaces.
    """

    deleted_rows: str = "report"
    count_blocks: str = "in_doubt"
    cursor: str = "number"
    minimum_rows: int | None = None
    has_block_id: bool = False
    is_resumable: bool = False
    was_filled: bool = True
    kind: int = 0
    scope_appends: bool = False
    is_contested: bool = False
    later: int | None = None


SETTINGS = st.builds(
    Settings,
    deleted_rows=st.sampled_from(["report", "blank", "mark"]),
    count_blocks=st.sampled_from(["in_doubt", "always"]),
    cursor=st.sampled_from(["number", "text", "instant"]),
    minimum_rows=st.sampled_from([None, None, None, None, 0, 3]),
    has_block_id=st.booleans(),
    is_resumable=st.booleans(),
    was_filled=st.sampled_from([True, True, False]),
    kind=st.integers(0, 2),
    scope_appends=st.booleans(),
    is_contested=st.sampled_from([False, False, False, True]),
    later=st.sampled_from([None, None, 0, 1]),
)
# How the records of a stream name it: with its namespace, without, or now so, now so.
NAMINGS = st.sampled_from(["named", "unnamed", "named in turn"])
OUTCOMES = st.builds(
    Outcome,
    end=st.sampled_from(["stored"] * 40 + list(ENDS)),
    response=st.sampled_from([None] * 30 + [*LOST, *NOT_TAKEN]),
    seconds=st.sampled_from([0.0] * 6 + [5.0] * 4 + [1800.0, 5400.0, 20_000.0]),
    is_immediate=st.booleans(),
)
ENDINGS = [
    *["every stream completes"] * 6,
    *["every stream completes, with a state of all"] * 3,
    *["all but the first stream complete"] * 2,
    *["the input ends"] * 2,
    "within a line",
    "every stream completes, within a line",
    "cancelled",
    "killed",
]
STATS = st.sampled_from(["right"] * 24 + ["whole number", "too few", "too many", "missing", "null", "text", "negative"])
CONTENTS = st.sampled_from([None, {}, {"x": 1}])
# A record: what it is, and the numbers of its key and of its cursor, where its stream has them.
Kinds = list[tuple[str, int, int]]
RECORDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["good"] * 24 + ["deleted"] * 4 + ["blank"] * 3 + ["keyless", "unreadable", "null", "a list", "NaN"]
        ),
        st.integers(0, 2),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=5,
)
# Records of a stream (by its number), how they name it, and whether a state follows.
Batch = tuple[int, Kinds, str, bool]
BATCHES = st.lists(st.tuples(NUMBERS, RECORDS, NAMINGS, st.booleans()), min_size=1, max_size=4)
NOT_OBJECTS = {"null": None, "a list": [1], "NaN": {"id": float("nan"), "v": ""}}
# The values of a cursor by the schema's type, each with its place in their order; None has none.
CURSORS: dict[str, list[tuple[Any, Any]]] = {
    "number": [(9, 9.0), (10, 10.0), (1005, 1005.0), (10.5, 10.5), (None, None)],
    "text": [("1005", "1005"), ("998", "998"), ("b", "b"), ("", None), (None, None)],
    "instant": [
        ("2026-01-01T09:00:00Z", 540.0),
        ("2026-01-01T10:30:00+02:00", 510.0),
        ("2026-01-01T09:00:00.5Z", 540.5),
        ("no time", None),
        (None, None),
    ],
}
CURSOR_TYPES: dict[str, dict[str, Any]] = {
    "number": {"type": ["null", "number"]},
    "text": {"type": ["null", "string"]},
    "instant": {"type": ["null", "string"], "format": "date-time"},
}
DAYS = ["2026-01-05", "2026-01-20", "2026-02-03"]
DELETED_AT = "2026-01-02T00:00:00Z"


def announced(stats: str, counted: int) -> tuple[dict[str, Any], float | None]:
    """What stands in a state of the source's count, and what it means."""
    match stats:
        case "right":
            return {"sourceStats": {"recordCount": float(counted)}}, counted
        case "whole number":
            return {"sourceStats": {"recordCount": counted}}, counted
        case "too few":
            return {"sourceStats": {"recordCount": float(counted - 1)}}, counted - 1
        case "too many":
            return {"sourceStats": {"recordCount": counted + 1.0}}, counted + 1
        case "null":
            return {"sourceStats": {"recordCount": None}}, None
        case "text":
            return {"sourceStats": {"recordCount": "many"}}, None
        case "negative":
            return {"sourceStats": {"recordCount": -1.0}}, None
        case _:
            return {}, None

"""What a schedule is made of: the streams and where they go, how the platform asks, and what may be drawn."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from pigment_in_memory import ENDS, LOST, NOT_TAKEN, Configuration, Outcome

from destination_pigment.targets import Target

MODES = {
    "added": "append",
    "sharing": "append",
    "beside": "append",
    "misled": "append",
    "matched": "append_dedup",
    "replaced": "overwrite",
    "paired": "overwrite",
}
# "sharing" goes through the configuration of another stream, "beside" through one of its own into the same block, and
# "misled" appends through one that clears.
TARGETS = {
    "added": Target("adds"),
    "sharing": Target("adds"),
    "beside": Target("adds too"),
    "misled": Target("clears unsaid"),
    "matched": Target("matches"),
    "replaced": Target("clears", "clears"),
    "paired": Target("pair adds", "pair clears"),
}
CONFIGURATIONS = {
    "adds": Configuration("ledger"),
    "adds too": Configuration("ledger"),
    "clears unsaid": Configuration("misled", clears=True),
    "matches": Configuration("matched", is_keyed=True),
    "clears": Configuration("replaced", clears=True),
    "pair adds": Configuration("paired"),
    "pair clears": Configuration("paired", clears=True),
}
BLOCKS = {name: CONFIGURATIONS[target.configuration_id].block for name, target in TARGETS.items()}
REPLACED = frozenset({"replaced", "paired"})
# How the platform asks for it: as a custom image; with generations, as ours or as Airbyte's other destinations do.
NONE: dict[str, Any] = {}
WAYS = {
    "custom image": (NONE, NONE),
    "generations": ({"generation_id": 7, "minimum_generation_id": 0}, NONE),
    "registry": (
        {"generation_id": 7, "minimum_generation_id": 5},
        {
            "generation_id": 7,
            "minimum_generation_id": 7,
            "destination_sync_mode": "append",
            "sync_mode": "full_refresh",
        },
    ),
    "refresh": (
        {"generation_id": 7, "minimum_generation_id": 0},
        {"generation_id": 7, "minimum_generation_id": 7, "destination_sync_mode": "append", "sync_id": 42},
    ),
}
NAMES = st.sampled_from(sorted(MODES))
# The streams that anything comes for: the fewer, the more comes of each.
LIVELY = st.one_of(st.just(sorted(MODES)), NAMES.map(lambda name: [name]), st.lists(NAMES, min_size=2, max_size=2))
NUMBERS = st.integers(0, len(MODES) - 1)
# How the records of a stream name it: with its namespace, without, or now so, now so.
NAMINGS = st.sampled_from(["named", "unnamed", "named in turn"])
OUTCOMES = st.builds(
    Outcome,
    end=st.sampled_from(["stored"] * 20 + list(ENDS)),
    response=st.sampled_from([None] * 15 + [*LOST, *NOT_TAKEN]),
    seconds=st.sampled_from([0.0] * 6 + [5.0] * 4 + [1800.0, 5400.0, 20_000.0]),
    is_immediate=st.booleans(),
)
ENDINGS = [
    *["every stream completes"] * 6,
    *["every stream completes, with a state of all"] * 3,
    "the input ends",
    "within a line",
    "every stream completes, within a line",
    "cancelled",
    "killed",
]
STATS = st.sampled_from(["right"] * 24 + ["whole number", "too few", "too many", "missing", "null", "text", "negative"])
CONTENTS = st.sampled_from([None, {}, {"x": 1}])
RECORDS = st.lists(st.sampled_from(["good"] * 24 + ["unreadable", "null", "a list", "NaN"]), min_size=1, max_size=5)
# Records of a stream (by its number), how they name it, and whether a state follows.
Batch = tuple[int, list[str], str, bool]
BATCHES = st.lists(st.tuples(NUMBERS, RECORDS, NAMINGS, st.booleans()), min_size=1, max_size=4)
NOT_OBJECTS = {"null": None, "a list": [1], "NaN": {"id": float("nan"), "v": ""}}


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

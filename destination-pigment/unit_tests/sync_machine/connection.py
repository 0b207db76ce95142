"""What the user and the platform have set for a schedule: blocks, targets and the catalog, and what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger import Promise, Sent
from pigment_in_memory import COLUMNS, Configuration, Kind, Nature, Row
from schedule_inputs import (
    CONFIGURATIONS,
    CURSOR_TYPES,
    CURSORS,
    DAYS,
    DELETED_AT,
    OLD,
    SHAPES,
    WAYS,
    Settings,
)

from destination_pigment.targets import Target


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection: the way of the platform, the streams of the catalog, and the settings that were chosen."""

    way: str
    namespace: str | None
    names: Sequence[str]
    chosen: Settings

    @property
    def configurations(self) -> dict[str, Configuration]:
        """The import configurations by id."""
        contested = replace(CONFIGURATIONS["adds too"], block="replaced")
        return {**CONFIGURATIONS, **({"adds too": contested} if self.chosen.is_contested else {})}

    @property
    def first_step(self) -> int:
        """The step that waits for none."""
        return min(self.target(each).step for each in self.names)

    @property
    def has_generations(self) -> bool:
        """Whether the platform gives generation ids."""
        return any("generation_id" in each for each in self.catalog()["streams"])

    def kinds(self) -> dict[str, Kind]:
        """What each block is."""
        kinds = {self._block(name): shape.kinds[self.chosen.kind % len(shape.kinds)] for name, shape in SHAPES.items()}
        return kinds | ({"replaced": Kind.LIST} if self.chosen.is_contested else {})

    def blocks(self) -> dict[str, list[Row]]:
        """What each block contains before the sync."""
        return {block: list(OLD.get(block, ())) if self.chosen.was_filled else [] for block in self.kinds()}

    def limited(self, nature: Nature) -> Nature:
        """A nature of Pigment in which the promises can be kept.

        Where clearing is not counted, no report can show that a configuration clears although it must not; and an owner
        who sees half of a block is found only where the block is counted before as well.
        """
        return replace(
            nature,
            clear_is_counted=nature.clear_is_counted or "misled" in self.names,
            sees_half=nature.sees_half and self.chosen.has_block_id,
        )

    def target(self, name: str) -> Target:
        """The target of a stream."""
        target = SHAPES[name].target
        later = self.chosen.later
        step = 2 if later is not None and name == self.names[later % len(self.names)] else 1
        if target.clearing_id is None:
            return replace(target, step=step)
        block_id = self._block(name) if self.chosen.has_block_id and target.scope is None else None
        return replace(target, step=step, minimum_rows=self.chosen.minimum_rows, block_id=block_id)

    def most_rows(self, name: str, rows: int) -> int:
        """How many rows a file has at most: mostly enough for what must go in one, or for a row of every day."""
        target = SHAPES[name].target
        if target.scope is not None:
            return max(rows, len(DAYS))
        return rows if target.clearing_id != target.configuration_id or self.chosen.minimum_rows == 0 else 1000

    def promises(self) -> dict[str, Promise]:
        """What each stream is to do."""
        return {name: self._promise(name) for name in self.names}

    def catalog(self) -> dict[str, Any]:
        """The configured catalog."""
        return {"streams": [self._configured(name) for name in self.names]}

    def record(self, name: str, number: int, kind: str, key: int, cursor: int) -> tuple[dict[str, Any], Sent | None]:
        """A record, and what the oracle calls it: None where it is to be rejected."""
        shape = SHAPES[name]
        value, rank = CURSORS[self.chosen.cursor][cursor]
        data: dict[str, Any] = {"id": f"{name} {number}", "v": None if kind == "blank" else str(number)}
        is_deletion = kind == "deleted" and shape.has_key
        if shape.has_key:
            data |= {"id": None if kind == "keyless" else f"key {key}", "c": value}
            data[COLUMNS["d"]] = DELETED_AT if is_deletion else None
        if shape.has_day:
            data["m"] = None if kind == "keyless" else DAYS[key]
        row = Row(*("" if (cell := data.get(column)) is None else str(cell) for column in COLUMNS.values()))
        return data, None if shape.has_key and kind == "keyless" else Sent(row, rank, is_deletion)

    def _block(self, name: str) -> str:
        return self.configurations[SHAPES[name].target.configuration_id].block

    def _promise(self, name: str) -> Promise:
        shape, target = SHAPES[name], self.target(name)
        # Only with a generation id does the platform keep the states of such a stream for a second attempt.
        is_resumed = self.chosen.is_resumable and "generation_id" in WAYS[self.way][0]
        return Promise(
            self._block(name),
            target.configuration_ids,
            replaces=shape.replaces,
            has_scope=target.scope is not None,
            has_key=shape.has_key,
            waits_for_proof=shape.replaces
            or target.step > self.first_step
            or (shape.is_full_refresh and not is_resumed),
            deleted=self.chosen.deleted_rows,
            minimum_rows=target.minimum_rows,
            step=target.step,
        )

    def _configured(self, name: str) -> dict[str, Any]:
        shape, text = SHAPES[name], {"type": ["null", "string"]}
        types = {"c": CURSOR_TYPES[self.chosen.cursor]}
        fields = ["id", "v", *(["c", "d"] if shape.has_key else []), *(["m"] if shape.has_day else [])]
        asked = WAYS[self.way][shape.replaces]
        is_append = asked.get("minimum_generation_id", 0) > 1 or (shape.has_day and self.chosen.scope_appends)
        return {
            "stream": {
                "name": name,
                "json_schema": {"properties": {COLUMNS[each]: types.get(each, text) for each in fields}},
                "namespace": self.namespace,
                "is_resumable": self.chosen.is_resumable,
            },
            "sync_mode": "full_refresh" if shape.is_full_refresh else "incremental",
            "destination_sync_mode": shape.mode.replace("overwrite", "append") if is_append else shape.mode,
            "primary_key": [["id"]],
            "cursor_field": ["c"],
            **asked,
        }

"""A case: a shape, and the blocks that one converter of that shape converts one after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from pigment_native.fuzz.mutation import Families

Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Everything needed to run it again; `chance` is the seed of fences and room sizes."""

    direction: str
    shape: Shape
    blocks: tuple[bytes, ...]
    chance: int

    def to_json(self) -> bytes:
        blocks = [block.decode("latin-1") for block in self.blocks]
        case = {"direction": self.direction, "shape": self.shape, "blocks": blocks, "chance": self.chance}
        return json.dumps(case).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Case:
        case = json.loads(text)
        blocks = tuple(block.encode("latin-1") for block in case["blocks"])
        return cls(case["direction"], case["shape"], blocks, case["chance"])


class Finding(Exception):
    """C and the conversion by row differ."""


def same(what: str, found: object, expected: object) -> None:
    """Raise `Finding` where they are not."""
    if found != expected:
        raise Finding(f"{what}: {str(found)[:300]} instead of {str(expected)[:300]}")


@dataclass(slots=True)
class Tally:
    """What was run: calls of C, blocks, how many of these C took whole, and how many of their lines."""

    calls: int = 0
    blocks: int = 0
    taken: int = 0
    rows: int = 0
    lines: int = 0

    def add(self, other: Tally) -> None:
        self.calls += other.calls
        self.blocks += other.blocks
        self.taken += other.taken
        self.rows += other.rows
        self.lines += other.lines


class Direction(Protocol):
    """One of the two directions: what its cases are made of, and what judges them."""

    words: Families

    def shape(self, random: Random) -> Shape:
        """Any shape."""

    def block(self, random: Random, shape: Shape) -> bytes:
        """What the grammar makes for a shape, most of it right."""

    def judge(self, case: Case) -> Tally:
        """Run the case; raises `Finding`."""

"""Chance: bytes changed, lost, doubled, moved, and put together from several cases."""

from __future__ import annotations

from random import Random

from pigment_native.fuzz.words import Families, a_word

# Longer ones are slow, and say no more.
_MOST_BYTES = 6_000


def mutated(random: Random, content: bytes, words: Families, others: list[bytes]) -> bytes:
    """The content after a few changes; `others` is what parts are taken from."""
    longest = len(content)
    for _ in range(random.choice([1, 1, 1, 2, 3, 6])):
        at = random.randint(0, len(content))
        end = min(len(content), at + random.choice([0, 1, 1, 2, 4, 16, 100]))
        content = random.choice(_CHANGES)(random, content, (at, end))
        if random.random() < 0.4:
            content = content[:at] + a_word(random, words) + content[random.choice([at, end]) :]
        if others and random.random() < 0.1:
            content = content[:at] + _part(random, random.choice(others)) + content[end:]
    return content[: max(longest, _MOST_BYTES)]


def _part(random: Random, other: bytes) -> bytes:
    begin = random.randint(0, len(other))
    return other[begin : begin + random.choice([4, 40, 400, len(other)])]


Range = tuple[int, int]


def _unchanged(_: Random, content: bytes, __: Range) -> bytes:
    return content


def _lost(_: Random, content: bytes, part: Range) -> bytes:
    return content[: part[0]] + content[part[1] :]


def _repeated(random: Random, content: bytes, part: Range) -> bytes:
    begin, end = part
    return content[:begin] + content[begin:end] * random.choice([2, 2, 3, 9]) + content[end:]


def _cut(_: Random, content: bytes, part: Range) -> bytes:
    return content[: part[0]]


def _turned(random: Random, content: bytes, part: Range) -> bytes:
    begin, _ = part
    turned = bytes(byte ^ (1 << random.randrange(8)) for byte in content[begin : begin + 1])
    return content[:begin] + turned + content[begin + 1 :]


def _replaced(random: Random, content: bytes, part: Range) -> bytes:
    return content[: part[0]] + bytes([random.randrange(256)]) + content[part[0] + 1 :]


def _moved(random: Random, content: bytes, part: Range) -> bytes:
    there = random.randint(0, len(content))
    return content[:there] + content[slice(*part)] + content[there:]


_CHANGES = (_unchanged, _unchanged, _unchanged, _lost, _repeated, _cut, _turned, _replaced, _moved)

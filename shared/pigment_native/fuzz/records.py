"""Records as sources send them, made by chance: RECORD messages, or their data alone, most of them right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

from pigment_native.fuzz.case import Shape
from pigment_native.fuzz.mutation import ESCAPES, JSON_WORDS, RIGHT_ESCAPES, a_number, a_word, an_exponent

NAMES = [
    "a",
    "ab",
    "abc",
    "b",
    "Amount",
    "Ä",
    'q"',
    "\\",
    "\n",
    "\u2028",
    "🚀",
    "",
    "\x00",
    "_airbyte_x",
    "_airbyte",
    "data",
    "type",
]

_BLANKS = [b" ", b"\t", b"\r", b" \t ", b"\r\r"]
_OTHERS = [
    b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"s"}}}}',
    b'{"type":"LOG","log":{"level":"INFO","message":"x"}}',
    b'{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1}}',
    b'{"type":"RECORD","record":null}',
    b'{"type":"RECORD"}',
    b"",
    b" ",
    b"{",
    b"null",
    b"[]",
]


class RecordMaker:
    """Lines for one shape; `wrong` is how often something hurts."""

    def __init__(self, random: Random, shape: Shape) -> None:
        self._random = random
        self._shape = shape
        self._wrong = random.choice([0, 0, 0.02, 0.2])
        self._spaced = random.choice([0, 0, 0, 0.1, 0.5])
        self._names = list(shape["columns"])

    def line(self) -> bytes:
        """A line, without its end."""
        if self._random.random() < self._wrong:
            return self._random.choice(_OTHERS)
        if not self._shape["messages"]:
            return self._blank() + self._data() + self._blank()
        fields = [(b'"stream"', self._stream(self._shape["stream"])), (b'"data"', self._data())]
        if self._shape["namespace"] is not None or self._random.random() < 0.1:
            fields.append((b'"namespace"', self._stream(self._shape["namespace"])))
        if self._random.random() < 0.7:
            fields.append((b'"emitted_at"', b"1700000000000"))
        record = self._object(self._moved(fields))
        message = [(b'"type"', b'"RECORD"' if not self._hurts() else self.value(1)), (b'"record"', record)]
        if self._random.random() < 0.1:
            message.append((self._name(), self.value(2)))
        return self._blank() + self._object(self._moved(message)) + self._blank()

    def value(self, levels: int) -> bytes:
        """Any value."""
        random = self._random
        if self._hurts():
            word = a_word(random, JSON_WORDS)
            return word if random.random() < 0.5 else b'"' + word + b'"'
        match random.randrange(10):
            case 0 | 1 | 2:
                return a_number(random) + (an_exponent(random) if random.random() < 0.15 else b"")
            case 3 | 4 | 5:
                return self._text()
            case 6:
                return random.choice([b"true", b"false", b"null"])
            case 7 if levels > 0:
                return (
                    b"[" + self._blank() + b",".join(self.value(levels - 1) for _ in range(random.randrange(3))) + b"]"
                )
            case 8 if levels > 0:
                return self._object([(self._name(), self.value(levels - 1)) for _ in range(random.randrange(3))])
            case 9 if random.random() < 0.1:
                depth = random.choice([2, 30, 31, 32, 33, 34, 200])
                return b"[" * depth + b"]" * depth
            case _:
                return b"null"

    def _text(self) -> bytes:
        random = self._random
        if random.random() < 0.3:
            escape = random.choice(ESCAPES if random.random() < 0.05 else RIGHT_ESCAPES)
            return b'"' + random.choice([b"", b"a"]) + escape + random.choice([b"", b"a"]) + b'"'
        texts = ["", "a", "text", 'q"u', "a;b", "a,b\r\nc", "é🚀\x85", "\\", "x" * random.randint(0, 60)]
        return json.dumps(random.choice(texts), ensure_ascii=random.random() < 0.5).encode()

    def _data(self) -> bytes:
        names = self._names
        if self._random.random() < 0.2:
            names = self._random.sample(names, self._random.randint(0, len(names)))
        members = [(json.dumps(name, ensure_ascii=self._hurts()).encode(), self.value(3)) for name in names]
        if self._random.random() < 0.2:
            members.append((b'"_airbyte_%d"' % self._random.randrange(3), self.value(3)))
        if self._hurts():
            members.append((self._name(), self.value(1)))
        if self._hurts() and members:
            members.append(self._random.choice(members))
        return self._object(members)

    def _object(self, members: Sequence[tuple[bytes, bytes]]) -> bytes:
        inside = b",".join(
            self._blank() + name + self._blank() + b":" + self._blank() + value + self._blank()
            for name, value in members
        )
        return b"{" + (inside or self._blank()) + b"}"

    def _moved(self, members: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        if self._random.random() < 0.2:
            self._random.shuffle(members)
        return members

    def _stream(self, name: str | None) -> bytes:
        if self._hurts():
            return self._random.choice([b'"other"', b"null", b'""', b"1", b'"s\\u0073"'])
        return json.dumps(name, ensure_ascii=False).encode()

    def _name(self) -> bytes:
        return json.dumps(self._random.choice([*NAMES, *self._names[:50]])).encode()

    def _blank(self) -> bytes:
        return self._random.choice(_BLANKS) if self._spaced and self._random.random() < self._spaced else b""

    def _hurts(self) -> bool:
        return self._random.random() < self._wrong

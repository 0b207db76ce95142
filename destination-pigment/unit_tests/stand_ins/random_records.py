"""Records as JSON, in every form in which JSON can write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

COLUMNS = ("", "a", "ab", "b", 'q"\\', "two\nlines", "ü")

BLANKS = ["", "", "", " ", "\t", "\r", " \r\t "]
NUMBERS = ["0", "-0", "12", "-1.50", "33.333333333333333333", "9007199254740993", "7" * 400, "0." + "3" * 400]
CHARACTERS = [
    *'"\\/\b\f\n\r\t\0\x1f\x7f\x85é\u2028\ud7ff\ufeff\uffff🚀\U0010ffff,;.{}[]:',
    *"abcdefghijklmnopqrstuvwxyz",
]
NAMED = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
EXPONENTS = ["1e5", "1E-7", "-1.50e+3", "12.5e1", "0e5", "-0.0E1", "0.001e2", "1e0000005", "1e-00", "120e-2"]
ODD = [
    *("1e10000", "1e-9999999999", "9e99999", "1e+", "1e", "01", "-", "1.", ".5", "+1", "NaN", "-Infinity", "nul"),
    *("True", "'x'", "", "[", "[1,]", '{"a"}'),
    *(
        '"\\ud83d"',
        '"\\ude00"',
        '"\\ud83d\\u0041"',
        '"\\ud83dx"',
        '"\\u12g4"',
        '"\\u 123"',
        '"\\x"',
        '"\x01"',
        '"',
        '"\\',
    ),
    *('["\\ud83d"]', "[1\n]", "{1:2}", *("[" * depth + "]" * depth for depth in (32, 33, 2000))),
]


class Writer:
    """Writes random JSON; `odd` values are invalid, or left to the conversion by row."""

    def __init__(self, seed: int, *, odd: bool = False) -> None:
        self._chance = Random(seed)
        self._odd = odd

    def string(self, text: str | None = None) -> str:
        """A text, each character in one of the forms that it may have."""
        if text is None:
            text = "".join(self._chance.choices(CHARACTERS, k=self._chance.randrange(12)))
        return '"' + "".join(map(self._character, text)) + '"'

    def _character(self, character: str) -> str:
        units = character.encode("utf-16-be").hex()
        escape = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
        forms = [escape, escape.upper().replace("U", "u")]
        if ord(character) >= 32 and character not in {'"', "\\"}:
            forms += [character] * 6
        return self._chance.choice([*forms, NAMED.get(character, forms[-1])])

    def value(self, depth: int = 3) -> str:
        """Any value."""
        chance = self._chance
        match chance.randrange(12 if self._odd else 10) if depth else 0:
            case 0:
                return chance.choice(["null", "true", "false", *NUMBERS, *EXPONENTS])
            case 1 | 2:
                return f"{chance.choice(['', '-'])}{chance.randrange(10**9)}.{chance.randrange(10**9):09}"
            case 3:
                values = [self._spaced(self.value(depth - 1)) for _ in range(chance.randrange(4))]
                return "[" + (",".join(values) or chance.choice(BLANKS)) + "]"
            case 4:
                return self.object([self.string()[1:-1] for _ in range(chance.randrange(3))], depth - 1)
            case 10:
                return chance.choice(ODD)
            case _:
                return self.string()

    def object(self, names: Sequence[str], depth: int = 3) -> str:
        """An object with these names."""
        return self._object([self.string(name) for name in names], depth)

    def _object(self, names: Sequence[str], depth: int = 3) -> str:
        pairs = [self._spaced(name) + ":" + self._spaced(self.value(depth)) for name in names]
        return "{" + (",".join(pairs) or self._chance.choice(BLANKS)) + "}"

    def record(self) -> str:
        """An object with some of the columns, in any order."""
        names = self._chance.sample([*COLUMNS, "_airbyte_", "_airbyte_x"], self._chance.randrange(len(COLUMNS) + 3))
        if self._odd and self._chance.random() < 0.2:
            names.append(self._chance.choice(["new", "A", "_airbyt", "abc", *COLUMNS]))
        return self._chance.choice(BLANKS) + self._object(list(map(self._name, names))) + self._chance.choice(BLANKS)

    def _name(self, name: str) -> str:
        """The name of a column in one of the forms in which sources write them."""
        forms = [json.dumps(name), json.dumps(name, ensure_ascii=False)]
        return self._chance.choice([*forms, self.string(name)] if self._odd else forms)

    def _spaced(self, text: str) -> str:
        return self._chance.choice(BLANKS) + text + self._chance.choice(BLANKS)

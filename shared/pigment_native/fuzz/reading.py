"""CSV rows to RECORD lines: what a case is made of, and whether C gives what the conversion by row gives."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from ctypes import CDLL
from dataclasses import replace
from itertools import accumulate
from random import Random

from pigment_csv.reader import CsvBroken, parse_rows
from pigment_native.fuzz.case import Case, Shape, Tally, same
from pigment_native.fuzz.fenced_calls import MOST_ROOM, FencedLines, Made
from pigment_native.fuzz.fenced_memory import Fence
from pigment_native.fuzz.mutation import CHARACTERS, CONTROLS, CSV_WORDS, NUMBERS, WORDS, a_date, a_number, a_word
from pigment_native.library import LEFT_TO_ROWS, NO_ROOM
from pigment_native.record_lines import RecordLineWriter, count_repeated
from source_pigment.config import DIALECT, LONGEST_LINE_BYTES
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.conversion import BulkConverter
from source_pigment.reading.records import (
    CLOSING,
    Converter,
    RecordBlock,
    RecordLayout,
    RecordTooLong,
    RowConverter,
    hashed_text,
)

_NAMES = ["a", "b", "Amount", "Ä", 'q"', "\\", "\n", "\u2028", "\x85", "🚀", "x" * 300, "", "\x00"]
_FENCES = list(Fence)
_MOST_ROOMS_TRIED = 400

# What C must take, written in another way: fields in quotes, or without any, and LF or CRLF after the last.
_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^;"\r\n]*+)'


class Reading:
    """Cases of CSV, judged by `RowConverter`."""

    words = CSV_WORDS

    def __init__(self, library: CDLL) -> None:
        self._library = library
        self._fenced = FencedLines(library)

    def shape(self, random: Random) -> Shape:
        """Any layout: few columns and many, deselected ones, keys, metadata, and a bound of the line's length."""
        width = random.choice([1, 1, 2, 2, 3, 4, 6, random.randint(1, 60), 2000 if random.random() < 0.03 else 5])
        deselected = random.choice([0, 0, 0.2, 1])
        return {
            "stream": random.choice(_NAMES),
            "namespace": random.choice([None, None, *_NAMES]),
            "names": [None if random.random() < deselected else random.choice(_NAMES) + str(n) for n in range(width)],
            "types": [random.choice(list(ColumnType)).value for _ in range(width)],
            "id_position": random.randrange(width) if random.random() < 0.4 else None,
            "keys": random.sample(range(width), random.randint(1, min(3, width))) if random.random() < 0.4 else [],
            "longest": LONGEST_LINE_BYTES if random.random() < 0.8 else random.randint(0, 400),
        }

    def block(self, random: Random, shape: Shape) -> bytes:
        """Rows as the layout has them, here and there with something in them that hurts."""
        wrong, quoted = random.choice([0, 0, 0.02, 0.3]), random.choice([0, 0.1, 0.5, 1])
        end = random.choice([b"\n", b"\r\n"])
        types = [ColumnType(each) for each in shape["types"]]
        most = 3 if len(types) > 100 else random.choice([1, 3, 3, 20])
        rows = [
            b";".join([_field(random, type_, wrong, quoted) for type_ in types]) for _ in range(random.randint(0, most))
        ]
        return end.join(rows) + (end if rows and random.random() < 0.8 else b"")

    def judge(self, case: Case) -> Tally:
        """Each block by the connector's own converter, and by C between fences with any room."""
        layout, random, tally = _layout(case.shape), Random(case.chance), Tally()
        by_row, bulk = RowConverter(layout, 5), BulkConverter(layout, 5, self._library)
        bulk._by_row = _Left()  # type: ignore[assignment] # it shows what was left
        row = re.compile(_FIELD + (rb";" + _FIELD) * (len(layout.names) - 1) + rb"(?:\r?\n|\Z)")
        for block in case.blocks:
            tally.blocks += 1
            tally.lines += block.count(b"\n") + 1
            tally.calls += 2
            is_text = _is_utf8(block)
            if is_text:
                expected, found = _converted(by_row, block), _converted(bulk, block)
                is_plain = _plain_rows(row, block) is not None and expected != "RecordTooLong"
                same("the converter", found, expected if is_plain else "left")
                if isinstance(found, RecordBlock):
                    tally.taken += 1
                    tally.rows += found.count
            # The layout's own bound is too far off for short rows.
            bulk._writer._layout.longest_line = case.shape["longest"]
            if not is_text:
                # Such a block never arrives: whatever becomes of it stays within its memory.
                self._fenced.lines(bulk._writer, block, MOST_ROOM, random.choice(_FENCES))
            elif isinstance(expected, RecordBlock) and is_plain:
                self._judge_keys(list(expected.keys), random)
                tally.calls += self._judge_rooms(bulk, block, expected, random)
            else:
                ended = self._fenced.lines(bulk._writer, block, MOST_ROOM, random.choice(_FENCES))
                same("between fences", ended, LEFT_TO_ROWS)
            bulk._writer._layout.longest_line = LONGEST_LINE_BYTES
        return tally

    def _judge_keys(self, keys: list[int], random: Random) -> None:
        keys += random.choices(keys, k=3) if keys else []
        keys += [random.choice([0, 1, 2, random.getrandbits(60)]) for _ in range(random.choice([0, 1, 2, 30]))]
        expected = len(keys) - len(set(keys))
        same("repeated keys", count_repeated(self._library, array("Q", keys)), expected)
        same("repeated keys between fences", self._fenced.repeated(keys, random.choice(_FENCES)), expected)

    def _judge_rooms(self, bulk: BulkConverter, block: bytes, expected: RecordBlock, random: Random) -> int:
        """C with rooms of any size: what fits is right, and what does not says so. Gives the number of calls."""
        writer, layout = bulk._writer, bulk._layout
        longest = max((len(line) + 1 for line in expected.lines.split(b"\n")[:-1]), default=0)
        if expected.count and longest >= writer._layout.longest_line:
            ended = self._fenced.lines(writer, block, MOST_ROOM, random.choice(_FENCES))
            same("a long line between fences", ended, LEFT_TO_ROWS)
            return 1
        plain = replace(expected, lines=_without_hashes(expected.lines, layout))
        for room in _rooms(len(plain.lines), random):
            ended = self._fenced.lines(writer, block, room, random.choice(_FENCES))
            found = _as_block(ended, writer, layout) if isinstance(ended, Made) else ended
            same("between fences", found, plain if room >= len(plain.lines) else NO_ROOM)
        if bulk._hashed is not None:
            fields = [hashed_text(row).encode() for row in parse_rows(block, DIALECT, first_record=2)]
            for room in _rooms(sum(map(len, fields)), random):
                ended = self._fenced.lines(bulk._hashed, block, room, random.choice(_FENCES))
                there = (ended.lines, ended.ends) if isinstance(ended, Made) else ended
                whole = b"".join(fields), list(accumulate(map(len, fields)))
                same("what is hashed", there, whole if room >= len(whole[0]) else NO_ROOM)
        return 1


class _Left:
    """Takes the place of the conversion by row."""

    def convert(self, *_: object, **__: object) -> RecordBlock:
        raise _WasLeft


class _WasLeft(Exception):
    pass


def _converted(converter: Converter, block: bytes) -> RecordBlock | str:
    try:
        return converter.convert(block, first_record=2)
    except _WasLeft:
        return "left"
    except RecordTooLong:
        return "RecordTooLong"
    except CsvBroken as error:
        return str(error)


def _layout(shape: Shape) -> RecordLayout:
    return RecordLayout(
        StreamName(shape["stream"], shape["namespace"]),
        tuple(shape["names"]),
        tuple(map(ColumnType, shape["types"])),
        shape["id_position"],
        tuple(shape["keys"]),
    )


def _field(random: Random, type_: ColumnType, wrong: float, quoted: float) -> bytes:
    chance = random.random()
    if chance < wrong:
        text = a_word(random, CSV_WORDS) + (a_word(random, CSV_WORDS) if random.random() < 0.3 else b"")
        return text if random.random() < 0.5 else b'"' + text.replace(b'"', b'""') + b'"'
    if chance > 0.9:
        text = b""
    elif type_ is ColumnType.NUMBER:
        text = a_number(random) if random.random() < 0.8 else random.choice(NUMBERS)
    elif type_ is ColumnType.BOOLEAN:
        text = random.choice(WORDS)
    elif type_ is ColumnType.DATE:
        text = a_date(random)
    else:
        sign = random.choice([*CONTROLS, *CHARACTERS])
        text = random.choice(
            [b"a" + sign, b"text", "é\x85 \u2028".encode(), b"x" * random.randint(1, 40), b'5"', b"a;b\r\nc"]
        )
    if any(sign in text for sign in b';"\r\n') or random.random() < quoted:
        return b'"' + text.replace(b'"', b'""') + b'"'
    return text


def _plain_rows(row: re.Pattern[bytes], block: bytes) -> int | None:
    at = rows = 0
    while at < len(block):
        found = row.match(block, at)
        if found is None:
            return None
        at, rows = found.end(), rows + 1
    return rows


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_hashes(lines: bytes | bytearray, layout: RecordLayout) -> bytes:
    """The lines as C leaves them, with zeros in place of the content hashes."""
    if layout.id_position is None:
        return bytes(lines)
    hashes = re.compile(rb'[0-9a-f]{64}(?="' + re.escape(CLOSING.encode()) + rb")")
    return hashes.sub(b"0" * 64, lines)


def _rooms(room: int, random: Random) -> list[int]:
    rooms = [room]
    if random.random() < 0.3:
        rooms += [random.randint(0, room), max(room - 1, 0), MOST_ROOM]
    if room < _MOST_ROOMS_TRIED and random.random() < 0.02:
        rooms += range(room)
    return rooms


def _as_block(made: Made, writer: RecordLineWriter, layout: RecordLayout) -> RecordBlock:
    result = RecordBlock(layout.stream, made.lines, len(made.ends), blank_keys=made.blank_keys)
    result.keys.extend(made.keys)
    names = (layout.names[piece.column] for piece in writer._pieces)
    misfits = Counter[str]()
    for name, count in zip(names, made.misfits, strict=True):
        if count:
            misfits[name or ""] += count
    result.misfits = misfits
    return result

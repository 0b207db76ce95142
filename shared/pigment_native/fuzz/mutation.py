"""The words at the edge of being a number, a date, a text, a line or a character, and random changes of a block."""

from __future__ import annotations

from random import Random

Families = list[list[bytes]]

CONTROLS = [bytes([code]) for code in (*range(0x20), 0x7F)]

LINE_ENDS = [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\r\n\r\n", b"\n\r"]

# The three that end a line for some readers, their neighbours, and the longest characters.
_SIGNS = "\x80\x84\x85\x86\xa0é\u0660\u2027\u2028\u2029\u202a\u2080\ufeff\ufffd\uffff🚀\U0010ffff"
CHARACTERS = [*(sign.encode() for sign in _SIGNS), "\x85\u2028\u2029".encode()]

# No UTF-8: cut, overlong, half of a surrogate pair, beyond the last character.
_BROKEN = "C2 E2 E280 85 80A8 EDA080 EDB080 C080 F5 FF F09F9A F4908080 E08080"
BROKEN = list(map(bytes.fromhex, _BROKEN.split()))

NUMBERS = b"""
0 -0 -0.0 00 01 -01 0012 +5 1. .5 -.5 - 1.5 1,5 10 9 0.1 1e5 1E5 1e+5 1E-5 1e 1e+ 1e5.5 1.e5 0e0 -0e-0 1ee5 1.2.3 --1
1-1 0x1 1e400 -1e-400 1e999999999 1e10000 1e9999 NaN Infinity -Infinity inf 1_000 18446744073709551616 9007199254740993
0.30000000000000004
""".split()
NUMBERS += [b" 1", b"1 ", b"7" * 400, b"-" + b"8" * 399 + b".5", b"0." + b"0" * 400]

WORDS = b"TRUE FALSE TRU TRUEE true false True null NULL nul nulll NA None".split()

DATES = b"""
2026-04-30 2026-04-31 2024-02-29 2026-02-29 2026-02-28 1900-02-29 2000-02-29 2100-02-29 2400-02-29 2026-02-30 0000-01-01
0001-01-01 0004-02-29 9999-12-31 2026-00-10 2026-13-01 2026-12-32 2026-01-00 2026-4-30 2026-04-3 2026-04-300 20260430
2026/04/30 2026-04-30T00:00:00Z 2026-W18-4 202a-04-30 -026-04-30 2026-+4-30 2026-04:30 2026-0/-30
""".split()
DATES += [b"2026-04-3\n", b" 2026-04-3", "\u0662\u0660\u0662\u0666-04-30".encode(), "2026-04\xad30".encode()]

CSV_SIGNS = rb"""
" "" \""" ; , ";" "a"b a"b ""a \ \" '
""".split()
CSV_SIGNS += [b'"\n"', b'"\r\n"', b'"\0"', b'" ', b' "']

# Every form of an escape, right and wrong; halves of surrogate pairs alone, in pairs, turned round.
RIGHT_ESCAPES = rb"""
\" \\ \/ \b \f \n \r \t \u0041 \u00e9 \u00E9 \u2028 \u0000 \u001f \u007f \u0080 \u07ff \u0800 \uffff \ud7ff \ue000
\ud83d\ude80 \uD83D\uDE80 \ud800\udc00 \udbff\udfff
""".split()
ESCAPES = rb"""
\ud83d \ude80 \ude80\ud83d \ud83dx \ud83d\n \ud83d\u0041 \ud83d\ud83d \udc00\udc00 \udc00\u0041 \ud83d\ue000 \ud83d\u
\ud83d\ude8 \u \u0 \u004 \u004g \u00g1 \U0041 \u00\u0041 \x41 \u@041 \u`041 \u00:1 \u00/1 \u00G1 \u00"1
""".split()
ESCAPES += RIGHT_ESCAPES + [b"\\" + bytes([code]) for code in range(0x7F)]
ESCAPES += [b"\\\xc3\xa9", b"\\u\x1041", b"\\u 041"]

BLANKS = [b" ", b"\t", b"\r", b"\n", b"  ", b" \t\r", b"\x0b", b"\x0c", b"\xa0", "\u00a0".encode(), b"\x00"]

JSON_SIGNS = b"""
{ } [ ] : , " {} [] "" ":" "," }} ]] {{ [[ ,, :: /**/ // "_airbyte_":1 "_airbyte_x":{} "_airbyte":1 "type":"RECORD"
"record": "data":{} "namespace":null "stream": {"type":"STATE"}
""".split()

CSV_WORDS: Families = [CONTROLS, LINE_ENDS, CHARACTERS, BROKEN, NUMBERS, WORDS, DATES, CSV_SIGNS]
JSON_WORDS: Families = [CONTROLS, LINE_ENDS, CHARACTERS, BROKEN, NUMBERS, WORDS, ESCAPES, BLANKS, JSON_SIGNS]


def a_word(random: Random, words: Families) -> bytes:
    """One of the words, each family as often as any other."""
    return random.choice(random.choice(words))


def a_date(random: Random) -> bytes:
    """Most are days of the calendar, some just miss it."""
    year = random.choice([0, 1, 4, 100, 400, 1900, 2000, 2024, 2026, 2100, 9999, random.randint(0, 9999)])
    day = random.choice([0, 1, 28, 29, 30, 31, 32, random.randint(1, 28)])
    return b"%04d-%02d-%02d" % (year, random.randint(0, 13), day)


def a_number(random: Random) -> bytes:
    """A number as RFC 8259 has it."""
    whole = b"0" if random.random() < 0.2 else str(random.randint(1, 10 ** random.choice([1, 3, 9, 30]))).encode()
    fraction = b".%0*d" % (random.randint(1, 9), random.randint(0, 9)) if random.random() < 0.4 else b""
    return random.choice([b"", b"", b"-"]) + whole + fraction


def an_exponent(random: Random) -> bytes:
    """Most are small; some are just about too large to write out."""
    size = random.choice([random.randint(0, 9), random.randint(0, 40), 9999, 10_000, 10_001, 10**20])
    return random.choice([b"e", b"E"]) + random.choice([b"", b"+", b"-", b"-0", b"00"]) + str(size).encode()


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

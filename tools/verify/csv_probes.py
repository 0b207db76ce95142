"""How an export is taken to be written: encoding, delimiter, line ends, and what its cells look like."""

from __future__ import annotations

import re
from collections.abc import Callable

from verify.csv_sample import CsvSample, read_sample
from verify.probe import NotAsked, Probe, Seen
from verify.workspace import EACH_TYPE, LIST, TRANSACTIONS, Workspace

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


_LEGACY = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}( 00:00:00 \+00:00)?")


_NUMBER = re.compile(r"-?[0-9][0-9.,  ]*([eE][+-]?[0-9]+)?")


_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


_DIGITS_OF_A_FLOAT = 17


def _delimiter(word: str, character: str) -> Callable[[Workspace], Seen]:
    def look(workspace: Workspace) -> Seen:
        found = workspace.sample(LIST, character, fieldDelimiter=word)
        columns = max(len(workspace.sample(LIST, each, fieldDelimiter=word).header) for each in ",;")
        if columns < 2:
            return Seen("a single column", same=None)
        return Seen(f"{len(found.header)} columns", same=len(found.header) > 1 and found.well_formed)

    return look


def _byte_order_mark(encoding: str, *, expected: bool) -> Callable[[Workspace], Seen]:
    def look(workspace: Workspace) -> Seen:
        found = workspace.sample(LIST, encoding=encoding).byte_order_mark
        return Seen("there" if found else "not there", same=found is expected)

    return look


def _utf8(workspace: Workspace) -> Seen:
    fine = all(sample.utf8 for sample in workspace.samples())
    return Seen("UTF-8" if fine else "bytes that are not UTF-8", same=fine)


def _line_ends(workspace: Workspace) -> Seen:
    found = set().union(*(sample.line_ends for sample in workspace.samples()))
    names = {"\r\n": "CR LF", "\n": "LF", "\r": "CR"}
    return Seen(", ".join(sorted(names[each] for each in found)) or "none", same=found == {"\r\n"})


def _last_line_end(workspace: Workspace) -> Seen:
    whole = [sample for sample in workspace.samples() if sample.whole]
    if not whole:
        return Seen("every export was too large to be read to its end", same=None)
    fine = all(sample.ends_with_line_end for sample in whole)
    return Seen("there" if fine else "not there", same=fine)


def _blanks(workspace: Workspace) -> Seen:
    blanks = [cell for sample in workspace.samples() for cell in sample.cells() if not cell.text]
    if not blanks:
        return Seen("no blank cell", same=None)
    fine = not any(cell.quoted for cell in blanks)
    return Seen("nothing between the delimiters" if fine else "an empty pair of quotes", same=fine)


def _quotes(workspace: Workspace) -> Seen:
    samples = workspace.samples()
    if not all(sample.well_formed for sample in samples):
        lone = any(sample.lone_quote for sample in samples)
        return Seen("a quote in a cell without quotes" if lone else "rows that RFC 4180 does not explain", same=False)
    quoted = any(cell.quoted for sample in samples for cell in sample.cells())
    return Seen("quoted by RFC 4180" if quoted else "no cell needed quotes", same=True if quoted else None)


def _booleans(workspace: Workspace) -> Seen:
    texts = {cell.text for sample in workspace.samples() for cell in sample.cells()}
    found = {text for text in texts if text.lower() in {"true", "false"}}
    return Seen(", ".join(sorted(found)) or "none", same=found <= {"TRUE", "FALSE"} if found else None)


def _numbers(workspace: Workspace) -> Seen:
    columns = [
        texts
        for sample in workspace.samples()
        for position in range(1, len(sample.header))
        if (texts := [text for text in sample.column(position) if text]) and all(map(_NUMBER.fullmatch, texts))
    ]
    numbers = {text for texts in columns for text in texts}
    if not numbers:
        return Seen("no number", same=None)
    if not all(map(_PLAIN_NUMBER.fullmatch, numbers)):
        return Seen("an exponent, a comma or a blank in a number", same=False)
    most = max(sum(character.isdigit() for character in text) for text in numbers)
    longer = "some" if most > _DIGITS_OF_A_FLOAT else "none"
    return Seen(f"plain digits, {longer} with more than {_DIGITS_OF_A_FLOAT}", same=True)


def _dates(sample: CsvSample) -> set[str]:
    texts = [cell.text for cell in sample.cells()]
    forms = {"ISO 8601": _ISO, "month/day/year": _LEGACY}
    return {name for name, form in forms.items() if any(map(form.fullmatch, texts))}


def _dated(workspace: Workspace) -> str:
    """The type of a list that holds dates."""
    for type_ in (TRANSACTIONS, LIST):
        if {each.get("type") for each in workspace.blocks()} & {type_} and _dates(workspace.sample(type_)):
            return type_
    raise NotAsked("no list with a date was found")


def _dates_are(expected: str, ask: Callable[[Workspace], CsvSample]) -> Callable[[Workspace], Seen]:
    def look(workspace: Workspace) -> Seen:
        found = _dates(ask(workspace))
        return Seen(", ".join(sorted(found)) or "no date", same=found == {expected} if found else None)

    return look


def _default(workspace: Workspace, *, legacy: bool = False) -> CsvSample:
    """A list as an empty request gives it."""
    response = workspace.export(_dated(workspace), legacy=legacy)
    return read_sample(response.body, ";", whole=response.whole)


def _iso_dates(workspace: Workspace) -> CsvSample:
    return workspace.sample(_dated(workspace))


def _older_dates(workspace: Workspace) -> CsvSample:
    return _default(workspace, legacy=True)


CSV_PROBES = (
    Probe("encoding", "Exports are UTF-8.", EACH_TYPE, "Other bytes are an error; nothing is guessed.", _utf8),
    Probe(
        "delimiter-comma",
        "The delimiter is a comma when Comma is asked for.",
        "export a list with Comma",
        "None: the source always asks for semicolons.",
        _delimiter("Comma", ","),
    ),
    Probe(
        "delimiter-semicolon",
        "The delimiter is a semicolon when Semicolon is asked for.",
        "export a list with Semicolon",
        "The source takes a whole row for a single column: do not sync until this is reported and solved.",
        _delimiter("Semicolon", ";"),
    ),
    Probe(
        "no-byte-order-mark",
        "There is no byte order mark when Utf8WithoutBom is asked for.",
        "export a list with Utf8WithoutBom",
        "None: a byte order mark is taken off wherever it stands.",
        _byte_order_mark("Utf8WithoutBom", expected=False),
    ),
    Probe(
        "byte-order-mark",
        "There is a byte order mark when Utf8WithBom is asked for.",
        "export a list with Utf8WithBom",
        "None: the source never asks for one.",
        _byte_order_mark("Utf8WithBom", expected=True),
    ),
    Probe(
        "line-ends",
        "Rows end with CR LF.",
        EACH_TYPE,
        "LF alone is read as well; CR alone is an error.",
        _line_ends,
    ),
    Probe(
        "last-line-end",
        "The last row ends like the others.",
        EACH_TYPE,
        "Without it, the last row cannot be told from one that was cut off.",
        _last_line_end,
    ),
    Probe(
        "blank-cells",
        "A blank is nothing between two delimiters.",
        EACH_TYPE,
        "An empty pair of quotes is read as blank, too.",
        _blanks,
    ),
    Probe(
        "quoted-cells",
        "Cells with delimiters, quotes or line ends stand in quotes, and quotes in them are doubled.",
        EACH_TYPE,
        "Rows that RFC 4180 does not explain stop the stream.",
        _quotes,
    ),
    Probe(
        "booleans",
        "Booleans are TRUE and FALSE.",
        EACH_TYPE,
        "Other spellings arrive as text instead of booleans.",
        _booleans,
    ),
    Probe(
        "numbers",
        "Numbers are plain digits with a dot, without exponent or thousands separator, however long.",
        EACH_TYPE,
        "A number of another form arrives as the text that it is.",
        _numbers,
    ),
    Probe(
        "dates",
        "Dates are ISO 8601 when that is asked for.",
        "export a list that holds dates",
        "Dates of another form arrive as text.",
        _dates_are("ISO 8601", _iso_dates),
    ),
    Probe(
        "default-dates",
        "Dates of the versioned address are ISO 8601 by default.",
        "export a list that holds dates with an empty object",
        "None for blocks; views, which cannot be asked for a date format, would have the older form.",
        _dates_are("ISO 8601", _default),
    ),
    Probe(
        "older-dates",
        "Dates of the address without version are month/day/year by default.",
        "export the same list without /v1/",
        "None: the connectors never use it.",
        _dates_are("month/day/year", _older_dates),
    ),
)

"""Plants faults in a copy of the C code, one at a time, and shows when each is found: `make planted`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "rows.c"
_COMPILER = Path(__file__).parents[3] / ".venv-native/bin/python"


@dataclass(frozen=True, slots=True)
class Fault:
    """A change that makes the code wrong: what stands there once, and what stands there instead."""

    name: str
    right: str
    wrong: str


READING = [
    Fault(
        "a room that is one byte larger than it is",
        "(size_t)(room->end - room->at) < count",
        "(size_t)(room->end - room->at) + 1 < count",
    ),
    Fault(
        "a bare field reads a byte after its bound",
        "!quoted && at < rest->end && *at != delimiter",
        "!quoted && *at != delimiter && at < rest->end",
    ),
    Fault(
        "a quote at the end reads past it",
        "if (!take_byte(rest, '\"')) return true;",
        "if (*rest->at != '\"') return true; rest->at++;",
    ),
    Fault("a lone CR is a character of a bare field", "[13] = ENDS | ESCAPED", "[13] = ESCAPED"),
    Fault("a quote is a character of a bare field", "['\"'] = ENDS | ESCAPED", "['\"'] = ESCAPED"),
    Fault("a backslash is not escaped", r"['\\'] = ESCAPED, ", ""),
    Fault("a control character is not escaped", "[14 ... 31] = ESCAPED", "[14 ... 30] = ESCAPED"),
    Fault("only the last byte of a field may need an escape", "found |= meanings", "found = meanings"),
    Fault("a quoted field needs no escape", "found = quoted ? ESCAPED : 0;", "found = 0;"),
    Fault("U+2029 is not escaped", "(at[2] & 0xFE) == 0xA8)", "at[2] == 0xA8)"),
    Fault("the neighbour U+202A is escaped too", "(at[2] & 0xFE) == 0xA8)", "(at[2] & 0xFC) == 0xA8)"),
    Fault("a byte 0xC2 at the end reads past it", "code == 0xC2 && end - at >= 2 && at[1]", "code == 0xC2 && at[1]"),
    Fault("a vertical tab has a short escape", r" && code != '\v';", ";"),
    Fault(
        "doubled quotes stay doubled",
        "at = put_escape(room, at, end) + (*at",
        "at = put_escape(room, at, end) + 0 * (*at",
    ),
    Fault("a century is a leap year", "year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)", "year % 4 == 0"),
    Fault("the year 0 is a year", "if (year < 1 || month < 1", "if (month < 1"),
    Fault("September has 31 days", "31, 31, 30, 31, 30, 31};", "31, 31, 31, 31, 30, 31};"),
    Fault("a number may begin with zeros", "!take_byte(rest, '0') && !take_digits(rest)", "!take_digits(rest)"),
    Fault(
        "an exponent may lack its digits", "return !*exponent || take_digits(rest);", "return take_digits(rest), true;"
    ),
    Fault("a misfit is not counted", "made->misfits[i] += !put_value", "made->misfits[i] += 0 * !put_value"),
    Fault(
        "a misfit counts for the piece before", "made->misfits[i] += !put", "made->misfits[i > 0 ? i - 1 : i] += !put"
    ),
    Fault(
        "a row too many is counted",
        "block.at < block.end; made->rows++, line",
        "block.at < block.end; made->rows += 1 + (made->rows == 3), line",
    ),
    Fault("of repeated keys some are missed", "place = (place + 1) & (size - 1);", "break;"),
    Fault("a line that is just too long is taken", ">= layout->longest_line) return", "> layout->longest_line) return"),
    Fault(
        "a line ends one byte early",
        "ends[made->rows] = (uint64_t)(made->lines.at - lines);",
        "ends[made->rows] = (uint64_t)(made->lines.at - lines) - 1;",
    ),
    Fault("a doubled quote counts twice in a hash", "(size_t)(end - at) - field->doubled;", "(size_t)(end - at);"),
    Fault("a key is not the number that it is", "(key >> 53)", "(key >> 54)"),
    Fault("two keys of other fields are one", "(at < end ? *at : 0xFF)", "(at < end ? *at : 0)"),
    Fault(
        "a blank in a key counts for each part",
        "made->blank_keys += blank;",
        "made->blank_keys += blank * layout->key_count;",
    ),
    Fault("a line without room is no matter", "if (made->lines.full) return NO_ROOM;", ""),
]

WRITING = [
    Fault(
        "half of a surrogate pair is a character", "if (low < 0xDC00 || low >= 0xE000) return false;", "low &= 0xDFFF;"
    ),
    Fault("a second half may come first", "if (code >= 0xDC00 || !take_word", "if (!take_word"),
    Fault("a form feed is a line feed", r'/\b\f\n\r\t"', r'/\b\n\n\r\t"'),
    Fault("an escape of four digits has three", "for (size_t i = 0; i < 4; i++) {", "for (size_t i = 0; i < 3; i++) {"),
    Fault("a colon is a hexadecimal digit", '"0123456789abcdef";\n    *unit', '"0123456789:bcdef";\n    *unit'),
    Fault("an escape at the end reads past it", "rest->at < rest->end ? memchr(signs", "true ? memchr(signs"),
    Fault("a control character may stand in a text", "*rest->at >= 0x20 && *rest->at != '\"'", "*rest->at != '\"'"),
    Fault("a character of three bytes begins wrong", "0xFF00U >> (more + 1)", "0xFF00U >> (more + (more != 2))"),
    Fault(
        "an exponent is a digit", "if (exponent) return write_out", "if (exponent && separator == 0) return write_out"
    ),
    Fault(
        "a written-out number has a digit too many", "i < count || i < point; i++) {", "i < count || i <= point; i++) {"
    ),
    Fault(
        "an exponent of ten thousand is none too many",
        "if (exponent + count > LONGEST_NUMBER)",
        "if (exponent > LONGEST_NUMBER)",
    ),
    Fault(
        "leading zeros of a written-out number stay", "started |= digit != '0' || i >= point - 1;", "started |= true;"
    ),
    Fault(
        "texts may be longer than their record",
        "if (!taken || record.texts.at - texts->at > rest.at - block->at)",
        "if (!taken)",
    ),
    Fault("the decimal separator is not put", "*point = separator;", "*point = separator == ',' ? '.' : ',';"),
    Fault(
        "of two values the one before null is kept",
        'if (cell->length >= 0 || take_word(rest, "null", 4)) return cell->length < 0;',
        'if (take_word(rest, "null", 4)) return true;',
    ),
    Fault(
        "a string is reported only where it is the first name",
        "header->strings[header->columns[found]] |= rest->at",
        "header->strings[header->columns[found]] |= found == 0 && rest->at",
    ),
    Fault(
        "a guessed name is that of another column",
        "take_known(rest, header->names[guess])",
        "take_known(rest, header->names[guess > 0 ? guess - 1 : 0])",
    ),
    Fault(
        "a name that another begins with is that",
        "memcmp(rest->at, name.at, length < left ? length : left)",
        "memcmp(rest->at, name.at, length < left ? length - 1 : left)",
    ),
    Fault(
        "any unknown name is Airbyte's",
        '!take_word(&name, "\\"_airbyte_", 10)',
        '(false && take_word(&name, "\\"", 1))',
    ),
    Fault(
        "nested without end",
        "bool named = take_byte(rest, '{'), nested = named",
        "levels = 9; bool named = take_byte(rest, '{'), nested = named",
    ),
    Fault("blanks between words stay", 'if (more) put(texts, ",", 1);', 'if (more) put(texts, ", ", 2);'),
    Fault("a message may end anywhere", "return take_sign(rest, '\\n') || rest->at == rest->end;", "return true;"),
    Fault(
        "a part of a message may be another",
        "if (!take_known(rest, header->parts[i])) return false;",
        "rest->at += header->parts[i].end - header->parts[i].at; if (rest->at > rest->end) return false;",
    ),
    Fault("names have one form", "record->cells[header->columns[found]]", "record->cells[found]"),
    Fault("texts are noted for the name", "header->strings[header->columns[found]]", "header->strings[found]"),
    Fault(
        "a record after the last that has room",
        "if (*rows == most) return NO_ROOM;",
        "if (*rows > most) return NO_ROOM;",
    ),
    Fault(
        "a cell begins one byte late",
        "(Span){(int32_t)(text - record->origin)",
        "(Span){(int32_t)(text + 1 - record->origin)",
    ),
    Fault("quotes inside a cell are not doubled", "while (quoted && (at = memchr", "while (false && (at = memchr"),
    Fault(
        "a lone CR needs no quotes",
        "*at != '\"' && *at != '\\r' && *at != '\\n') at++;\n    bool quoted",
        "*at != '\"' && *at != '\\n') at++;\n    bool quoted",
    ),
    Fault("a row of one empty cell is an empty line", "if (cell.length < 1 && count == 1)", "if (count == 0)"),
    Fault(
        "a cell outside its texts is written",
        "(int64_t)cell.begin + cell.length > texts.end - texts.at",
        "cell.begin > texts.end - texts.at",
    ),
    Fault(
        "the stride of a column is one",
        "columns[i].first[(int64_t)row * columns[i].stride]",
        "columns[i].first[(int64_t)row]",
    ),
]

FAULTS = {"reading": READING, "writing": WRITING}


def main() -> None:
    """Print a table; ends with 1 where a fault was not found."""
    parser = argparse.ArgumentParser(prog="pigment_native.fuzz.planted", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000, help="for each fault")
    parser.add_argument("--only", help="a part of the names of faults")
    arguments = parser.parse_args()
    missed = 0
    for direction, faults in FAULTS.items():
        for fault in faults:
            if not arguments.only or arguments.only in fault.name:
                seconds, how = _found(direction, fault, arguments.cases)
                missed += seconds is None
                after = "NOT FOUND" if seconds is None else f"{seconds:.1f} s"
                print(f"| {direction} | {fault.name} | {after} | {how} |", flush=True)
    sys.exit(bool(missed))


def broken_library(fault: Fault, library: Path) -> bool:
    """Compile the code with the fault; whether that could be done."""
    text = SOURCE.read_text(encoding="utf-8")
    source = library.with_name("rows.c")
    source.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    build = SOURCE.with_name("build")
    command = [str(_COMPILER), str(build), "--counted", str(library), "--source", str(source)]
    return text.count(fault.right) == 1 and subprocess.run(command, check=False).returncode == 0


def _found(direction: str, fault: Fault, cases: int) -> tuple[float | None, str]:
    """After how many seconds the fuzzer finds the fault, and what it says; None where it does not."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "librows.so"
        if not broken_library(fault, library):
            return None, "it cannot be planted"
        command = ["--library", str(library), "--cases", str(cases), "--seconds", "600", "--seed", "1"]
        began = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-m", "pigment_native.fuzz", *command, "--folder", folder, "--only", direction],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode > 1 or (ended.returncode == 1 and "FOUND" not in ended.stdout):
            raise OSError(ended.stderr)
        said = next((line for line in ended.stdout.splitlines() if "FOUND" in line), "")
        return (time.monotonic() - began if said else None), said.partition("s, ")[2][:40]


if __name__ == "__main__":
    main()

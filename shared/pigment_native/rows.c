/* Rows of CSV and records of JSON, converted in bulk: the fast form of what the row-wise Python modules say.
 *
 * Nothing here decides what is right. Whatever is not plainly what it should be is left, by a return value, to the
 * conversion by row, which is the oracle of the tests: a byte that leaves here is one that it would have sent.
 *
 * The caller owns all memory and has seen that every text is UTF-8. Nothing is allocated, kept or shared, and the code
 * calls nothing but the memory functions of the C library. Input is read through `at < end`, output written through
 * `put`: each access stands beside its bound.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Changes whenever a function or a structure below does: the caller loads no other. */
uint32_t rows_version(void) { return 1; }

/* How a conversion ended. */
enum { DONE = 0, LEFT_TO_ROWS = 1, NO_ROOM = 2 };

/* A text inside some input. */
typedef struct {
    const uint8_t *at, *end;
} Text;

/* Room for output; `full` once something did not fit, and then it stays so. */
typedef struct {
    uint8_t *at, *end;
    bool full;
} Room;

static void put(Room *room, const void *bytes, size_t count) {
    if ((size_t)(room->end - room->at) < count) {
        room->full = true;
        room->end = room->at;
        return;
    }
    memcpy(room->at, bytes, count);
    room->at += count;
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static bool take_byte(Text *rest, uint8_t byte) { return rest->at < rest->end && *rest->at == byte && rest->at++; }

static bool take_digits(Text *rest) {
    const uint8_t *from = rest->at;
    while (rest->at < rest->end && is_digit(*rest->at)) rest->at++;
    return rest->at > from;
}

/* A number as RFC 8259 has it, section 6. */
static bool take_number(Text *rest, bool *exponent) {
    take_byte(rest, '-');
    if (!take_byte(rest, '0') && !take_digits(rest)) return false;
    if (take_byte(rest, '.') && !take_digits(rest)) return false;
    *exponent = take_byte(rest, 'e') || take_byte(rest, 'E');
    if (*exponent && !take_byte(rest, '+')) take_byte(rest, '-');
    return !*exponent || take_digits(rest);
}

/* ---- CSV rows to RECORD lines ---- */

/* A field of a row, without the quotes around it; `doubled` where quotes inside it stand twice. */
typedef struct {
    Text text;
    bool doubled;
} Field;

/* A quoted field: up to a quote that stands by itself. */
static bool take_quoted(Text *rest, Field *field) {
    *field = (Field){{rest->at + 1, rest->at + 1}, false};
    for (;;) {
        const uint8_t *from = field->text.end;
        const uint8_t *quote = from < rest->end ? memchr(from, '"', (size_t)(rest->end - from)) : NULL;
        if (quote == NULL) return false;
        if (quote + 1 < rest->end && quote[1] == '"') {
            field->doubled = true;
            field->text.end = quote + 2;
        } else {
            field->text.end = quote;
            rest->at = quote + 1;
            return true;
        }
    }
}

/* A field without quotes: up to whatever ends one, or may not stand in one. */
static void take_bare(Text *rest, uint8_t delimiter, Field *field) {
    const uint8_t *at = rest->at;
    while (at < rest->end && *at != delimiter && *at != '\n' && *at != '"' && *at != '\r') at++;
    *field = (Field){{rest->at, at}, false};
    rest->at = at;
}

/* A row of so many fields and the end of its line, which may lack behind the last; false where it is no such row. */
static bool take_row(Text *rest, uint8_t delimiter, Field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !take_byte(rest, delimiter)) return false;
        if (rest->at < rest->end && *rest->at == '"') {
            if (!take_quoted(rest, &fields[i])) return false;
        } else {
            take_bare(rest, delimiter, &fields[i]);
        }
    }
    if (rest->at == rest->end) return true;
    take_byte(rest, '\r');
    return take_byte(rest, '\n');
}

/* How many rows of so many fields the block holds, if it holds nothing else. `fields` has room for one row. */
int32_t count_rows(Text block, uint8_t delimiter, Field *fields, size_t count, uint64_t *rows) {
    for (*rows = 0; block.at < block.end; ++*rows) {
        if (!take_row(&block, delimiter, fields, count)) return LEFT_TO_ROWS;
    }
    return DONE;
}

/* How a column is written. A text that is none of what its kind allows is written as TEXT, and counted. */
enum { TEXT = 0, NUMBER = 1, BOOLEAN = 2, DATE = 3, HASH = 4 };

/* A part of every line: what stands before the value of a column, and that value. HASH leaves room for a digest. */
typedef struct {
    Text label;
    uint64_t column, kind;
} Piece;

typedef struct {
    const Piece *pieces;
    uint64_t piece_count, column_count;
    const uint64_t *keys; /* the columns of the primary key */
    uint64_t key_count;
    Text closing;
    uint64_t longest_line, delimiter;
} Layout;

/* What is made of a block. The arrays have a place for each row, `misfits` one for each piece. */
typedef struct {
    Room lines, hashed;
    uint64_t *hash_begin, *hashed_end; /* where a digest belongs in the lines, where what it is of ends */
    uint64_t *keys, *misfits;
    uint64_t rows, blank_keys;
} Records;

static bool is_number(Text text) {
    bool exponent;
    return take_number(&text, &exponent) && text.at == text.end;
}

/* A day of the calendar, from the year 1, written as 2026-04-30. */
static bool is_date(Text text) {
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.end - text.at != 10 || text.at[4] != '-' || text.at[7] != '-') return false;
    uint32_t parts[3] = {0, 0, 0};
    for (size_t i = 0, part = 0; i < 10; i++) {
        if (i == 4 || i == 7) part++;
        else if (is_digit(text.at[i])) parts[part] = parts[part] * 10 + (uint32_t)(text.at[i] - '0');
        else return false;
    }
    uint32_t year = parts[0], month = parts[1], day = parts[2];
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days[month - 1]) return false;
    return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool is_word(Text text, const char *word, size_t count) {
    return (size_t)(text.end - text.at) == count && memcmp(text.at, word, count) == 0;
}

/* A byte as it stands in a text of JSON; U+0085, U+2028 and U+2029 end a line for some readers and are escaped too. */
static const uint8_t *put_escape(Room *room, const uint8_t *at, const uint8_t *end) {
    static const char hexadecimal[] = "0123456789abcdef", named[] = "btn\0fr";
    uint8_t code = *at;
    if (code == 0xC2 && end - at >= 2 && at[1] == 0x85) return put(room, "\\u0085", 6), at + 2;
    if (code == 0xE2 && end - at >= 3 && at[1] == 0x80 && at[2] == 0xA8) return put(room, "\\u2028", 6), at + 3;
    if (code == 0xE2 && end - at >= 3 && at[1] == 0x80 && at[2] == 0xA9) return put(room, "\\u2029", 6), at + 3;
    if (code >= 0x80) {
        put(room, at, 1);
    } else if (code == '"' || code == '\\') {
        put(room, (char[]){'\\', (char)code}, 2);
    } else if (code >= '\b' && code <= '\r' && code != '\v') {
        put(room, (char[]){'\\', named[code - '\b']}, 2);
    } else {
        put(room, (char[]){'\\', 'u', '0', '0', hexadecimal[code >> 4], hexadecimal[code & 15]}, 6);
    }
    return at + 1;
}

static bool is_plain(uint8_t byte) { return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0xC2 && byte != 0xE2; }

static void put_text(Room *room, const Field *field) {
    const uint8_t *at = field->text.at, *end = field->text.end;
    put(room, "\"", 1);
    while (at < end) {
        const uint8_t *from = at;
        while (at < end && is_plain(*at)) at++;
        put(room, from, (size_t)(at - from));
        if (at < end) {
            bool twice = *at == '"' && field->doubled;
            at = put_escape(room, at, end) + twice;
        }
    }
    put(room, "\"", 1);
}

/* The value of a field; false where it does not fit its kind. */
static bool put_value(Room *room, const Field *field, uint64_t kind) {
    Text text = field->text;
    if (text.at == text.end) return put(room, "null", 4), true;
    if (kind == NUMBER && is_number(text)) return put(room, text.at, (size_t)(text.end - text.at)), true;
    if (kind == BOOLEAN && is_word(text, "TRUE", 4)) return put(room, "true", 4), true;
    if (kind == BOOLEAN && is_word(text, "FALSE", 5)) return put(room, "false", 5), true;
    put_text(room, field);
    return kind == TEXT || (kind == DATE && is_date(text));
}

/* What is hashed of a field: its length in bytes, a colon, its text and a comma. */
static void put_hashed(Room *room, const Field *field) {
    size_t length = (size_t)(field->text.end - field->text.at);
    for (const uint8_t *at = field->text.at; field->doubled && at < field->text.end; at++) {
        if (*at == '"') at++, length--;
    }
    uint8_t digits[20], *first = digits + sizeof digits;
    size_t left = length;
    do *--first = (uint8_t)('0' + left % 10); while (left /= 10);
    put(room, first, (size_t)(digits + sizeof digits - first));
    put(room, ":", 1);
    for (const uint8_t *at = field->text.at; at < field->text.end;) {
        const uint8_t *quote = field->doubled ? memchr(at, '"', (size_t)(field->text.end - at)) : NULL;
        const uint8_t *end = quote == NULL ? field->text.end : quote + 1;
        put(room, at, (size_t)(end - at));
        at = quote == NULL ? end : end + 1;
    }
    put(room, ",", 1);
}

/* The number that bytes are, behind a first byte of 1, modulo 2^61 - 1. */
static uint64_t as_number(Text bytes) {
    const uint64_t modulus = (UINT64_C(1) << 61) - 1;
    uint64_t number = 1;
    while (bytes.at < bytes.end) {
        number = ((number << 8) & modulus) + (number >> 53) + *bytes.at++;
        if (number >= modulus) number -= modulus;
    }
    return number;
}

static void put_line(const Layout *layout, const Field *fields, const uint8_t *lines, Records *made) {
    for (uint64_t i = 0; i < layout->piece_count; i++) {
        const Piece *piece = &layout->pieces[i];
        put(&made->lines, piece->label.at, (size_t)(piece->label.end - piece->label.at));
        if (piece->kind == HASH) {
            static const uint8_t digest[64];
            made->hash_begin[made->rows] = (uint64_t)(made->lines.at - lines);
            put(&made->lines, digest, sizeof digest);
        } else if (!put_value(&made->lines, &fields[piece->column], piece->kind)) {
            made->misfits[i]++;
        }
    }
    put(&made->lines, layout->closing.at, (size_t)(layout->closing.end - layout->closing.at));
}

static void add_key(const Layout *layout, const Field *fields, Records *made) {
    Room scratch = made->hashed;
    bool blank = false;
    for (uint64_t i = 0; i < layout->key_count; i++) {
        const Field *field = &fields[layout->keys[i]];
        put_hashed(&scratch, field);
        blank |= field->text.at == field->text.end;
    }
    made->hashed.full |= scratch.full;
    made->keys[made->rows] = as_number((Text){made->hashed.at, scratch.at});
    made->blank_keys += blank;
}

/* The RECORD lines of a block of whole rows: of all of them, or it is not DONE. `fields` has room for one row. */
int32_t rows_to_lines(Text block, const Layout *layout, bool hashes, Field *fields, Records *made) {
    const uint8_t *lines = made->lines.at, *hashed = made->hashed.at;
    for (; block.at < block.end; made->rows++) {
        const uint8_t *line = made->lines.at;
        if (!take_row(&block, (uint8_t)layout->delimiter, fields, layout->column_count)) return LEFT_TO_ROWS;
        put_line(layout, fields, lines, made);
        if ((uint64_t)(made->lines.at - line) >= layout->longest_line) return LEFT_TO_ROWS;
        if (layout->key_count > 0) add_key(layout, fields, made);
        for (uint64_t i = 0; hashes && i < layout->column_count; i++) put_hashed(&made->hashed, &fields[i]);
        if (hashes) made->hashed_end[made->rows] = (uint64_t)(made->hashed.at - hashed);
        if (made->lines.full || made->hashed.full) return NO_ROOM;
    }
    return DONE;
}

/* How many of the numbers came before. The table has room for twice as many at least, a power of two, and is zero. */
uint64_t count_repeated(const uint64_t *numbers, uint64_t count, uint64_t *table, uint64_t size) {
    uint64_t repeated = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t wanted = numbers[i] + 1, place = (wanted * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (size - 1);
        while (table[place] != 0 && table[place] != wanted) place = (place + 1) & (size - 1);
        repeated += table[place] == wanted;
        table[place] = wanted;
    }
    return repeated;
}

/* ---- JSON records to cells ---- */

/* ---- Cells to CSV lines ---- */

/* CSV rows and JSON records, converted in bulk: a fast form of the row-by-row Python modules.
 *
 * Nothing here decides what is right. Anything that is not plainly valid is left to the row-by-row way, by a return
 * value; that way is also the oracle of the tests. So every byte that leaves here is one that it would have sent.
 *
 * The caller owns all memory and has checked that every text is UTF-8. Nothing is allocated, kept or shared, and the
 * code calls only the memory functions of the C library. Input is read after a check of `at < end`, and output is
 * written through `put`: each access is next to its bound.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Changes whenever a function or a structure below changes: the caller loads no other version. */
uint32_t rows_version(void) { return 4; }

/* How a conversion ended. */
enum { DONE = 0, LEFT_TO_ROWS = 1, NO_ROOM = 2 };

/* A text inside some input. */
typedef struct { const uint8_t *at, *end; } Text;

/* Space for output; `full` once something did not fit, and from then on. */
typedef struct { uint8_t *at, *end; bool full; } Room;

static void put(Room *room, const void *bytes, size_t count) {
    room->full |= (size_t)(room->end - room->at) < count;
    if (room->full) return;
    memcpy(room->at, bytes, count);
    room->at += count;
}

static void put_all(Room *room, Text text) { put(room, text.at, (size_t)(text.end - text.at)); }

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }
static bool take_byte(Text *rest, uint8_t byte) { return rest->at < rest->end && *rest->at == byte && rest->at++; }

static bool take_word(Text *rest, const void *word, size_t count) {
    if ((size_t)(rest->end - rest->at) < count || memcmp(rest->at, word, count) != 0) return false;
    rest->at += count;
    return true;
}

static bool take_known(Text *rest, Text text) { return take_word(rest, text.at, (size_t)(text.end - text.at)); }
static bool take_digits(Text *rest) {
    const uint8_t *from = rest->at;
    while (rest->at < rest->end && is_digit(*rest->at)) rest->at++;
    return rest->at > from;
}

/* A number as RFC 8259 defines it in section 6. */
static bool take_number(Text *rest, bool *exponent) {
    take_byte(rest, '-');
    if (!take_byte(rest, '0') && !take_digits(rest)) return false;
    if (take_byte(rest, '.') && !take_digits(rest)) return false;
    *exponent = take_byte(rest, 'e') || take_byte(rest, 'E');
    if (*exponent && !take_byte(rest, '+')) take_byte(rest, '-');
    return !*exponent || take_digits(rest);
}

/* ---- CSV rows to RECORD lines ---- */

/* A field of a row: its text without the quotes around it, how many quotes inside are doubled, and whether JSON needs
 * no escape in it, as far as one pass over it shows. */
typedef struct { Text text; size_t doubled; bool is_plain; } Field;

/* What ends a field without quotes, and what may need an escape: 0xC2 and 0xE2 may begin a line end of Unicode. */
enum { ENDS = 1, ESCAPED = 2 };
static const uint8_t meanings[256] = {
    [0 ... 9] = ESCAPED, [10] = ENDS | ESCAPED, [11 ... 12] = ESCAPED, [13] = ENDS | ESCAPED, [14 ... 31] = ESCAPED,
    ['"'] = ENDS | ESCAPED, ['\\'] = ESCAPED, [0xC2] = ESCAPED, [0xE2] = ESCAPED};

/* A quoted field ends at a single quote, any other at what ends a field or must not occur in one. */
static bool split_field(Text *rest, uint8_t delimiter, Field *field) {
    const bool quoted = take_byte(rest, '"');
    const uint8_t *at = rest->at;
    uint8_t found = quoted ? ESCAPED : 0;
    for (; !quoted && at < rest->end && *at != delimiter && !(meanings[*at] & ENDS); at++) found |= meanings[*at];
    *field = (Field){{rest->at, at}, 0, found == 0};
    rest->at = at;
    for (; quoted; field->doubled++) {
        field->text.end = rest->at < rest->end ? memchr(rest->at, '"', (size_t)(rest->end - rest->at)) : NULL;
        if (field->text.end == NULL) return false;
        rest->at = field->text.end + 1;
        if (!take_byte(rest, '"')) return true;
    }
    return true;
}

/* A row of `count` fields and its line end, which the last row may lack; false if it is no such row. */
static bool split_row(Text *rest, uint8_t delimiter, Field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !take_byte(rest, delimiter)) return false;
        if (!split_field(rest, delimiter, &fields[i])) return false;
    }
    return rest->at == rest->end || (take_byte(rest, '\r'), take_byte(rest, '\n'));
}

/* How a column is written. A value that does not fit its kind is written as TEXT, and counted. */
enum { TEXT = 0, NUMBER = 1, BOOLEAN = 2, DATE = 3, COUNTED = 4, NOTHING = 5 };

/* A part of every line: a constant, then the value of a column. COUNTED is not JSON but the form in which a field is
 * hashed: its length in bytes, a colon, its text and a comma. */
typedef struct { Text label; uint64_t column, kind; } Piece;

typedef struct {
    const Piece *pieces;
    uint64_t piece_count, column_count;
    const uint64_t *keys; /* the columns of the primary key */
    uint64_t key_count;
    uint64_t longest_line, delimiter;
} Layout;

/* The result for a block. The arrays have an element for each row, `misfits` one for each piece. */
typedef struct {
    Room lines;
    uint64_t *ends, *keys, *misfits; /* where the lines end, and their keys as numbers */
    uint64_t rows, blank_keys;
} Records;

/* A calendar date from the year 1 on, written as 2026-04-30. */
static bool is_date(Text text) {
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t digits = 0;
    if (text.end - text.at != 10 || text.at[4] != '-' || text.at[7] != '-') return false;
    for (size_t i = 0; i < 10; i += i == 3 || i == 6 ? 2 : 1) {
        if (!is_digit(text.at[i])) return false;
        digits = digits * 10 + (uint32_t)(text.at[i] - '0');
    }
    const uint32_t year = digits / 10000, month = digits / 100 % 100, day = digits % 100;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days[month - 1]) return false;
    return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* A byte as JSON text; U+0085, U+2028 and U+2029, which end a line for some readers, are escaped too. */
static const uint8_t *put_escape(Room *room, const uint8_t *at, const uint8_t *end) {
    static const char digits[] = "0123456789abcdef", letters[] = "btn\0fr";
    const uint8_t code = *at;
    if (code == 0xC2 && end - at >= 2 && at[1] == 0x85) return put(room, "\\u0085", 6), at + 2;
    if (code == 0xE2 && end - at >= 3 && at[1] == 0x80 && (at[2] & 0xFE) == 0xA8)
        return put(room, at[2] == 0xA8 ? "\\u2028" : "\\u2029", 6), at + 3;
    const bool has_letter = code >= '\b' && code <= '\r' && code != '\v';
    const char sign = has_letter ? letters[code - '\b'] : (char)code;
    if (code >= 0x80) put(room, at, 1);
    else if (code >= 0x20 || has_letter) put(room, (char[]){'\\', sign}, 2);
    else put(room, (char[]){'\\', 'u', '0', '0', digits[code >> 4], digits[code & 15]}, 6);
    return at + 1;
}

static void put_text(Room *room, const Field *field) {
    const uint8_t *at = field->text.at, *end = field->text.end;
    put(room, "\"", 1);
    if (field->is_plain) put_all(room, field->text), at = end;
    while (at < end) {
        const uint8_t *from = at;
        while (at < end && !(meanings[*at] & ESCAPED)) at++;
        put(room, from, (size_t)(at - from));
        if (at < end) at = put_escape(room, at, end) + (*at == '"' && field->doubled > 0);
    }
    put(room, "\"", 1);
}

static void put_counted(Room *room, const Field *field) {
    const uint8_t *at = field->text.at, *end = field->text.end;
    uint8_t digits[20], *first = digits + sizeof digits;
    size_t length = (size_t)(end - at) - field->doubled;
    do *--first = (uint8_t)('0' + length % 10); while (length /= 10);
    put(room, first, (size_t)(digits + sizeof digits - first));
    put(room, ":", 1);
    for (size_t left = field->doubled; left > 0; left--) {
        const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
        put(room, at, (size_t)(quote + 1 - at));
        at = quote + 2;
    }
    put(room, at, (size_t)(end - at));
    put(room, ",", 1);
}

/* The value of a field; false if it does not fit its kind. */
static bool put_value(Room *room, const Field *field, uint64_t kind) {
    Text rest = field->text;
    bool ignored;
    if (kind == COUNTED) return put_counted(room, field), true;
    if (rest.at == rest.end) return put(room, "null", 4), true;
    if (kind == NUMBER && take_number(&rest, &ignored) && rest.at == rest.end) return put_all(room, field->text), true;
    if (kind == BOOLEAN && rest.end - rest.at == 4 && take_word(&rest, "TRUE", 4)) return put(room, "true", 4), true;
    if (kind == BOOLEAN && rest.end - rest.at == 5 && take_word(&rest, "FALSE", 5)) return put(room, "false", 5), true;
    put_text(room, field);
    return kind == TEXT || (kind == DATE && is_date(field->text));
}

/* A key extended by a field: its bytes as one number modulo 2^61 - 1, each field ended by a byte that UTF-8 lacks. */
static uint64_t with_field(uint64_t key, const Field *field) {
    const uint64_t modulus = (UINT64_C(1) << 61) - 1;
    for (const uint8_t *at = field->text.at, *end = field->text.end; at <= end; at++) {
        key = (key << 8 & modulus) + (key >> 53) + (at < end ? *at : 0xFF);
        if (key >= modulus) key -= modulus;
        if (at < end && *at == '"' && field->doubled > 0) at++;
    }
    return key;
}

/* The lines of a block of whole rows; DONE only if all of them were converted. `fields` has room for one row. */
int32_t rows_to_lines(Text block, const Layout *layout, Field *fields, Records *made) {
    const uint8_t *lines = made->lines.at, *line = lines;
    for (; block.at < block.end; made->rows++, line = made->lines.at) {
        if (!split_row(&block, (uint8_t)layout->delimiter, fields, layout->column_count)) return LEFT_TO_ROWS;
        for (uint64_t i = 0; i < layout->piece_count; i++) {
            const Piece *piece = &layout->pieces[i];
            put_all(&made->lines, piece->label);
            if (piece->kind == NOTHING) continue;
            made->misfits[i] += !put_value(&made->lines, &fields[piece->column], piece->kind);
        }
        if (made->lines.full) return NO_ROOM;
        if ((uint64_t)(made->lines.at - line) >= layout->longest_line) return LEFT_TO_ROWS;
        made->ends[made->rows] = (uint64_t)(made->lines.at - lines);
        bool blank = false;
        for (uint64_t i = 0; i < layout->key_count; i++) {
            const Field *field = &fields[layout->keys[i]];
            made->keys[made->rows] = with_field(i == 0 ? 1 : made->keys[made->rows], field);
            blank |= field->text.at == field->text.end;
        }
        made->blank_keys += blank;
    }
    return DONE;
}

/* How many numbers repeat an earlier one. The zeroed table has at least twice as many elements, a power of two. */
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

/* Where the text of a cell begins among the texts of all; the length is -1 for null and for a missing value. */
typedef struct { int32_t begin, length; } Span;

/* What records look like: how many columns; their names as JSON, perhaps in several forms, in the order of their bytes;
 * the column of each name; for each name and for the beginning, a guess which name comes next; and for each column,
 * whether a string was found in it, which is never unset. A line consists of the parts in turn, with the data after one
 * of them and numbers that are ignored between the others. */
typedef struct {
    uint64_t count, name_count, *next;
    const Text *names, *parts;
    const uint64_t *columns;
    bool *strings;
    uint64_t part_count, data_part, separator;
} Header;

/* A record that is being read: its cells, and the previous name. */
typedef struct {
    const Header *header;
    const uint8_t *origin;
    Room texts;
    Span *cells;
    uint64_t before;
} Record;

enum { MOST_LEVELS = 32, LONGEST_NUMBER = 10000 };

static void skip_blanks(Text *rest) {
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t' || *rest->at == '\r')) rest->at++;
}
static bool take_sign(Text *rest, uint8_t sign) { return skip_blanks(rest), take_byte(rest, sign); }

/* The four hexadecimal digits of an escape. */
static bool take_unit(Text *rest, uint32_t *unit) {
    static const char digits[] = "0123456789abcdef";
    *unit = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *digit = rest->at < rest->end && *rest->at >= '0' ? memchr(digits, *rest->at++ | 0x20, 16) : NULL;
        if (digit == NULL) return false;
        *unit = *unit << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* What follows a backslash; half of a surrogate pair is not a character. */
static bool take_escape(Text *rest, Room *texts) {
    static const char signs[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *sign = rest->at < rest->end ? memchr(signs, *rest->at, 8) : NULL;
    if (sign != NULL) return put(texts, &meant[sign - signs], 1), take_byte(rest, (uint8_t)*sign);
    uint32_t code, low;
    if (!take_byte(rest, 'u') || !take_unit(rest, &code)) return false;
    if (code >= 0xD800 && code < 0xE000) {
        if (code >= 0xDC00 || !take_word(rest, "\\u", 2) || !take_unit(rest, &low)) return false;
        if (low < 0xDC00 || low >= 0xE000) return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    put(texts, (uint8_t[]){(uint8_t)(more == 0 ? code : 0xFF00U >> (more + 1) | code >> 6 * more)}, 1);
    while (more-- > 0) put(texts, (uint8_t[]){(uint8_t)(0x80 | (code >> 6 * more & 63))}, 1);
    return true;
}

/* A string, without its quotes and escapes. */
static bool take_string(Text *rest, Room *texts) {
    if (!take_byte(rest, '"')) return false;
    for (;;) {
        const uint8_t *from = rest->at;
        while (rest->at < rest->end && *rest->at >= 0x20 && *rest->at != '"' && *rest->at != '\\') rest->at++;
        put(texts, from, (size_t)(rest->at - from));
        if (take_byte(rest, '"')) return true;
        if (!take_byte(rest, '\\') || !take_escape(rest, texts)) return false;
    }
}

/* A value as it is, without the blanks between its tokens; one that is nested deeper than `levels` is left. */
static bool copy_value(Text *rest, Room *texts, int levels) {
    skip_blanks(rest);
    const uint8_t *from = rest->at;
    Room unescaped = *texts;
    bool named = take_byte(rest, '{'), nested = named || take_byte(rest, '['), exponent, taken = nested && levels > 0;
    if (!nested && from < rest->end && *from == '"') taken = take_string(rest, &unescaped);
    else if (!nested) taken = take_word(rest, "null", 4) || take_word(rest, "true", 4) || take_word(rest, "false", 5) ||
                              take_number(rest, &exponent);
    put(texts, from, (size_t)(rest->at - from));
    if (!nested || !taken) return taken;
    const uint8_t closing = named ? '}' : ']';
    for (bool more = !take_sign(rest, closing); more;) {
        skip_blanks(rest);
        if (named) {
            bool is_name = rest->at < rest->end && *rest->at == '"';
            if (!is_name || !copy_value(rest, texts, 0) || !take_sign(rest, ':')) return false;
            put(texts, ":", 1);
        }
        if (!copy_value(rest, texts, levels - 1)) return false;
        more = take_sign(rest, ',');
        if (more) put(texts, ",", 1);
        else if (!take_sign(rest, closing)) return false;
    }
    return put(texts, &closing, 1), true;
}

/* A value that is not used. */
static bool skip_value(Text *rest, Room unused) { return copy_value(rest, &unused, MOST_LEVELS); }

/* The next name; one past the last if it is not in the header. */
static uint64_t take_name(Text *rest, const Header *header, uint64_t guess) {
    uint64_t first = 0, past = header->name_count;
    if (guess < past && take_known(rest, header->names[guess])) return guess;
    while (first < past) {
        const uint64_t middle = first + (past - first) / 2;
        const Text name = header->names[middle];
        const size_t left = (size_t)(rest->end - rest->at), length = (size_t)(name.end - name.at);
        const int order = memcmp(rest->at, name.at, length < left ? length : left);
        if (order == 0 && length <= left) return rest->at += length, middle;
        if (order <= 0) past = middle;
        else first = middle + 1;
    }
    return header->name_count;
}

/* A number with an exponent, written in full: no digit is added or lost. Very long ones are left. */
static bool write_out(Text number, uint8_t separator, Room *texts) {
    if (take_byte(&number, '-')) put(texts, "-", 1);
    const uint8_t *whole = number.at;
    take_digits(&number);
    const ptrdiff_t wholes = number.at - whole;
    take_byte(&number, '.');
    const uint8_t *fraction = number.at;
    take_digits(&number);
    ptrdiff_t count = wholes + (number.at - fraction), exponent = 0;
    const bool is_negative = number.end - number.at > 1 && number.at[1] == '-';
    for (; number.at < number.end && exponent <= LONGEST_NUMBER; number.at++) {
        if (is_digit(*number.at)) exponent = exponent * 10 + (*number.at - '0');
    }
    if (exponent + count > LONGEST_NUMBER) return false;
    const ptrdiff_t point = is_negative ? wholes - exponent : wholes + exponent;
    bool started = false;
    for (ptrdiff_t i = point < 1 ? point - 1 : 0; i < count || i < point; i++) {
        const uint8_t digit = i < 0 || i >= count ? '0' : i < wholes ? whole[i] : fraction[i - wholes];
        if (i == point) put(texts, &separator, 1);
        started |= digit != '0' || i >= point - 1;
        if (started) put(texts, &digit, 1);
    }
    return true;
}

/* The text of the cell that a value becomes; null has none. */
static bool take_cell(Text *rest, uint8_t separator, Room *texts) {
    const uint8_t *from = rest->at;
    uint8_t *text = texts->at;
    bool exponent;
    if (from < rest->end && *from == '"') return take_string(rest, texts);
    if (from < rest->end && (*from == '{' || *from == '[')) return copy_value(rest, texts, MOST_LEVELS);
    if (take_word(rest, "true", 4)) return put(texts, "TRUE", 4), true;
    if (take_word(rest, "false", 5)) return put(texts, "FALSE", 5), true;
    if (!take_number(rest, &exponent)) return false;
    if (exponent) return write_out((Text){from, rest->at}, separator, texts);
    put(texts, from, (size_t)(rest->at - from));
    uint8_t *point = memchr(text, '.', (size_t)(texts->at - text));
    if (point != NULL) *point = separator;
    return true;
}

/* A name and its value. Airbyte's own names are skipped; a second value for a column that has a text is left. */
static bool take_member(Text *rest, Record *record) {
    const Header *header = record->header;
    const uint8_t *text = record->texts.at;
    skip_blanks(rest);
    Text name = *rest;
    const uint64_t found = take_name(rest, header, header->next[record->before]);
    const bool unknown = found == header->name_count;
    if (unknown && (!take_word(&name, "\"_airbyte_", 10) || !skip_value(rest, record->texts))) return false;
    if (!take_sign(rest, ':')) return false;
    if (unknown) return skip_value(rest, record->texts);
    header->next[record->before] = found;
    record->before = found;
    skip_blanks(rest);
    Span *cell = &record->cells[header->columns[found]];
    if (cell->length >= 0 || take_word(rest, "null", 4)) return cell->length < 0;
    header->strings[header->columns[found]] |= rest->at < rest->end && *rest->at == '"';
    if (!take_cell(rest, (uint8_t)header->separator, &record->texts)) return false;
    *cell = (Span){(int32_t)(text - record->origin), (int32_t)(record->texts.at - text)};
    return true;
}

static bool take_data(Text *rest, Record *record) {
    if (!take_sign(rest, '{')) return false;
    if (take_sign(rest, '}')) return true;
    do if (!take_member(rest, record)) return false; while (take_sign(rest, ','));
    return take_sign(rest, '}');
}

static bool take_line(Text *rest, Record *record) {
    const Header *header = record->header;
    bool ignored;
    for (uint64_t i = 0; i < header->part_count; i++) {
        if (!take_known(rest, header->parts[i])) return false;
        if (i == header->data_part && !take_data(rest, record)) return false;
        if (i != header->data_part && i + 1 < header->part_count && !take_number(rest, &ignored)) return false;
    }
    return take_sign(rest, '\n') || rest->at == rest->end;
}

/* The cells of at most `*rows` records, each on a line. The block is advanced past what was read, up to the first
 * record that is left. Cells are counted from the origin. A record whose texts are longer than itself, as numbers
 * written in full can be, is left: so texts never need more space than the block. */
int32_t records_to_cells(Text *block, const Header *header, const uint8_t *origin, Room *texts, Span *cells,
                         uint64_t *rows) {
    const uint64_t most = *rows;
    for (*rows = 0; block->at < block->end; ++*rows, cells += header->count) {
        if (*rows == most) return NO_ROOM;
        Text rest = *block;
        Record record = {header, origin, *texts, cells, header->name_count};
        for (uint64_t i = 0; i < header->count; i++) cells[i] = (Span){0, -1};
        const bool taken = take_line(&rest, &record);
        if (record.texts.full) return NO_ROOM;
        if (!taken || record.texts.at - texts->at > rest.at - block->at) return LEFT_TO_ROWS;
        *block = rest;
        *texts = record.texts;
    }
    return DONE;
}

/* ---- Cells to CSV lines ---- */

/* The cells of a column: each is `stride` spans after the one before. */
typedef struct { Text texts; const Span *first; int64_t stride; } Column;

/* A cell, in quotes if it contains what would mean something else without them. */
static void put_cell(Room *room, Text cell, uint8_t delimiter) {
    const uint8_t *at = cell.at;
    while (at < cell.end && *at != delimiter && *at != '"' && *at != '\r' && *at != '\n') at++;
    bool quoted = at < cell.end;
    if (quoted) put(room, "\"", 1);
    while (quoted && (at = memchr(cell.at, '"', (size_t)(cell.end - cell.at))) != NULL) {
        put(room, cell.at, (size_t)(at + 1 - cell.at));
        put(room, "\"", 1);
        cell.at = at + 1;
    }
    put_all(room, cell);
    if (quoted) put(room, "\"", 1);
}

/* The lines of `rows` rows. A row of one empty cell is a pair of quotes, so that it remains a row. */
int32_t cells_to_lines(const Column *columns, uint64_t count, uint64_t rows, uint8_t delimiter, Room *lines) {
    for (uint64_t row = 0; row < rows; row++) {
        for (uint64_t i = 0; i < count; i++) {
            const Text texts = columns[i].texts;
            const Span cell = columns[i].first[(int64_t)row * columns[i].stride];
            if (i > 0) put(lines, &delimiter, 1);
            if (cell.length < 1 && count == 1) put(lines, "\"\"", 2);
            if (cell.length < 1) continue;
            if (cell.begin < 0 || (int64_t)cell.begin + cell.length > texts.end - texts.at) return LEFT_TO_ROWS;
            put_cell(lines, (Text){texts.at + cell.begin, texts.at + cell.begin + cell.length}, delimiter);
        }
        put(lines, "\r\n", 2);
    }
    return lines->full ? NO_ROOM : DONE;
}

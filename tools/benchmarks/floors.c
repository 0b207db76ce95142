/* The floor: what a program needs that moves the same rows and does nothing else. It checks nothing, keeps nothing on
 * disk, sends no state and no status, and believes whatever comes.
 *
 *     floors read HOST PORT KEY KINDS PATH…    exports (t: a text column, n: a number) to RECORD lines
 *     floors write HOST PORT COLUMN…           RECORD lines to one CSV upload, whatever their streams
 */
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, MOST_COLUMNS = 1024, LONGEST_LINE = 1 << 20 };

static unsigned char in[BLOCK], out[BLOCK];
static size_t in_at, in_end, out_at, chunk_left;
static int from = 0, to = 1;
static bool to_chunks = false;

static void stop(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void send_all(int where, const void *bytes, size_t count) {
    for (ssize_t sent; count; bytes = (const char *)bytes + sent, count -= (size_t)sent)
        if ((sent = write(where, bytes, count)) <= 0) stop("the reader of standard output has gone");
}

static void flush(void) {
    char head[24];
    if (to_chunks && out_at) send_all(to, head, (size_t)snprintf(head, sizeof head, "%zx\r\n", out_at));
    send_all(to, out, out_at);
    if (to_chunks && out_at) send_all(to, "\r\n", 2);
    out_at = 0;
}

static inline void put(unsigned char byte) {
    if (out_at == BLOCK) flush();
    out[out_at++] = byte;
}

static void put_all(const void *bytes, size_t count) {
    for (size_t part; count; bytes = (const char *)bytes + part, count -= part) {
        if (out_at == BLOCK) flush();
        part = count < BLOCK - out_at ? count : BLOCK - out_at;
        memcpy(out + out_at, bytes, part);
        out_at += part;
    }
}

static inline int take(void) {
    if (in_at == in_end) {
        ssize_t count = read(from, in, BLOCK);
        if (count <= 0) return -1;
        in_at = 0, in_end = (size_t)count;
    }
    return in[in_at++];
}

static int connected(const char *host, const char *port) {
    struct addrinfo wanted = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, port, &wanted, &found)) stop("no such host");
    int made = socket(found->ai_family, found->ai_socktype, 0);
    if (connect(made, found->ai_addr, found->ai_addrlen)) stop("not reached");
    freeaddrinfo(found);
    return made;
}

/* Reading: a response in chunks, CSV with semicolons, RECORD lines. */

static void skip_head(void) {
    for (int run = 0, byte; run < 4; run = byte == "\r\n\r\n"[run] ? run + 1 : 0)
        if ((byte = take()) < 0) stop("no response");
}

static inline int body(void) {
    if (!chunk_left) {
        int byte = take();
        if (byte == '\r') take(), byte = take();
        for (; byte != '\r' && byte >= 0; byte = take())
            chunk_left = chunk_left * 16 + (size_t)(byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
        take();
        if (!chunk_left) return -1;
    }
    chunk_left--;
    return take();
}

static inline void put_in_json(int byte) {
    static const char digits[] = "0123456789abcdef";
    if (byte >= 0x20 && byte != '"' && byte != '\\') {
        put((unsigned char)byte);
        return;
    }
    put('\\');
    switch (byte) {
        case '\n': put('n'); break;
        case '\r': put('r'); break;
        case '\t': put('t'); break;
        case '"': case '\\': put((unsigned char)byte); break;
        default: put_all("u00", 3), put((unsigned char)digits[byte >> 4]), put((unsigned char)digits[byte & 15]);
    }
}

/* One cell as JSON; returns the byte after it. */
static int cell(bool number) {
    int byte = body();
    if (byte == ';' || byte == '\r') {
        put_all("null", 4);
        return byte;
    }
    if (number) {
        for (; byte != ';' && byte != '\r' && byte >= 0; byte = body()) put((unsigned char)byte);
        return byte;
    }
    put('"');
    if (byte == '"') {
        for (byte = body(); byte >= 0; byte = body()) {
            if (byte == '"' && (byte = body()) != '"') break;
            put_in_json(byte);
        }
    } else {
        for (; byte != ';' && byte != '\r' && byte >= 0; byte = body()) put_in_json(byte);
    }
    put('"');
    return byte;
}

static void read_export(const char *kinds) {
    static const char opening[] = "{\"type\":\"RECORD\",\"record\":{\"stream\":\"Big\",\"data\":{";
    static char names[MOST_COLUMNS][256];
    size_t columns = strlen(kinds), lengths[MOST_COLUMNS];
    for (size_t column = 0; column < columns; column++) {
        size_t length = (size_t)snprintf(names[column], 3, column ? ",\"" : "\"");
        for (int byte; (byte = body()) != ';' && byte != '\r' && length < 250;) names[column][length++] = (char)byte;
        names[column][length++] = '"', names[column][length++] = ':';
        lengths[column] = length;
    }
    body();
    for (int byte; (byte = body()) >= 0;) {
        in_at--, chunk_left++; /* it is the first byte of a row, and lies in the block */
        put_all(opening, sizeof opening - 1);
        for (size_t column = 0; column < columns; column++) {
            put_all(names[column], lengths[column]);
            byte = cell(kinds[column] == 'n');
        }
        if (byte == '\r') body();
        put_all("},\"emitted_at\":1767225600000}}\n", 31);
    }
}

static void read_exports(char **words, int count) {
    for (int path = 4; path < count; path++) {
        char request[1024];
        int length = snprintf(request, sizeof request,
            "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n{}", words[path], words[0], words[2]);
        from = connected(words[0], words[1]);
        in_at = in_end = 0;
        send_all(from, request, (size_t)length);
        skip_head();
        read_export(words[3]);
        close(from);
    }
    flush();
}

/* Writing: RECORD lines, a request in chunks, CSV with commas. */

typedef struct {
    const unsigned char *at, *end;
} Text;

static const unsigned char *after_value(const unsigned char *at) {
    int depth = 0;
    do {
        if (*at == '"') {
            for (at++; *at != '"'; at++) at += *at == '\\';
            at++;
        } else if (*at == '{' || *at == '[') {
            depth++, at++;
        } else if (*at == '}' || *at == ']') {
            depth--, at++;
        } else {
            at++;
        }
    } while (depth || (*at != ',' && *at != '}'));
    return at;
}

static void put_in_csv(unsigned char byte) {
    if (byte == '"') put('"');
    put(byte);
}

static void put_text(Text text) {
    bool quoted = false;
    for (const unsigned char *at = text.at; at < text.end && !quoted; at++) quoted = *at == '\\' || *at == ',';
    if (!quoted) {
        put_all(text.at, (size_t)(text.end - text.at));
        return;
    }
    put('"');
    for (const unsigned char *at = text.at; at < text.end; at++) {
        if (*at != '\\') put(*at);
        else if (*++at == 'n') put('\n');
        else if (*at == 'r') put('\r');
        else put_in_csv(*at);
    }
    put('"');
}

static void put_cell(Text value) {
    if (value.at == value.end || *value.at == 'n') return;
    if (*value.at == '"') {
        put_text((Text){value.at + 1, value.end - 1});
    } else if (*value.at == '{' || *value.at == '[') {
        put('"');
        for (const unsigned char *at = value.at; at < value.end; at++) put_in_csv(*at);
        put('"');
    } else {
        put_all(value.at, (size_t)(value.end - value.at));
    }
}

/* Records have their keys in one order: the one that was found last time is looked at first. */
static size_t column_of(Text key, char **names, size_t count, size_t guess) {
    size_t length = (size_t)(key.end - key.at);
    if (guess < count && strlen(names[guess]) == length && !memcmp(names[guess], key.at, length)) return guess;
    for (size_t column = 0; column < count; column++)
        if (strlen(names[column]) == length && !memcmp(names[column], key.at, length)) return column;
    return count;
}

static void put_row(const unsigned char *at, char **names, size_t count) {
    static size_t guesses[MOST_COLUMNS];
    static Text values[MOST_COLUMNS];
    memset(values, 0, count * sizeof *values);
    for (size_t number = 0; *at == '"' && number < MOST_COLUMNS; number++) {
        const unsigned char *key = at + 1, *value = memchr(key, '"', LONGEST_LINE);
        size_t column = column_of((Text){key, value}, names, count, guesses[number]);
        value += 2;
        at = after_value(value);
        if (column < count) values[column] = (Text){value, at};
        guesses[number] = column;
        at += *at == ',';
    }
    for (size_t column = 0; column < count; column++) {
        if (column) put(',');
        put_cell(values[column]);
    }
    put_all("\r\n", 2);
}

static void write_rows(char **names, size_t count) {
    static char block[LONGEST_LINE];
    setvbuf(stdin, NULL, _IOFBF, BLOCK);
    for (size_t column = 0; column < count; column++) {
        if (column) put(',');
        put_all(names[column], strlen(names[column]));
    }
    put_all("\r\n", 2);
    while (fgets(block, sizeof block, stdin)) {
        const char *data = strncmp(block, "{\"type\":\"RECORD\"", 16) ? NULL : strstr(block, "\"data\":{");
        if (data) put_row((const unsigned char *)data + 8, names, count);
    }
}

static void upload(char **words, int count) {
    char request[256], response[BLOCK];
    int length = snprintf(request, sizeof request,
        "POST /floor HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", words[0]);
    to = connected(words[0], words[1]);
    send_all(to, request, (size_t)length);
    to_chunks = true;
    write_rows(words + 2, (size_t)count - 2);
    flush();
    send_all(to, "0\r\n\r\n", 5);
    if (read(to, response, sizeof response) <= 0) stop("no response");
}

int main(int count, char **words) {
    if (count > 5 && !strcmp(words[1], "read") && strlen(words[5]) < MOST_COLUMNS) {
        read_exports(words + 2, count - 2);
    } else if (count > 4 && !strcmp(words[1], "write") && count < MOST_COLUMNS) {
        upload(words + 2, count - 2);
    } else {
        stop("floors read HOST PORT KEY KINDS PATH… | floors write HOST PORT COLUMN…");
    }
    return 0;
}

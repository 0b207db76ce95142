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

/* ---- CSV rows to RECORD lines ---- */

/* ---- JSON records to cells ---- */

/* ---- Cells to CSV lines ---- */

/* Where the compiler counts how often each edge is run through (-fsanitize-coverage=inline-8bit-counters). */
#include <stdint.h>

uint8_t *counters_begin, *counters_end;

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end) {
    counters_begin = begin;
    counters_end = end;
}

/* Reading traceparent: version "-" trace-id "-" parent-id "-" trace-flags, all in small hex digits.
 * What is not so is no trace (W3C Trace Context 1, section 3.2.2). */
#include "planlift/trace.h"

#include <stdbool.h>
#include <string.h>

#define VERSION_AT 0
#define TRACE_AT 3
#define PARENT_AT 36
#define FLAGS_AT 53
#define FULL_BYTES 55 /* of version 00; later ones may have more behind a further hyphen */

/* len hex digits, of which one is not 0 if they have to name something. */
static bool is_hex(struct pl_bytes text, size_t at, size_t len, bool is_name)
{
    bool is_zero = true;

    for (size_t i = at; i < at + len; i++) {
        char c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        is_zero = is_zero && c == '0';
    }
    return !is_name || !is_zero;
}

static bool is_traceparent(struct pl_bytes text)
{
    if (text.len < FULL_BYTES || text.data[TRACE_AT - 1] != '-' ||
        text.data[PARENT_AT - 1] != '-' || text.data[FLAGS_AT - 1] != '-' ||
        (text.len > FULL_BYTES && text.data[FULL_BYTES] != '-')) {
        return false;
    }
    if (memcmp(text.data, "00", 2) == 0 && text.len > FULL_BYTES) {
        return false;
    }
    return memcmp(text.data, "ff", 2) != 0 && is_hex(text, VERSION_AT, 2, false) &&
           is_hex(text, TRACE_AT, PL_TRACE_ID_BYTES, true) && is_hex(text, PARENT_AT, 16, true) &&
           is_hex(text, FLAGS_AT, 2, false);
}

struct pl_bytes pl_trace_id(const struct pl_header *headers, size_t count)
{
    const struct pl_header *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!pl_bytes_equal(headers[i].name, PL_BYTES_LITERAL("traceparent"))) {
            continue;
        }
        if (found != NULL) {
            return PL_NULL_BYTES;
        }
        found = &headers[i];
    }
    if (found == NULL || !is_traceparent(found->value)) {
        return PL_NULL_BYTES;
    }
    return (struct pl_bytes){found->value.data + TRACE_AT, PL_TRACE_ID_BYTES};
}

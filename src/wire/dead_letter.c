/* Dead letters: names of the reasons, headers. */
#include "planlift/dead_letter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "planlift/codec.h"
#include "wire/refusal.h"
#include "wire/utf8.h"

const char *const pl_dead_letter_names[PL_DEAD_LETTER_COUNT] = {
#define X(name, wire) [PL_DEAD_LETTER_##name] = (wire),
    PL_DEAD_LETTERS(X)
#undef X
};

const char *const pl_dead_letter_header_names[PL_DEAD_LETTER_HEADER_COUNT] = {
#define X(name, wire) [PL_DEAD_LETTER_HEADER_##name] = (wire),
    PL_DEAD_LETTER_HEADERS(X)
#undef X
};

enum pl_status pl_refuse(struct pl_refusal *refusal, enum pl_dead_letter code, const char *format,
                         ...)
{
    va_list arguments;

    refusal->code = code;
    va_start(arguments, format);
    (void)vsnprintf(refusal->message, sizeof(refusal->message), format, arguments); /* cut to fit */
    va_end(arguments);
    if (!pl_utf8_is_valid(pl_bytes_of(refusal->message))) { /* cut within a character */
        for (char *at = refusal->message; *at != '\0'; at++) {
            if ((unsigned char)*at >= 0x80) {
                *at = '?';
            }
        }
    }
    return PL_BAD_DATA;
}

int pl_dead_letter_header_index(struct pl_bytes name)
{
    for (int i = 0; i < PL_DEAD_LETTER_HEADER_COUNT; i++) {
        if (pl_bytes_equal(name, pl_bytes_of(pl_dead_letter_header_names[i]))) {
            return i;
        }
    }
    return -1;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are those of codec.h */
void pl_dead_letter_headers(const struct pl_refusal *refusal, struct pl_bytes topic_name,
                            int32_t partition, int64_t offset, int64_t now_ms,
                            const struct pl_header *original, size_t original_count,
                            struct pl_arena *arena, const struct pl_header **ret_headers,
                            size_t *ret_count)
{
    const struct pl_bytes values[PL_DEAD_LETTER_HEADER_COUNT] = {
        [PL_DEAD_LETTER_HEADER_ERROR_CODE] = pl_bytes_of(pl_dead_letter_names[refusal->code]),
        [PL_DEAD_LETTER_HEADER_ERROR_MESSAGE] = pl_arena_format(arena, "%s", refusal->message),
        [PL_DEAD_LETTER_HEADER_TOPIC] = topic_name,
        [PL_DEAD_LETTER_HEADER_PARTITION] = pl_arena_format(arena, "%" PRId32, partition),
        [PL_DEAD_LETTER_HEADER_OFFSET] = pl_arena_format(arena, "%" PRId64, offset),
        [PL_DEAD_LETTER_HEADER_TIME] = pl_time_text(now_ms, arena),
    };
    struct pl_header *headers =
        pl_arena_zalloc(arena, original_count + PL_DEAD_LETTER_HEADER_COUNT, sizeof(*headers));
    size_t count = 0;

    for (size_t i = 0; i < original_count; i++) {
        if (pl_dead_letter_header_index(original[i].name) < 0) {
            headers[count++] = original[i];
        }
    }
    for (size_t i = 0; i < PL_DEAD_LETTER_HEADER_COUNT; i++) {
        headers[count++] =
            (struct pl_header){pl_bytes_of(pl_dead_letter_header_names[i]), values[i]};
    }
    *ret_headers = headers;
    *ret_count = count;
}

/* Texts of the command line: times that people write, ids, bytes as JSON. */
#ifndef PL_CLI_TEXT_H
#define PL_CLI_TEXT_H

#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/bytes.h"
#include "planlift/ports.h"
#include "planlift/status.h"

/* RFC 3339 with a zone ("2026-02-03T04:05:06.789Z", "2026-02-03T04:05+01:00"), a day
 * ("2026-02-03", from 0:00 UTC on), or how long ago: "90s", "15m", "2h", "7d".
 * Errors: PL_BAD_DATA. */
PL_MUST_CHECK enum pl_status pl_time_parse(const char *text, int64_t now_ms, int64_t *ret_ms,
                                           struct pl_error *error);

/* A whole number in decimal, not negative; false: it is none. */
bool pl_number_parse(struct pl_bytes text, int64_t most, int64_t *ret_number);

/* "upgrade-requests.dlq/3/17": a topic, a partition and an offset. The name may hold anything but a
 * slash. False: it is none. */
bool pl_place_parse(struct pl_bytes text, struct pl_bytes *ret_topic, int32_t *ret_partition,
                    int64_t *ret_offset);

/* A new random UUID as text. */
struct pl_bytes pl_uuid_new(const struct pl_world *world, struct pl_arena *arena);

/* The text itself, or without what is not ASCII where it is not UTF-8. */
struct pl_bytes pl_text_utf8(struct pl_bytes text, struct pl_arena *arena);

/* Append a JSON string, or null where the bytes are null or not UTF-8. */
void pl_json_put_bytes(struct pl_buffer *buffer, struct pl_bytes bytes);
/* Append a JSON string with the bytes in base64; null where they are null. */
void pl_json_put_base64(struct pl_buffer *buffer, struct pl_bytes bytes);

#endif

/* Bytes <-> records: Confluent framing, Avro, headers (contract 3 and 7). */
#ifndef PL_CODEC_H
#define PL_CODEC_H

#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/dead_letter.h"
#include "planlift/model.h"
#include "planlift/ports.h"
#include "planlift/status.h"

/* Where writer schemas come from: the embedded registry, a folder, or a schema registry.
 * fetch: the schema's JSON for an id, a view into the arena. Errors: PL_NOT_FOUND (no such id: the
 * record is a dead letter unknown_schema), PL_BAD_DATA (it is no schema of Avro's:
 * incompatible_schema), PL_AGAIN (cannot be asked now: wait, no dead letter). */
struct pl_schema_source {
    enum pl_status (*fetch)(void *self, uint32_t id, struct pl_arena *arena,
                            struct pl_bytes *ret_json, struct pl_error *error);
    void *self;
};

/* Texts and ids of planlift's own three schemas. */
struct pl_own_schemas {
    struct pl_bytes event_json;
    struct pl_bytes request_json;
    struct pl_bytes result_json;
    uint32_t event_id;   /* framed into events and requests that planlift itself sends */
    uint32_t request_id; /* likewise */
    uint32_t result_id;  /* framed into every result */
};

/* Reads inputs and results. Remembers what it learnt of each writer schema for ever. Thread: one
 * owner. */
struct pl_decoder;

/* Errors: PL_BAD_DATA (an own schema is not what contract 3 says).
 * Owns: free with pl_decoder_free; borrows source for its life; copies the texts. */
PL_MUST_CHECK enum pl_status pl_decoder_new(const struct pl_own_schemas *schemas,
                                            const struct pl_schema_source *source,
                                            struct pl_error *error,
                                            struct pl_decoder **ret_decoder);
void pl_decoder_free(struct pl_decoder *decoder);

/* An id that the source did not know is not asked for twice until this is called: from then on it
 * may have been registered. Call it when new records have come. */
void pl_decoder_ask_anew(struct pl_decoder *decoder);
/* How often the source was asked since: each may have taken its time. */
size_t pl_decoder_asked(const struct pl_decoder *decoder);

/* Fetch the schema of an id ahead of its records. Errors: PL_BAD_DATA: a topic's records that have
 * it will be refused, and why; PL_NOT_FOUND, PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_decoder_learn(struct pl_decoder *decoder, enum pl_topic topic,
                                              uint32_t id, struct pl_error *error);

/* A framed value to the record, all strings copied to the arena (optional strings that are empty
 * become null). value may be null.
 * Errors: PL_BAD_DATA with *ret_refusal filled: null_value, malformed, unknown_schema or
 * incompatible_schema, the first that applies (contract 7); PL_AGAIN when the writer's schema
 * cannot be fetched now. Never allocates more than a fixed multiple of the value's size (I12). */
PL_MUST_CHECK enum pl_status pl_decode_event(struct pl_decoder *decoder, struct pl_bytes value,
                                             struct pl_arena *arena, struct pl_event *ret_event,
                                             struct pl_refusal *ret_refusal,
                                             struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_decode_request(struct pl_decoder *decoder, struct pl_bytes value,
                                               struct pl_arena *arena,
                                               struct pl_request *ret_request,
                                               struct pl_refusal *ret_refusal,
                                               struct pl_error *error);

/* ---- inputs, written ------------------------------------------------------------------------- */

/* Append a framed value of planlift's own schema, which has the given id. All texts must be
 * strictly valid UTF-8. event_id and occurred_at_ms are for people, and no part of pl_event. */
void pl_event_encode(uint32_t schema_id, struct pl_bytes event_id, int64_t occurred_at_ms,
                     const struct pl_event *event, struct pl_buffer *buffer);
void pl_request_encode(uint32_t schema_id, const struct pl_request *request,
                       struct pl_buffer *buffer);

/* ---- results --------------------------------------------------------------------------------- */

/* Where a result belongs and where it came from. */
struct pl_result_origin {
    struct pl_bytes topic; /* name of the requests topic */
    int32_t partition;     /* of the request */
    int64_t offset;        /* of the request */
    const struct pl_header
        *headers; /* of the request: those named traceparent and tracestate go on */
    size_t header_count;
};

/* Bounds of one result record (contract 3). */
struct pl_result_limits {
    size_t max_accounts;      /* result.max.accounts, at least 1 */
    size_t max_message_bytes; /* of key + value + headers, the 512 spare bytes already taken off */
};

/* One part of a result, ready to be produced. */
struct pl_result_part {
    size_t value_position; /* into the buffer that was given */
    size_t value_len;
    const struct pl_header *headers; /* in the arena */
    size_t header_count;
};

/* Encode a result as one or several framed values, appended to buffer, with their CloudEvents
 * headers. The key of each is the customerId.
 * Errors: PL_BAD_DATA: larger than the limits even with one account a part (dead letter
 * unprocessable); the buffer is as it was. */
PL_MUST_CHECK enum pl_status pl_result_encode(uint32_t schema_id, const struct pl_result *result,
                                              const struct pl_result_origin *origin,
                                              const struct pl_result_limits *limits,
                                              struct pl_arena *arena, struct pl_buffer *buffer,
                                              struct pl_result_part **ret_parts, size_t *ret_count,
                                              struct pl_error *error);

/* A result as a reader gets it: whole, or one of its parts. */
struct pl_result_record {
    struct pl_result result; /* affected_accounts: the slice of this part */
    int32_t part;            /* from 1; all but the accounts is to be counted in part 1 only */
    int32_t parts;
};

/* A framed result to the record, all strings copied to the arena; older and newer compatible
 * schemas are read as those of inputs are.
 * Errors: PL_BAD_DATA with *ret_refusal filled: as pl_decode_event, and malformed for an error code
 * that contract 6 does not have; PL_AGAIN when the writer's schema cannot be fetched now. */
PL_MUST_CHECK enum pl_status pl_decode_result(struct pl_decoder *decoder, struct pl_bytes value,
                                              struct pl_arena *arena,
                                              struct pl_result_record *ret_record,
                                              struct pl_refusal *ret_refusal,
                                              struct pl_error *error);

/* ---- dead letters ---------------------------------------------------------------------------- */

/* The headers of a dead letter (contract 3): the record's own, less older planlift-* ones of the
 * six names, then ours. */
void pl_dead_letter_headers(const struct pl_refusal *refusal, struct pl_bytes topic_name,
                            int32_t partition, int64_t offset, int64_t now_ms,
                            const struct pl_header *original, size_t original_count,
                            struct pl_arena *arena, const struct pl_header **ret_headers,
                            size_t *ret_count);

/* RFC 3339 UTC with milliseconds, 24 characters for years 0 to 9999; clamped outside. */
struct pl_bytes pl_time_text(int64_t ms, struct pl_arena *arena);

#endif

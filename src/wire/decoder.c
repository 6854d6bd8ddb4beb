/* From a framed value to a record: frame, writer's schema, match, check, rewrite, read. The steps
 * are in the order of contract 7, so that the first refusal is the right one. */
#include <inttypes.h>
#include <stdlib.h>

#include "planlift/codec.h"
#include "wire/body_rewrite.h"
#include "wire/body_walk.h"
#include "wire/frame.h"
#include "wire/input_decode.h"
#include "wire/own_schema.h"
#include "wire/refusal.h"
#include "wire/result_decode.h"
#include "wire/schema_match.h"

/* Ids that are remembered as unknown; others are asked for again. */
#define UNKNOWN_MOST 1024
/* Memory of the rewritten body that is kept from record to record (I13). */
#define KEPT_BODY_BYTES ((size_t)64 * 1024)

/* What is known of a writer's schema with regard to one of the records. */
struct match {
    bool is_known;
    const struct pl_plan *plan; /* NULL: incompatible, because of reason */
    struct pl_bytes reason;
};

struct writer {
    uint32_t id;
    const struct pl_avro_type *type; /* NULL: unusable, because of reason */
    struct pl_bytes reason;
    struct match matches[PL_OWN_RECORD_COUNT];
};

struct pl_decoder {
    const struct pl_schema_source *source;
    struct pl_arena schemas; /* trees, plans and writers, for the decoder's life */
    const struct pl_avro_type *types[PL_OWN_RECORD_COUNT];
    struct writer **writers; /* ordered by id */
    size_t writer_count;
    size_t writer_capacity;
    struct pl_buffer body; /* a rewritten one */
    uint32_t *unknown;     /* ids that the source does not know, since the last fresh start */
    size_t unknown_count;
    size_t unknown_capacity;
    size_t asked; /* how often the source was, since the last fresh start */
};

/* ---- life ------------------------------------------------------------------------------------ */

enum pl_status pl_decoder_new(const struct pl_own_schemas *schemas,
                              const struct pl_schema_source *source, struct pl_error *error,
                              struct pl_decoder **ret_decoder)
{
    const struct pl_bytes texts[PL_OWN_RECORD_COUNT] = {
        [PL_OWN_EVENT] = schemas->event_json,
        [PL_OWN_REQUEST] = schemas->request_json,
        [PL_OWN_RESULT] = schemas->result_json,
    };
    struct pl_decoder *decoder = calloc(1, sizeof(*decoder));
    enum pl_status status = PL_OK;

    if (decoder == NULL) {
        pl_out_of_memory(sizeof(*decoder));
    }
    decoder->source = source;
    for (int i = 0; status == PL_OK && i < PL_OWN_RECORD_COUNT; i++) {
        status = pl_own_schema_parse((enum pl_own_record)i, texts[i], &decoder->schemas, error,
                                     &decoder->types[i]);
    }
    if (status != PL_OK) {
        pl_decoder_free(decoder);
        return status;
    }
    *ret_decoder = decoder;
    return PL_OK;
}

void pl_decoder_free(struct pl_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    pl_buffer_done(&decoder->body);
    pl_arena_done(&decoder->schemas);
    free(decoder->unknown);
    free(decoder);
}

/* ---- writers' schemas ------------------------------------------------------------------------ */

/* Where in the order the writer is, or would have to be put. */
static size_t find_place(const struct pl_decoder *decoder, uint32_t id)
{
    size_t low = 0;
    size_t high = decoder->writer_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (decoder->writers[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void insert_writer(struct pl_decoder *decoder, size_t place, struct writer *writer)
{
    if (decoder->writer_count == decoder->writer_capacity) {
        decoder->writer_capacity = decoder->writer_capacity == 0 ? 8 : decoder->writer_capacity * 2;
        decoder->writers = pl_arena_grow(&decoder->schemas, decoder->writers, decoder->writer_count,
                                         decoder->writer_capacity, sizeof(struct writer *));
    }
    memmove(decoder->writers + place + 1, decoder->writers + place,
            (decoder->writer_count - place) * sizeof(struct writer *));
    decoder->writers[place] = writer;
    decoder->writer_count++;
}

void pl_decoder_ask_anew(struct pl_decoder *decoder)
{
    decoder->unknown_count = 0;
    decoder->asked = 0;
}

size_t pl_decoder_asked(const struct pl_decoder *decoder)
{
    return decoder->asked;
}

static bool is_unknown(const struct pl_decoder *decoder, uint32_t id)
{
    for (size_t i = 0; i < decoder->unknown_count; i++) {
        if (decoder->unknown[i] == id) {
            return true;
        }
    }
    return false;
}

static void note_unknown(struct pl_decoder *decoder, uint32_t id)
{
    if (decoder->unknown_count == UNKNOWN_MOST) {
        return;
    }
    if (decoder->unknown_count == decoder->unknown_capacity) {
        decoder->unknown_capacity =
            decoder->unknown_capacity == 0 ? 16 : decoder->unknown_capacity * 2;
        decoder->unknown = realloc(decoder->unknown, decoder->unknown_capacity * sizeof(uint32_t));
        if (decoder->unknown == NULL) {
            pl_out_of_memory(decoder->unknown_capacity * sizeof(uint32_t));
        }
    }
    decoder->unknown[decoder->unknown_count++] = id;
}

static enum pl_status fetch_schema(struct pl_decoder *decoder, uint32_t id, struct pl_arena *arena,
                                   struct pl_bytes *ret_json, struct pl_error *error)
{
    enum pl_status status = PL_NOT_FOUND;

    if (!is_unknown(decoder, id)) {
        decoder->asked++;
        status = decoder->source->fetch(decoder->source->self, id, arena, ret_json, error);
        if (status == PL_NOT_FOUND) {
            note_unknown(decoder, id);
        }
    }
    return status;
}

/* The schema of an id, from memory or from the source. What was found unusable is remembered for
 * ever; an id that the source does not know is not, for it may be registered yet. */
static enum pl_status find_writer(struct pl_decoder *decoder, uint32_t id, struct pl_arena *arena,
                                  struct pl_error *error, struct writer **ret_writer)
{
    size_t place = find_place(decoder, id);
    struct pl_bytes json;
    struct pl_error reason = {.text = ""};
    struct writer *writer;
    enum pl_status status;

    if (place < decoder->writer_count && decoder->writers[place]->id == id) {
        *ret_writer = decoder->writers[place];
        return PL_OK;
    }
    status = fetch_schema(decoder, id, arena, &json, &reason);
    if (status != PL_OK && status != PL_BAD_DATA) {
        *error = reason;
        return status;
    }
    writer = pl_arena_zalloc(&decoder->schemas, 1, sizeof(*writer));
    writer->id = id;
    if (status == PL_BAD_DATA ||
        pl_schema_parse(json, &decoder->schemas, &reason, &writer->type) != PL_OK) {
        writer->type = NULL;
        writer->reason = pl_arena_format(&decoder->schemas, "%s", reason.text);
    }
    insert_writer(decoder, place, writer);
    *ret_writer = writer;
    return PL_OK;
}

static const struct match *find_match(struct pl_decoder *decoder, struct writer *writer,
                                      enum pl_own_record record)
{
    struct match *match = &writer->matches[record];
    struct pl_error reason = {.text = ""};

    if (match->is_known) {
        return match;
    }
    match->is_known = true;
    if (writer->type == NULL) {
        match->reason = writer->reason;
    } else if (pl_schema_match(writer->type, decoder->types[record], &decoder->schemas, &reason,
                               &match->plan) != PL_OK) {
        match->plan = NULL;
        match->reason = pl_arena_format(&decoder->schemas, "%s", reason.text);
    }
    return match;
}

enum pl_status pl_decoder_learn(struct pl_decoder *decoder, enum pl_topic topic, uint32_t id,
                                struct pl_error *error)
{
    const enum pl_own_record record = topic == PL_TOPIC_EVENTS     ? PL_OWN_EVENT
                                      : topic == PL_TOPIC_REQUESTS ? PL_OWN_REQUEST
                                                                   : PL_OWN_RESULT;
    struct pl_arena arena = PL_ARENA_INIT;
    struct writer *writer;
    const struct match *match;
    enum pl_status status = find_writer(decoder, id, &arena, error, &writer);

    pl_arena_done(&arena);
    if (status != PL_OK) {
        return status;
    }
    match = find_match(decoder, writer, record);
    return match->plan != NULL
               ? PL_OK
               : pl_fail(error, PL_BAD_DATA, "%.*s", (int)match->reason.len, match->reason.data);
}

/* ---- records --------------------------------------------------------------------------------- */

/* One call. */
struct decoding {
    struct pl_decoder *decoder;
    enum pl_own_record record;
    struct pl_arena *arena;
    struct pl_refusal *refusal;
    struct pl_error *error;
};

/* Take the frame off, and find out how to read the body; NULL where it cannot be, *ret_status says
 * why. */
static const struct pl_plan *open_value(const struct decoding *decoding, struct pl_bytes value,
                                        struct pl_bytes *ret_body, enum pl_status *ret_status)
{
    uint32_t id;
    struct writer *writer;
    const struct match *match;

    if (pl_bytes_is_null(value)) {
        *ret_status =
            pl_refuse(decoding->refusal, PL_DEAD_LETTER_NULL_VALUE, "the record has no value");
        return NULL;
    }
    if (!pl_get_frame(value, &id, ret_body)) {
        *ret_status = pl_refuse(decoding->refusal, PL_DEAD_LETTER_MALFORMED,
                                "does not begin with a zero byte and a schema id of 4 bytes");
        return NULL;
    }
    *ret_status = find_writer(decoding->decoder, id, decoding->arena, decoding->error, &writer);
    if (*ret_status == PL_NOT_FOUND) {
        *ret_status = pl_refuse(decoding->refusal, PL_DEAD_LETTER_UNKNOWN_SCHEMA,
                                "no schema has the id %" PRIu32, id);
        return NULL;
    }
    if (*ret_status != PL_OK) {
        return NULL;
    }
    match = find_match(decoding->decoder, writer, decoding->record);
    if (match->plan == NULL) {
        *ret_status =
            pl_refuse(decoding->refusal, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA,
                      "schema %" PRIu32 ": %.*s", id, (int)match->reason.len, match->reason.data);
    }
    return match->plan;
}

static struct pl_bytes take_body(struct pl_decoder *decoder, struct pl_arena *arena)
{
    struct pl_bytes body = pl_arena_copy(arena, pl_buffer_since(&decoder->body, 0));

    if (decoder->body.capacity > KEPT_BODY_BYTES) {
        pl_buffer_done(&decoder->body);
    }
    decoder->body.len = 0;
    return body;
}

/* From a framed value to a body of planlift's own schema, in the arena. */
static enum pl_status open_body(const struct decoding *decoding, struct pl_bytes value,
                                struct pl_bytes *ret_body)
{
    struct pl_decoder *decoder = decoding->decoder;
    struct pl_bytes body;
    struct pl_error reason;
    enum pl_status status;
    const struct pl_plan *plan = open_value(decoding, value, &body, &status);

    if (plan == NULL) {
        return status;
    }
    if (pl_body_check(plan->writer, body, &reason) != PL_OK) {
        return pl_refuse(decoding->refusal, PL_DEAD_LETTER_MALFORMED, "%s", reason.text);
    }
    if (plan->kind == PL_PLAN_COPY) {
        *ret_body = pl_arena_copy(decoding->arena, body);
        return PL_OK;
    }
    status = pl_body_rewrite(plan, body, decoding->arena, &decoder->body, decoding->refusal);
    *ret_body = take_body(decoder, decoding->arena);
    return status;
}

/* In the three below: what the check has let through and is refused all the same would be a fault
 * of planlift's (for results: a code or part that contract 3 does not have), but is no reason to
 * stop the partition (I12). */

enum pl_status pl_decode_event(struct pl_decoder *decoder, struct pl_bytes value,
                               struct pl_arena *arena, struct pl_event *ret_event,
                               struct pl_refusal *ret_refusal, struct pl_error *error)
{
    const struct decoding decoding = {decoder, PL_OWN_EVENT, arena, ret_refusal, error};
    struct pl_error reason;
    struct pl_bytes body = PL_NULL_BYTES;
    enum pl_status status = open_body(&decoding, value, &body);

    if (status == PL_OK && pl_event_decode_body(body, arena, &reason, ret_event) != PL_OK) {
        return pl_refuse(ret_refusal, PL_DEAD_LETTER_MALFORMED, "%s", reason.text);
    }
    return status;
}

enum pl_status pl_decode_request(struct pl_decoder *decoder, struct pl_bytes value,
                                 struct pl_arena *arena, struct pl_request *ret_request,
                                 struct pl_refusal *ret_refusal, struct pl_error *error)
{
    const struct decoding decoding = {decoder, PL_OWN_REQUEST, arena, ret_refusal, error};
    struct pl_error reason;
    struct pl_bytes body = PL_NULL_BYTES;
    enum pl_status status = open_body(&decoding, value, &body);

    if (status == PL_OK && pl_request_decode_body(body, &reason, ret_request) != PL_OK) {
        return pl_refuse(ret_refusal, PL_DEAD_LETTER_MALFORMED, "%s", reason.text);
    }
    return status;
}

enum pl_status pl_decode_result(struct pl_decoder *decoder, struct pl_bytes value,
                                struct pl_arena *arena, struct pl_result_record *ret_record,
                                struct pl_refusal *ret_refusal, struct pl_error *error)
{
    const struct decoding decoding = {decoder, PL_OWN_RESULT, arena, ret_refusal, error};
    struct pl_error reason;
    struct pl_bytes body = PL_NULL_BYTES;
    enum pl_status status = open_body(&decoding, value, &body);

    if (status == PL_OK && pl_result_decode_body(body, arena, &reason, ret_record) != PL_OK) {
        return pl_refuse(ret_refusal, PL_DEAD_LETTER_MALFORMED, "%s", reason.text);
    }
    return status;
}

/* The properties of decoding. */
#include <stdlib.h>
#include <string.h>

#include <avro.h>

#include "fuzz.h"
#include "wire/frame.h"

/* What a byte of a value may cost at most: an item of a list may take one, and is a struct here. */
#define BYTES_PER_BYTE 256
/* What the text of a writer's schema takes, asked for the first time. */
#define SCHEMA_BYTES ((size_t)256 * 1024)
/* avro-c takes much memory for little. */
#define AVRO_C_MAX_BYTES ((size_t)4096)

/* ---- what a refusal says --------------------------------------------------------------------- */

/* The code that a value must have if it is refused; -1: any, for its schema was made by chance. */
static int expected_code(const struct pl_fuzz_record *record, struct pl_bytes value)
{
    struct pl_bytes body;
    uint32_t id;

    if (!pl_get_frame(value, &id, &body)) {
        return PL_DEAD_LETTER_MALFORMED;
    }
    if (id >= 256) {
        return -1;
    }
    if (id == record->id) {
        return PL_DEAD_LETTER_MALFORMED;
    }
    return id >= 1 && id <= 3 ? PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA : PL_DEAD_LETTER_UNKNOWN_SCHEMA;
}

static void check_refusal(const struct pl_refusal *refusal, int expected)
{
    pl_fuzz_check_text(refusal->message);
    /* What the walk has let through must be readable. */
    ENSURE_WITH(strstr(refusal->message, "not a body of") == NULL, refusal->message);
    if (expected < 0) {
        ENSURE(refusal->code == PL_DEAD_LETTER_MALFORMED ||
               refusal->code == PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA);
    } else {
        ENSURE_WITH((int)refusal->code == expected, refusal->message);
    }
}

/* ---- what is read ---------------------------------------------------------------------------- */

/* Read a value that is known to be good, and write it. */
static void read_again(const struct pl_fuzz_record *record, struct pl_bytes value,
                       struct pl_buffer *written)
{
    struct pl_decoder *decoder = pl_fuzz_decoder(record->schema);
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_refusal refusal = {.message = ""};
    struct pl_error error;

    ENSURE_WITH(record->decode(decoder, value, &arena, written, &refusal, &error) == PL_OK,
                refusal.message);
    pl_arena_done(&arena);
}

static void check_way_back(const struct pl_fuzz_record *record, const struct pl_buffer *written)
{
    struct pl_buffer again = {NULL, 0, 0};

    read_again(record, pl_buffer_since(written, 0), &again);
    ENSURE(pl_fuzz_is_same(written, &again));
    pl_buffer_done(&again);
}

/* A value of the record's own schema, its body read and written again by avro-c. */
static void by_avro_c(const struct pl_fuzz_record *record, struct pl_bytes value,
                      struct pl_buffer *written)
{
    static avro_value_iface_t *class; /* kept: a target is one thread, and has one schema */
    const size_t most = 2 * AVRO_C_MAX_BYTES;
    char *copy = malloc(most);
    avro_reader_t reader =
        avro_reader_memory(value.data + PL_FRAME_BYTES, (int64_t)value.len - PL_FRAME_BYTES);
    avro_writer_t writer = avro_writer_memory(copy, (int64_t)most);
    avro_schema_t schema = NULL;
    avro_value_t read;

    if (class == NULL) {
        ENSURE(avro_schema_from_json_length(record->schema.data, record->schema.len, &schema) == 0);
        class = avro_generic_class_from_schema(schema);
    }
    ENSURE(avro_generic_value_new(class, &read) == 0);
    ENSURE_WITH(avro_value_read(reader, &read) == 0, avro_strerror());
    ENSURE_WITH(avro_value_write(writer, &read) == 0, avro_strerror());
    pl_put_frame(written, record->id);
    pl_buffer_put(written, copy, (size_t)avro_writer_tell(writer));
    avro_value_decref(&read);
    avro_writer_free(writer);
    avro_reader_free(reader);
    free(copy);
}

static void check_with_avro_c(const struct pl_fuzz_record *record, struct pl_bytes value,
                              const struct pl_buffer *written)
{
    struct pl_buffer theirs = {NULL, 0, 0};
    struct pl_buffer again = {NULL, 0, 0};

    by_avro_c(record, value, &theirs);
    read_again(record, pl_buffer_since(&theirs, 0), &again);
    ENSURE(pl_fuzz_is_same(written, &again));
    pl_buffer_done(&theirs);
    pl_buffer_done(&again);
}

void pl_fuzz_decode(const struct pl_fuzz_record *record, struct pl_bytes value)
{
    struct pl_decoder *decoder = pl_fuzz_decoder(record->schema);
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer written = {NULL, 0, 0};
    struct pl_refusal refusal = {.message = ""};
    struct pl_error error = {""};
    enum pl_status status = record->decode(decoder, value, &arena, &written, &refusal, &error);

    ENSURE(arena.used_bytes <= SCHEMA_BYTES + value.len * BYTES_PER_BYTE);
    if (status == PL_OK) {
        check_way_back(record, &written);
        if (value.len <= AVRO_C_MAX_BYTES &&
            expected_code(record, value) == PL_DEAD_LETTER_MALFORMED) {
            check_with_avro_c(record, value, &written);
        }
    } else {
        ENSURE_WITH(status == PL_BAD_DATA, error.text);
        check_refusal(&refusal, expected_code(record, value));
    }
    pl_buffer_done(&written);
    pl_arena_done(&arena);
}

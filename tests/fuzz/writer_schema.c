/* A writer's schema as a registry answers it, a NUL, and bodies of it. */
#include <stdlib.h>

#include "fuzz.h"
#include "wire/body_walk.h"
#include "wire/frame.h"
#include "wire/schema_tree.h"

enum { WRITER_ID = 9 };

/* What a byte of text may cost: a type takes ten and is a struct, and names repeat namespaces. */
#define BYTES_PER_BYTE 2048

static enum pl_status fetch(void *self, uint32_t id, struct pl_arena *arena,
                            struct pl_bytes *ret_json, struct pl_error *error)
{
    (void)id;
    (void)arena;
    (void)error;
    *ret_json = *(struct pl_bytes *)self;
    return PL_OK;
}

/* Read as each of the three: refused or read, and nothing else. */
static void decode_as_each(struct pl_bytes text, struct pl_bytes body)
{
    const struct pl_own_schemas own = pl_fuzz_own_schemas();
    const struct pl_schema_source source = {fetch, &text};
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer value = {NULL, 0, 0};
    struct pl_decoder *decoder = NULL;
    struct pl_refusal refusal = {.message = "x"};
    struct pl_error error = {"x"};
    struct pl_event event;
    struct pl_request request;
    struct pl_result_record result;
    enum pl_status status;

    ENSURE(pl_decoder_new(&own, &source, &error, &decoder) == PL_OK);
    pl_put_frame(&value, WRITER_ID);
    pl_buffer_put(&value, body.data, body.len);
    status = pl_decode_event(decoder, pl_buffer_since(&value, 0), &arena, &event, &refusal, &error);
    ENSURE_WITH(status == PL_OK || status == PL_BAD_DATA, error.text);
    pl_fuzz_check_text(refusal.message);
    status =
        pl_decode_request(decoder, pl_buffer_since(&value, 0), &arena, &request, &refusal, &error);
    ENSURE_WITH(status == PL_OK || status == PL_BAD_DATA, error.text);
    pl_fuzz_check_text(refusal.message);
    status =
        pl_decode_result(decoder, pl_buffer_since(&value, 0), &arena, &result, &refusal, &error);
    ENSURE_WITH(status == PL_OK || status == PL_BAD_DATA, error.text);
    pl_fuzz_check_text(refusal.message);
    pl_decoder_free(decoder);
    pl_buffer_done(&value);
    pl_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes body = pl_fuzz_input(data, size);
    struct pl_bytes text = pl_fuzz_split(&body);
    char *text_copy = pl_fuzz_copy(text);
    char *body_copy = pl_fuzz_copy(body);
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    const struct pl_avro_type *type = NULL;
    enum pl_status status;

    text.data = text_copy;
    body.data = body_copy;
    status = pl_schema_parse(text, &arena, &error, &type);
    ENSURE(arena.used_bytes <= 4096 + text.len * BYTES_PER_BYTE);
    if (status == PL_OK) {
        ENSURE(type != NULL && type->depth <= PL_SCHEMA_MAX_DEPTH);
        ENSURE(pl_schema_check(text, &error) == PL_OK);
        decode_as_each(text, body);
    } else {
        ENSURE(status == PL_BAD_DATA);
    }
    pl_arena_done(&arena);
    free(text_copy);
    free(body_copy);
    return 0;
}

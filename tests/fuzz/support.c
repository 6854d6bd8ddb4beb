/* What the fuzz targets share: stopping, bytes, a decoder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire/utf8.h"

extern const unsigned char pl_embed_event_schema[];
extern const size_t pl_embed_event_schema_len;
extern const unsigned char pl_embed_request_schema[];
extern const size_t pl_embed_request_schema_len;
extern const unsigned char pl_embed_result_schema[];
extern const size_t pl_embed_result_schema_len;

/* The decoder is made anew after so many schemas. */
#define MANY_SCHEMAS 500

void pl_fuzz_stop(const char *condition, const char *text, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n%s\n", file, line, condition, text);
    abort();
}

struct pl_bytes pl_fuzz_split(struct pl_bytes *input)
{
    const char *end = input->len == 0 ? NULL : memchr(input->data, '\0', input->len);
    struct pl_bytes first = *input;

    if (end == NULL) {
        *input = PL_BYTES_LITERAL("");
        return first;
    }
    first.len = (size_t)(end - input->data);
    *input = (struct pl_bytes){end + 1, input->len - first.len - 1};
    return first;
}

char *pl_fuzz_copy(struct pl_bytes bytes)
{
    char *copy = malloc(bytes.len == 0 ? 1 : bytes.len);

    ENSURE(copy != NULL);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return copy;
}

bool pl_fuzz_is_same(const struct pl_buffer *a, const struct pl_buffer *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

void pl_fuzz_check_text(const char *text)
{
    ENSURE(text[0] != '\0');
    ENSURE_WITH(pl_utf8_is_valid(pl_bytes_of(text)), text);
}

/* ---- decoding -------------------------------------------------------------------------------- */

struct pl_own_schemas pl_fuzz_own_schemas(void)
{
    return (struct pl_own_schemas){
        .event_json = {(const char *)pl_embed_event_schema, pl_embed_event_schema_len},
        .request_json = {(const char *)pl_embed_request_schema, pl_embed_request_schema_len},
        .result_json = {(const char *)pl_embed_result_schema, pl_embed_result_schema_len},
        .event_id = PL_FUZZ_EVENT_ID,
        .request_id = PL_FUZZ_REQUEST_ID,
        .result_id = PL_FUZZ_RESULT_ID};
}

struct source {
    struct pl_bytes own; /* what schemas are made of */
    unsigned made_count;
};

static enum pl_status fetch(void *self, uint32_t id, struct pl_arena *arena,
                            struct pl_bytes *ret_json, struct pl_error *error)
{
    const struct pl_own_schemas own = pl_fuzz_own_schemas();
    const struct pl_bytes texts[] = {own.event_json, own.request_json, own.result_json};
    struct source *source = self;

    if (id >= 1 && id <= 3) {
        *ret_json = texts[id - 1];
        return PL_OK;
    }
    if (id < 256) {
        return pl_fail(error, PL_NOT_FOUND, "no such id");
    }
    source->made_count++;
    *ret_json = pl_fuzz_schema(source->own, id, arena);
    return PL_OK;
}

struct pl_decoder *pl_fuzz_decoder(struct pl_bytes own)
{
    static struct pl_decoder *decoder; /* a fuzz target is one thread, and never ends by itself */
    static struct source source;
    static const struct pl_schema_source port = {fetch, &source};
    const struct pl_own_schemas schemas = pl_fuzz_own_schemas();
    struct pl_error error = {""};

    if (source.made_count >= MANY_SCHEMAS) {
        pl_decoder_free(decoder);
        decoder = NULL;
    }
    if (decoder == NULL) {
        source = (struct source){.own = own};
        ENSURE_WITH(pl_decoder_new(&schemas, &port, &error, &decoder) == PL_OK, error.text);
    }
    return decoder;
}

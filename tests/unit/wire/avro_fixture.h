/* What the tests of schemas and codecs share: own schemas, a source of writers' schemas, bodies. */
#ifndef PL_TEST_AVRO_FIXTURE_H
#define PL_TEST_AVRO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "planlift/codec.h"
#include "wire/avro_binary.h"
#include "wire/frame.h"
#include "wire/schema_tree.h"

enum { EVENT_ID = 1, REQUEST_ID = 2, RESULT_ID = 3 };

/* A whole file; tests run in the project's folder. */
static inline struct pl_bytes load(const char *path, struct pl_arena *arena)
{
    FILE *file = fopen(path, "rb");
    char *data = pl_arena_alloc(arena, PL_SCHEMA_MAX_BYTES);
    size_t len;

    assert_non_null(file);
    len = fread(data, 1, PL_SCHEMA_MAX_BYTES, file);
    (void)fclose(file); /* it was only read */
    assert_true(len > 0);
    return (struct pl_bytes){data, len};
}

static inline struct pl_own_schemas load_own_schemas(struct pl_arena *arena)
{
    return (struct pl_own_schemas){
        .event_json = load("schemas/subscription-event.avsc", arena),
        .request_json = load("schemas/upgrade-request.avsc", arena),
        .result_json = load("schemas/upgrade-result.avsc", arena),
        .result_id = RESULT_ID,
    };
}

/* JSON with ' for ", for schemas within C text. */
static inline struct pl_bytes quoted(const char *text, struct pl_arena *arena)
{
    struct pl_bytes json = pl_arena_format(arena, "%s", text);
    char *copy = pl_arena_alloc(arena, json.len);

    for (size_t i = 0; i < json.len; i++) {
        copy[i] = json.data[i];
        if (copy[i] == '\'') {
            copy[i] = '"';
        }
    }
    return (struct pl_bytes){copy, json.len};
}

static inline const struct pl_avro_type *parse(const char *text, struct pl_arena *arena)
{
    struct pl_error error;
    const struct pl_avro_type *type = NULL;

    if (pl_schema_parse(quoted(text, arena), arena, &error, &type) != PL_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return type;
}

/* ---- a source of schemas --------------------------------------------------------------------- */

#define MAX_SCHEMAS 32

struct schema_source {
    struct pl_schema_source port;
    struct {
        uint32_t id;
        struct pl_bytes json;
    } items[MAX_SCHEMAS];
    size_t count;
    unsigned fetch_count;
    enum pl_status failure; /* what a fetch returns, unless PL_OK */
};

static inline enum pl_status fetch_schema(void *self, uint32_t id, struct pl_arena *arena,
                                          struct pl_bytes *ret_json, struct pl_error *error)
{
    struct schema_source *source = self;

    source->fetch_count++;
    if (source->failure != PL_OK) {
        return pl_fail(error, source->failure, "not now");
    }
    for (size_t i = 0; i < source->count; i++) {
        if (source->items[i].id == id) {
            *ret_json = pl_arena_copy(arena, source->items[i].json);
            return PL_OK;
        }
    }
    return PL_NOT_FOUND;
}

static inline void add_schema(struct schema_source *source, uint32_t id, struct pl_bytes json)
{
    assert_true(source->count < MAX_SCHEMAS);
    source->items[source->count].id = id;
    source->items[source->count++].json = json;
}

/* A source of the own schemas under their ids; its address must stay. */
static inline void init_source(struct schema_source *source, struct pl_arena *arena)
{
    struct pl_own_schemas schemas = load_own_schemas(arena);

    *source = (struct schema_source){.port = {fetch_schema, source}};
    add_schema(source, EVENT_ID, schemas.event_json);
    add_schema(source, REQUEST_ID, schemas.request_json);
    add_schema(source, RESULT_ID, schemas.result_json);
}

static inline struct pl_decoder *new_decoder(const struct schema_source *source,
                                             struct pl_arena *arena)
{
    struct pl_own_schemas schemas = load_own_schemas(arena);
    struct pl_error error;
    struct pl_decoder *decoder = NULL;

    if (pl_decoder_new(&schemas, &source->port, &error, &decoder) != PL_OK) {
        fail_msg("%s", error.text);
    }
    return decoder;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static inline struct pl_bytes since_start(const struct pl_buffer *buffer)
{
    return pl_buffer_since(buffer, 0);
}

static inline void put_text(struct pl_buffer *buffer, const char *text)
{
    pl_put_string(buffer, pl_bytes_of(text));
}

static inline void assert_bytes(struct pl_bytes bytes, struct pl_bytes expected)
{
    assert_int_equal(bytes.len, expected.len);
    if (expected.len > 0) {
        assert_memory_equal(bytes.data, expected.data, expected.len);
    }
}

static inline void assert_text(struct pl_bytes bytes, const char *text)
{
    assert_non_null(bytes.data);
    assert_bytes(bytes, pl_bytes_of(text));
}

/* A framed LicenseAssigned with all that it may have. */
static inline void put_license_assigned(struct pl_buffer *buffer)
{
    pl_put_frame(buffer, EVENT_ID);
    put_text(buffer, "event-1");
    put_text(buffer, "customer-1");
    pl_put_long(buffer, INT64_C(1760000000000));
    pl_put_long(buffer, PL_EVENT_LICENSE_ASSIGNED);
    put_text(buffer, "subscription-1");
    put_text(buffer, "user-1");
    put_text(buffer, "j\xc3\xb8rgen@example.com");
    pl_put_long(buffer, 1);
    put_text(buffer, "J\xc3\xb8rgen");
    pl_put_long(buffer, 1);
    put_text(buffer, "group-1");
    pl_put_array_start(buffer, 2);
    put_text(buffer, "service-b");
    put_text(buffer, "service-a");
    pl_put_array_end(buffer);
}

/* A framed request with all that it may have. */
static inline void put_request(struct pl_buffer *buffer)
{
    pl_put_frame(buffer, REQUEST_ID);
    put_text(buffer, "request-1");
    pl_put_long(buffer, 1);
    put_text(buffer, "order-1");
    put_text(buffer, "customer-1");
    put_text(buffer, "partner-1");
    put_text(buffer, "subscription-1");
    pl_put_long(buffer, PL_OPERATION_UPGRADE);
    pl_put_long(buffer, 1);
    put_text(buffer, "offer-2");
    pl_put_long(buffer, 1);
    pl_put_long(buffer, -25);
    pl_put_long(buffer, 1);
    pl_put_long(buffer, INT64_MIN);
    pl_put_boolean(buffer, true);
    put_text(buffer, "user-1");
    put_text(buffer, "GLOBAL_ADMIN");
    pl_put_long(buffer, INT64_C(1760000000001));
}

#endif

/* Walk over a body, checking everything. Each step but the records (at most 32 deep) takes a byte
 * at least, since what is encoded in no bytes is never stepped into. */
#include "wire/body_walk.h"

#include "wire/utf8.h"

#define FLOAT_BYTES 4
#define DOUBLE_BYTES 8
/* Items that take no bytes cost nothing here, but a block of more is a bomb for other readers. */
#define EMPTY_ITEMS_MAX 1000000

static void skip_string(struct pl_reader *reader)
{
    struct pl_bytes text = pl_get_string(reader);

    if (!pl_utf8_is_valid(text)) {
        reader->is_bad = true;
    }
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the schema, at most PL_SCHEMA_MAX_DEPTH. */

/* The items of one block; for a map each has its key before it. */
static void skip_items(const struct pl_avro_type *type, uint64_t count, struct pl_reader *reader)
{
    bool has_keys = type->kind == PL_AVRO_MAP;

    if (type->items->is_empty && !has_keys) {
        reader->is_bad = reader->is_bad || count > EMPTY_ITEMS_MAX;
        return;
    }
    if (count > pl_reader_left(reader)) {
        reader->is_bad = true;
    }
    for (uint64_t i = 0; i < count && !reader->is_bad; i++) {
        if (has_keys) {
            skip_string(reader);
        }
        pl_body_skip(type->items, reader);
    }
}

/* A block with its size: as many items as the negated count says, in exactly that many bytes. */
static void skip_sized_block(const struct pl_avro_type *type, int64_t count,
                             struct pl_reader *reader)
{
    int64_t size = pl_get_long_within(reader, 0, INT64_MAX);
    struct pl_reader block = *reader;

    if (pl_get_raw(reader, (uint64_t)size) == NULL || count == INT64_MIN) {
        reader->is_bad = true;
        return;
    }
    block.end = reader->at;
    skip_items(type, (uint64_t)-count, &block);
    if (!pl_reader_is_done(&block)) {
        *reader = (struct pl_reader){block.at, reader->end, true};
    }
}

static void skip_blocks(const struct pl_avro_type *type, struct pl_reader *reader)
{
    int64_t count = pl_get_long(reader);

    while (count != 0 && !reader->is_bad) {
        if (count < 0) {
            skip_sized_block(type, count, reader);
        } else {
            skip_items(type, (uint64_t)count, reader);
        }
        count = pl_get_long(reader);
    }
}

void pl_body_skip(const struct pl_avro_type *type, struct pl_reader *reader)
{
    switch (type->kind) {
    case PL_AVRO_NULL:
        return;
    case PL_AVRO_BOOLEAN:
        (void)pl_get_boolean(reader);
        return;
    case PL_AVRO_INT:
        (void)pl_get_long_within(reader, INT32_MIN, INT32_MAX);
        return;
    case PL_AVRO_LONG:
        (void)pl_get_long(reader);
        return;
    case PL_AVRO_FLOAT:
        (void)pl_get_raw(reader, FLOAT_BYTES);
        return;
    case PL_AVRO_DOUBLE:
        (void)pl_get_raw(reader, DOUBLE_BYTES);
        return;
    case PL_AVRO_BYTES:
        (void)pl_get_string(reader);
        return;
    case PL_AVRO_STRING:
        skip_string(reader);
        return;
    case PL_AVRO_FIXED:
        (void)pl_get_raw(reader, type->size);
        return;
    case PL_AVRO_ENUM:
        (void)pl_get_long_within(reader, 0, (int64_t)type->count - 1);
        return;
    case PL_AVRO_ARRAY:
    case PL_AVRO_MAP:
        skip_blocks(type, reader);
        return;
    case PL_AVRO_UNION: {
        int64_t branch = pl_get_long_within(reader, 0, (int64_t)type->count - 1);

        if (!reader->is_bad) {
            pl_body_skip(type->branches[branch], reader);
        }
        return;
    }
    case PL_AVRO_RECORD:
        for (size_t i = 0; i < type->step_count && !reader->is_bad; i++) {
            pl_body_skip(type->steps[i], reader);
        }
        return;
    }
}

/* NOLINTEND(misc-no-recursion) */

enum pl_status pl_body_check(const struct pl_avro_type *type, struct pl_bytes body,
                             struct pl_error *error)
{
    struct pl_reader reader = pl_reader_of(body);
    size_t at;

    pl_body_skip(type, &reader);
    if (pl_reader_is_done(&reader)) {
        return PL_OK;
    }
    at = body.len - pl_reader_left(&reader);
    if (reader.is_bad) {
        return pl_fail(error, PL_BAD_DATA,
                       "the body does not follow its schema at or before byte %zu of %zu", at,
                       body.len);
    }
    return pl_fail(error, PL_BAD_DATA, "the body ends at byte %zu, but %zu bytes follow", at,
                   body.len - at);
}

/* Rewriting of a body that is known to be sound. A record's fields may stand in another order, so
 * their places are found first: each level of the reader's records (at most three) passes over the
 * bytes below it once more. */
#include "wire/body_rewrite.h"

#include "wire/body_walk.h"
#include "wire/refusal.h"
#include "wire/utf8.h"

struct rewriter {
    struct pl_arena *arena;
    struct pl_buffer *buffer;
    struct pl_refusal *refusal;
};

static enum pl_status rewrite(const struct rewriter *rewriter, const struct pl_plan *plan,
                              struct pl_reader *reader);

static void rewrite_copy(const struct rewriter *rewriter, const struct pl_plan *plan,
                         struct pl_reader *reader)
{
    const char *start = reader->at;

    pl_body_skip(plan->writer, reader);
    pl_buffer_put(rewriter->buffer, start, (size_t)(reader->at - start));
}

static enum pl_status rewrite_text(const struct rewriter *rewriter, struct pl_reader *reader)
{
    struct pl_bytes text = pl_get_string(reader);

    if (!pl_utf8_is_valid(text)) {
        return pl_refuse(rewriter->refusal, PL_DEAD_LETTER_MALFORMED,
                         "bytes that are read as a string are not UTF-8");
    }
    pl_put_string(rewriter->buffer, text);
    return PL_OK;
}

static enum pl_status rewrite_enum(const struct rewriter *rewriter, const struct pl_plan *plan,
                                   struct pl_reader *reader)
{
    const struct pl_avro_type *writer = plan->writer;
    int64_t index = pl_get_long(reader);

    if (plan->symbols[index] < 0) {
        return pl_refuse(rewriter->refusal, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA,
                         "enum %.*s: symbol %.*s is unknown and has no default",
                         (int)writer->name.len, writer->name.data, (int)writer->symbols[index].len,
                         writer->symbols[index].data);
    }
    pl_put_long(rewriter->buffer, plan->symbols[index]);
    return PL_OK;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the plan, hence as the reader's schema. */

static enum pl_status rewrite_choice(const struct rewriter *rewriter, const struct pl_plan *plan,
                                     struct pl_reader *reader)
{
    int64_t index = pl_get_long(reader);
    const struct pl_avro_type *branch = plan->writer->branches[index];

    if (plan->alternatives[index] == NULL) {
        return pl_refuse(rewriter->refusal, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA,
                         "union branch %s %.*s cannot be read", pl_avro_kind_names[branch->kind],
                         (int)branch->name.len, branch->name.len == 0 ? "" : branch->name.data);
    }
    return rewrite(rewriter, plan->alternatives[index], reader);
}

static enum pl_status rewrite_record(const struct rewriter *rewriter, const struct pl_plan *plan,
                                     struct pl_reader *reader)
{
    const struct pl_avro_type *writer = plan->writer;
    const char **starts = pl_arena_alloc(rewriter->arena, plan->field_count * sizeof(const char *));
    enum pl_status status = PL_OK;

    for (size_t i = 0; i < writer->count; i++) {
        if (plan->slots[i] != PL_PLAN_SKIP) {
            starts[plan->slots[i]] = reader->at;
        }
        pl_body_skip(writer->fields[i].type, reader);
    }
    for (size_t i = 0; i < plan->field_count && status == PL_OK; i++) {
        const struct pl_plan_field *field = &plan->fields[i];

        if (field->plan == NULL) {
            pl_buffer_put(rewriter->buffer, field->default_value.data, field->default_value.len);
        } else {
            struct pl_reader field_reader = {starts[i], reader->end, false};

            status = rewrite(rewriter, field->plan, &field_reader);
        }
    }
    return status;
}

static enum pl_status rewrite_array(const struct rewriter *rewriter, const struct pl_plan *plan,
                                    struct pl_reader *reader)
{
    enum pl_status status = PL_OK;
    int64_t count = pl_get_long(reader);

    while (count != 0 && status == PL_OK) {
        if (count < 0) {
            count = -count;
            (void)pl_get_long(reader); /* the block's size, which may change */
        }
        pl_put_array_start(rewriter->buffer, (size_t)count);
        for (int64_t i = 0; i < count && status == PL_OK; i++) {
            status = rewrite(rewriter, plan->inner, reader);
        }
        count = status == PL_OK ? pl_get_long(reader) : 0;
    }
    pl_put_array_end(rewriter->buffer);
    return status;
}

static enum pl_status rewrite(const struct rewriter *rewriter, const struct pl_plan *plan,
                              struct pl_reader *reader)
{
    switch (plan->kind) {
    case PL_PLAN_COPY:
        rewrite_copy(rewriter, plan, reader);
        return PL_OK;
    case PL_PLAN_TEXT:
        return rewrite_text(rewriter, reader);
    case PL_PLAN_ENUM:
        return rewrite_enum(rewriter, plan, reader);
    case PL_PLAN_CHOOSE:
        return rewrite_choice(rewriter, plan, reader);
    case PL_PLAN_WRAP:
        pl_put_long(rewriter->buffer, plan->branch);
        return rewrite(rewriter, plan->inner, reader);
    case PL_PLAN_RECORD:
        return rewrite_record(rewriter, plan, reader);
    case PL_PLAN_ARRAY:
        return rewrite_array(rewriter, plan, reader);
    }
    return PL_OK;
}

/* NOLINTEND(misc-no-recursion) */

enum pl_status pl_body_rewrite(const struct pl_plan *plan, struct pl_bytes body,
                               struct pl_arena *arena, struct pl_buffer *buffer,
                               struct pl_refusal *ret_refusal)
{
    const struct rewriter rewriter = {arena, buffer, ret_refusal};
    struct pl_reader reader = pl_reader_of(body);

    return rewrite(&rewriter, plan, &reader);
}

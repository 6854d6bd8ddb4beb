/* Rewriting of a body that is known to be sound. A record's fields may stand in another order, so
 * their places are found first: each level of the reader's records passes over the bytes below it
 * once more. */
#include "wire/body_rewrite.h"

#include "wire/body_walk.h"
#include "wire/refusal.h"
#include "wire/utf8.h"

struct rewriter {
    struct pl_arena *arena;
    struct pl_buffer *buffer;
    struct pl_refusal *refusal;
    bool is_incompatible; /* refusal says why; all the same the rest is gone through, because... */
    bool is_malformed;    /* ...this comes first (contract 7), and ends the matter */
};

static void rewrite(struct rewriter *rewriter, const struct pl_plan *plan,
                    struct pl_reader *reader);

static void rewrite_copy(struct rewriter *rewriter, const struct pl_plan *plan,
                         struct pl_reader *reader)
{
    const char *start = reader->at;

    pl_body_skip(plan->writer, reader);
    pl_buffer_put(rewriter->buffer, start, (size_t)(reader->at - start));
}

static void rewrite_text(struct rewriter *rewriter, struct pl_reader *reader)
{
    struct pl_bytes text = pl_get_string(reader);

    if (!pl_utf8_is_valid(text)) {
        rewriter->is_malformed = true;
        (void)pl_refuse(rewriter->refusal, PL_DEAD_LETTER_MALFORMED,
                        "bytes that are read as a string are not UTF-8");
    }
    pl_put_string(rewriter->buffer, text);
}

static void rewrite_enum(struct rewriter *rewriter, const struct pl_plan *plan,
                         struct pl_reader *reader)
{
    const struct pl_avro_type *writer = plan->writer;
    int64_t index = pl_get_long(reader);

    if (plan->symbols[index] < 0 && !rewriter->is_incompatible) {
        rewriter->is_incompatible = true;
        (void)pl_refuse(rewriter->refusal, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA,
                        "%s: symbol %.*s is unknown and has no default",
                        pl_avro_label(writer, rewriter->arena), (int)writer->symbols[index].len,
                        writer->symbols[index].data);
    }
    pl_put_long(rewriter->buffer, plan->symbols[index]);
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the plan, hence as the reader's schema. */

static void rewrite_choice(struct rewriter *rewriter, const struct pl_plan *plan,
                           struct pl_reader *reader)
{
    int64_t index = pl_get_long(reader);
    const struct pl_avro_type *branch = plan->writer->branches[index];

    if (plan->alternatives[index] != NULL) {
        rewrite(rewriter, plan->alternatives[index], reader);
        return;
    }
    if (!rewriter->is_incompatible) {
        rewriter->is_incompatible = true;
        (void)pl_refuse(rewriter->refusal, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA,
                        "union branch %s cannot be read", pl_avro_label(branch, rewriter->arena));
    }
    pl_body_skip(branch, reader);
}

static void rewrite_record(struct rewriter *rewriter, const struct pl_plan *plan,
                           struct pl_reader *reader)
{
    const char **starts = pl_arena_alloc(rewriter->arena, plan->field_count * sizeof(const char *));

    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].slot != PL_PLAN_SKIP) {
            starts[plan->steps[i].slot] = reader->at;
        }
        pl_body_skip(plan->steps[i].type, reader);
    }
    for (size_t i = 0; i < plan->field_count && !rewriter->is_malformed; i++) {
        const struct pl_plan_field *field = &plan->fields[i];

        if (field->plan == NULL) {
            pl_buffer_put(rewriter->buffer, field->default_value.data, field->default_value.len);
        } else {
            struct pl_reader field_reader = {starts[i], reader->end, false};

            rewrite(rewriter, field->plan, &field_reader);
        }
    }
}

static void rewrite_array(struct rewriter *rewriter, const struct pl_plan *plan,
                          struct pl_reader *reader)
{
    int64_t count = pl_get_long(reader);

    while (count != 0 && !rewriter->is_malformed) {
        if (count < 0) {
            count = -count;
            (void)pl_get_long(reader); /* the block's size, which may change */
        }
        pl_put_array_start(rewriter->buffer, (size_t)count);
        for (int64_t i = 0; i < count && !rewriter->is_malformed; i++) {
            rewrite(rewriter, plan->inner, reader);
        }
        count = pl_get_long(reader);
    }
    pl_put_array_end(rewriter->buffer);
}

static void rewrite(struct rewriter *rewriter, const struct pl_plan *plan, struct pl_reader *reader)
{
    switch (plan->kind) {
    case PL_PLAN_COPY:
        rewrite_copy(rewriter, plan, reader);
        return;
    case PL_PLAN_TEXT:
        rewrite_text(rewriter, reader);
        return;
    case PL_PLAN_ENUM:
        rewrite_enum(rewriter, plan, reader);
        return;
    case PL_PLAN_CHOOSE:
        rewrite_choice(rewriter, plan, reader);
        return;
    case PL_PLAN_WRAP:
        pl_put_long(rewriter->buffer, plan->branch);
        rewrite(rewriter, plan->inner, reader);
        return;
    case PL_PLAN_RECORD:
        rewrite_record(rewriter, plan, reader);
        return;
    case PL_PLAN_ARRAY:
        rewrite_array(rewriter, plan, reader);
        return;
    }
}

/* NOLINTEND(misc-no-recursion) */

enum pl_status pl_body_rewrite(const struct pl_plan *plan, struct pl_bytes body,
                               struct pl_arena *arena, struct pl_buffer *buffer,
                               struct pl_refusal *ret_refusal)
{
    struct rewriter rewriter = {.arena = arena, .buffer = buffer, .refusal = ret_refusal};
    struct pl_reader reader = pl_reader_of(body);

    rewrite(&rewriter, plan, &reader);
    return rewriter.is_malformed || rewriter.is_incompatible ? PL_BAD_DATA : PL_OK;
}

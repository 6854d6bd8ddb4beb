/* Match of two schema trees. The recursion ends with the reader's tree, which is planlift's own. */
#include "wire/schema_match.h"

struct matcher {
    struct pl_arena *arena;
    struct pl_error *error;
};

/* Each match_ below returns a plan, or NULL where no body could be read: matcher->error has why. */
static const struct pl_plan *match(const struct matcher *matcher, const struct pl_avro_type *writer,
                                   const struct pl_avro_type *reader);

static struct pl_plan *new_plan(const struct matcher *matcher, enum pl_plan_kind kind,
                                const struct pl_avro_type *writer)
{
    struct pl_plan *plan = pl_arena_zalloc(matcher->arena, 1, sizeof(*plan));

    plan->kind = kind;
    plan->writer = writer;
    return plan;
}

static const struct pl_plan *fail_match(const struct matcher *matcher,
                                        const struct pl_avro_type *writer,
                                        const struct pl_avro_type *reader)
{
    (void)pl_fail(matcher->error, PL_BAD_DATA, "%s cannot be read as %s",
                  pl_avro_label(writer, matcher->arena), pl_avro_label(reader, matcher->arena));
    return NULL;
}

/* ---- types that are not unions --------------------------------------------------------------- */

/* What the specification calls "to match": the kinds, and the names of named types; the parts of a
 * record are looked at later. It decides which branch of a reader's union is taken. */
static bool is_same_kind(const struct pl_avro_type *writer, const struct pl_avro_type *reader)
{
    if (writer->kind == PL_AVRO_INT) { /* promoted: a long has the same bytes */
        return reader->kind == PL_AVRO_INT || reader->kind == PL_AVRO_LONG;
    }
    if (writer->kind == PL_AVRO_BYTES) { /* promoted, and looked at */
        return reader->kind == PL_AVRO_STRING;
    }
    return writer->kind == reader->kind && pl_bytes_equal(writer->name, reader->name);
}

static int64_t reader_symbol(const struct pl_avro_type *reader, struct pl_bytes symbol)
{
    for (size_t i = 0; i < reader->count; i++) {
        if (pl_bytes_equal(reader->symbols[i], symbol)) {
            return (int64_t)i;
        }
    }
    return reader->default_symbol;
}

static const struct pl_plan *match_enum(const struct matcher *matcher,
                                        const struct pl_avro_type *writer,
                                        const struct pl_avro_type *reader)
{
    struct pl_plan *plan = new_plan(matcher, PL_PLAN_ENUM, writer);
    int64_t *symbols = pl_arena_zalloc(matcher->arena, writer->count, sizeof(*symbols));
    bool is_same = true;
    bool is_readable = false;

    for (size_t i = 0; i < writer->count; i++) {
        symbols[i] = reader_symbol(reader, writer->symbols[i]);
        is_same = is_same && symbols[i] == (int64_t)i;
        is_readable = is_readable || symbols[i] >= 0;
    }
    if (!is_readable) {
        (void)pl_fail(matcher->error, PL_BAD_DATA, "enum %.*s: none of its symbols is known",
                      (int)writer->name.len, writer->name.data);
        return NULL;
    }
    plan->symbols = symbols;
    plan->kind = is_same ? PL_PLAN_COPY : PL_PLAN_ENUM;
    return plan;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the reader's schema, which is planlift's own. */

static const struct pl_plan *match_array(const struct matcher *matcher,
                                         const struct pl_avro_type *writer,
                                         const struct pl_avro_type *reader)
{
    struct pl_plan *plan = new_plan(matcher, PL_PLAN_ARRAY, writer);

    plan->inner = match(matcher, writer->items, reader->items);
    if (plan->inner == NULL) {
        (void)pl_fail_at(matcher->error, PL_BAD_DATA, "array");
        return NULL;
    }
    plan->kind = plan->inner->kind == PL_PLAN_COPY ? PL_PLAN_COPY : PL_PLAN_ARRAY;
    return plan;
}

/* Index of the writer's field of that name; the number of fields where it has none. */
static size_t find_field(const struct pl_avro_type *writer, struct pl_bytes name)
{
    size_t i = 0;

    while (i < writer->count && !pl_bytes_equal(writer->fields[i].name, name)) {
        i++;
    }
    return i;
}

/* Fill in field number i of the reader's record. */
static bool match_field(const struct matcher *matcher, struct pl_plan *plan,
                        const struct pl_avro_type *reader, size_t i)
{
    const struct pl_avro_type *writer = plan->writer;
    const struct pl_avro_field *reader_field = &reader->fields[i];
    struct pl_plan_field *field = &plan->fields[i];
    size_t writer_index = find_field(writer, reader_field->name);
    bool is_good;

    field->default_value = reader_field->default_value;
    if (writer_index < writer->count) {
        field->plan = match(matcher, writer->fields[writer_index].type, reader_field->type);
        plan->steps[writer_index].slot = i;
        is_good = field->plan != NULL;
    } else {
        is_good = !pl_bytes_is_null(field->default_value);
        (void)pl_fail(matcher->error, PL_BAD_DATA, "missing, and without a default");
    }
    if (!is_good) {
        (void)pl_fail_at(matcher->error, PL_BAD_DATA, "record %.*s: field %.*s",
                         (int)reader->name.len, reader->name.data, (int)reader_field->name.len,
                         reader_field->name.data);
    }
    return is_good;
}

/* Leave out the steps over what neither takes bytes nor is read. */
static void drop_empty_steps(struct pl_plan *plan)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].slot != PL_PLAN_SKIP || !plan->steps[i].type->is_empty) {
            plan->steps[kept++] = plan->steps[i];
        }
    }
    plan->step_count = kept;
}

static const struct pl_plan *match_record(const struct matcher *matcher,
                                          const struct pl_avro_type *writer,
                                          const struct pl_avro_type *reader)
{
    struct pl_plan *plan = new_plan(matcher, PL_PLAN_RECORD, writer);
    bool is_same = writer->count == reader->count;

    plan->fields = pl_arena_zalloc(matcher->arena, reader->count, sizeof(*plan->fields));
    plan->field_count = reader->count;
    plan->steps = pl_arena_zalloc(matcher->arena, writer->count, sizeof(*plan->steps));
    plan->step_count = writer->count;
    for (size_t i = 0; i < writer->count; i++) {
        plan->steps[i] = (struct pl_plan_step){writer->fields[i].type, PL_PLAN_SKIP};
    }
    for (size_t i = 0; i < reader->count; i++) {
        if (!match_field(matcher, plan, reader, i)) {
            return NULL;
        }
        is_same = is_same && plan->steps[i].slot == i && plan->fields[i].plan->kind == PL_PLAN_COPY;
    }
    drop_empty_steps(plan);
    plan->kind = is_same ? PL_PLAN_COPY : PL_PLAN_RECORD;
    return plan;
}

static const struct pl_plan *match_plain(const struct matcher *matcher,
                                         const struct pl_avro_type *writer,
                                         const struct pl_avro_type *reader)
{
    if (!is_same_kind(writer, reader)) {
        return fail_match(matcher, writer, reader);
    }
    switch (reader->kind) {
    case PL_AVRO_STRING:
        return new_plan(matcher, writer->kind == PL_AVRO_BYTES ? PL_PLAN_TEXT : PL_PLAN_COPY,
                        writer);
    case PL_AVRO_NULL:
    case PL_AVRO_BOOLEAN:
    case PL_AVRO_INT:
    case PL_AVRO_LONG:
        return new_plan(matcher, PL_PLAN_COPY, writer);
    case PL_AVRO_ENUM:
        return match_enum(matcher, writer, reader);
    case PL_AVRO_ARRAY:
        return match_array(matcher, writer, reader);
    case PL_AVRO_RECORD:
        return match_record(matcher, writer, reader);
    case PL_AVRO_FLOAT:
    case PL_AVRO_DOUBLE:
    case PL_AVRO_BYTES:
    case PL_AVRO_FIXED:
    case PL_AVRO_MAP:
    case PL_AVRO_UNION:
        break; /* not in a schema of planlift; unions are handled before */
    }
    return fail_match(matcher, writer, reader);
}

/* ---- unions ---------------------------------------------------------------------------------- */

/* The reader alone has a union: its first branch that matches, or that the writer's type can be
 * promoted to. */
static const struct pl_plan *match_wrap(const struct matcher *matcher,
                                        const struct pl_avro_type *writer,
                                        const struct pl_avro_type *reader)
{
    struct pl_plan *plan = new_plan(matcher, PL_PLAN_WRAP, writer);
    size_t i = 0;

    while (i < reader->count && !is_same_kind(writer, reader->branches[i])) {
        i++;
    }
    if (i == reader->count) {
        return fail_match(matcher, writer, reader);
    }
    plan->branch = (int64_t)i;
    plan->inner = match(matcher, writer, reader->branches[i]);
    return plan->inner == NULL ? NULL : plan;
}

/* Whether the writer's branch number i is the reader's, byte for byte. */
static bool is_same_branch(const struct pl_plan *alternative, size_t i)
{
    return alternative != NULL && alternative->kind == PL_PLAN_WRAP &&
           alternative->branch == (int64_t)i && alternative->inner->kind == PL_PLAN_COPY;
}

/* The writer has a union: each branch for itself is matched with all that the reader has. */
static const struct pl_plan *match_choice(const struct matcher *matcher,
                                          const struct pl_avro_type *writer,
                                          const struct pl_avro_type *reader)
{
    struct pl_plan *plan = new_plan(matcher, PL_PLAN_CHOOSE, writer);
    bool is_same = true;
    bool is_readable = false;

    plan->alternatives = pl_arena_zalloc(matcher->arena, writer->count, sizeof(struct pl_plan *));
    (void)pl_fail(matcher->error, PL_BAD_DATA, "a union without branches");
    for (size_t i = 0; i < writer->count; i++) {
        plan->alternatives[i] = match(matcher, writer->branches[i], reader);
        is_same = is_same && is_same_branch(plan->alternatives[i], i);
        is_readable = is_readable || plan->alternatives[i] != NULL;
    }
    if (!is_readable) { /* the error is now that of the last branch */
        (void)pl_fail_at(matcher->error, PL_BAD_DATA, "no branch of the union can be read");
        return NULL;
    }
    plan->kind = is_same ? PL_PLAN_COPY : PL_PLAN_CHOOSE;
    return plan;
}

static const struct pl_plan *match(const struct matcher *matcher, const struct pl_avro_type *writer,
                                   const struct pl_avro_type *reader)
{
    if (writer->kind == PL_AVRO_UNION) {
        return match_choice(matcher, writer, reader);
    }
    if (reader->kind == PL_AVRO_UNION) {
        return match_wrap(matcher, writer, reader);
    }
    return match_plain(matcher, writer, reader);
}

/* NOLINTEND(misc-no-recursion) */

enum pl_status pl_schema_match(const struct pl_avro_type *writer, const struct pl_avro_type *reader,
                               struct pl_arena *arena, struct pl_error *error,
                               const struct pl_plan **ret_plan)
{
    const struct matcher matcher = {arena, error};
    const struct pl_plan *plan = match(&matcher, writer, reader);

    if (plan == NULL) {
        return PL_BAD_DATA;
    }
    *ret_plan = plan;
    return PL_OK;
}

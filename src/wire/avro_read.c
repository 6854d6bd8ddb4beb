/* Reading with avro-c. Its generic value is walked in the order of the schema's fields, which
 * pl_own_schema_parse has compared with the contract, so that no field is looked up by name. */
#include "wire/avro_read.h"

#include <stdint.h>
#include <stdlib.h>

#include <avro.h>

/* avro-c keeps the memory of the largest body it has read; after one of this size it starts anew,
 * so that memory does not stay with a rare large record (I13). */
#define KEPT_BODY_BYTES ((size_t)64 * 1024)

struct pl_avro_reader {
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value; /* iface is NULL where there is none */
    avro_reader_t input;
};

/* A record whose fields are taken one after the other. A call of avro-c that fails, which nothing
 * should bring about, leaves a zero and a mark, so that failure is asked for once, at the end. */
struct cursor {
    avro_value_t record;
    size_t next;
    struct pl_arena *arena;
    char *room; /* for the strings: as long as the body, hence enough for all of them */
    bool is_failed;
};

/* ---- fields ---------------------------------------------------------------------------------- */

static void expect(struct cursor *cursor, bool is_good)
{
    cursor->is_failed = cursor->is_failed || !is_good;
}

/* The next field, or nothing: iface is NULL. */
static avro_value_t next_field(struct cursor *cursor)
{
    avro_value_t field = {NULL, NULL};

    expect(cursor, avro_value_get_by_index(&cursor->record, cursor->next++, &field, NULL) == 0);
    return field;
}

/* The branch that a union is at, and its number; where there is none, nothing and 0. */
static avro_value_t current_branch(struct cursor *cursor, const avro_value_t *field,
                                   int *ret_number)
{
    avro_value_t branch = {NULL, NULL};

    *ret_number = 0;
    expect(cursor, field->iface != NULL && avro_value_get_discriminant(field, ret_number) == 0 &&
                       avro_value_get_current_branch(field, &branch) == 0);
    return branch;
}

/* The value of a field [null, T]; nothing where it is null. */
static avro_value_t next_optional(struct cursor *cursor)
{
    avro_value_t field = next_field(cursor);
    int number;
    avro_value_t value = current_branch(cursor, &field, &number);

    return number == 1 ? value : (avro_value_t){NULL, NULL};
}

static struct pl_bytes copy_string(struct cursor *cursor, const avro_value_t *field)
{
    const char *text = "";
    size_t size = 1; /* with the NUL that avro-c adds */
    struct pl_bytes copy;

    expect(cursor, field->iface != NULL && avro_value_get_string(field, &text, &size) == 0);
    copy = (struct pl_bytes){cursor->room, size - 1};
    memcpy(cursor->room, text, size - 1);
    cursor->room += size - 1;
    return copy;
}

static struct pl_bytes next_string(struct cursor *cursor)
{
    avro_value_t field = next_field(cursor);

    return copy_string(cursor, &field);
}

static struct pl_bytes next_optional_string(struct cursor *cursor)
{
    avro_value_t value = next_optional(cursor);
    struct pl_bytes text = PL_NULL_BYTES;

    if (value.iface != NULL) {
        text = copy_string(cursor, &value);
    }
    return pl_bytes_is_empty(text) ? PL_NULL_BYTES : text; /* contract 3: "" is read as null */
}

static int32_t next_int(struct cursor *cursor)
{
    avro_value_t field = next_field(cursor);
    int32_t number = 0;

    expect(cursor, field.iface != NULL && avro_value_get_int(&field, &number) == 0);
    return number;
}

static int64_t next_long(struct cursor *cursor)
{
    avro_value_t field = next_field(cursor);
    int64_t number = 0;

    expect(cursor, field.iface != NULL && avro_value_get_long(&field, &number) == 0);
    return number;
}

static bool next_boolean(struct cursor *cursor)
{
    avro_value_t field = next_field(cursor);
    int number = 0;

    expect(cursor, field.iface != NULL && avro_value_get_boolean(&field, &number) == 0);
    return number != 0;
}

/* An index into the enum's symbols, which are those of the enum in model.h. */
static int next_enum(struct cursor *cursor)
{
    avro_value_t field = next_field(cursor);
    int index = 0;

    expect(cursor, field.iface != NULL && avro_value_get_enum(&field, &index) == 0);
    return index;
}

static struct pl_optional_int next_optional_int(struct cursor *cursor)
{
    avro_value_t value = next_optional(cursor);
    struct pl_optional_int number = {value.iface != NULL, 0};

    expect(cursor, !number.is_set || avro_value_get_int(&value, &number.value) == 0);
    return number;
}

static struct pl_optional_long next_optional_long(struct cursor *cursor)
{
    avro_value_t value = next_optional(cursor);
    struct pl_optional_long number = {value.iface != NULL, 0};

    expect(cursor, !number.is_set || avro_value_get_long(&value, &number.value) == 0);
    return number;
}

static struct pl_names next_names(struct cursor *cursor)
{
    avro_value_t field = next_field(cursor);
    size_t count = 0;
    struct pl_bytes *items;

    expect(cursor, field.iface != NULL && avro_value_get_size(&field, &count) == 0);
    if (count == 0) {
        return (struct pl_names){NULL, 0};
    }
    items = pl_arena_alloc(cursor->arena, count * sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        avro_value_t item = {NULL, NULL};

        expect(cursor, avro_value_get_by_index(&field, i, &item, NULL) == 0);
        items[i] = copy_string(cursor, &item);
    }
    return (struct pl_names){items, count};
}

/* Go into a record that is a field or a union's branch. */
static struct cursor enter(const struct cursor *outer, const avro_value_t *record)
{
    return (struct cursor){*record, 0, outer->arena, outer->room, outer->is_failed};
}

/* Come back: the outer record goes on with what is left of the room. */
static void leave(struct cursor *outer, const struct cursor *inner)
{
    outer->room = inner->room;
    outer->is_failed = inner->is_failed;
}

/* ---- records --------------------------------------------------------------------------------- */

static struct pl_subscription_changed read_subscription_changed(struct cursor *cursor)
{
    struct pl_subscription_changed change;

    change.subscription_id = next_string(cursor);
    change.offer_id = next_string(cursor);
    change.status = (enum pl_subscription_status)next_enum(cursor);
    change.quantity = next_int(cursor);
    change.partner_id = next_optional_string(cursor);
    change.channel = (enum pl_channel)next_enum(cursor);
    change.parent_subscription_id = next_optional_string(cursor);
    change.revision = next_long(cursor);
    return change;
}

static struct pl_license_assigned read_license_assigned(struct cursor *cursor)
{
    struct pl_license_assigned change;

    change.subscription_id = next_string(cursor);
    change.user_id = next_string(cursor);
    change.user_principal_name = next_string(cursor);
    change.display_name = next_optional_string(cursor);
    change.assigned_by_group = next_optional_string(cursor);
    change.disabled_services = next_names(cursor);
    return change;
}

static struct pl_license_removed read_license_removed(struct cursor *cursor)
{
    struct pl_license_removed change;

    change.subscription_id = next_string(cursor);
    change.user_id = next_string(cursor);
    return change;
}

static struct pl_delegated_admin_changed read_delegated_admin_changed(struct cursor *cursor)
{
    struct pl_delegated_admin_changed change;

    change.partner_id = next_string(cursor);
    change.granted = next_boolean(cursor);
    change.service_families = next_names(cursor);
    return change;
}

static void read_change(struct cursor *cursor, struct pl_event *event)
{
    switch (event->kind) {
    case PL_EVENT_SUBSCRIPTION_CHANGED:
        event->change.subscription_changed = read_subscription_changed(cursor);
        return;
    case PL_EVENT_LICENSE_ASSIGNED:
        event->change.license_assigned = read_license_assigned(cursor);
        return;
    case PL_EVENT_LICENSE_REMOVED:
        event->change.license_removed = read_license_removed(cursor);
        return;
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
        event->change.delegated_admin_changed = read_delegated_admin_changed(cursor);
        return;
    case PL_EVENT_CUSTOMER_ERASED:
        return; /* no fields */
    }
}

static struct pl_event read_event(struct cursor *cursor)
{
    struct pl_event event;
    avro_value_t field;
    avro_value_t record;
    int number;

    cursor->next++; /* eventId is not kept */
    event.customer_id = next_string(cursor);
    cursor->next++; /* nor is occurredAt */
    field = next_field(cursor);
    record = current_branch(cursor, &field, &number);
    event.kind = (enum pl_event_kind)number;
    if (record.iface != NULL) {
        struct cursor inner = enter(cursor, &record);

        read_change(&inner, &event);
        leave(cursor, &inner);
    }
    return event;
}

static void read_requester(struct cursor *cursor, struct pl_request *request)
{
    avro_value_t record = next_field(cursor);

    if (record.iface != NULL) {
        struct cursor inner = enter(cursor, &record);

        request->requested_by_user_id = next_string(&inner);
        request->requested_by_role = next_string(&inner);
        leave(cursor, &inner);
    }
}

static struct pl_request read_request(struct cursor *cursor)
{
    struct pl_request request = {.operation = PL_OPERATION_CHECK};

    request.request_id = next_string(cursor);
    request.order_id = next_optional_string(cursor);
    request.customer_id = next_string(cursor);
    request.partner_id = next_string(cursor);
    request.subscription_id = next_string(cursor);
    request.operation = (enum pl_operation)next_enum(cursor);
    request.target_offer_id = next_optional_string(cursor);
    request.quantity = next_optional_int(cursor);
    request.expected_version = next_optional_long(cursor);
    request.require_license_transfer = next_boolean(cursor);
    read_requester(cursor, &request);
    request.requested_at_ms = next_long(cursor);
    return request;
}

/* ---- avro-c ---------------------------------------------------------------------------------- */

static enum pl_status fail_avro(struct pl_error *error)
{
    return pl_fail(error, PL_BAD_DATA, "avro-c: %s", avro_strerror());
}

enum pl_status pl_avro_reader_new(struct pl_bytes schema_json, struct pl_error *error,
                                  struct pl_avro_reader **ret_reader)
{
    struct pl_avro_reader *reader = calloc(1, sizeof(*reader));
    enum pl_status status;

    if (reader == NULL) {
        pl_out_of_memory(sizeof(*reader));
    }
    if (avro_schema_from_json_length(schema_json.data, schema_json.len, &reader->schema) != 0) {
        status = fail_avro(error);
        reader->schema = NULL;
        pl_avro_reader_free(reader);
        return status;
    }
    reader->class = avro_generic_class_from_schema(reader->schema);
    reader->input = avro_reader_memory("", 0);
    if (reader->class == NULL || reader->input == NULL ||
        avro_generic_value_new(reader->class, &reader->value) != 0) {
        pl_out_of_memory(sizeof(*reader));
    }
    *ret_reader = reader;
    return PL_OK;
}

void pl_avro_reader_free(struct pl_avro_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->value.iface != NULL) {
        avro_value_decref(&reader->value);
    }
    if (reader->input != NULL) {
        avro_reader_free(reader->input);
    }
    if (reader->class != NULL) {
        avro_value_iface_decref(reader->class);
    }
    if (reader->schema != NULL) {
        (void)avro_schema_decref(reader->schema); /* the count left: none */
    }
    free(reader);
}

/* Fill the value with a body, and put a cursor before its first field. */
static struct cursor start(struct pl_avro_reader *reader, struct pl_bytes body,
                           struct pl_arena *arena)
{
    struct cursor cursor = {reader->value, 0, arena, pl_arena_alloc(arena, body.len), false};

    avro_reader_memory_set_source(reader->input, body.data, (int64_t)body.len);
    expect(&cursor, avro_value_read(reader->input, &reader->value) == 0);
    return cursor;
}

static enum pl_status finish(struct pl_avro_reader *reader, struct pl_bytes body,
                             const struct cursor *cursor, struct pl_error *error)
{
    enum pl_status status = cursor->is_failed ? fail_avro(error) : PL_OK;

    if (body.len > KEPT_BODY_BYTES) {
        avro_value_decref(&reader->value);
        if (avro_generic_value_new(reader->class, &reader->value) != 0) {
            pl_out_of_memory(body.len);
        }
    }
    return status;
}

enum pl_status pl_avro_read_event(struct pl_avro_reader *reader, struct pl_bytes body,
                                  struct pl_arena *arena, struct pl_error *error,
                                  struct pl_event *ret_event)
{
    struct cursor cursor = start(reader, body, arena);

    if (!cursor.is_failed) {
        *ret_event = read_event(&cursor);
    }
    return finish(reader, body, &cursor, error);
}

enum pl_status pl_avro_read_request(struct pl_avro_reader *reader, struct pl_bytes body,
                                    struct pl_arena *arena, struct pl_error *error,
                                    struct pl_request *ret_request)
{
    struct cursor cursor = start(reader, body, arena);

    if (!cursor.is_failed) {
        *ret_request = read_request(&cursor);
    }
    return finish(reader, body, &cursor, error);
}

/* Unit tests of wire/input_decode.c: bodies put together by hand, and as avro-c writes them. */
#include <avro.h>

#include "avro_fixture.h"
#include "wire/input_decode.h"

struct fixture {
    struct pl_arena arena;
    struct pl_buffer body;
    struct pl_event event;
    struct pl_request request;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.arena = PL_ARENA_INIT};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    pl_arena_done(&fixture->arena);
    pl_buffer_done(&fixture->body);
    return 0;
}

/* An event's body: an id, a customer and a time, then the change. */
static void put_event_start(struct pl_buffer *body, enum pl_event_kind kind)
{
    body->len = 0;
    put_text(body, "event-1");
    put_text(body, "customer-1");
    pl_put_long(body, 1);
    pl_put_long(body, kind);
}

static void read_event(struct fixture *fixture)
{
    struct pl_error error;
    struct pl_bytes body = pl_arena_copy(&fixture->arena, since_start(&fixture->body));

    if (pl_event_decode_body(body, &fixture->arena, &error, &fixture->event) != PL_OK) {
        fail_msg("%s", error.text);
    }
    assert_text(fixture->event.customer_id, "customer-1");
}

static void a_subscription_is_read(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_subscription_changed *change = &fixture->event.change.subscription_changed;
    struct pl_buffer *body = &fixture->body;

    put_event_start(body, PL_EVENT_SUBSCRIPTION_CHANGED);
    put_text(body, "s");
    put_text(body, "");
    pl_put_long(body, PL_STATUS_CANCELLED);
    pl_put_long(body, INT32_MIN);
    pl_put_long(body, 1);
    put_text(body, "p");
    pl_put_long(body, PL_CHANNEL_VOLUME);
    pl_put_long(body, 1);
    put_text(body, "");
    pl_put_long(body, INT64_MAX);
    read_event(fixture);
    assert_int_equal(fixture->event.kind, PL_EVENT_SUBSCRIPTION_CHANGED);
    assert_text(change->subscription_id, "s");
    assert_text(change->offer_id, "");
    assert_int_equal(change->status, PL_STATUS_CANCELLED);
    assert_int_equal(change->quantity, INT32_MIN);
    assert_text(change->partner_id, "p");
    assert_int_equal(change->channel, PL_CHANNEL_VOLUME);
    assert_null(change->parent_subscription_id.data); /* "" is null */
    assert_true(change->revision == INT64_MAX);
}

static void a_licence_is_read(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_license_assigned *change = &fixture->event.change.license_assigned;
    struct pl_buffer *body = &fixture->body;

    put_event_start(body, PL_EVENT_LICENSE_ASSIGNED);
    put_text(body, "s");
    put_text(body, "u");
    pl_put_string(body, PL_BYTES_LITERAL("a\0b"));
    pl_put_long(body, 0);
    pl_put_long(body, 1);
    put_text(body, "g");
    pl_put_long(body, -1); /* a block with its size in bytes */
    pl_put_long(body, 2);
    put_text(body, "y");
    pl_put_array_start(body, 2);
    put_text(body, "");
    put_text(body, "x");
    pl_put_array_end(body);
    read_event(fixture);
    assert_int_equal(fixture->event.kind, PL_EVENT_LICENSE_ASSIGNED);
    assert_text(change->subscription_id, "s");
    assert_text(change->user_id, "u");
    assert_bytes(change->user_principal_name, PL_BYTES_LITERAL("a\0b"));
    assert_null(change->display_name.data);
    assert_text(change->assigned_by_group, "g");
    assert_int_equal(change->disabled_services.count, 3);
    assert_text(change->disabled_services.items[0], "y");
    assert_text(change->disabled_services.items[1], "");
    assert_text(change->disabled_services.items[2], "x");
}

static void the_other_changes_are_read(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_delegated_admin_changed *grant = &fixture->event.change.delegated_admin_changed;
    struct pl_buffer *body = &fixture->body;

    put_event_start(body, PL_EVENT_LICENSE_REMOVED);
    put_text(body, "s");
    put_text(body, "u");
    read_event(fixture);
    assert_int_equal(fixture->event.kind, PL_EVENT_LICENSE_REMOVED);
    assert_text(fixture->event.change.license_removed.subscription_id, "s");
    assert_text(fixture->event.change.license_removed.user_id, "u");

    put_event_start(body, PL_EVENT_DELEGATED_ADMIN_CHANGED);
    put_text(body, "p");
    pl_put_boolean(body, true);
    pl_put_names(body, (struct pl_names){(struct pl_bytes[]){PL_BYTES_LITERAL("f")}, 1});
    read_event(fixture);
    assert_int_equal(fixture->event.kind, PL_EVENT_DELEGATED_ADMIN_CHANGED);
    assert_text(grant->partner_id, "p");
    assert_true(grant->granted);
    assert_int_equal(grant->service_families.count, 1);
    assert_text(grant->service_families.items[0], "f");

    put_event_start(body, PL_EVENT_CUSTOMER_ERASED);
    read_event(fixture);
    assert_int_equal(fixture->event.kind, PL_EVENT_CUSTOMER_ERASED);
}

/* Repeats in a row are left out, in whatever blocks; all others stay as they came. */
static void names_that_follow_themselves_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_delegated_admin_changed *grant = &fixture->event.change.delegated_admin_changed;
    struct pl_buffer *body = &fixture->body;

    put_event_start(body, PL_EVENT_DELEGATED_ADMIN_CHANGED);
    put_text(body, "p");
    pl_put_boolean(body, true);
    pl_put_array_start(body, 4);
    put_text(body, "");
    put_text(body, "");
    put_text(body, "b");
    put_text(body, "a");
    pl_put_long(body, -2);
    pl_put_long(body, 4);
    put_text(body, "a");
    put_text(body, "b");
    pl_put_array_end(body);
    read_event(fixture);
    assert_int_equal(grant->service_families.count, 4);
    assert_text(grant->service_families.items[0], "");
    assert_text(grant->service_families.items[1], "b");
    assert_text(grant->service_families.items[2], "a");
    assert_text(grant->service_families.items[3], "b");
}

static void read_request(struct fixture *fixture, struct pl_bytes body)
{
    struct pl_error error;

    if (pl_request_decode_body(body, &error, &fixture->request) != PL_OK) {
        fail_msg("%s", error.text);
    }
}

static void assert_full_request(const struct pl_request *request)
{
    assert_text(request->request_id, "request-1");
    assert_text(request->order_id, "order-1");
    assert_text(request->customer_id, "customer-1");
    assert_text(request->partner_id, "partner-1");
    assert_text(request->subscription_id, "subscription-1");
    assert_int_equal(request->operation, PL_OPERATION_UPGRADE);
    assert_text(request->target_offer_id, "offer-2");
    assert_true(request->quantity.is_set);
    assert_int_equal(request->quantity.value, -25);
    assert_true(request->expected_version.is_set);
    assert_true(request->expected_version.value == INT64_MIN);
    assert_true(request->require_license_transfer);
    assert_text(request->requested_by_user_id, "user-1");
    assert_text(request->requested_by_role, "GLOBAL_ADMIN");
    assert_true(request->requested_at_ms == INT64_C(1760000000001));
}

static void a_request_is_read(void **state)
{
    struct fixture *fixture = *state;

    put_request(&fixture->body);
    read_request(fixture, pl_buffer_since(&fixture->body, PL_FRAME_BYTES));
    assert_full_request(&fixture->request);
}

static void an_empty_request_is_read(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_request *request = &fixture->request;

    read_request(fixture, PL_BYTES_LITERAL("\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert_text(request->request_id, "");
    assert_null(request->order_id.data);
    assert_null(request->target_offer_id.data);
    assert_int_equal(request->operation, PL_OPERATION_CHECK);
    assert_false(request->quantity.is_set);
    assert_false(request->expected_version.is_set);
    assert_false(request->require_license_transfer);
}

/* ---- what avro-c says ------------------------------------------------------------------------ */

/* The body as avro-c reads it, written by avro-c: the same value in its own blocks. */
static struct pl_bytes by_avro_c(const char *schema_path, struct pl_bytes body,
                                 struct pl_arena *arena)
{
    struct pl_bytes text = load(schema_path, arena);
    char *copy = pl_arena_alloc(arena, body.len + 64);
    avro_reader_t reader = avro_reader_memory(body.data, (int64_t)body.len);
    avro_writer_t writer = avro_writer_memory(copy, (int64_t)body.len + 64);
    avro_schema_t schema = NULL;
    avro_value_iface_t *class;
    avro_value_t value;
    size_t len;

    assert_int_equal(avro_schema_from_json_length(text.data, text.len, &schema), 0);
    class = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(class, &value), 0);
    assert_int_equal(avro_value_read(reader, &value), 0);
    assert_int_equal(avro_value_write(writer, &value), 0);
    len = (size_t)avro_writer_tell(writer);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    (void)avro_schema_decref(schema); /* the count left: none */
    avro_writer_free(writer);
    avro_reader_free(reader);
    return (struct pl_bytes){copy, len};
}

static void what_avro_c_writes_is_read(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_license_assigned *change = &fixture->event.change.license_assigned;
    struct pl_error error;
    struct pl_bytes body;

    put_license_assigned(&fixture->body);
    body = by_avro_c("schemas/subscription-event.avsc",
                     pl_buffer_since(&fixture->body, PL_FRAME_BYTES), &fixture->arena);
    assert_int_equal(pl_event_decode_body(body, &fixture->arena, &error, &fixture->event), PL_OK);
    assert_text(fixture->event.customer_id, "customer-1");
    assert_text(change->user_principal_name, "j\xc3\xb8rgen@example.com");
    assert_text(change->assigned_by_group, "group-1");
    assert_int_equal(change->disabled_services.count, 2);
    assert_text(change->disabled_services.items[1], "service-a");

    fixture->body.len = 0;
    put_request(&fixture->body);
    body = by_avro_c("schemas/upgrade-request.avsc",
                     pl_buffer_since(&fixture->body, PL_FRAME_BYTES), &fixture->arena);
    read_request(fixture, body);
    assert_full_request(&fixture->request);
}

/* ---- what is no body ------------------------------------------------------------------------- */

static void other_bytes_are_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct pl_error error = {""};
    struct pl_bytes body;

    put_license_assigned(&fixture->body);
    body = pl_buffer_since(&fixture->body, PL_FRAME_BYTES);
    for (size_t len = 0; len < body.len; len++) {
        struct pl_bytes cut = pl_arena_copy(&fixture->arena, (struct pl_bytes){body.data, len});

        assert_int_equal(pl_event_decode_body(cut, &fixture->arena, &error, &fixture->event),
                         PL_BAD_DATA);
    }
    assert_string_equal(error.text, "not a body of SubscriptionEvent");
    fixture->body.len = 0;
    put_request(&fixture->body);
    pl_buffer_put_byte(&fixture->body, 0);
    body = pl_buffer_since(&fixture->body, PL_FRAME_BYTES);
    assert_int_equal(pl_request_decode_body(body, &error, &fixture->request), PL_BAD_DATA);
    assert_string_equal(error.text, "not a body of UpgradeRequest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_subscription_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_licence_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_other_changes_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_follow_themselves_are_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_request_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_avro_c_writes_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_bytes_are_an_error, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of wire/avro_read.c. */
#include "avro_fixture.h"
#include "wire/avro_read.h"

static struct pl_avro_reader *new_reader(const char *path)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error;
    struct pl_avro_reader *reader = NULL;

    if (pl_avro_reader_new(load(path, &arena), &error, &reader) != PL_OK) {
        fail_msg("%s: %s", path, error.text);
    }
    pl_arena_done(&arena);
    return reader;
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

struct fixture {
    struct pl_avro_reader *reader;
    struct pl_arena arena;
    struct pl_buffer body;
    struct pl_event event;
};

static void read_event(struct fixture *fixture)
{
    struct pl_error error;
    struct pl_bytes body = since_start(&fixture->body);

    if (pl_avro_read_event(fixture->reader, body, &fixture->arena, &error, &fixture->event) !=
        PL_OK) {
        fail_msg("%s", error.text);
    }
    /* What is read must not depend on the body or the next one. */
    memset(fixture->body.data, 'x', fixture->body.len);
    assert_text(fixture->event.customer_id, "customer-1");
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.reader = new_reader("schemas/subscription-event.avsc")};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    pl_avro_reader_free(fixture->reader);
    pl_arena_done(&fixture->arena);
    pl_buffer_done(&fixture->body);
    return 0;
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

static void a_license_is_read(void **state)
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
    pl_put_array_end(body);
    read_event(fixture);
    assert_int_equal(fixture->event.kind, PL_EVENT_DELEGATED_ADMIN_CHANGED);
    assert_text(fixture->event.change.delegated_admin_changed.partner_id, "p");
    assert_true(fixture->event.change.delegated_admin_changed.granted);
    assert_int_equal(fixture->event.change.delegated_admin_changed.service_families.count, 0);

    put_event_start(body, PL_EVENT_CUSTOMER_ERASED);
    read_event(fixture);
    assert_int_equal(fixture->event.kind, PL_EVENT_CUSTOMER_ERASED);
}

/* A large body between small ones: the reader starts anew, and goes on. */
static void a_large_body_is_read(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_delegated_admin_changed *change =
        &fixture->event.change.delegated_admin_changed;
    struct pl_buffer *body = &fixture->body;

    for (size_t count = 1; count <= 100000; count = count == 1 ? 100000 : count + 1) {
        put_event_start(body, PL_EVENT_DELEGATED_ADMIN_CHANGED);
        put_text(body, "p");
        pl_put_boolean(body, false);
        pl_put_array_start(body, count);
        for (size_t i = 0; i < count; i++) {
            put_text(body, i % 2 == 0 ? "even" : "");
        }
        pl_put_array_end(body);
        read_event(fixture);
        assert_int_equal(change->service_families.count, count);
        assert_text(change->service_families.items[0], "even");
        assert_text(change->service_families.items[count - 1], count % 2 == 1 ? "even" : "");
    }
    the_other_changes_are_read(state);
}

static void a_request_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct pl_avro_reader *reader = new_reader("schemas/upgrade-request.avsc");
    struct pl_buffer *buffer = &fixture->body;
    struct pl_request request;
    struct pl_error error;

    put_request(buffer);
    assert_int_equal(pl_avro_read_request(reader, pl_buffer_since(buffer, PL_FRAME_BYTES),
                                          &fixture->arena, &error, &request),
                     PL_OK);
    assert_text(request.request_id, "request-1");
    assert_text(request.order_id, "order-1");
    assert_text(request.customer_id, "customer-1");
    assert_text(request.partner_id, "partner-1");
    assert_text(request.subscription_id, "subscription-1");
    assert_int_equal(request.operation, PL_OPERATION_UPGRADE);
    assert_text(request.target_offer_id, "offer-2");
    assert_true(request.quantity.is_set);
    assert_int_equal(request.quantity.value, -25);
    assert_true(request.expected_version.is_set);
    assert_true(request.expected_version.value == INT64_MIN);
    assert_true(request.require_license_transfer);
    assert_text(request.requested_by_user_id, "user-1");
    assert_text(request.requested_by_role, "GLOBAL_ADMIN");
    assert_true(request.requested_at_ms == INT64_C(1760000000001));
    pl_avro_reader_free(reader);
}

static void an_empty_request_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct pl_avro_reader *reader = new_reader("schemas/upgrade-request.avsc");
    struct pl_request request;
    struct pl_error error;

    assert_int_equal(pl_avro_read_request(reader, PL_BYTES_LITERAL("\0\0\0\0\0\0\0\0\0\0\0\0\0"),
                                          &fixture->arena, &error, &request),
                     PL_OK);
    assert_text(request.request_id, "");
    assert_null(request.order_id.data);
    assert_null(request.target_offer_id.data);
    assert_int_equal(request.operation, PL_OPERATION_CHECK);
    assert_false(request.quantity.is_set);
    assert_false(request.expected_version.is_set);
    assert_false(request.require_license_transfer);
    pl_avro_reader_free(reader);
}

static void what_avro_c_does_not_take_is_an_error(void **state)
{
    struct pl_error error = {""};
    struct pl_avro_reader *reader = NULL;
    struct fixture *fixture = *state;

    assert_int_equal(pl_avro_reader_new(PL_BYTES_LITERAL("{\"type\": \"what\"}"), &error, &reader),
                     PL_BAD_DATA);
    assert_non_null(strstr(error.text, "avro-c: "));
    assert_null(reader);
    /* A boolean cut off: no string is under way that avro-c could lose. */
    put_event_start(&fixture->body, PL_EVENT_DELEGATED_ADMIN_CHANGED);
    put_text(&fixture->body, "p");
    assert_int_equal(pl_avro_read_event(fixture->reader, since_start(&fixture->body),
                                        &fixture->arena, &error, &fixture->event),
                     PL_BAD_DATA);
    pl_avro_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_subscription_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_license_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_other_changes_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_body_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_request_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_avro_c_does_not_take_is_an_error, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

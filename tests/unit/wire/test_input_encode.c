/* Unit tests of wire/input_encode.c: the bytes are those of the contract, and the decoder reads
 * back what was written. */
#include "wire/avro_fixture.h"

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

struct world {
    struct pl_arena arena;
    struct pl_buffer buffer;
    struct schema_source source;
    struct pl_decoder *decoder;
};

static int set_up(void **state)
{
    static struct world world;

    world = (struct world){.arena = PL_ARENA_INIT};
    init_source(&world.source, &world.arena);
    world.decoder = new_decoder(&world.source, &world.arena);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    pl_decoder_free(world->decoder);
    pl_buffer_done(&world->buffer);
    pl_arena_done(&world->arena);
    return 0;
}

static const struct pl_bytes disabled[] = {TEXT("service-b"), TEXT("service-a")};
static const struct pl_event assigned = {
    .customer_id = TEXT("customer-1"),
    .kind = PL_EVENT_LICENSE_ASSIGNED,
    .change.license_assigned = {.subscription_id = TEXT("subscription-1"),
                                .user_id = TEXT("user-1"),
                                .user_principal_name = TEXT("j\xc3\xb8rgen@example.com"),
                                .display_name = TEXT("J\xc3\xb8rgen"),
                                .assigned_by_group = TEXT("group-1"),
                                .disabled_services = {disabled, 2}}};
static const struct pl_request full_request = {.request_id = TEXT("request-1"),
                                               .order_id = TEXT("order-1"),
                                               .customer_id = TEXT("customer-1"),
                                               .partner_id = TEXT("partner-1"),
                                               .subscription_id = TEXT("subscription-1"),
                                               .operation = PL_OPERATION_UPGRADE,
                                               .target_offer_id = TEXT("offer-2"),
                                               .quantity = {true, -25},
                                               .expected_version = {true, INT64_MIN},
                                               .require_license_transfer = true,
                                               .requested_by_user_id = TEXT("user-1"),
                                               .requested_by_role = TEXT("GLOBAL_ADMIN"),
                                               .requested_at_ms = INT64_C(1760000000001)};

/* Encode, and read back by the decoder. */
static struct pl_event read_back(struct world *world, const struct pl_event *event)
{
    struct pl_refusal refusal = {.message = ""};
    struct pl_error error = {""};
    struct pl_event read = {.kind = PL_EVENT_CUSTOMER_ERASED};

    world->buffer.len = 0;
    pl_event_encode(EVENT_ID, pl_bytes_of("event-1"), -1, event, &world->buffer);
    if (pl_decode_event(world->decoder, since_start(&world->buffer), &world->arena, &read, &refusal,
                        &error) != PL_OK) {
        fail_msg("%s %s", refusal.message, error.text);
    }
    assert_bytes(read.customer_id, event->customer_id);
    assert_int_equal(read.kind, event->kind);
    return read;
}

static void an_event_is_framed_and_in_the_order_of_the_schema(void **state)
{
    struct world *world = *state;
    struct pl_buffer expected = {NULL, 0, 0};

    put_license_assigned(&expected);
    pl_event_encode(EVENT_ID, pl_bytes_of("event-1"), INT64_C(1760000000000), &assigned,
                    &world->buffer);
    assert_bytes(since_start(&world->buffer), since_start(&expected));
    pl_buffer_done(&expected);
}

static void a_request_is_framed_and_in_the_order_of_the_schema(void **state)
{
    struct world *world = *state;
    struct pl_buffer expected = {NULL, 0, 0};

    put_request(&expected);
    pl_request_encode(REQUEST_ID, &full_request, &world->buffer);
    assert_bytes(since_start(&world->buffer), since_start(&expected));
    pl_buffer_done(&expected);
}

static void the_frame_has_the_id_that_is_given(void **state)
{
    struct world *world = *state;
    struct pl_bytes body;
    uint32_t id = 0;

    pl_request_encode(0x01020304, &full_request, &world->buffer);
    assert_true(pl_get_frame(since_start(&world->buffer), &id, &body));
    assert_int_equal(id, 0x01020304);
}

static void what_is_written_is_appended(void **state)
{
    struct world *world = *state;
    size_t first_len;

    pl_request_encode(REQUEST_ID, &full_request, &world->buffer);
    first_len = world->buffer.len;
    pl_request_encode(REQUEST_ID, &full_request, &world->buffer);
    assert_int_equal(world->buffer.len, 2 * first_len);
    assert_memory_equal(world->buffer.data, world->buffer.data + first_len, first_len);
}

static void a_subscription_is_read_back(void **state)
{
    struct pl_event event = {
        .customer_id = TEXT("c"),
        .kind = PL_EVENT_SUBSCRIPTION_CHANGED,
        .change.subscription_changed = {TEXT("s"), TEXT("o"), PL_STATUS_SUSPENDED, INT32_MAX,
                                        TEXT("p"), PL_CHANNEL_VOLUME, TEXT("parent"), INT64_MAX}};
    struct pl_subscription_changed read = read_back(*state, &event).change.subscription_changed;

    assert_text(read.subscription_id, "s");
    assert_text(read.offer_id, "o");
    assert_int_equal(read.status, PL_STATUS_SUSPENDED);
    assert_int_equal(read.quantity, INT32_MAX);
    assert_text(read.partner_id, "p");
    assert_int_equal(read.channel, PL_CHANNEL_VOLUME);
    assert_text(read.parent_subscription_id, "parent");
    assert_true(read.revision == INT64_MAX);
}

static void a_licence_is_read_back(void **state)
{
    struct pl_license_assigned read = read_back(*state, &assigned).change.license_assigned;

    assert_text(read.user_principal_name, "j\xc3\xb8rgen@example.com");
    assert_text(read.display_name, "J\xc3\xb8rgen");
    assert_text(read.assigned_by_group, "group-1");
    assert_int_equal(read.disabled_services.count, 2);
    assert_text(read.disabled_services.items[1], "service-a");
}

static void a_removed_licence_is_read_back(void **state)
{
    struct pl_event event = {.customer_id = TEXT("c"),
                             .kind = PL_EVENT_LICENSE_REMOVED,
                             .change.license_removed = {TEXT("s"), TEXT("u")}};
    struct pl_license_removed read = read_back(*state, &event).change.license_removed;

    assert_text(read.subscription_id, "s");
    assert_text(read.user_id, "u");
}

static void a_grant_is_read_back(void **state)
{
    struct pl_event event = {.customer_id = TEXT("c"),
                             .kind = PL_EVENT_DELEGATED_ADMIN_CHANGED,
                             .change.delegated_admin_changed = {TEXT("p"), true, {disabled, 1}}};
    struct pl_delegated_admin_changed read =
        read_back(*state, &event).change.delegated_admin_changed;

    assert_text(read.partner_id, "p");
    assert_true(read.granted);
    assert_int_equal(read.service_families.count, 1);
    assert_text(read.service_families.items[0], "service-b");
}

static void an_erased_customer_is_read_back(void **state)
{
    struct pl_event event = {.customer_id = TEXT("c"), .kind = PL_EVENT_CUSTOMER_ERASED};

    (void)read_back(*state, &event);
}

static void what_is_not_set_is_null(void **state)
{
    struct world *world = *state;
    struct pl_request request = {.request_id = TEXT("r"),
                                 .order_id = TEXT(""),
                                 .customer_id = TEXT("c"),
                                 .partner_id = TEXT("p"),
                                 .subscription_id = TEXT("s"),
                                 .requested_by_user_id = TEXT("u"),
                                 .requested_by_role = TEXT("r")};
    struct pl_refusal refusal = {.message = ""};
    struct pl_error error = {""};
    struct pl_request read;

    pl_request_encode(REQUEST_ID, &request, &world->buffer);
    assert_int_equal(pl_decode_request(world->decoder, since_start(&world->buffer), &world->arena,
                                       &read, &refusal, &error),
                     PL_OK);
    assert_true(pl_bytes_is_null(read.order_id));
    assert_true(pl_bytes_is_null(read.target_offer_id));
    assert_false(read.quantity.is_set);
    assert_false(read.expected_version.is_set);
    assert_false(read.require_license_transfer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_is_framed_and_in_the_order_of_the_schema, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_framed_and_in_the_order_of_the_schema, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_frame_has_the_id_that_is_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_is_appended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subscription_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_licence_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_licence_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_grant_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_erased_customer_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_set_is_null, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

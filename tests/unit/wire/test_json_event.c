/* Unit tests of wire/json_event.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/json_event.h"

static enum pl_status read_text(const char *text, struct pl_arena *arena, struct pl_error *error,
                                struct pl_event *ret_event)
{
    json_t *document = json_loads(text, 0, NULL);
    struct pl_json_node root = pl_json_root(document);
    enum pl_status status;

    assert_non_null(document);
    status = pl_json_event_read(&root, PL_BYTES_LITERAL("c"), arena, error, ret_event);
    json_decref(document);
    return status;
}

static void accept(const char *text, struct pl_arena *arena, struct pl_event *ret_event)
{
    struct pl_error error = {""};

    if (read_text(text, arena, &error, ret_event) != PL_OK) {
        fail_msg("%s", error.text);
    }
    assert_true(pl_bytes_equal(ret_event->customer_id, PL_BYTES_LITERAL("c")));
}

static void assert_text(struct pl_bytes bytes, const char *text)
{
    assert_non_null(bytes.data);
    assert_true(pl_bytes_equal(bytes, pl_bytes_of(text)));
}

static void subscription_changed_is_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_event event;
    const struct pl_subscription_changed *change = &event.change.subscription_changed;

    (void)state;
    accept("{\"type\": \"SubscriptionChanged\", \"subscriptionId\": \"s\", \"offerId\": \"o\","
           " \"status\": \"SUSPENDED\", \"quantity\": 3, \"partnerId\": \"p\","
           " \"channel\": \"VOLUME\", \"parentSubscriptionId\": \"t\", \"revision\": -4,"
           " \"customerId\": \"unknown here\"}",
           &arena, &event);
    assert_int_equal(event.kind, PL_EVENT_SUBSCRIPTION_CHANGED);
    assert_text(change->subscription_id, "s");
    assert_text(change->offer_id, "o");
    assert_int_equal(change->status, PL_STATUS_SUSPENDED);
    assert_int_equal(change->quantity, 3);
    assert_text(change->partner_id, "p");
    assert_int_equal(change->channel, PL_CHANNEL_VOLUME);
    assert_text(change->parent_subscription_id, "t");
    assert_int_equal(change->revision, -4);

    accept("{\"type\": \"SubscriptionChanged\", \"subscriptionId\": \"s\", \"offerId\": \"o\","
           " \"status\": \"ACTIVE\", \"quantity\": 0, \"partnerId\": \"\", \"revision\": 0}",
           &arena, &event);
    assert_true(pl_bytes_is_null(change->partner_id));
    assert_int_equal(change->channel, PL_CHANNEL_OTHER);
    assert_true(pl_bytes_is_null(change->parent_subscription_id));
    pl_arena_done(&arena);
}

static void licence_events_are_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_event event;
    const struct pl_license_assigned *assigned = &event.change.license_assigned;

    (void)state;
    accept("{\"type\": \"LicenseAssigned\", \"subscriptionId\": \"s\", \"userId\": \"u\","
           " \"userPrincipalName\": \"n\", \"displayName\": \"d\", \"assignedByGroup\": \"g\","
           " \"disabledServices\": [\"b\", \"a\", \"b\"]}",
           &arena, &event);
    assert_int_equal(event.kind, PL_EVENT_LICENSE_ASSIGNED);
    assert_text(assigned->subscription_id, "s");
    assert_text(assigned->user_id, "u");
    assert_text(assigned->user_principal_name, "n");
    assert_text(assigned->display_name, "d");
    assert_text(assigned->assigned_by_group, "g");
    assert_int_equal(assigned->disabled_services.count, 3);
    assert_text(assigned->disabled_services.items[1], "a");

    accept("{\"type\": \"LicenseRemoved\", \"subscriptionId\": \"s\", \"userId\": \"u\"}", &arena,
           &event);
    assert_int_equal(event.kind, PL_EVENT_LICENSE_REMOVED);
    assert_text(event.change.license_removed.subscription_id, "s");
    assert_text(event.change.license_removed.user_id, "u");
    pl_arena_done(&arena);
}

static void the_others_are_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_event event;
    const struct pl_delegated_admin_changed *admin = &event.change.delegated_admin_changed;

    (void)state;
    accept("{\"type\": \"DelegatedAdminChanged\", \"partnerId\": \"p\", \"granted\": true,"
           " \"serviceFamilies\": [\"f\"]}",
           &arena, &event);
    assert_int_equal(event.kind, PL_EVENT_DELEGATED_ADMIN_CHANGED);
    assert_text(admin->partner_id, "p");
    assert_true(admin->granted);
    assert_int_equal(admin->service_families.count, 1);
    assert_text(admin->service_families.items[0], "f");

    accept("{\"type\": \"DelegatedAdminChanged\", \"partnerId\": \"p\", \"granted\": false}",
           &arena, &event);
    assert_false(admin->granted);
    assert_int_equal(admin->service_families.count, 0);

    accept("{\"type\": \"CustomerErased\"}", &arena, &event);
    assert_int_equal(event.kind, PL_EVENT_CUSTOMER_ERASED);
    pl_arena_done(&arena);
}

static void faults_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"[]", "must be an object, not an array"},
        {"{}", "type: is missing"},
        {"{\"type\": \"SubscriptionErased\"}",
         "type: must be one of SubscriptionChanged, LicenseAssigned, LicenseRemoved, "
         "DelegatedAdminChanged, CustomerErased"},
        {"{\"type\": \"LicenseRemoved\", \"subscriptionId\": \"s\"}", "userId: is missing"},
        {"{\"type\": \"LicenseAssigned\", \"subscriptionId\": \"s\", \"userId\": \"u\"}",
         "userPrincipalName: is missing"},
        {"{\"type\": \"DelegatedAdminChanged\", \"partnerId\": \"p\"}", "granted: is missing"},
        /* what would be invalid_event (contract 7) */
        {"{\"type\": \"LicenseRemoved\", \"subscriptionId\": \"\", \"userId\": \"u\"}",
         "subscriptionId must not be empty"},
        {"{\"type\": \"LicenseRemoved\", \"subscriptionId\": \"s\", \"userId\": \"\"}",
         "userId must not be empty"},
        {"{\"type\": \"DelegatedAdminChanged\", \"partnerId\": \"\", \"granted\": false}",
         "partnerId must not be empty"},
        {"{\"type\": \"SubscriptionChanged\", \"subscriptionId\": \"s\", \"offerId\": \"\","
         " \"status\": \"ACTIVE\", \"quantity\": 0, \"revision\": 0}",
         "offerId must not be empty"},
        {"{\"type\": \"SubscriptionChanged\", \"subscriptionId\": \"s\", \"offerId\": \"o\","
         " \"status\": \"ACTIVE\", \"quantity\": -1, \"revision\": 0}",
         "quantity must not be negative"},
    };
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_error error = {""};
        struct pl_event event;

        assert_int_equal(read_text(cases[i].text, &arena, &error, &event), PL_BAD_DATA);
        assert_string_equal(error.text, cases[i].message);
    }
    pl_arena_done(&arena);
}

/* What is written is what is read. */
static void events_are_written(void **state)
{
    static const char *const texts[] = {
        "{\"type\":\"SubscriptionChanged\",\"subscriptionId\":\"s\",\"offerId\":\"o\","
        "\"status\":\"SUSPENDED\",\"quantity\":7,\"partnerId\":\"p\",\"channel\":\"DIRECT\","
        "\"parentSubscriptionId\":null,\"revision\":3}",
        "{\"type\":\"LicenseAssigned\",\"subscriptionId\":\"s\",\"userId\":\"u\","
        "\"userPrincipalName\":\"n\",\"displayName\":null,\"assignedByGroup\":\"g\","
        "\"disabledServices\":[\"B\",\"A\"]}",
        "{\"type\":\"LicenseRemoved\",\"subscriptionId\":\"s\",\"userId\":\"u\"}",
        "{\"type\":\"DelegatedAdminChanged\",\"partnerId\":\"p\",\"granted\":false,"
        "\"serviceFamilies\":[]}",
        "{\"type\":\"CustomerErased\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pl_arena arena = PL_ARENA_INIT;
        struct pl_buffer buffer = {NULL, 0, 0};
        struct pl_event event;

        accept(texts[i], &arena, &event);
        pl_json_event_write(&event, &buffer);
        assert_text(pl_buffer_since(&buffer, 0), texts[i]);
        pl_buffer_done(&buffer);
        pl_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscription_changed_is_read), cmocka_unit_test(licence_events_are_read),
        cmocka_unit_test(the_others_are_read),          cmocka_unit_test(faults_are_named),
        cmocka_unit_test(events_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of wire/result_encode.c. */
#include <stdlib.h>

#include <avro.h>
#include <jansson.h>

#include "avro_fixture.h"
#include "wire/body_walk.h"
#include "wire/own_schema.h"

struct fixture {
    struct pl_arena arena;
    struct pl_buffer buffer;
    const struct pl_avro_type *type; /* for the check of every body */
    avro_schema_t schema;
    avro_value_iface_t *class;
    struct pl_result_part *parts;
    size_t count;
    struct pl_error error;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct pl_bytes json;

    fixture = (struct fixture){.count = 0};
    json = load("schemas/upgrade-result.avsc", &fixture.arena);
    assert_int_equal(
        pl_own_schema_parse(PL_OWN_RESULT, json, &fixture.arena, &fixture.error, &fixture.type),
        PL_OK);
    assert_int_equal(avro_schema_from_json_length(json.data, json.len, &fixture.schema), 0);
    fixture.class = avro_generic_class_from_schema(fixture.schema);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    avro_value_iface_decref(fixture->class);
    (void)avro_schema_decref(fixture->schema); /* the count left: none */
    pl_buffer_done(&fixture->buffer);
    pl_arena_done(&fixture->arena);
    return 0;
}

static const struct pl_result_origin origin = {.topic = {"requests", 8}, .partition = 1};

static enum pl_status encode(struct fixture *fixture, const struct pl_result *result,
                             size_t max_accounts, size_t max_message_bytes)
{
    const struct pl_result_limits limits = {max_accounts, max_message_bytes};

    return pl_result_encode(RESULT_ID, result, &origin, &limits, &fixture->arena, &fixture->buffer,
                            &fixture->parts, &fixture->count, &fixture->error);
}

/* ---- reading a part back --------------------------------------------------------------------- */

static struct pl_bytes value_of(const struct fixture *fixture, size_t part)
{
    const struct pl_result_part *found = &fixture->parts[part];

    return (struct pl_bytes){fixture->buffer.data + found->value_position, found->value_len};
}

/* Key, value and headers of a part: what is bounded. */
static size_t message_bytes(const struct fixture *fixture, const struct pl_result *result,
                            size_t part)
{
    const struct pl_result_part *found = &fixture->parts[part];
    size_t bytes = result->customer_id.len + found->value_len;

    for (size_t i = 0; i < found->header_count; i++) {
        bytes += found->headers[i].name.len + found->headers[i].value.len;
    }
    return bytes;
}

/* Read by avro-c, as its JSON; unions are objects there. The caller frees it. */
static json_t *read_part(const struct fixture *fixture, size_t part)
{
    struct pl_bytes value = value_of(fixture, part);
    struct pl_bytes body = PL_NULL_BYTES;
    struct pl_error error;
    uint32_t id = 0;
    avro_value_t record;
    avro_reader_t reader;
    char *text = NULL;
    json_t *json;

    assert_true(pl_get_frame(value, &id, &body));
    assert_int_equal(id, RESULT_ID);
    if (pl_body_check(fixture->type, body, &error) != PL_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(avro_generic_value_new(fixture->class, &record), 0);
    reader = avro_reader_memory(body.data, (int64_t)body.len);
    assert_int_equal(avro_value_read(reader, &record), 0);
    assert_int_equal(avro_value_to_json(&record, 1, &text), 0);
    json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    avro_reader_free(reader);
    avro_value_decref(&record);
    return json;
}

static void assert_json(json_t *json, const char *expected, struct pl_arena *arena)
{
    struct pl_bytes text = quoted(expected, arena);
    json_t *wanted = json_loadb(text.data, text.len, 0, NULL);
    char *found = json_dumps(json, JSON_SORT_KEYS);

    assert_non_null(wanted);
    if (!json_equal(json, wanted)) {
        fail_msg("%s", found);
    }
    free(found);
    json_decref(wanted);
    json_decref(json);
}

/* ---- one record ------------------------------------------------------------------------------ */

static void the_smallest_result_is_encoded(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_result result = {
        .request_id = PL_BYTES_LITERAL("r"),
        .customer_id = PL_BYTES_LITERAL("c"),
        .outcome = PL_OUTCOME_REFUSED,
        .operation = PL_OPERATION_ADD_LICENSES,
        .catalogue_version = PL_BYTES_LITERAL("v"),
    };

    assert_int_equal(encode(fixture, &result, 1000, 1000000), PL_OK);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->parts[0].header_count, 7);
    assert_json(read_part(fixture, 0),
                "{'requestId': 'r', 'orderId': null, 'customerId': 'c', 'partnerId': '',"
                " 'subscriptionId': '', 'operation': 'ADD_LICENSES', 'outcome': 'REFUSED',"
                " 'upgradeType': 'NONE', 'errors': [], 'possibleUpgrades': [],"
                " 'sourceSubscription': null, 'targetSubscription': null,"
                " 'affectedAccounts': [], 'servicesToTransition': [], 'billing': null,"
                " 'customerVersion': 0, 'catalogueVersion': 'v', 'decidedAt': 0,"
                " 'part': 1, 'parts': 1}",
                &fixture->arena);
}

static void a_check_is_encoded(void **state)
{
    struct fixture *fixture = *state;
    struct pl_bytes services[] = {PL_BYTES_LITERAL("x"), PL_BYTES_LITERAL("y")};
    struct pl_upgrade_error errors[] = {
        {PL_ERROR_CONFLICTING_SERVICE_TYPES,
         PL_BYTES_LITERAL("cancel it"),
         PL_BYTES_LITERAL("s2"),
         {services, 2}},
        {PL_ERROR_ROLE_NOT_PERMITTED, PL_BYTES_LITERAL("ask"), PL_BYTES_LITERAL(""), {NULL, 0}},
    };
    const struct pl_possible_upgrade upgrades[] = {
        {PL_BYTES_LITERAL("o2"), true, PL_UPGRADE_TYPE_UPGRADE_ONLY, 5, {NULL, 0}, 0, {NULL, 0}},
        {PL_BYTES_LITERAL("o3"), false, PL_UPGRADE_TYPE_NONE, 6, {errors, 1}, 7, {services, 2}},
    };
    const struct pl_result result = {
        .operation = PL_OPERATION_CHECK,
        .outcome = PL_OUTCOME_NOT_ELIGIBLE,
        .errors = {errors, 2},
        .possible_upgrades = upgrades,
        .possible_upgrade_count = 2,
        .source = {true, PL_BYTES_LITERAL("s"), PL_BYTES_LITERAL("o"), PL_BYTES_LITERAL("O"),
                   PL_STATUS_SUSPENDED, 4},
        .order_id = PL_BYTES_LITERAL("order"),
        .customer_version = INT64_MIN,
        .decided_at_ms = INT64_MAX,
    };
    json_t *json;

    assert_int_equal(encode(fixture, &result, 1000, 1000000), PL_OK);
    json = read_part(fixture, 0);
    assert_json(json_incref(json_object_get(json, "errors")),
                "[{'code': 'conflicting_service_types', 'message': 'cancel it',"
                "  'subscriptionId': {'string': 's2'}, 'services': ['x', 'y']},"
                " {'code': 'role_not_permitted', 'message': 'ask', 'subscriptionId': null,"
                "  'services': []}]",
                &fixture->arena);
    assert_json(json_incref(json_object_get(json, "possibleUpgrades")),
                "[{'targetOfferId': 'o2', 'eligible': true, 'upgradeType': 'UPGRADE_ONLY',"
                "  'quantity': 5, 'errors': [], 'affectedAccounts': 0, 'additionalServices': []},"
                " {'targetOfferId': 'o3', 'eligible': false, 'upgradeType': 'NONE',"
                "  'quantity': 6, 'errors': [{'code': 'conflicting_service_types',"
                "  'message': 'cancel it', 'subscriptionId': {'string': 's2'},"
                "  'services': ['x', 'y']}], 'affectedAccounts': 7,"
                "  'additionalServices': ['x', 'y']}]",
                &fixture->arena);
    assert_json(json_incref(json_object_get(json, "sourceSubscription")),
                "{'Subscription': {'subscriptionId': 's', 'offerId': 'o', 'offerName': 'O',"
                " 'status': 'SUSPENDED', 'quantity': 4}}",
                &fixture->arena);
    assert_json(json_incref(json_object_get(json, "orderId")), "{'string': 'order'}",
                &fixture->arena);
    assert_true(json_integer_value(json_object_get(json, "customerVersion")) == INT64_MIN);
    assert_true(json_integer_value(json_object_get(json, "decidedAt")) == INT64_MAX);
    json_decref(json);
}

static void an_upgrade_is_encoded(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_account_transition transitions[] = {
        {PL_BYTES_LITERAL("a"), PL_BYTES_LITERAL("b"), PL_TRANSITION_REPLACED},
        {PL_BYTES_LITERAL("c"), PL_NULL_BYTES, PL_TRANSITION_REMOVED},
    };
    const struct pl_upgrade_error group = {PL_ERROR_LICENSE_ASSIGNED_BY_GROUP,
                                           PL_BYTES_LITERAL("see the group"),
                                           PL_NULL_BYTES,
                                           {NULL, 0}};
    const struct pl_affected_account accounts[] = {
        {PL_BYTES_LITERAL("u1"), PL_BYTES_LITERAL("u1@x"), PL_BYTES_LITERAL("U"), transitions, 2,
         NULL},
        {PL_BYTES_LITERAL("u2"), PL_BYTES_LITERAL("u2@x"), PL_NULL_BYTES, NULL, 0, &group},
    };
    const struct pl_service_transition services[] = {
        {PL_BYTES_LITERAL("a"), PL_BYTES_LITERAL("A"), PL_BYTES_LITERAL("b"), PL_BYTES_LITERAL("B"),
         PL_TRANSITION_REPLACED, 1},
        {PL_BYTES_LITERAL("c"), PL_BYTES_LITERAL("C"), PL_NULL_BYTES, PL_NULL_BYTES,
         PL_TRANSITION_REMOVED, 2},
    };
    const struct pl_result result = {
        .outcome = PL_OUTCOME_UPGRADED,
        .upgrade_type = PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER,
        .affected_accounts = accounts,
        .affected_account_count = 2,
        .services_to_transition = services,
        .services_to_transition_count = 2,
    };
    json_t *json;

    assert_int_equal(encode(fixture, &result, 1000, 1000000), PL_OK);
    json = read_part(fixture, 0);
    assert_json(json_incref(json_object_get(json, "affectedAccounts")),
                "[{'userId': 'u1', 'userPrincipalName': 'u1@x', 'displayName': {'string': 'U'},"
                "  'transitions': [{'service': 'a', 'replacement': {'string': 'b'},"
                "  'transition': 'REPLACED'}, {'service': 'c', 'replacement': null,"
                "  'transition': 'REMOVED'}], 'licenseError': null},"
                " {'userId': 'u2', 'userPrincipalName': 'u2@x', 'displayName': null,"
                "  'transitions': [], 'licenseError': {'UpgradeError': {"
                "  'code': 'license_assigned_by_group', 'message': 'see the group',"
                "  'subscriptionId': null, 'services': []}}}]",
                &fixture->arena);
    assert_json(json_incref(json_object_get(json, "servicesToTransition")),
                "[{'service': 'a', 'serviceName': 'A', 'replacement': {'string': 'b'},"
                "  'replacementName': {'string': 'B'}, 'transition': 'REPLACED', 'accounts': 1},"
                " {'service': 'c', 'serviceName': 'C', 'replacement': null,"
                "  'replacementName': null, 'transition': 'REMOVED', 'accounts': 2}]",
                &fixture->arena);
    json_decref(json);
}

static void a_billing_is_encoded(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_billing_line line = {true, PL_BYTES_LITERAL("s"), PL_BYTES_LITERAL("o"),
                                         PL_BYTES_LITERAL("O"), 9};
    struct pl_result result = {.billing = {true, line, line, 1234}};
    json_t *json;

    assert_int_equal(encode(fixture, &result, 1000, 1000000), PL_OK);
    json = read_part(fixture, 0);
    assert_json(json_incref(json_object_get(json, "billing")),
                "{'Billing': {'cancelled': {'BillingLine': {'subscriptionId': 's',"
                " 'offerId': 'o', 'offerName': 'O', 'quantity': 9}}, 'added': {"
                " 'subscriptionId': 's', 'offerId': 'o', 'offerName': 'O', 'quantity': 9},"
                " 'effectiveAt': 1234}}",
                &fixture->arena);
    json_decref(json);
    result.billing.cancelled.is_set = false;
    assert_int_equal(encode(fixture, &result, 1000, 1000000), PL_OK);
    json = read_part(fixture, 0);
    assert_true(json_is_null(json_object_get(
        json_object_get(json_object_get(json, "billing"), "Billing"), "cancelled")));
    json_decref(json);
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* A result with count accounts of different sizes, some with a license error. */
static struct pl_result large_result(size_t count, struct pl_arena *arena)
{
    static const struct pl_upgrade_error group = {
        PL_ERROR_LICENSE_ASSIGNED_BY_GROUP, {"see the group", 13}, {NULL, 0}, {NULL, 0}};
    struct pl_affected_account *accounts = pl_arena_zalloc(arena, count, sizeof(*accounts));

    for (size_t i = 0; i < count; i++) {
        accounts[i].user_id = pl_arena_format(arena, "user-%zu", i);
        accounts[i].user_principal_name = pl_arena_format(arena, "%*s", (int)(i * 7 % 90), "");
        accounts[i].license_error = i % 5 == 0 ? &group : NULL;
    }
    return (struct pl_result){
        .request_id = PL_BYTES_LITERAL("request"),
        .customer_id = PL_BYTES_LITERAL("customer"),
        .outcome = PL_OUTCOME_UPGRADED,
        .affected_accounts = accounts,
        .affected_account_count = count,
        .catalogue_version = PL_BYTES_LITERAL("v1"),
    };
}

static size_t varint_bytes(size_t number)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    size_t len;

    pl_put_long(&buffer, (int64_t)number);
    len = buffer.len;
    pl_buffer_done(&buffer);
    return len;
}

/* How large a part would be with the accounts [first, end): encoded as a result of its own, which
 * has no number in its ce_id and one byte each for part and parts. */
static size_t size_with(struct fixture *fixture, const struct pl_result *result, size_t first,
                        size_t end, size_t part)
{
    struct fixture other = {.arena = PL_ARENA_INIT};
    struct pl_result slice = *result;
    size_t bytes;

    slice.affected_accounts += first;
    slice.affected_account_count = end - first;
    assert_int_equal(encode(&other, &slice, SIZE_MAX, SIZE_MAX), PL_OK);
    bytes = message_bytes(&other, result, 0) - 2 + varint_bytes(part) +
            varint_bytes(fixture->count) + pl_arena_format(&other.arena, "/%zu", part).len;
    pl_buffer_done(&other.buffer);
    pl_arena_done(&other.arena);
    return bytes;
}

/* Everything but affectedAccounts and part, for comparing parts; takes json. */
static json_t *rest_of(json_t *json)
{
    (void)json_object_del(json, "affectedAccounts");
    (void)json_object_del(json, "part");
    return json;
}

/* The parts as the contract has them: all within the limits, as full as they can be, alike but for
 * their slice; the slices together are the accounts in order. */
static void check_parts(struct fixture *fixture, const struct pl_result *result,
                        size_t max_accounts, size_t max_bytes)
{
    size_t first = 0;
    json_t *rest = rest_of(read_part(fixture, 0));

    assert_int_equal(json_integer_value(json_object_get(rest, "parts")), fixture->count);
    for (size_t part = 1; part <= fixture->count; part++) {
        json_t *json = read_part(fixture, part - 1);
        const json_t *accounts = json_object_get(json, "affectedAccounts");
        size_t end = first + json_array_size(accounts);

        assert_true(end > first);
        assert_int_equal(json_integer_value(json_object_get(json, "part")), part);
        for (size_t i = first; i < end; i++) {
            const json_t *account = json_array_get(accounts, i - first);

            assert_string_equal(json_string_value(json_object_get(account, "userId")),
                                result->affected_accounts[i].user_id.data);
        }
        assert_text(fixture->parts[part - 1].headers[2].value,
                    pl_arena_format(&fixture->arena, "request/%zu", part).data);
        assert_int_equal(message_bytes(fixture, result, part - 1),
                         size_with(fixture, result, first, end, part));
        assert_true(message_bytes(fixture, result, part - 1) <= max_bytes);
        assert_true(end - first <= max_accounts);
        if (part < fixture->count) {
            assert_true(end - first == max_accounts ||
                        size_with(fixture, result, first, end + 1, part) > max_bytes);
        }
        json = rest_of(json);
        assert_true(json_equal(json, rest));
        json_decref(json);
        first = end;
    }
    json_decref(rest);
    assert_int_equal(first, result->affected_account_count);
}

static void too_many_accounts_are_split(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_result result = large_result(25, &fixture->arena);

    assert_int_equal(encode(fixture, &result, 25, 1000000), PL_OK);
    assert_int_equal(fixture->count, 1);
    assert_text(fixture->parts[0].headers[2].value, "request");
    assert_int_equal(encode(fixture, &result, 24, 1000000), PL_OK);
    assert_int_equal(fixture->count, 2);
    check_parts(fixture, &result, 24, 1000000);
    assert_int_equal(encode(fixture, &result, 5, 1000000), PL_OK);
    assert_int_equal(fixture->count, 5);
    check_parts(fixture, &result, 5, 1000000);
    assert_int_equal(encode(fixture, &result, 1, 1000000), PL_OK);
    assert_int_equal(fixture->count, 25);
    check_parts(fixture, &result, 1, 1000000);
}

/* Every limit from the smallest that works to the one where all fits into one record. */
static void too_many_bytes_are_split(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_result result = large_result(30, &fixture->arena);
    size_t whole;
    size_t refused = 0;

    assert_int_equal(encode(fixture, &result, 1000, 1000000), PL_OK);
    whole = message_bytes(fixture, &result, 0);
    for (size_t limit = 1; limit < whole; limit++) {
        fixture->buffer.len = 0;
        if (encode(fixture, &result, 1000, limit) != PL_OK) {
            refused = limit;
            assert_int_equal(fixture->buffer.len, 0);
            continue;
        }
        assert_true(fixture->count > 1);
        check_parts(fixture, &result, 1000, limit);
    }
    assert_true(refused > 100 && refused < whole / 3);
    assert_int_equal(encode(fixture, &result, 1000, whole), PL_OK);
    assert_int_equal(fixture->count, 1);
}

/* Where the number of parts takes two bytes, there is a byte less for accounts. */
static void a_large_number_of_parts_is_counted_in(void **state)
{
    struct fixture *fixture = *state;

    for (size_t count = 60; count <= 70; count++) {
        const struct pl_result result = large_result(count, &fixture->arena);

        for (size_t limit = 330; limit < 430; limit += 3) {
            fixture->buffer.len = 0;
            if (encode(fixture, &result, 1000, limit) == PL_OK) {
                check_parts(fixture, &result, 1000, limit);
            }
        }
        fixture->buffer.len = 0;
        assert_int_equal(encode(fixture, &result, 1, 1000000), PL_OK);
        assert_int_equal(fixture->count, count);
        check_parts(fixture, &result, 1, 1000000);
    }
}

static void what_does_not_fit_alone_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result = large_result(3, &fixture->arena);
    struct pl_affected_account *accounts =
        pl_arena_grow(&fixture->arena, result.affected_accounts, 3, 3, sizeof(*accounts));

    accounts[2].user_principal_name = pl_arena_format(&fixture->arena, "%5000s", "");
    result.affected_accounts = accounts;
    pl_buffer_put(&fixture->buffer, "kept", 4);
    assert_int_equal(encode(fixture, &result, 1000, 4000), PL_BAD_DATA);
    assert_text(since_start(&fixture->buffer), "kept");
    assert_non_null(strstr(fixture->error.text, "4000 bytes"));
    result.affected_account_count = 0;
    assert_int_equal(encode(fixture, &result, 1000, 200), PL_BAD_DATA);
    assert_text(since_start(&fixture->buffer), "kept");
    assert_int_equal(encode(fixture, &result, 1000, 4000), PL_OK);
    assert_int_equal(fixture->parts[0].value_position, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_smallest_result_is_encoded),
        TEST(a_check_is_encoded),
        TEST(an_upgrade_is_encoded),
        TEST(a_billing_is_encoded),
        TEST(too_many_accounts_are_split),
        TEST(too_many_bytes_are_split),
        TEST(a_large_number_of_parts_is_counted_in),
        TEST(what_does_not_fit_alone_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

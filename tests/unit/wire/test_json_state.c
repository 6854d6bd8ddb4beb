/* Unit tests of wire/json_state.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json_state.h"

static enum pl_status read_text(const char *text, struct pl_arena *arena, struct pl_error *error,
                                struct pl_customer *ret_customer)
{
    json_t *document = json_loads(text, 0, NULL);
    struct pl_json_node root = pl_json_root(document);
    enum pl_status status;

    assert_non_null(document);
    status = pl_json_state_read(&root, arena, error, ret_customer);
    json_decref(document);
    return status;
}

/* Reading a text and writing the customer gives another. */
static void check_round(const char *text, const char *written)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_error error = {""};
    struct pl_customer customer;

    if (read_text(text, &arena, &error, &customer) != PL_OK) {
        fail_msg("%s", error.text);
    }
    pl_json_state_write(&customer, &arena, &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_string_equal(buffer.data, written);
    pl_buffer_done(&buffer);
    pl_arena_done(&arena);
}

static void refuse(const char *text, const char *message)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_customer customer;

    assert_int_equal(read_text(text, &arena, &error, &customer), PL_BAD_DATA);
    assert_string_equal(error.text, message);
    pl_arena_done(&arena);
}

static const char sorted[] =
    "{\"customerId\":\"c\",\"version\":7,\"subscriptions\":["
    "{\"subscriptionId\":\"S\",\"offerId\":\"o\",\"status\":\"CANCELLED\",\"quantity\":0,"
    "\"partnerId\":null,\"channel\":\"OTHER\",\"parentSubscriptionId\":null,\"revision\":-1,"
    "\"replacedBy\":\"s\",\"licenses\":[]},"
    "{\"subscriptionId\":\"s\",\"offerId\":\"o\",\"status\":\"ACTIVE\",\"quantity\":2147483647,"
    "\"partnerId\":\"p\",\"channel\":\"CSP\",\"parentSubscriptionId\":\"x\",\"revision\":3,"
    "\"replacedBy\":null,\"licenses\":["
    "{\"userId\":\"u1\",\"userPrincipalName\":\"\",\"displayName\":null,"
    "\"assignedByGroup\":null,\"disabledServices\":[]},"
    "{\"userId\":\"u2\",\"userPrincipalName\":\"n\",\"displayName\":\"Zo\xc3\xab\","
    "\"assignedByGroup\":\"g\",\"disabledServices\":[\"\",\"A\",\"a\"]}]}],"
    "\"delegatedAdmin\":[{\"partnerId\":\"p\",\"serviceFamilies\":[]},"
    "{\"partnerId\":\"q\",\"serviceFamilies\":[\"f1\",\"f2\"]}]}";

static void a_sorted_state_comes_back_as_it_was(void **state)
{
    (void)state;
    check_round(sorted, sorted);
}

static void an_unsorted_one_leaves_sorted_without_repeats_and_with_defaults(void **state)
{
    (void)state;
    check_round("{\"delegatedAdmin\":[{\"serviceFamilies\":[\"f2\",\"f1\",\"f2\"],"
                "\"partnerId\":\"q\"},{\"partnerId\":\"p\"}],\"extra\":{},\"subscriptions\":["
                "{\"licenses\":[{\"disabledServices\":[\"a\",\"A\",\"\",\"a\"],"
                "\"assignedByGroup\":\"g\",\"displayName\":\"Zo\\u00eb\","
                "\"userPrincipalName\":\"n\",\"userId\":\"u2\"},"
                "{\"userId\":\"u1\",\"userPrincipalName\":\"\",\"displayName\":\"\"}],"
                "\"revision\":3,\"parentSubscriptionId\":\"x\",\"channel\":\"CSP\","
                "\"partnerId\":\"p\",\"quantity\":2147483647,\"status\":\"ACTIVE\","
                "\"offerId\":\"o\",\"subscriptionId\":\"s\"},"
                "{\"subscriptionId\":\"S\",\"offerId\":\"o\",\"status\":\"CANCELLED\","
                "\"quantity\":0,\"partnerId\":\"\",\"channel\":null,\"revision\":-1,"
                "\"replacedBy\":\"s\",\"licenses\":null}],\"version\":7,\"customerId\":\"c\"}",
                sorted);
}

static void the_smallest_state_has_an_id_and_a_version(void **state)
{
    static const char empty[] =
        "{\"customerId\":\"c\",\"version\":0,\"subscriptions\":[],\"delegatedAdmin\":[]}";

    (void)state;
    check_round("{\"customerId\":\"c\",\"version\":0}", empty);
    check_round("{\"customerId\":\"c\",\"version\":0,\"subscriptions\":null,"
                "\"delegatedAdmin\":null}",
                empty);
}

static void faults_are_named_with_their_place(void **state)
{
    (void)state;
    refuse("[]", "must be an object, not an array");
    refuse("{\"version\":0}", "customerId: is missing");
    refuse("{\"customerId\":\"\",\"version\":0}", "customerId: must not be empty");
    refuse("{\"customerId\":\"c\",\"version\":-1}",
           "version: must be from 0 to 9223372036854775807");
    refuse("{\"customerId\":\"c\",\"version\":0,\"subscriptions\":{}}",
           "subscriptions: must be an array, not an object");
    refuse("{\"customerId\":\"c\",\"version\":0,\"subscriptions\":[null]}",
           "subscriptions[0]: must be an object, not null");
    refuse("{\"customerId\":\"c\",\"version\":0,\"delegatedAdmin\":[{\"partnerId\":\"\"}]}",
           "delegatedAdmin[0].partnerId: must not be empty");
    refuse("{\"customerId\":\"c\",\"version\":0,\"delegatedAdmin\":[{\"partnerId\":\"b\"},"
           "{\"partnerId\":\"a\"},{\"partnerId\":\"b\"}]}",
           "delegatedAdmin[2].partnerId: is there twice");
}

/* A subscription with its id and licences put in. */
#define SUBSCRIPTION(id, licences)                                                                 \
    "{\"subscriptionId\":\"" id "\",\"offerId\":\"o\",\"status\":\"ACTIVE\",\"quantity\":1,"       \
    "\"revision\":1,\"licenses\":[" licences "]}"
#define STATE(subscriptions)                                                                       \
    "{\"customerId\":\"c\",\"version\":0,\"subscriptions\":[" subscriptions "]}"
#define LICENCE(id) "{\"userId\":\"" id "\",\"userPrincipalName\":\"n\"}"

static void repeats_are_refused(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_customer customer;

    (void)state;
    refuse(STATE(SUBSCRIPTION("t", "") "," SUBSCRIPTION("s", "") "," SUBSCRIPTION("t", "")),
           "subscriptions[2].subscriptionId: is there twice");
    refuse(STATE(SUBSCRIPTION("s", LICENCE("v") "," LICENCE("u") "," LICENCE("v"))),
           "subscriptions[0].licenses[2].userId: is there twice");
    refuse(STATE(SUBSCRIPTION("s", LICENCE(""))),
           "subscriptions[0].licenses[0].userId: must not be empty");
    refuse(STATE(SUBSCRIPTION("", "")), "subscriptions[0].subscriptionId: must not be empty");

    /* The same user on two subscriptions is no repeat. */
    assert_int_equal(
        read_text(STATE(SUBSCRIPTION("s", LICENCE("u")) "," SUBSCRIPTION("t", LICENCE("u"))),
                  &arena, &error, &customer),
        PL_OK);
    assert_int_equal(customer.subscription_count, 2);
    pl_arena_done(&arena);
}

static void put_text(struct pl_buffer *buffer, const char *text)
{
    pl_buffer_put(buffer, text, strlen(text));
}

/* More licences than one chunk holds, read from the last to the first. */
static void licences_of_many_chunks_leave_sorted(void **state)
{
    enum { LICENCE_COUNT = 1000 };
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer in = {NULL, 0, 0};
    struct pl_buffer out = {NULL, 0, 0};
    struct pl_error error = {""};
    struct pl_customer customer;
    const char *place;

    (void)state;
    put_text(&in,
             "{\"customerId\":\"c\",\"version\":0,\"subscriptions\":[{\"subscriptionId\":\"s\","
             "\"offerId\":\"o\",\"status\":\"ACTIVE\",\"quantity\":1,\"revision\":1,"
             "\"licenses\":[");
    for (int i = LICENCE_COUNT; i > 0; i--) {
        struct pl_bytes licence = pl_arena_format(
            &arena, "{\"userId\":\"user-%04d\",\"userPrincipalName\":\"\"}%s", i, i > 1 ? "," : "");

        pl_buffer_put(&in, licence.data, licence.len);
    }
    put_text(&in, "]}]}");
    pl_buffer_put_byte(&in, '\0');
    assert_int_equal(read_text(in.data, &arena, &error, &customer), PL_OK);
    assert_true(customer.subscriptions[0].chunk_count > 1);
    assert_int_equal(customer.subscriptions[0].licence_count, LICENCE_COUNT);

    pl_json_state_write(&customer, &arena, &out);
    pl_buffer_put_byte(&out, '\0');
    place = out.data;
    for (int i = 1; i <= LICENCE_COUNT; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "\"userId\":\"user-%04d\"", i);
        place = strstr(place, id);
        assert_non_null(place);
    }
    assert_null(strstr(place + strlen("\"userId"), "\"userId\""));
    pl_buffer_done(&in);
    pl_buffer_done(&out);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sorted_state_comes_back_as_it_was),
        cmocka_unit_test(an_unsorted_one_leaves_sorted_without_repeats_and_with_defaults),
        cmocka_unit_test(the_smallest_state_has_an_id_and_a_version),
        cmocka_unit_test(faults_are_named_with_their_place),
        cmocka_unit_test(repeats_are_refused),
        cmocka_unit_test(licences_of_many_chunks_leave_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

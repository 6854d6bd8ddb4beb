/* Unit tests of core/messages.c: texts tell the reader what to do. */
#include "fixture.h"

static int open_messages(void **state)
{
    struct fixture *fixture;

    if (open_fixture(state) != 0) {
        return -1;
    }
    fixture = *state;
    add_subscription(fixture, "src", "basic");
    grant(fixture, "partner-a", "");
    return 0;
}

#define WITH_SOURCE(test) cmocka_unit_test_setup_teardown((test), open_messages, close_fixture)

static const char *text_of(struct fixture *fixture, struct pl_bytes message)
{
    return pl_arena_format(&fixture->arena, "%.*s", TEXT(message)).data;
}

/* Text of the only error of a request. */
static const char *message(struct fixture *fixture, const struct pl_request *request)
{
    struct pl_result result = decide(fixture, request);

    assert_int_equal(result.errors.count, 1);
    return text_of(fixture, result.errors.items[0].message);
}

static const char *upgrade_message(struct fixture *fixture, const char *target)
{
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", target);

    return message(fixture, &request);
}

static void an_invalid_request_is_told_what_it_lacks(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", NULL);

    assert_non_null(strstr(message(fixture, &request), "targetOfferId"));
    request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);
    assert_non_null(strstr(message(fixture, &request), "quantity"));
    request.quantity = (struct pl_optional_int){true, 0};
    assert_non_null(strstr(message(fixture, &request), "1 or more"));
    request.request_id = PL_BYTES_LITERAL("");
    assert_non_null(strstr(message(fixture, &request), "requestId"));
    request = request_for(PL_OPERATION_CHECK, "", NULL);
    assert_non_null(strstr(message(fixture, &request), "subscriptionId"));
    request = request_for(PL_OPERATION_CHECK, "src", NULL);
    request.partner_id = PL_BYTES_LITERAL("");
    assert_non_null(strstr(message(fixture, &request), "partnerId"));
}

static void numbers_are_in_full(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);

    fixture->customer.version = INT64_MAX;
    request.expected_version = (struct pl_optional_long){true, INT64_MIN};
    assert_string_equal(message(fixture, &request),
                        "The customer is at version 9223372036854775807, not at the expected "
                        "-9223372036854775808. Look at the customer's subscriptions again, then "
                        "send a new request with the current version.");
    request.expected_version.value = 0;
    assert_non_null(strstr(message(fixture, &request), "expected 0. "));
}

static void each_status_has_its_remedy(void **state)
{
    struct fixture *fixture = *state;

    find(fixture, "src")->status = PL_STATUS_PENDING;
    assert_non_null(strstr(upgrade_message(fixture, "standard"), "src is still being provisioned"));
    find(fixture, "src")->status = PL_STATUS_SUSPENDED;
    assert_non_null(strstr(upgrade_message(fixture, "standard"), "Reactivate"));
    find(fixture, "src")->status = PL_STATUS_CANCELLED;
    assert_non_null(strstr(upgrade_message(fixture, "standard"), "src is cancelled"));
    find(fixture, "src")->replaced_by = PL_BYTES_LITERAL("sub-new");
    assert_non_null(strstr(upgrade_message(fixture, "standard"), "replaced by sub-new"));
}

static void grants_are_asked_for(void **state)
{
    struct fixture *fixture = *state;

    grant(fixture, "partner-a", "mail");
    assert_non_null(strstr(upgrade_message(fixture, "standard"),
                           "partner-a leave out services of Name of basic"));
    pl_customer_remove_grant(&fixture->customer, PL_BYTES_LITERAL("partner-a"));
    assert_non_null(strstr(upgrade_message(fixture, "standard"),
                           "partner-a has no delegated admin permissions"));
}

static void offers_are_named(void **state)
{
    struct fixture *fixture = *state;

    assert_non_null(strstr(upgrade_message(fixture, "bare"),
                           "Name of basic cannot be upgraded to Name of bare."));
    assert_non_null(strstr(upgrade_message(fixture, "unknown"), "upgraded to unknown."));
    find(fixture, "src")->offer_id = PL_BYTES_LITERAL("premium");
    assert_non_null(
        strstr(upgrade_message(fixture, "basic"), "Name of premium cannot be upgraded."));
}

/* The channel, and that the other subscription must be cancelled first. */
static void a_conflict_names_its_channel(void **state)
{
    static const char *const expected[PL_CHANNEL_COUNT] = {
        [PL_CHANNEL_CSP] = "(CSP)",
        [PL_CHANNEL_DIRECT] = "(DIRECT)",
        [PL_CHANNEL_VOLUME] = "(VOLUME)",
        [PL_CHANNEL_OTHER] = "(OTHER)",
    };
    struct fixture *fixture = *state;

    add_subscription(fixture, "other", "chat-only");
    for (int channel = 0; channel < PL_CHANNEL_COUNT; channel++) {
        const char *text;

        find(fixture, "other")->channel = (enum pl_channel)channel;
        text = upgrade_message(fixture, "premium"); /* error 10 */
        assert_non_null(strstr(text, "Subscription other (Name of chat-only), bought through"));
        assert_non_null(strstr(text, expected[channel]));
        assert_non_null(strstr(text, "must be cancelled first"));
    }
    find(fixture, "other")->offer_id = PL_BYTES_LITERAL("premium"); /* error 9 */
    assert_non_null(strstr(upgrade_message(fixture, "premium"), "(OTHER)"));
    assert_non_null(strstr(upgrade_message(fixture, "premium"), "cancelled first"));
    find(fixture, "other")->parent_subscription_id = PL_BYTES_LITERAL("src"); /* error 8 */
    assert_non_null(strstr(upgrade_message(fixture, "premium"), "add-on"));
    assert_non_null(strstr(upgrade_message(fixture, "premium"), "(OTHER)"));
}

static void quantities_and_limits_are_named(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);

    request.quantity = (struct pl_optional_int){true, INT32_MAX};
    assert_non_null(strstr(message(fixture, &request),
                           "Name of basic allows at most 300 licences, but the quantity would be "
                           "2147483657."));
    find(fixture, "src")->offer_id = PL_BYTES_LITERAL("unknown");
    assert_non_null(strstr(message(fixture, &request), "unknown allows at most 2147483647"));
    find(fixture, "src")->offer_id = PL_BYTES_LITERAL("basic");
    request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    request.quantity = (struct pl_optional_int){true, 101};
    assert_non_null(strstr(message(fixture, &request),
                           "Name of standard allows at most 100 licences, but the quantity would "
                           "be 101."));
    assign(fixture, "src", "u1", "");
    assign(fixture, "src", "u2", "");
    request.quantity.value = 1;
    assert_non_null(strstr(message(fixture, &request), "src has 2 assigned licences"));
    assert_non_null(strstr(message(fixture, &request), "would be 1."));
}

static void licence_errors_say_what_to_change(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    struct pl_result result;

    add_subscription(fixture, "other", "mail-only")->channel = PL_CHANNEL_DIRECT;
    assign_by_group(fixture, "src", "u1", "group-1");
    assign_by_group(fixture, "src", "u2", "group-2");
    assign_by_group(fixture, "src", "u3", "group-2");
    assign(fixture, "src", "u4", "");
    assign(fixture, "src", "u5", "");
    assign(fixture, "other", "u4", "");
    assign(fixture, "other", "u5", "");
    request.require_license_transfer = true;
    assert_non_null(strstr(message(fixture, &request),
                           "5 licences of subscription src cannot move to Name of standard."));
    request.require_license_transfer = false;
    result = decide(fixture, &request);
    assert_int_equal(result.affected_account_count, 5);
    assert_string_equal(text_of(fixture, result.affected_accounts[0].license_error->message),
                        "The licence was assigned by group group-1. Change it on the group.");
    assert_string_equal(text_of(fixture, result.affected_accounts[1].license_error->message),
                        "The licence was assigned by group group-2. Change it on the group.");
    assert_string_equal(text_of(fixture, result.affected_accounts[2].license_error->message),
                        "The licence was assigned by group group-2. Change it on the group.");
    for (size_t i = 3; i < 5; i++) {
        assert_string_equal(text_of(fixture, result.affected_accounts[i].license_error->message),
                            "The user has a plan that excludes one of Name of standard, by a "
                            "licence in subscription other (Name of mail-only), bought through a "
                            "direct purchase (DIRECT). It must be cancelled first.");
    }
}

static void an_id_that_is_taken_asks_for_another_request_id(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, NEW_ID, "bare");
    assert_non_null(strstr(upgrade_message(fixture, "standard"), NEW_ID));
    assert_non_null(strstr(upgrade_message(fixture, "standard"), "another requestId"));
}

/* What is in braces is replaced everywhere, and what replaces it is not looked at again. */
static void braces_in_ids_are_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "{partner} %s \\", NULL);

    assert_non_null(strstr(message(fixture, &request), "no subscription {partner} %s \\. "));
}

static void texts_name_no_people(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);

    request.requested_by_user_id = PL_BYTES_LITERAL("secret-user");
    request.requested_by_role = PL_BYTES_LITERAL("secret-role");
    assert_null(strstr(message(fixture, &request), "secret"));
    assert_non_null(strstr(message(fixture, &request), "HELPDESK_AGENT"));
    request = request_for(PL_OPERATION_CHECK, "src", NULL);
    find(fixture, "src")->partner_id = PL_BYTES_LITERAL("secret-partner"); /* not theirs to know */
    assert_null(strstr(message(fixture, &request), "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOURCE(an_invalid_request_is_told_what_it_lacks),
        WITH_SOURCE(numbers_are_in_full),
        WITH_SOURCE(each_status_has_its_remedy),
        WITH_SOURCE(grants_are_asked_for),
        WITH_SOURCE(offers_are_named),
        WITH_SOURCE(a_conflict_names_its_channel),
        WITH_SOURCE(quantities_and_limits_are_named),
        WITH_SOURCE(licence_errors_say_what_to_change),
        WITH_SOURCE(an_id_that_is_taken_asks_for_another_request_id),
        WITH_SOURCE(braces_in_ids_are_left_alone),
        WITH_SOURCE(texts_name_no_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

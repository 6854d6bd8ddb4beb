/* Unit tests of wire/json_result.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/json_result.h"

/* Initialisers of struct pl_bytes. */
#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
#define NO_TEXT                                                                                    \
    {                                                                                              \
        NULL, 0                                                                                    \
    }

static void check_written(const struct pl_result *result, const char *written)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    pl_json_result_write(result, &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_string_equal(buffer.data, written);
    pl_buffer_done(&buffer);
}

static void what_is_not_there_is_null_or_empty(void **state)
{
    struct pl_result result = {.request_id = TEXT(""),
                               .customer_id = TEXT("c"),
                               .partner_id = TEXT("p"),
                               .subscription_id = TEXT("s"),
                               .operation = PL_OPERATION_ADD_LICENSES,
                               .outcome = PL_OUTCOME_REFUSED,
                               .customer_version = 4,
                               .catalogue_version = TEXT("v"),
                               .decided_at_ms = -5};

    (void)state;
    check_written(&result,
                  "{\"requestId\":\"\",\"orderId\":null,\"customerId\":\"c\",\"partnerId\":\"p\","
                  "\"subscriptionId\":\"s\",\"operation\":\"ADD_LICENSES\",\"outcome\":\"REFUSED\","
                  "\"upgradeType\":\"NONE\",\"errors\":[],\"possibleUpgrades\":[],"
                  "\"sourceSubscription\":null,\"targetSubscription\":null,\"affectedAccounts\":[],"
                  "\"servicesToTransition\":[],\"billing\":null,\"customerVersion\":4,"
                  "\"catalogueVersion\":\"v\",\"decidedAt\":-5,\"part\":1,\"parts\":1}");
}

static const struct pl_bytes full_services[] = {TEXT("B"), TEXT("A")};
static struct pl_upgrade_error full_errors[] = {
    {PL_ERROR_VERSION_MISMATCH, TEXT("m"), NO_TEXT, {NULL, 0}},
    {PL_ERROR_CONFLICTING_SERVICE_TYPES, TEXT("n"), TEXT("x"), {full_services, 2}}};
static const struct pl_possible_upgrade full_upgrades[] = {
    {TEXT("t1"), true, PL_UPGRADE_TYPE_UPGRADE_ONLY, 7, {NULL, 0}, 0, {NULL, 0}},
    {TEXT("t2"), false, PL_UPGRADE_TYPE_NONE, 8, {full_errors, 2}, 3, {full_services, 2}}};
static const struct pl_account_transition full_transitions[] = {
    {TEXT("S1"), TEXT("R1"), PL_TRANSITION_REPLACED}, {TEXT("S2"), NO_TEXT, PL_TRANSITION_REMOVED}};
static const struct pl_affected_account full_accounts[] = {
    {TEXT("u1"), TEXT("n1"), NO_TEXT, full_transitions, 2, NULL},
    {TEXT("u2"), TEXT(""), TEXT("d2"), NULL, 0, &full_errors[1]}};
static const struct pl_service_transition full_to_transition[] = {
    {TEXT("S1"), TEXT("s 1"), TEXT("R1"), TEXT("r 1"), PL_TRANSITION_REPLACED, 1},
    {TEXT("S2"), TEXT("s 2"), NO_TEXT, NO_TEXT, PL_TRANSITION_REMOVED, 2}};
static const struct pl_result full = {
    .request_id = TEXT("r"),
    .order_id = TEXT("o"),
    .customer_id = TEXT("c"),
    .partner_id = TEXT("p"),
    .subscription_id = TEXT("s"),
    .operation = PL_OPERATION_UPGRADE,
    .outcome = PL_OUTCOME_UPGRADED,
    .upgrade_type = PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER,
    .errors = {full_errors, 1},
    .possible_upgrades = full_upgrades,
    .possible_upgrade_count = 2,
    .source = {true, TEXT("s"), TEXT("of"), TEXT("Of"), PL_STATUS_CANCELLED, 5},
    .target = {true, TEXT("t"), TEXT("og"), TEXT("Og"), PL_STATUS_ACTIVE, 6},
    .affected_accounts = full_accounts,
    .affected_account_count = 2,
    .services_to_transition = full_to_transition,
    .services_to_transition_count = 2,
    .billing = {.is_set = true,
                .cancelled = {true, TEXT("s"), TEXT("of"), TEXT("Of"), 5},
                .added = {true, TEXT("t"), TEXT("og"), TEXT("Og"), 6},
                .effective_at_ms = 1790000000005},
    .customer_version = 4,
    .catalogue_version = TEXT("v"),
    .decided_at_ms = 1790000000005};

static const char full_written[] =
    "{\"requestId\":\"r\",\"orderId\":\"o\",\"customerId\":\"c\",\"partnerId\":\"p\","
    "\"subscriptionId\":\"s\",\"operation\":\"UPGRADE\",\"outcome\":\"UPGRADED\","
    "\"upgradeType\":\"UPGRADE_WITH_LICENSE_TRANSFER\",\"errors\":["
    "{\"code\":\"version_mismatch\",\"message\":\"m\",\"subscriptionId\":null,"
    "\"services\":[]}],\"possibleUpgrades\":["
    "{\"targetOfferId\":\"t1\",\"eligible\":true,\"upgradeType\":\"UPGRADE_ONLY\","
    "\"quantity\":7,\"errors\":[],\"affectedAccounts\":0,\"additionalServices\":[]},"
    "{\"targetOfferId\":\"t2\",\"eligible\":false,\"upgradeType\":\"NONE\",\"quantity\":8,"
    "\"errors\":[{\"code\":\"version_mismatch\",\"message\":\"m\",\"subscriptionId\":null,"
    "\"services\":[]},{\"code\":\"conflicting_service_types\",\"message\":\"n\","
    "\"subscriptionId\":\"x\",\"services\":[\"B\",\"A\"]}],\"affectedAccounts\":3,"
    "\"additionalServices\":[\"B\",\"A\"]}],"
    "\"sourceSubscription\":{\"subscriptionId\":\"s\",\"offerId\":\"of\","
    "\"offerName\":\"Of\",\"status\":\"CANCELLED\",\"quantity\":5},"
    "\"targetSubscription\":{\"subscriptionId\":\"t\",\"offerId\":\"og\","
    "\"offerName\":\"Og\",\"status\":\"ACTIVE\",\"quantity\":6},"
    "\"affectedAccounts\":[{\"userId\":\"u1\",\"userPrincipalName\":\"n1\","
    "\"displayName\":null,\"transitions\":["
    "{\"service\":\"S1\",\"replacement\":\"R1\",\"transition\":\"REPLACED\"},"
    "{\"service\":\"S2\",\"replacement\":null,\"transition\":\"REMOVED\"}],"
    "\"licenseError\":null},{\"userId\":\"u2\",\"userPrincipalName\":\"\","
    "\"displayName\":\"d2\",\"transitions\":[],\"licenseError\":"
    "{\"code\":\"conflicting_service_types\",\"message\":\"n\",\"subscriptionId\":\"x\","
    "\"services\":[\"B\",\"A\"]}}],"
    "\"servicesToTransition\":[{\"service\":\"S1\",\"serviceName\":\"s 1\","
    "\"replacement\":\"R1\",\"replacementName\":\"r 1\",\"transition\":\"REPLACED\","
    "\"accounts\":1},{\"service\":\"S2\",\"serviceName\":\"s 2\",\"replacement\":null,"
    "\"replacementName\":null,\"transition\":\"REMOVED\",\"accounts\":2}],"
    "\"billing\":{\"cancelled\":{\"subscriptionId\":\"s\",\"offerId\":\"of\","
    "\"offerName\":\"Of\",\"quantity\":5},\"added\":{\"subscriptionId\":\"t\","
    "\"offerId\":\"og\",\"offerName\":\"Og\",\"quantity\":6},"
    "\"effectiveAt\":1790000000005},\"customerVersion\":4,\"catalogueVersion\":\"v\","
    "\"decidedAt\":1790000000005,\"part\":1,\"parts\":1}";

static void every_field_is_written_in_the_order_of_the_record(void **state)
{
    (void)state;
    check_written(&full, full_written);
}

static void added_licences_cancel_nothing(void **state)
{
    struct pl_result result = {.request_id = TEXT("r"),
                               .customer_id = TEXT("c"),
                               .partner_id = TEXT("p"),
                               .subscription_id = TEXT("s"),
                               .operation = PL_OPERATION_ADD_LICENSES,
                               .outcome = PL_OUTCOME_LICENSES_ADDED,
                               .billing = {.is_set = true,
                                           .added = {true, TEXT("s"), TEXT("o"), TEXT("O"), 2},
                                           .effective_at_ms = 9},
                               .catalogue_version = TEXT("v"),
                               .decided_at_ms = 9};

    (void)state;
    check_written(&result,
                  "{\"requestId\":\"r\",\"orderId\":null,\"customerId\":\"c\",\"partnerId\":\"p\","
                  "\"subscriptionId\":\"s\",\"operation\":\"ADD_LICENSES\","
                  "\"outcome\":\"LICENSES_ADDED\",\"upgradeType\":\"NONE\",\"errors\":[],"
                  "\"possibleUpgrades\":[],\"sourceSubscription\":null,"
                  "\"targetSubscription\":null,\"affectedAccounts\":[],"
                  "\"servicesToTransition\":[],\"billing\":{\"cancelled\":null,"
                  "\"added\":{\"subscriptionId\":\"s\",\"offerId\":\"o\",\"offerName\":\"O\","
                  "\"quantity\":2},\"effectiveAt\":9},\"customerVersion\":0,"
                  "\"catalogueVersion\":\"v\",\"decidedAt\":9,\"part\":1,\"parts\":1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_there_is_null_or_empty),
        cmocka_unit_test(every_field_is_written_in_the_order_of_the_record),
        cmocka_unit_test(added_licences_cancel_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of core/rules.c: when each error of contract 6 comes, and what it names. */
#include "fixture.h"

/* The source "src" of offer basic, quantity 10, and all families granted to partner-a. */
static int open_rules(void **state)
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

#define WITH_SOURCE(test) cmocka_unit_test_setup_teardown((test), open_rules, close_fixture)

static void assert_refused(struct fixture *fixture, const struct pl_request *request,
                           const char *expected)
{
    int64_t version = fixture->customer.version;
    struct pl_result result = decide(fixture, request);

    assert_errors(fixture, result.errors, expected);
    assert_int_equal(result.outcome, PL_OUTCOME_REFUSED);
    assert_int_equal(fixture->customer.version, version);
}

static void assert_upgrade_refused(struct fixture *fixture, const char *target,
                                   const char *expected)
{
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", target);

    assert_refused(fixture, &request, expected);
}

static void assert_granted(struct fixture *fixture, const struct pl_request *request)
{
    struct pl_result result = decide(fixture, request);

    assert_errors(fixture, result.errors, "");
    assert_true(result.outcome == PL_OUTCOME_UPGRADED ||
                result.outcome == PL_OUTCOME_LICENSES_ADDED);
}

static void assert_upgrade_granted(struct fixture *fixture, const char *target)
{
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", target);

    assert_granted(fixture, &request);
}

/* Errors of a CHECK's only target. */
static struct pl_error_list check_errors(struct fixture *fixture, const struct pl_request *request)
{
    struct pl_result result = decide(fixture, request);

    assert_int_equal(result.possible_upgrade_count, 1);
    return result.possible_upgrades[0].errors;
}

/* ---- 0 to 2 ---------------------------------------------------------------------------------- */

static void an_invalid_request_has_this_error_alone(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request good = request_for(PL_OPERATION_UPGRADE, "nowhere", "nothing");
    struct pl_request bad[8];

    good.requested_by_role = PL_BYTES_LITERAL("none");
    for (size_t i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].request_id = PL_BYTES_LITERAL("");
    bad[1].subscription_id = PL_BYTES_LITERAL("");
    bad[2].partner_id = PL_BYTES_LITERAL("");
    bad[3].target_offer_id = PL_NULL_BYTES;
    bad[4].target_offer_id = PL_BYTES_LITERAL("");
    bad[5].operation = PL_OPERATION_ADD_LICENSES;
    bad[6].quantity = (struct pl_optional_int){true, 0};
    bad[7].operation = PL_OPERATION_ADD_LICENSES;
    bad[7].quantity = (struct pl_optional_int){true, -1};
    for (size_t i = 0; i < 8; i++) {
        assert_refused(fixture, &bad[i], "invalid_request - []");
    }
    assert_refused(fixture, &good, "role_not_permitted - []; subscription_not_found nowhere []");
    bad[6].operation = PL_OPERATION_CHECK;
    assert_errors(fixture, decide(fixture, &bad[6]).errors, "invalid_request - []");
}

static void five_roles_are_permitted_exactly(void **state)
{
    static const char *const permitted[] = {"GLOBAL_ADMIN", "USER_MANAGEMENT_ADMIN", "ADMIN_AGENT",
                                            "SALES_AGENT", "HELPDESK_AGENT"};
    static const char *const refused[] = {"", "admin_agent", "BILLING_ADMIN", "ADMIN_AGENT "};
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);

    request.quantity = (struct pl_optional_int){true, 1};
    for (size_t i = 0; i < sizeof(permitted) / sizeof(permitted[0]); i++) {
        request.requested_by_role = pl_bytes_of(permitted[i]);
        assert_granted(fixture, &request);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        request.requested_by_role = pl_bytes_of(refused[i]);
        assert_refused(fixture, &request, "role_not_permitted - []");
    }
}

static void the_expected_version_must_be_the_customers(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);

    fixture->customer.version = 5;
    request.quantity = (struct pl_optional_int){true, 1};
    request.expected_version = (struct pl_optional_long){true, 4};
    assert_refused(fixture, &request, "version_mismatch - []");
    request.expected_version.value = 6;
    assert_refused(fixture, &request, "version_mismatch - []");
    request.expected_version.value = 5;
    assert_granted(fixture, &request);
}

/* ---- 3 to 6 ---------------------------------------------------------------------------------- */

static void an_unknown_subscription_ends_the_collecting(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "SRC", "standard");

    request.expected_version = (struct pl_optional_long){true, 99};
    assert_refused(fixture, &request, "version_mismatch - []; subscription_not_found SRC []");
}

static void only_the_subscriptions_own_partner_may_ask(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");

    find(fixture, "src")->status = PL_STATUS_PENDING; /* not looked at any more */
    request.partner_id = PL_BYTES_LITERAL("partner-b");
    assert_refused(fixture, &request, "subscription_not_owned_by_partner src []");
    request.partner_id = PL_BYTES_LITERAL("Partner-a");
    assert_refused(fixture, &request, "subscription_not_owned_by_partner src []");
    find(fixture, "src")->partner_id = PL_NULL_BYTES;
    assert_upgrade_refused(fixture, "standard", "subscription_not_owned_by_partner src []");
}

static void the_source_must_be_active(void **state)
{
    struct fixture *fixture = *state;

    find(fixture, "src")->status = PL_STATUS_PENDING;
    assert_upgrade_refused(fixture, "standard", "subscription_not_provisioned src []");
    find(fixture, "src")->status = PL_STATUS_SUSPENDED;
    assert_upgrade_refused(fixture, "standard", "subscription_status_not_active src []");
    find(fixture, "src")->status = PL_STATUS_CANCELLED;
    find(fixture, "src")->replaced_by = PL_BYTES_LITERAL("other");
    add_subscription(fixture, "other", "bare");
    assert_upgrade_refused(fixture, "standard", "subscription_status_not_active src []");
}

static void without_a_grant_all_services_are_named(void **state)
{
    struct fixture *fixture = *state;

    pl_customer_remove_grant(&fixture->customer, PL_BYTES_LITERAL("partner-a"));
    grant(fixture, "partner-b", "");
    assert_upgrade_refused(fixture, "standard",
                           "delegated_admin_permissions_disabled - [MAIL1 CHAT1 FORMS WORD]");
}

static void a_grant_of_families_must_cover_the_source(void **state)
{
    struct fixture *fixture = *state;

    grant(fixture, "partner-a", "chat unknown call");
    assert_upgrade_refused(fixture, "standard",
                           "delegated_admin_permissions_disabled - [MAIL1 FORMS WORD]");
    grant(fixture, "partner-a", "plain office chat mail");
    assert_upgrade_granted(fixture, "standard");
}

static void an_offer_that_the_catalogue_lacks_has_no_services_to_grant(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);

    request.quantity = (struct pl_optional_int){true, 1};
    find(fixture, "src")->offer_id = PL_BYTES_LITERAL("unknown");
    grant(fixture, "partner-a", "chat");
    assert_granted(fixture, &request);
    pl_customer_remove_grant(&fixture->customer, PL_BYTES_LITERAL("partner-a"));
    assert_refused(fixture, &request, "delegated_admin_permissions_disabled - []");
}

/* ---- 7 --------------------------------------------------------------------------------------- */

static void an_offer_without_targets_has_no_paths(void **state)
{
    static const char *const offers[] = {"premium", "bare", "unknown"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 3; i++) {
        find(fixture, "src")->offer_id = pl_bytes_of(offers[i]);
        assert_upgrade_refused(fixture, "standard",
                               "subscription_does_not_have_any_upgrade_paths src []");
    }
}

static void the_target_must_be_one_of_the_sources(void **state)
{
    struct fixture *fixture = *state;

    assert_upgrade_refused(fixture, "basic", "subscription_target_offer_not_found - []");
    assert_upgrade_refused(fixture, "bare", "subscription_target_offer_not_found - []");
    assert_upgrade_refused(fixture, "unknown", "subscription_target_offer_not_found - []");
}

static void errors_that_are_not_fatal_are_collected_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "basic");

    request.requested_by_role = PL_BYTES_LITERAL("none");
    request.expected_version = (struct pl_optional_long){true, 99};
    find(fixture, "src")->status = PL_STATUS_SUSPENDED;
    grant(fixture, "partner-a", "plain office mail");
    assert_refused(fixture, &request,
                   "role_not_permitted - []; version_mismatch - []; "
                   "subscription_status_not_active src []; "
                   "delegated_admin_permissions_disabled - [CHAT1]; "
                   "subscription_target_offer_not_found - []");
}

/* ---- 8 to 10 --------------------------------------------------------------------------------- */

static void live_add_ons_of_the_source_stand_in_the_way(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, "z-add-on", "bare")->parent_subscription_id = PL_BYTES_LITERAL("src");
    add_subscription(fixture, "a-add-on", "bare")->parent_subscription_id = PL_BYTES_LITERAL("src");
    find(fixture, "a-add-on")->status = PL_STATUS_PENDING;
    add_subscription(fixture, "ended", "bare")->parent_subscription_id = PL_BYTES_LITERAL("src");
    find(fixture, "ended")->status = PL_STATUS_CANCELLED;
    add_subscription(fixture, "of-add-on", "bare")->parent_subscription_id =
        PL_BYTES_LITERAL("z-add-on");
    assert_upgrade_refused(fixture, "standard",
                           "subscription_add_ons_present a-add-on []; "
                           "subscription_add_ons_present z-add-on []");
}

static void a_subscription_is_not_its_own_add_on(void **state)
{
    struct fixture *fixture = *state;

    find(fixture, "src")->parent_subscription_id = PL_BYTES_LITERAL("src");
    assert_upgrade_granted(fixture, "standard");
}

static void every_live_subscription_of_the_target_is_named(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, "b", "standard")->channel = PL_CHANNEL_VOLUME;
    add_subscription(fixture, "a", "standard")->status = PL_STATUS_SUSPENDED;
    add_subscription(fixture, "ended", "standard")->status = PL_STATUS_CANCELLED;
    find(fixture, "a")->partner_id = PL_NULL_BYTES; /* whoever bought it */
    assert_upgrade_refused(fixture, "standard",
                           "target_offer_already_owned a []; target_offer_already_owned b []");
}

/* Not an add-on of the source, which error 8 names; but an add-on of another one, and what the
 * source is itself an add-on of. */
static void add_ons_of_the_source_are_no_others(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, "add-on", "standard")->parent_subscription_id =
        PL_BYTES_LITERAL("src");
    add_subscription(fixture, "other", "standard")->parent_subscription_id =
        PL_BYTES_LITERAL("add-on");
    add_subscription(fixture, "parent", "standard");
    find(fixture, "src")->parent_subscription_id = PL_BYTES_LITERAL("parent");
    assert_upgrade_refused(fixture, "standard",
                           "subscription_add_ons_present add-on []; "
                           "target_offer_already_owned other []; "
                           "target_offer_already_owned parent []");
    assert_upgrade_refused(fixture, "premium",
                           "subscription_add_ons_present add-on []; "
                           "conflicting_service_types other [MAIL2]; "
                           "conflicting_service_types parent [MAIL2]");
}

static void conflicts_are_named_in_the_targets_order(void **state)
{
    struct fixture *fixture = *state;

    load_catalogue(fixture, "family c c\nfamily n et\n"
                            "service A c\nservice B c\nservice C c\nservice D c\nservice N n\n"
                            "offer basic 0 A\noffer target 0 D N C A B\noffer other 0 A B N D\n"
                            "offer same 0 A N\nupgrade basic target\n");
    add_subscription(fixture, "other", "other");
    add_subscription(fixture, "same", "same");       /* A: not additional; N: no conflict */
    add_subscription(fixture, "unknown", "unknown"); /* no services */
    add_subscription(fixture, "twin", "basic");
    add_subscription(fixture, "ended", "other")->status = PL_STATUS_CANCELLED;
    assert_upgrade_refused(fixture, "target", "conflicting_service_types other [D B]");
    add_subscription(fixture, "owned", "target"); /* error 9, not 10 */
    assert_upgrade_refused(fixture, "target",
                           "target_offer_already_owned owned []; "
                           "conflicting_service_types other [D B]");
}

/* ---- 11 to 14 -------------------------------------------------------------------------------- */

static void the_quantity_must_cover_the_assigned_licences(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");

    assign(fixture, "src", "u1", "");
    assign(fixture, "src", "u2", "");
    find(fixture, "src")->quantity = 1;
    assert_refused(fixture, &request, "quantity_below_assigned_licenses src []");
    find(fixture, "src")->quantity = 10;
    request.quantity = (struct pl_optional_int){true, 1};
    assert_refused(fixture, &request, "quantity_below_assigned_licenses src []");
    request.quantity.value = 2;
    assert_granted(fixture, &request);
}

static void the_quantity_must_be_within_the_targets_seats(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");

    request.quantity = (struct pl_optional_int){true, 101};
    assert_refused(fixture, &request, "quantity_exceeds_offer_limit - []");
    find(fixture, "src")->quantity = 101;
    assert_upgrade_refused(fixture, "standard", "quantity_exceeds_offer_limit - []");
    request.quantity.value = 100;
    assert_granted(fixture, &request);
}

static void no_seats_means_no_limit(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "premium");

    request.quantity = (struct pl_optional_int){true, INT32_MAX};
    assert_granted(fixture, &request);
}

static void added_licences_must_fit_the_sources_own_offer(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);

    request.quantity = (struct pl_optional_int){true, 291}; /* 10 + 291 > 300 */
    assert_refused(fixture, &request, "quantity_exceeds_offer_limit - []");
    request.quantity.value = 290;
    assert_granted(fixture, &request);
    find(fixture, "src")->offer_id = PL_BYTES_LITERAL("unknown");
    find(fixture, "src")->quantity = INT32_MAX;
    request.quantity.value = 1;
    assert_refused(fixture, &request, "quantity_exceeds_offer_limit - []");
    request.quantity.value = INT32_MAX;
    assert_refused(fixture, &request, "quantity_exceeds_offer_limit - []");
    find(fixture, "src")->quantity = 0;
    assert_granted(fixture, &request);
}

static void a_required_transfer_must_be_complete(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");

    assign(fixture, "src", "u1", "");
    assign_by_group(fixture, "src", "u2", "group-1");
    request.require_license_transfer = true;
    assert_refused(fixture, &request, "user_license_error src []");
    request.operation = PL_OPERATION_CHECK;
    assert_errors(fixture, check_errors(fixture, &request), "user_license_error src []");
    assign(fixture, "src", "u2", "");
    assert_errors(fixture, check_errors(fixture, &request), "");
    add_subscription(fixture, "other", "mail-only"); /* MAIL1 excludes MAIL2 */
    assign(fixture, "other", "u2", "");
    assert_errors(fixture, check_errors(fixture, &request), "user_license_error src []");
    request.require_license_transfer = false;
    assert_errors(fixture, check_errors(fixture, &request), "");
    request.operation = PL_OPERATION_UPGRADE;
    assert_granted(fixture, &request);
}

static void the_new_id_must_be_free(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");

    add_subscription(fixture, NEW_ID, "bare")->status = PL_STATUS_CANCELLED;
    assign_by_group(fixture, "src", "u2", "group-1");
    request.require_license_transfer = true;
    assert_refused(fixture, &request,
                   "user_license_error src []; target_subscription_exists " NEW_ID " []");
    request.operation = PL_OPERATION_CHECK; /* which makes no subscription */
    assert_errors(fixture, check_errors(fixture, &request), "user_license_error src []");
    request.request_id = PL_BYTES_LITERAL("req-2");
    request.operation = PL_OPERATION_UPGRADE;
    request.require_license_transfer = false;
    assert_granted(fixture, &request);
}

/* ---- which operation asks what --------------------------------------------------------------- */

static void check_puts_errors_of_a_target_beside_it(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_result result;

    request.requested_by_role = PL_BYTES_LITERAL("none");
    request.quantity = (struct pl_optional_int){true, 200};
    add_subscription(fixture, "owned", "standard");
    result = decide(fixture, &request);
    assert_errors(fixture, result.errors, "role_not_permitted - []");
    assert_int_equal(result.possible_upgrade_count, 2);
    assert_errors(fixture, result.possible_upgrades[0].errors,
                  "target_offer_already_owned owned []; quantity_exceeds_offer_limit - []");
    assert_errors(fixture, result.possible_upgrades[1].errors,
                  "conflicting_service_types owned [MAIL2]");
}

static void adding_licences_asks_nothing_about_targets(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", "nothing");

    add_subscription(fixture, "add-on", "basic")->parent_subscription_id = PL_BYTES_LITERAL("src");
    add_subscription(fixture, NEW_ID, "standard");
    assign_by_group(fixture, "src", "u1", "group-1");
    assign_by_group(fixture, "src", "u2", "group-1");
    request.quantity = (struct pl_optional_int){true, 1};
    request.require_license_transfer = true;
    assert_granted(fixture, &request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOURCE(an_invalid_request_has_this_error_alone),
        WITH_SOURCE(five_roles_are_permitted_exactly),
        WITH_SOURCE(the_expected_version_must_be_the_customers),
        WITH_SOURCE(an_unknown_subscription_ends_the_collecting),
        WITH_SOURCE(only_the_subscriptions_own_partner_may_ask),
        WITH_SOURCE(the_source_must_be_active),
        WITH_SOURCE(without_a_grant_all_services_are_named),
        WITH_SOURCE(a_grant_of_families_must_cover_the_source),
        WITH_SOURCE(an_offer_that_the_catalogue_lacks_has_no_services_to_grant),
        WITH_SOURCE(an_offer_without_targets_has_no_paths),
        WITH_SOURCE(the_target_must_be_one_of_the_sources),
        WITH_SOURCE(errors_that_are_not_fatal_are_collected_in_order),
        WITH_SOURCE(live_add_ons_of_the_source_stand_in_the_way),
        WITH_SOURCE(a_subscription_is_not_its_own_add_on),
        WITH_SOURCE(every_live_subscription_of_the_target_is_named),
        WITH_SOURCE(add_ons_of_the_source_are_no_others),
        WITH_SOURCE(conflicts_are_named_in_the_targets_order),
        WITH_SOURCE(the_quantity_must_cover_the_assigned_licences),
        WITH_SOURCE(the_quantity_must_be_within_the_targets_seats),
        WITH_SOURCE(no_seats_means_no_limit),
        WITH_SOURCE(added_licences_must_fit_the_sources_own_offer),
        WITH_SOURCE(a_required_transfer_must_be_complete),
        WITH_SOURCE(the_new_id_must_be_free),
        WITH_SOURCE(check_puts_errors_of_a_target_beside_it),
        WITH_SOURCE(adding_licences_asks_nothing_about_targets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

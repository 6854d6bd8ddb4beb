/* Unit tests of core/decide.c: what a result says, and what becomes of the customer. */
#include "fixture.h"

static int open_decide(void **state)
{
    struct fixture *fixture;

    if (open_fixture(state) != 0) {
        return -1;
    }
    fixture = *state;
    add_subscription(fixture, "src", "basic")->channel = PL_CHANNEL_VOLUME;
    find(fixture, "src")->parent_subscription_id = PL_BYTES_LITERAL("parent");
    find(fixture, "src")->revision = 8;
    grant(fixture, "partner-a", "");
    fixture->customer.version = 41;
    fixture->customer.is_dirty = false;
    return 0;
}

#define WITH_SOURCE(test) cmocka_unit_test_setup_teardown((test), open_decide, close_fixture)

static void assert_view(const struct pl_subscription_view *view, const char *id, const char *offer,
                        enum pl_subscription_status status, int32_t quantity)
{
    assert_true(view->is_set);
    assert_text(view->subscription_id, id);
    assert_text(view->offer_id, offer);
    assert_int_equal(view->offer_name.len, strlen("Name of ") + strlen(offer));
    assert_int_equal(view->status, status);
    assert_int_equal(view->quantity, quantity);
}

static void assert_line(const struct pl_billing_line *line, const char *id, const char *offer,
                        int32_t quantity)
{
    assert_true(line->is_set);
    assert_text(line->subscription_id, id);
    assert_text(line->offer_id, offer);
    assert_int_equal(line->offer_name.len, strlen("Name of ") + strlen(offer));
    assert_int_equal(line->quantity, quantity);
}

static void assert_nothing_but_errors(const struct pl_result *result)
{
    assert_int_equal(result->upgrade_type, PL_UPGRADE_TYPE_NONE);
    assert_int_equal(result->possible_upgrade_count, 0);
    assert_false(result->target.is_set);
    assert_int_equal(result->affected_account_count, 0);
    assert_int_equal(result->services_to_transition_count, 0);
    assert_false(result->billing.is_set);
}

static void the_result_repeats_the_request(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);
    struct pl_result result;

    request.order_id = PL_BYTES_LITERAL("order-1");
    result = decide(fixture, &request);
    assert_text(result.request_id, "req-1");
    assert_text(result.order_id, "order-1");
    assert_text(result.customer_id, "cust-1");
    assert_text(result.partner_id, "partner-a");
    assert_text(result.subscription_id, "src");
    assert_int_equal(result.operation, PL_OPERATION_ADD_LICENSES);
    assert_text(result.catalogue_version, "test-1");
    assert_int_equal(result.customer_version, 41);
    assert_true(result.decided_at_ms == DECIDED_AT_MS);
}

/* ---- UPGRADE --------------------------------------------------------------------------------- */

static void an_upgrade_ends_the_source_and_begins_the_new_one(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    const struct pl_subscription *source;
    const struct pl_subscription *target;
    struct pl_result result;

    assign(fixture, "src", "u1", "");
    find(fixture, "src")->chunks[0].revision = 2; /* as if stored */
    request.quantity = (struct pl_optional_int){true, 33};
    result = decide(fixture, &request);
    source = find(fixture, "src");
    target = find(fixture, NEW_ID);
    assert_int_equal(result.outcome, PL_OUTCOME_UPGRADED);
    assert_view(&result.source, "src", "basic", PL_STATUS_CANCELLED, 10);
    assert_view(&result.target, NEW_ID, "standard", PL_STATUS_ACTIVE, 33);
    assert_true(result.billing.is_set);
    assert_line(&result.billing.cancelled, "src", "basic", 10);
    assert_line(&result.billing.added, NEW_ID, "standard", 33);
    assert_true(result.billing.effective_at_ms == DECIDED_AT_MS);
    assert_int_equal(result.customer_version, 41);
    assert_int_equal(fixture->customer.version, 42);
    assert_true(fixture->customer.is_dirty);

    assert_int_equal(source->status, PL_STATUS_CANCELLED);
    assert_text(source->replaced_by, NEW_ID);
    assert_int_equal(source->licence_count, 0);
    assert_int_equal(source->quantity, 10);
    assert_int_equal(source->revision, 8);
    assert_text(source->parent_subscription_id, "parent");
    assert_int_equal(fixture->customer.dropped.count, 1);

    assert_text(target->offer_id, "standard");
    assert_int_equal(target->status, PL_STATUS_ACTIVE);
    assert_int_equal(target->quantity, 33);
    assert_text(target->partner_id, "partner-a");
    assert_int_equal(target->channel, PL_CHANNEL_VOLUME);
    assert_true(pl_bytes_is_null(target->parent_subscription_id));
    assert_true(pl_bytes_is_null(target->replaced_by));
    assert_int_equal(target->revision, 0);
    assert_int_equal(target->licence_count, 1);
    assert_true(target->chunks[0].is_dirty);
    assert_true(target->ordinal != source->ordinal);
}

static void an_upgrade_without_licences_is_one_only(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "premium");
    struct pl_result result = decide(fixture, &request);

    assert_int_equal(result.outcome, PL_OUTCOME_UPGRADED);
    assert_int_equal(result.upgrade_type, PL_UPGRADE_TYPE_UPGRADE_ONLY);
    assert_int_equal(result.target.quantity, 10);
    assert_int_equal(result.affected_account_count, 0);
    assert_int_equal(result.services_to_transition_count, 0);
    assert_int_equal(result.possible_upgrade_count, 0);
}

/* Requests do not follow replacedBy, licence facts do: see test_event.c. */
static void an_upgraded_subscription_can_be_upgraded_on(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    struct pl_result result;

    assign(fixture, "src", "u1", "LISTS");
    assert_int_equal(decide(fixture, &request).outcome, PL_OUTCOME_UPGRADED);
    request.request_id = PL_BYTES_LITERAL("req-2");
    assert_errors(fixture, decide(fixture, &request).errors,
                  "subscription_status_not_active src []; target_offer_already_owned " NEW_ID
                  " []");
    request = request_for(PL_OPERATION_UPGRADE, NEW_ID, "premium");
    request.request_id = PL_BYTES_LITERAL("req-2");
    result = decide(fixture, &request);
    assert_int_equal(result.outcome, PL_OUTCOME_UPGRADED);
    assert_string_equal(accounts_text(&fixture->arena, &result), "u1: CHAT1>CHAT2 EXCEL>\n");
    assert_text(find(fixture, NEW_ID)->replaced_by,
                pl_arena_format(&fixture->arena, "%.*s", TEXT(result.target.subscription_id)).data);
    assert_ptr_equal(pl_customer_licence_holder(&fixture->customer, PL_BYTES_LITERAL("src")),
                     pl_customer_find(&fixture->customer, result.target.subscription_id));
}

static void a_refusal_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "bare");
    struct pl_result result;

    assign(fixture, "src", "u1", "");
    fixture->customer.is_dirty = false;
    result = decide(fixture, &request);
    assert_int_equal(result.outcome, PL_OUTCOME_REFUSED);
    assert_nothing_but_errors(&result);
    assert_view(&result.source, "src", "basic", PL_STATUS_ACTIVE, 10);
    assert_int_equal(fixture->customer.version, 41);
    assert_false(fixture->customer.is_dirty);
    assert_int_equal(fixture->customer.subscription_count, 1);
    assert_int_equal(find(fixture, "src")->licence_count, 1);
}

/* ---- ADD_LICENSES ---------------------------------------------------------------------------- */

static void added_licences_grow_the_source(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", "ignored");
    struct pl_result result;

    request.quantity = (struct pl_optional_int){true, 5};
    result = decide(fixture, &request);
    assert_int_equal(result.outcome, PL_OUTCOME_LICENSES_ADDED);
    assert_int_equal(result.upgrade_type, PL_UPGRADE_TYPE_NONE);
    assert_view(&result.source, "src", "basic", PL_STATUS_ACTIVE, 10); /* as it was before */
    assert_view(&result.target, "src", "basic", PL_STATUS_ACTIVE, 15);
    assert_false(result.billing.cancelled.is_set);
    assert_line(&result.billing.added, "src", "basic", 5); /* the added ones only */
    assert_true(result.billing.effective_at_ms == DECIDED_AT_MS);
    assert_int_equal(find(fixture, "src")->quantity, 15);
    assert_int_equal(find(fixture, "src")->revision, 8);
    assert_int_equal(fixture->customer.version, 42);
    assert_true(fixture->customer.is_dirty);
}

static void the_version_stays_at_the_end_of_the_numbers(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);

    fixture->customer.version = INT64_MAX;
    request.quantity = (struct pl_optional_int){true, 5};
    assert_int_equal(decide(fixture, &request).outcome, PL_OUTCOME_LICENSES_ADDED);
    assert_true(fixture->customer.version == INT64_MAX);
}

static void an_offer_that_the_catalogue_lacks_is_its_own_name(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);
    struct pl_result result;

    find(fixture, "src")->offer_id = PL_BYTES_LITERAL("unknown");
    request.quantity = (struct pl_optional_int){true, 5};
    result = decide(fixture, &request);
    assert_text(result.source.offer_name, "unknown");
    assert_text(result.target.offer_name, "unknown");
    assert_text(result.billing.added.offer_name, "unknown");
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

static void a_check_lists_every_target_in_the_catalogues_order(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_result result;

    assign(fixture, "src", "u1", "");
    assign(fixture, "src", "u2", "MAIL1 WORD");
    add_subscription(fixture, "other", "standard");
    fixture->customer.is_dirty = false;
    result = decide(fixture, &request);
    assert_int_equal(result.outcome, PL_OUTCOME_NOT_ELIGIBLE);
    assert_int_equal(result.possible_upgrade_count, 2);
    assert_text(result.possible_upgrades[0].target_offer_id, "standard");
    assert_false(result.possible_upgrades[0].eligible);
    assert_int_equal(result.possible_upgrades[0].upgrade_type, PL_UPGRADE_TYPE_NONE);
    assert_int_equal(result.possible_upgrades[0].affected_accounts, 1); /* eligible or not */
    assert_names(fixture, result.possible_upgrades[0].additional_services, "MAIL2 EXCEL LISTS");
    assert_text(result.possible_upgrades[1].target_offer_id, "premium");
    assert_int_equal(result.possible_upgrades[1].affected_accounts, 2);
    assert_names(fixture, result.possible_upgrades[1].additional_services,
                 "LISTS MAIL3 CHAT2 MAIL2 CALL1");
    find(fixture, "other")->offer_id = PL_BYTES_LITERAL("bare");
    request.quantity = (struct pl_optional_int){true, 77};
    result = decide(fixture, &request);
    assert_int_equal(result.outcome, PL_OUTCOME_ELIGIBLE);
    for (size_t i = 0; i < 2; i++) {
        assert_true(result.possible_upgrades[i].eligible);
        assert_int_equal(result.possible_upgrades[i].quantity, 77);
        assert_int_equal(result.possible_upgrades[i].upgrade_type,
                         PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER);
    }
    assert_view(&result.source, "src", "basic", PL_STATUS_ACTIVE, 10);
    assert_false(result.target.is_set || result.billing.is_set);
    assert_int_equal(result.upgrade_type, PL_UPGRADE_TYPE_NONE);
    assert_int_equal(result.affected_account_count + result.services_to_transition_count, 0);
    assert_int_equal(fixture->customer.version, 41);
    assert_false(fixture->customer.is_dirty); /* nothing changes */
}

static void a_check_is_eligible_if_any_target_is(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_result result;

    request.quantity = (struct pl_optional_int){true, 101}; /* too many for standard */
    result = decide(fixture, &request);
    assert_int_equal(result.outcome, PL_OUTCOME_ELIGIBLE);
    assert_false(result.possible_upgrades[0].eligible);
    assert_true(result.possible_upgrades[1].eligible);
    assert_int_equal(result.possible_upgrades[1].upgrade_type, PL_UPGRADE_TYPE_UPGRADE_ONLY);
    request.target_offer_id = PL_BYTES_LITERAL("standard");
    result = decide(fixture, &request);
    assert_int_equal(result.outcome, PL_OUTCOME_NOT_ELIGIBLE);
    assert_int_equal(result.possible_upgrade_count, 1);
}

static void errors_of_the_request_make_every_target_ineligible(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_result result;

    find(fixture, "src")->status = PL_STATUS_SUSPENDED;
    result = decide(fixture, &request);
    assert_errors(fixture, result.errors, "subscription_status_not_active src []");
    assert_int_equal(result.outcome, PL_OUTCOME_NOT_ELIGIBLE);
    assert_int_equal(result.possible_upgrade_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_errors(fixture, result.possible_upgrades[i].errors, "");
        assert_false(result.possible_upgrades[i].eligible);
        assert_int_equal(result.possible_upgrades[i].upgrade_type, PL_UPGRADE_TYPE_NONE);
    }
}

static void after_a_fatal_error_a_check_lists_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", "bare");
    struct pl_result result = decide(fixture, &request);

    assert_int_equal(result.outcome, PL_OUTCOME_NOT_ELIGIBLE);
    assert_errors(fixture, result.errors, "subscription_target_offer_not_found - []");
    assert_nothing_but_errors(&result);
    assert_true(result.source.is_set);
}

/* ---- the source in a refusal ----------------------------------------------------------------- */

static void errors_0_3_and_4_leave_the_source_unsaid(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", NULL);
    struct pl_result result = decide(fixture, &request);

    assert_errors(fixture, result.errors, "invalid_request - []");
    assert_false(result.source.is_set);
    assert_nothing_but_errors(&result);
    request = request_for(PL_OPERATION_UPGRADE, "nowhere", "standard");
    result = decide(fixture, &request);
    assert_errors(fixture, result.errors, "subscription_not_found nowhere []");
    assert_false(result.source.is_set);
    request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    request.partner_id = PL_BYTES_LITERAL("partner-b");
    result = decide(fixture, &request);
    assert_errors(fixture, result.errors, "subscription_not_owned_by_partner src []");
    assert_false(result.source.is_set);
    assert_nothing_but_errors(&result);
}

static void the_empty_customer_has_version_0(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_result result;

    pl_customer_init(&fixture->customer, PL_BYTES_LITERAL("cust-1"));
    request.expected_version = (struct pl_optional_long){true, 0};
    result = decide(fixture, &request);
    assert_errors(fixture, result.errors, "subscription_not_found src []");
    assert_int_equal(result.customer_version, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOURCE(the_result_repeats_the_request),
        WITH_SOURCE(an_upgrade_ends_the_source_and_begins_the_new_one),
        WITH_SOURCE(an_upgrade_without_licences_is_one_only),
        WITH_SOURCE(an_upgraded_subscription_can_be_upgraded_on),
        WITH_SOURCE(a_refusal_changes_nothing),
        WITH_SOURCE(added_licences_grow_the_source),
        WITH_SOURCE(the_version_stays_at_the_end_of_the_numbers),
        WITH_SOURCE(an_offer_that_the_catalogue_lacks_is_its_own_name),
        WITH_SOURCE(a_check_lists_every_target_in_the_catalogues_order),
        WITH_SOURCE(a_check_is_eligible_if_any_target_is),
        WITH_SOURCE(errors_of_the_request_make_every_target_ineligible),
        WITH_SOURCE(after_a_fatal_error_a_check_lists_nothing),
        WITH_SOURCE(errors_0_3_and_4_leave_the_source_unsaid),
        WITH_SOURCE(the_empty_customer_has_version_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

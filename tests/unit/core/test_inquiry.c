/* Unit tests of core/inquiry.c. */
#include "core/inquiry.h"
#include "fixture.h"

static void open_for(struct fixture *fixture, const struct pl_request *request,
                     struct pl_inquiry *inquiry)
{
    pl_inquiry_open(inquiry, fixture->catalogue, &fixture->customer, request, &fixture->arena);
}

static void an_unknown_source_is_no_fault(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_inquiry inquiry;

    open_for(fixture, &request, &inquiry);
    assert_null(inquiry.source);
    assert_null(inquiry.source_offer);
    add_subscription(fixture, "src", "unknown");
    open_for(fixture, &request, &inquiry);
    assert_ptr_equal(inquiry.source, find(fixture, "src"));
    assert_null(inquiry.source_offer);
}

static void the_quantity_is_the_requests_or_the_sources(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_inquiry inquiry;

    add_subscription(fixture, "src", "basic")->quantity = 7;
    open_for(fixture, &request, &inquiry);
    assert_int_equal(inquiry.quantity, 7);
    request.quantity = (struct pl_optional_int){true, 3};
    open_for(fixture, &request, &inquiry);
    assert_int_equal(inquiry.quantity, 3);
}

static void the_considered_targets_are_the_requested_or_all(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_inquiry inquiry;

    add_subscription(fixture, "src", "basic");
    open_for(fixture, &request, &inquiry);
    pl_inquiry_open_targets(&inquiry);
    assert_int_equal(inquiry.edge_count, 2);
    assert_text(inquiry.edges[0].target->id, "standard");
    assert_text(inquiry.edges[1].target->id, "premium");
    assert_true(pl_bytes_is_null(inquiry.new_subscription_id));
    request = request_for(PL_OPERATION_UPGRADE, "src", "premium");
    open_for(fixture, &request, &inquiry);
    pl_inquiry_open_targets(&inquiry);
    assert_int_equal(inquiry.edge_count, 1);
    assert_text(inquiry.edges[0].target->id, "premium");
    assert_text(inquiry.new_subscription_id, NEW_ID);
}

static void others_are_live_and_not_the_source(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", "standard");
    struct pl_inquiry inquiry;

    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "z", "mail-only"); /* MAIL1 against MAIL2 */
    add_subscription(fixture, "a", "unknown")->status = PL_STATUS_PENDING;
    add_subscription(fixture, "add-on", "call-only")->parent_subscription_id =
        PL_BYTES_LITERAL("src");
    add_subscription(fixture, "ended", "mail-only")->status = PL_STATUS_CANCELLED;
    open_for(fixture, &request, &inquiry);
    pl_inquiry_open_targets(&inquiry);
    assert_int_equal(inquiry.other_count, 3);
    assert_text(inquiry.others[0].subscription->subscription_id, "a");
    assert_null(inquiry.others[0].offer);
    assert_false(inquiry.others[0].can_collide || inquiry.others[0].is_add_on);
    assert_text(inquiry.others[1].subscription->subscription_id, "add-on");
    assert_true(inquiry.others[1].is_add_on);
    assert_false(inquiry.others[1].can_collide); /* standard has no plan of CALL2's family */
    assert_text(inquiry.others[2].subscription->subscription_id, "z");
    assert_true(inquiry.others[2].can_collide);
    assert_false(inquiry.others[2].is_add_on);
    request.target_offer_id = PL_BYTES_LITERAL("premium"); /* has CALL1 */
    open_for(fixture, &request, &inquiry);
    pl_inquiry_open_targets(&inquiry);
    assert_true(inquiry.others[1].can_collide); /* an add-on too */
}

static void accounts_know_what_is_disabled_and_held_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    const struct pl_licence *const *sorted;
    struct pl_inquiry inquiry;
    const struct pl_account *accounts;

    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "b", "mail-only");
    add_subscription(fixture, "a", "standard");
    add_subscription(fixture, "c", "chat-only"); /* nothing exclusive: not looked at */
    assign(fixture, "src", "u1", "");
    assign(fixture, "src", "u2", "unknown");
    assign(fixture, "src", "u3", "unknown CHAT2 WORD");
    assign(fixture, "src", "u4", "CHAT2");
    assign_by_group(fixture, "src", "u5", "group-1");
    assign(fixture, "a", "u1", "MAIL2");
    assign(fixture, "b", "u1", "");
    assign(fixture, "c", "u1", "");
    assign(fixture, "b", "u5", "");
    open_for(fixture, &request, &inquiry);
    pl_inquiry_open_targets(&inquiry);
    pl_licences_sorted(inquiry.source, &fixture->arena, &sorted);
    pl_inquiry_load_accounts(&inquiry, sorted, 5);
    accounts = inquiry.accounts;
    assert_int_equal(inquiry.account_count, 5);
    assert_int_equal(accounts[0].elsewhere_count, 2);
    assert_text(accounts[0].elsewhere[0].other->subscription->subscription_id, "a");
    assert_non_null(accounts[0].elsewhere[0].disabled);
    assert_text(accounts[0].elsewhere[1].other->subscription->subscription_id, "b");
    assert_null(accounts[0].elsewhere[1].disabled);
    assert_null(accounts[0].disabled);
    assert_null(accounts[1].disabled); /* only ids that no offer includes */
    assert_non_null(accounts[2].disabled_families);
    assert_true(
        pl_bits_has(accounts[2].disabled, pl_id_index_find(&fixture->catalogue->service_index,
                                                           PL_BYTES_LITERAL("CHAT2"))));
    assert_non_null(accounts[3].disabled);
    assert_null(accounts[3].disabled_families);       /* CHAT2 is no service of the source */
    assert_int_equal(accounts[4].elsewhere_count, 0); /* by a group: not looked up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_unknown_source_is_no_fault),
        WITH_FIXTURE(the_quantity_is_the_requests_or_the_sources),
        WITH_FIXTURE(the_considered_targets_are_the_requested_or_all),
        WITH_FIXTURE(others_are_live_and_not_the_source),
        WITH_FIXTURE(accounts_know_what_is_disabled_and_held_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

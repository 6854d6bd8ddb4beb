/* Unit tests of core/upgrade.c: transitions, disabled services, licence errors, who moves. */
#include "fixture.h"

/* Upgrade "src" of the given offer. */
static struct pl_result upgrade(struct fixture *fixture, const char *target)
{
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", target);
    struct pl_result result;

    grant(fixture, "partner-a", "");
    result = decide(fixture, &request);
    assert_errors(fixture, result.errors, "");
    assert_int_equal(result.outcome, PL_OUTCOME_UPGRADED);
    return result;
}

/* Licences of the new subscription. */
static const char *moved(struct fixture *fixture)
{
    return licences_text(&fixture->arena, find(fixture, NEW_ID));
}

#define assert_accounts(fixture, result, expected)                                                 \
    assert_string_equal(accounts_text(&(fixture)->arena, (result)), (expected))
#define assert_services(fixture, result, expected)                                                 \
    assert_string_equal(services_text(&(fixture)->arena, (result)), (expected))

static void transitions_are_in_the_sources_order(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    add_subscription(fixture, "src", "basic"); /* MAIL1 CHAT1 FORMS WORD */
    assign(fixture, "src", "u1", "");
    assign(fixture, "src", "u2", "CHAT1");
    assign(fixture, "src", "u3", "WORD MAIL1 unknown");
    result = upgrade(fixture, "premium"); /* LISTS MAIL3 CHAT2 MAIL2 CALL1 */
    assert_accounts(fixture, &result,
                    "u1: MAIL1>MAIL3 CHAT1>CHAT2 WORD>\n"
                    "u2: MAIL1>MAIL3 WORD>\n"
                    "u3: CHAT1>CHAT2\n");
    assert_services(fixture, &result, "MAIL1>MAIL3 2; CHAT1>CHAT2 2; WORD> 2");
    assert_text(result.services_to_transition[0].service_name, "Name of MAIL1");
    assert_text(result.services_to_transition[0].replacement_name, "Name of MAIL3");
    assert_true(pl_bytes_is_null(result.services_to_transition[2].replacement_name));
    assert_int_equal(result.services_to_transition[0].transition, PL_TRANSITION_REPLACED);
    assert_int_equal(result.services_to_transition[2].transition, PL_TRANSITION_REMOVED);
    assert_text(result.affected_accounts[0].user_principal_name, "u1@example");
}

/* Services that both offers have, and those of families without transition, are no work. */
static void who_has_nothing_to_change_is_not_affected(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    add_subscription(fixture, "src", "basic");
    assign(fixture, "src", "u1", "MAIL1 WORD"); /* only CHAT1 and FORMS left */
    assign(fixture, "src", "u2", "WORD");
    result = upgrade(fixture, "standard");
    assert_accounts(fixture, &result, "u2: MAIL1>MAIL2\n");
    assert_services(fixture, &result, "MAIL1>MAIL2 1"); /* WORD>EXCEL has no account */
    assert_string_equal(moved(fixture), "u1 [EXCEL MAIL2]; u2 [EXCEL]");
    assert_int_equal(result.upgrade_type, PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER);
}

static void accounts_are_ordered_by_the_bytes_of_their_ids(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    add_subscription(fixture, "src", "mail-only");
    for (unsigned i = 0; i < 5; i++) {
        static const char *const users[] = {"b", "\xf0\x9f\x98\x80", "B", "\xef\xbf\xae", "a"};

        assign(fixture, "src", users[i], "");
    }
    result = upgrade(fixture, "bare");
    assert_accounts(fixture, &result,
                    "B: MAIL1>\na: MAIL1>\nb: MAIL1>\n\xef\xbf\xae: MAIL1>\n"
                    "\xf0\x9f\x98\x80: MAIL1>\n");
}

/* ---- disabled services ----------------------------------------------------------------------- */

/* What the target has of the old ones stays, sorted; ids of other offers and unknown ones go. */
static void disabled_services_of_the_target_stay(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    add_subscription(fixture, "src", "basic");
    assign(fixture, "src", "u1", "MAIL2 LISTS CALL1 CALL2 NOPE CHAT2");
    assign(fixture, "src", "u2", "NOPE");
    result = upgrade(fixture, "premium");
    assert_string_equal(moved(fixture), "u1 [CALL1 CHAT2 LISTS MAIL2]; u2 []");
    assert_services(fixture, &result, "MAIL1>MAIL3 2; CHAT1>CHAT2 2; WORD> 2");
}

/* A disabled service of the source disables all additional ones of its family. */
static void disabled_services_carry_over_in_their_family(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, "src", "basic");
    assign(fixture, "src", "u1", "MAIL1");
    assign(fixture, "src", "u2", "FORMS CHAT1"); /* also in families without transition */
    assign(fixture, "src", "u3", "MAIL2");       /* of the family, but not of the source */
    (void)upgrade(fixture, "premium");
    assert_string_equal(moved(fixture), "u1 [MAIL2 MAIL3]; u2 [CHAT2 LISTS]; u3 [MAIL2]");
}

/* Only what the source lacks: a service that both have keeps the user's choice. */
static void shared_services_are_not_carried_over_to(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    load_catalogue(fixture, "family f t\nservice a f\nservice b f\nservice c f\n"
                            "offer basic 0 a b\noffer target 0 c b\nupgrade basic target\n");
    add_subscription(fixture, "src", "basic");
    assign(fixture, "src", "u1", "a"); /* b stays enabled, c gets disabled */
    assign(fixture, "src", "u2", "b");
    assign(fixture, "src", "u3", "");
    result = upgrade(fixture, "target");
    assert_string_equal(moved(fixture), "u1 [c]; u2 [b c]; u3 []");
    /* c replaces a, also where it ends up disabled */
    assert_accounts(fixture, &result, "u2: a>c\nu3: a>c\n");
}

/* ---- licence errors -------------------------------------------------------------------------- */

static void a_group_keeps_its_licences(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "other", "mail-only");
    assign_by_group(fixture, "src", "u1", "group-1");
    assign(fixture, "other", "u1", ""); /* the group comes first */
    assign(fixture, "src", "u2", "");
    result = upgrade(fixture, "standard");
    assert_accounts(fixture, &result,
                    "u1: MAIL1>MAIL2 WORD>EXCEL ! license_assigned_by_group - []\n"
                    "u2: MAIL1>MAIL2 WORD>EXCEL\n");
    assert_services(fixture, &result, "MAIL1>MAIL2 2; WORD>EXCEL 2"); /* counted all the same */
    assert_string_equal(moved(fixture), "u2 []");
    assert_int_equal(find(fixture, "src")->licence_count, 0); /* it ends with the source */
}

static void an_error_alone_affects_an_account(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    load_catalogue(fixture, "family e e\nservice a e\nservice b e\nservice c e\n"
                            "offer basic 0 a\noffer target 0 a b\noffer other 0 c\n"
                            "upgrade basic target\n");
    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "other", "other");
    assign_by_group(fixture, "src", "u1", "group-1");
    assign(fixture, "src", "u2", "");
    assign(fixture, "other", "u2", "");
    result = upgrade(fixture, "target");
    assert_accounts(fixture, &result,
                    "u1:  ! license_assigned_by_group - []\n"
                    "u2:  ! conflicting_service_types other [a b]\n");
    assert_services(fixture, &result, "");
    assert_string_equal(moved(fixture), "");
    assert_int_equal(result.upgrade_type, PL_UPGRADE_TYPE_UPGRADE_ONLY);
}

static void the_first_subscription_that_excludes_a_plan_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct pl_result result;

    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "a", "mail-only");
    add_subscription(fixture, "b", "mail-only");
    add_subscription(fixture, "ended", "mail-only")->status = PL_STATUS_CANCELLED;
    find(fixture, "b")->status = PL_STATUS_SUSPENDED; /* live */
    for (unsigned i = 1; i <= 5; i++) {
        assign(fixture, "src", pl_arena_format(&fixture->arena, "u%u", i).data, "WORD");
    }
    assign(fixture, "a", "u1", "");
    assign(fixture, "b", "u1", "");
    assign(fixture, "b", "u2", "unknown");
    assign(fixture, "a", "u3", "MAIL1"); /* disabled there */
    assign(fixture, "b", "u3", "");
    assign(fixture, "a", "u4", "MAIL1");
    assign(fixture, "ended", "u5", "");
    result = upgrade(fixture, "standard");
    assert_accounts(fixture, &result,
                    "u1: MAIL1>MAIL2 ! conflicting_service_types a [MAIL2]\n"
                    "u2: MAIL1>MAIL2 ! conflicting_service_types b [MAIL2]\n"
                    "u3: MAIL1>MAIL2 ! conflicting_service_types b [MAIL2]\n"
                    "u4: MAIL1>MAIL2\n"
                    "u5: MAIL1>MAIL2\n");
    assert_string_equal(moved(fixture), "u4 [EXCEL]; u5 [EXCEL]");
}

/* The plan of the target is disabled after the upgrade, so that nothing meets. */
static void a_disabled_plan_does_not_conflict(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "other", "mail-only");
    assign(fixture, "src", "u1", "MAIL1"); /* carries over to MAIL2 */
    assign(fixture, "other", "u1", "");
    (void)upgrade(fixture, "standard");
    assert_string_equal(moved(fixture), "u1 [MAIL2]");
}

/* An add-on of the source would be error 8, so the licence error shows in the counts of a CHECK. */
static void licences_of_add_ons_count_as_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", "premium");
    struct pl_result result;

    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "add-on", "call-only")->parent_subscription_id =
        PL_BYTES_LITERAL("src");
    assign(fixture, "src", "u1", "MAIL1 CHAT1 WORD");
    assign(fixture, "add-on", "u1", "");
    grant(fixture, "partner-a", "");
    request.require_license_transfer = true;
    result = decide(fixture, &request);
    assert_errors(fixture, result.possible_upgrades[0].errors,
                  "subscription_add_ons_present add-on []; user_license_error src []");
    assert_int_equal(result.possible_upgrades[0].affected_accounts, 1);
}

static void check_counts_what_an_upgrade_would_do(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", "standard");
    struct pl_result result;

    add_subscription(fixture, "src", "basic");
    add_subscription(fixture, "other", "mail-only");
    assign(fixture, "src", "u1", "MAIL1 WORD"); /* not affected */
    assign(fixture, "src", "u2", "MAIL1");
    assign_by_group(fixture, "src", "u3", "group-1");
    assign(fixture, "src", "u4", "WORD");
    assign(fixture, "other", "u4", "");
    grant(fixture, "partner-a", "");
    result = decide(fixture, &request);
    assert_int_equal(result.possible_upgrades[0].affected_accounts, 3);
    assert_int_equal(result.possible_upgrades[0].upgrade_type,
                     PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER);
    assert_int_equal(upgrade(fixture, "standard").affected_account_count, 3);
}

/* Eligible, but nothing would move. */
static void check_knows_when_no_licence_would_move(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", "standard");
    struct pl_result result;

    add_subscription(fixture, "src", "basic");
    assign_by_group(fixture, "src", "u1", "group-1");
    grant(fixture, "partner-a", "");
    result = decide(fixture, &request);
    assert_true(result.possible_upgrades[0].eligible);
    assert_int_equal(result.possible_upgrades[0].upgrade_type, PL_UPGRADE_TYPE_UPGRADE_ONLY);
    assert_int_equal(result.possible_upgrades[0].affected_accounts, 1);
    assert_int_equal(upgrade(fixture, "standard").upgrade_type, PL_UPGRADE_TYPE_UPGRADE_ONLY);
}

static void twenty_five_thousand_licences_move(void **state)
{
    enum { COUNT = 25000 };
    struct fixture *fixture = *state;
    struct pl_result result;

    add_subscription(fixture, "src", "basic")->quantity = COUNT;
    for (unsigned i = 0; i < COUNT; i++) {
        const char *id = pl_arena_format(&fixture->arena, "user-%05u", (i * 7919) % COUNT).data;

        if (i % 5 == 0) {
            assign_by_group(fixture, "src", id, "group-1");
        } else {
            assign(fixture, "src", id, i % 5 == 1 ? "MAIL1" : "");
        }
    }
    result = upgrade(fixture, "premium");
    assert_int_equal(result.affected_account_count, COUNT);
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(pl_bytes_compare(result.affected_accounts[i - 1].user_id,
                                     result.affected_accounts[i].user_id) < 0);
    }
    assert_services(fixture, &result, "MAIL1>MAIL3 20000; CHAT1>CHAT2 25000; WORD> 25000");
    assert_int_equal(find(fixture, NEW_ID)->licence_count, 20000);
    assert_true(find(fixture, NEW_ID)->chunk_count > 20000 / PL_CHUNK_MAX_LICENCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(transitions_are_in_the_sources_order),
        WITH_FIXTURE(who_has_nothing_to_change_is_not_affected),
        WITH_FIXTURE(accounts_are_ordered_by_the_bytes_of_their_ids),
        WITH_FIXTURE(disabled_services_of_the_target_stay),
        WITH_FIXTURE(disabled_services_carry_over_in_their_family),
        WITH_FIXTURE(shared_services_are_not_carried_over_to),
        WITH_FIXTURE(a_group_keeps_its_licences),
        WITH_FIXTURE(an_error_alone_affects_an_account),
        WITH_FIXTURE(the_first_subscription_that_excludes_a_plan_is_named),
        WITH_FIXTURE(a_disabled_plan_does_not_conflict),
        WITH_FIXTURE(licences_of_add_ons_count_as_elsewhere),
        WITH_FIXTURE(check_counts_what_an_upgrade_would_do),
        WITH_FIXTURE(check_knows_when_no_licence_would_move),
        WITH_FIXTURE(twenty_five_thousand_licences_move),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

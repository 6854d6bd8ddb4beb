/* Unit tests of core/event.c. */
#include "fixture.h"

static void apply(struct fixture *fixture, const struct pl_event *event)
{
    pl_event_apply(&fixture->customer, event, &fixture->arena);
}

/* Everything given; tests change what they are about. */
static struct pl_event subscription_changed(const char *id, int64_t revision)
{
    return (struct pl_event){
        .customer_id = PL_BYTES_LITERAL("cust-1"),
        .kind = PL_EVENT_SUBSCRIPTION_CHANGED,
        .change.subscription_changed = {.subscription_id = pl_bytes_of(id),
                                        .offer_id = PL_BYTES_LITERAL("basic"),
                                        .status = PL_STATUS_ACTIVE,
                                        .quantity = 5,
                                        .partner_id = PL_BYTES_LITERAL("partner-a"),
                                        .channel = PL_CHANNEL_VOLUME,
                                        .parent_subscription_id = PL_BYTES_LITERAL("parent"),
                                        .revision = revision}};
}

static struct pl_event license_assigned(const char *subscription_id, const char *user_id)
{
    return (struct pl_event){
        .customer_id = PL_BYTES_LITERAL("cust-1"),
        .kind = PL_EVENT_LICENSE_ASSIGNED,
        .change.license_assigned = {.subscription_id = pl_bytes_of(subscription_id),
                                    .user_id = pl_bytes_of(user_id),
                                    .user_principal_name = PL_BYTES_LITERAL("u@example"),
                                    .display_name = PL_BYTES_LITERAL("U"),
                                    .assigned_by_group = PL_BYTES_LITERAL("g")}};
}

static struct pl_event license_removed(const char *subscription_id, const char *user_id)
{
    return (struct pl_event){
        .customer_id = PL_BYTES_LITERAL("cust-1"),
        .kind = PL_EVENT_LICENSE_REMOVED,
        .change.license_removed = {.subscription_id = pl_bytes_of(subscription_id),
                                   .user_id = pl_bytes_of(user_id)}};
}

static struct pl_event delegated_admin_changed(const char *partner_id, bool granted)
{
    return (struct pl_event){.customer_id = PL_BYTES_LITERAL("cust-1"),
                             .kind = PL_EVENT_DELEGATED_ADMIN_CHANGED,
                             .change.delegated_admin_changed = {
                                 .partner_id = pl_bytes_of(partner_id), .granted = granted}};
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void required_ids_must_not_be_empty(void **state)
{
    struct pl_event event = subscription_changed("", 1);

    (void)state;
    assert_non_null(strstr(pl_event_fault(&event), "subscriptionId"));
    event = subscription_changed("a", 1);
    assert_null(pl_event_fault(&event));
    event.change.subscription_changed.offer_id = PL_BYTES_LITERAL("");
    assert_non_null(strstr(pl_event_fault(&event), "offerId"));
    event = license_assigned("", "u");
    assert_non_null(strstr(pl_event_fault(&event), "subscriptionId"));
    event = license_assigned("a", "");
    assert_non_null(strstr(pl_event_fault(&event), "userId"));
    event = license_removed("", "u");
    assert_non_null(strstr(pl_event_fault(&event), "subscriptionId"));
    event = license_removed("a", "");
    assert_non_null(strstr(pl_event_fault(&event), "userId"));
    event = delegated_admin_changed("", true);
    assert_non_null(strstr(pl_event_fault(&event), "partnerId"));
    event = delegated_admin_changed("", false);
    assert_non_null(strstr(pl_event_fault(&event), "partnerId"));
}

static void what_may_be_empty_is_no_fault(void **state)
{
    struct pl_event event = subscription_changed("a", INT64_MIN);

    (void)state;
    event.change.subscription_changed.partner_id = PL_NULL_BYTES;
    event.change.subscription_changed.quantity = 0;
    assert_null(pl_event_fault(&event));
    event.change.subscription_changed.quantity = -1;
    assert_non_null(strstr(pl_event_fault(&event), "quantity"));
    event = license_assigned("a", "u");
    event.change.license_assigned.user_principal_name = PL_BYTES_LITERAL("");
    assert_null(pl_event_fault(&event));
    event = license_removed("a", "u");
    assert_null(pl_event_fault(&event));
    event = delegated_admin_changed("p", true);
    assert_null(pl_event_fault(&event));
    event = (struct pl_event){.kind = PL_EVENT_CUSTOMER_ERASED};
    assert_null(pl_event_fault(&event));
}

/* ---- SubscriptionChanged --------------------------------------------------------------------- */

static void a_subscription_is_created_with_whatever_revision(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = subscription_changed("a", -7);
    const struct pl_subscription *subscription;

    apply(fixture, &event);
    subscription = find(fixture, "a");
    assert_text(subscription->offer_id, "basic");
    assert_int_equal(subscription->status, PL_STATUS_ACTIVE);
    assert_int_equal(subscription->quantity, 5);
    assert_text(subscription->partner_id, "partner-a");
    assert_int_equal(subscription->channel, PL_CHANNEL_VOLUME);
    assert_text(subscription->parent_subscription_id, "parent");
    assert_int_equal(subscription->revision, -7);
    assert_true(pl_bytes_is_null(subscription->replaced_by));
    assert_int_equal(fixture->customer.version, 1);
    assert_true(fixture->customer.is_dirty);
}

static void a_higher_revision_overwrites_all_but_the_licences(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = subscription_changed("a", 1);
    const struct pl_subscription *subscription;

    apply(fixture, &event);
    find(fixture, "a")->status = PL_STATUS_CANCELLED; /* it may come back */
    assign(fixture, "a", "u", "");
    event = subscription_changed("a", 2);
    event.change.subscription_changed.offer_id = PL_BYTES_LITERAL("standard");
    event.change.subscription_changed.quantity = 0;
    event.change.subscription_changed.partner_id = PL_BYTES_LITERAL("");
    event.change.subscription_changed.channel = PL_CHANNEL_DIRECT;
    event.change.subscription_changed.parent_subscription_id = PL_NULL_BYTES;
    apply(fixture, &event);
    subscription = find(fixture, "a");
    assert_text(subscription->offer_id, "standard");
    assert_int_equal(subscription->status, PL_STATUS_ACTIVE);
    assert_int_equal(subscription->quantity, 0);
    assert_true(pl_bytes_is_null(subscription->partner_id)); /* "" is read as null */
    assert_int_equal(subscription->channel, PL_CHANNEL_DIRECT);
    assert_true(pl_bytes_is_null(subscription->parent_subscription_id));
    assert_int_equal(subscription->revision, 2);
    assert_int_equal(subscription->licence_count, 1);
    assert_int_equal(fixture->customer.version, 2);
}

static void an_equal_or_lower_revision_is_stale_but_counts(void **state)
{
    static const int64_t stale[] = {3, 2, 0, INT64_MIN};
    struct fixture *fixture = *state;
    struct pl_event event = subscription_changed("a", 3);

    apply(fixture, &event);
    for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++) {
        event = subscription_changed("a", stale[i]);
        event.change.subscription_changed.quantity = 99;
        fixture->customer.is_dirty = false;
        apply(fixture, &event);
        assert_int_equal(find(fixture, "a")->quantity, 5);
        assert_int_equal(find(fixture, "a")->revision, 3);
        assert_int_equal(fixture->customer.version, i + 2);
        assert_true(fixture->customer.is_dirty);
    }
}

static void a_replaced_subscription_does_not_change(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = subscription_changed("a", 1);

    apply(fixture, &event);
    find(fixture, "a")->replaced_by = PL_BYTES_LITERAL("b");
    find(fixture, "a")->status = PL_STATUS_CANCELLED;
    event = subscription_changed("a", 9);
    apply(fixture, &event);
    assert_int_equal(find(fixture, "a")->status, PL_STATUS_CANCELLED);
    assert_int_equal(find(fixture, "a")->revision, 1);
    assert_int_equal(fixture->customer.version, 2);
}

/* ---- licences -------------------------------------------------------------------------------- */

static void a_licence_is_assigned_whatever_the_status(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = license_assigned("a", "u");
    const struct pl_licence *licence;

    add_subscription(fixture, "a", "basic")->status = PL_STATUS_CANCELLED;
    event.change.license_assigned.disabled_services =
        words(&fixture->arena, "z NOT_A_SERVICE a z \xc3\xa9 CHAT1");
    apply(fixture, &event);
    licence = pl_licences_find(find(fixture, "a"), PL_BYTES_LITERAL("u"));
    assert_non_null(licence);
    assert_text(licence->user_principal_name, "u@example");
    assert_text(licence->display_name, "U");
    assert_text(licence->assigned_by_group, "g");
    assert_names(fixture, licence->disabled_services, "CHAT1 NOT_A_SERVICE a z \xc3\xa9");
    assert_int_equal(fixture->customer.version, 1);
}

static void assigning_again_overwrites_every_field(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = license_assigned("a", "u");
    const struct pl_licence *licence;

    add_subscription(fixture, "a", "basic");
    event.change.license_assigned.disabled_services = words(&fixture->arena, "CHAT1");
    apply(fixture, &event);
    event = license_assigned("a", "u");
    event.change.license_assigned.display_name = PL_BYTES_LITERAL("");
    event.change.license_assigned.assigned_by_group = PL_BYTES_LITERAL("");
    event.change.license_assigned.user_principal_name = PL_BYTES_LITERAL("new@example");
    apply(fixture, &event);
    licence = pl_licences_find(find(fixture, "a"), PL_BYTES_LITERAL("u"));
    assert_text(licence->user_principal_name, "new@example");
    assert_true(pl_bytes_is_null(licence->display_name));
    assert_true(pl_bytes_is_null(licence->assigned_by_group));
    assert_int_equal(licence->disabled_services.count, 0);
    assert_int_equal(find(fixture, "a")->licence_count, 1);
}

static void licence_facts_follow_an_upgrade(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = license_assigned("old", "u");

    add_subscription(fixture, "old", "basic")->replaced_by = PL_BYTES_LITERAL("mid");
    add_subscription(fixture, "mid", "standard")->replaced_by = PL_BYTES_LITERAL("new");
    add_subscription(fixture, "new", "premium");
    event.change.license_assigned.disabled_services = words(&fixture->arena, "MAIL1");
    apply(fixture, &event);
    assert_int_equal(find(fixture, "old")->licence_count, 0);
    assert_int_equal(find(fixture, "mid")->licence_count, 0);
    assert_string_equal(licences_text(&fixture->arena, find(fixture, "new")),
                        "u [MAIL1]"); /* not translated to the new offer */
    event = license_removed("mid", "u");
    apply(fixture, &event);
    assert_int_equal(find(fixture, "new")->licence_count, 0);
    assert_int_equal(fixture->customer.version, 2);
}

static void licence_facts_without_a_holder_only_count(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_event events[] = {
        license_assigned("unknown", "u"),  license_removed("unknown", "u"),
        license_assigned("loop", "u"),     license_assigned("lost", "u"),
        license_removed("live", "nobody"),
    };

    add_subscription(fixture, "loop", "basic")->replaced_by = PL_BYTES_LITERAL("loop");
    add_subscription(fixture, "lost", "basic")->replaced_by = PL_BYTES_LITERAL("gone");
    add_subscription(fixture, "live", "basic");
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        apply(fixture, &events[i]);
        assert_int_equal(fixture->customer.version, i + 1);
    }
    assert_int_equal(find(fixture, "loop")->licence_count, 0);
    assert_int_equal(find(fixture, "lost")->licence_count, 0);
    assert_int_equal(fixture->customer.subscription_count, 3);
}

/* ---- the others ------------------------------------------------------------------------------ */

static void a_grant_is_set_and_removed(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = delegated_admin_changed("partner-a", true);
    const struct pl_grant *found;

    event.change.delegated_admin_changed.service_families =
        words(&fixture->arena, "mail unknown chat mail");
    apply(fixture, &event);
    found = pl_customer_grant(&fixture->customer, PL_BYTES_LITERAL("partner-a"));
    assert_names(fixture, found->service_families, "chat mail unknown");
    event = delegated_admin_changed("partner-a", false);
    apply(fixture, &event);
    apply(fixture, &event);
    assert_int_equal(fixture->customer.grant_count, 0);
    assert_int_equal(fixture->customer.version, 3);
}

static void erasing_begins_anew(void **state)
{
    struct fixture *fixture = *state;
    struct pl_event event = subscription_changed("a", 4);
    struct pl_event erased = {.kind = PL_EVENT_CUSTOMER_ERASED};

    apply(fixture, &event);
    fixture->customer.answered_total = 9;
    apply(fixture, &erased);
    assert_int_equal(fixture->customer.version, 0);
    assert_int_equal(fixture->customer.answered_total, 0);
    assert_null(find(fixture, "a"));
    assert_false(fixture->customer.is_dirty);
    event = subscription_changed("a", 1); /* lower than the one before the erasure */
    apply(fixture, &event);
    assert_int_equal(find(fixture, "a")->revision, 1);
    assert_int_equal(fixture->customer.version, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_ids_must_not_be_empty),
        cmocka_unit_test(what_may_be_empty_is_no_fault),
        WITH_FIXTURE(a_subscription_is_created_with_whatever_revision),
        WITH_FIXTURE(a_higher_revision_overwrites_all_but_the_licences),
        WITH_FIXTURE(an_equal_or_lower_revision_is_stale_but_counts),
        WITH_FIXTURE(a_replaced_subscription_does_not_change),
        WITH_FIXTURE(a_licence_is_assigned_whatever_the_status),
        WITH_FIXTURE(assigning_again_overwrites_every_field),
        WITH_FIXTURE(licence_facts_follow_an_upgrade),
        WITH_FIXTURE(licence_facts_without_a_holder_only_count),
        WITH_FIXTURE(a_grant_is_set_and_removed),
        WITH_FIXTURE(erasing_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The errors of contract 6 as an ordered table of rules, one function a rule. */
#include "rules.h"

#include <string.h>

#include "bits.h"

#define NO_SERVICES ((struct pl_names){NULL, 0})

enum {
    CHECK = 1 << PL_OPERATION_CHECK,
    UPGRADE = 1 << PL_OPERATION_UPGRADE,
    ADD_LICENSES = 1 << PL_OPERATION_ADD_LICENSES,
    ALL = CHECK | UPGRADE | ADD_LICENSES
};

/* Found: an error, whose text comes later. */
static void add_finding(struct pl_findings *findings, enum pl_error_code code,
                        struct pl_bytes subscription_id, struct pl_names services)
{
    if (findings->count == findings->capacity) {
        size_t capacity = findings->capacity == 0 ? 4 : findings->capacity * 2;

        findings->items = pl_arena_grow(findings->arena, findings->items, findings->count, capacity,
                                        sizeof(*findings->items));
        findings->capacity = capacity;
    }
    findings->items[findings->count++] = (struct pl_upgrade_error){
        .code = code, .subscription_id = subscription_id, .services = services};
}

/* ---- errors of the request ------------------------------------------------------------------- */

const char *pl_request_fault(const struct pl_request *request)
{
    if (pl_bytes_is_empty(request->request_id)) {
        return "The requestId is empty. Send the request with an id of its own.";
    }
    if (pl_bytes_is_empty(request->subscription_id)) {
        return "The subscriptionId is empty. Say which subscription the request is about.";
    }
    if (pl_bytes_is_empty(request->partner_id)) {
        return "The partnerId is empty. Say which partner sends the request.";
    }
    if (request->operation == PL_OPERATION_UPGRADE && pl_bytes_is_empty(request->target_offer_id)) {
        return "An UPGRADE needs a targetOfferId. Choose one of the offers that a CHECK lists.";
    }
    if (request->operation == PL_OPERATION_ADD_LICENSES && !request->quantity.is_set) {
        return "ADD_LICENSES needs a quantity. Say how many licences to add.";
    }
    if (request->quantity.is_set && request->quantity.value <= 0) {
        return "The quantity must be 1 or more. Correct it, or leave it out where it is optional.";
    }
    return NULL;
}

/* 0 */
static void check_request(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    if (pl_request_fault(inquiry->request) != NULL) {
        add_finding(findings, PL_ERROR_INVALID_REQUEST, PL_NULL_BYTES, NO_SERVICES);
    }
}

/* 1 */
static void check_role(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    static const char *const roles[] = {"GLOBAL_ADMIN", "USER_MANAGEMENT_ADMIN", "ADMIN_AGENT",
                                        "SALES_AGENT", "HELPDESK_AGENT"};

    if (pl_symbol_index(roles, PL_COUNT(roles), inquiry->request->requested_by_role) < 0) {
        add_finding(findings, PL_ERROR_ROLE_NOT_PERMITTED, PL_NULL_BYTES, NO_SERVICES);
    }
}

/* 2 */
static void check_version(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    const struct pl_optional_long *expected = &inquiry->request->expected_version;

    if (expected->is_set && expected->value != inquiry->customer->version) {
        add_finding(findings, PL_ERROR_VERSION_MISMATCH, PL_NULL_BYTES, NO_SERVICES);
    }
}

/* 3 */
static void check_found(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    if (inquiry->source == NULL) {
        add_finding(findings, PL_ERROR_SUBSCRIPTION_NOT_FOUND, inquiry->request->subscription_id,
                    NO_SERVICES);
    }
}

/* 4 */
static void check_owned(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    if (!pl_bytes_equal(inquiry->source->partner_id, inquiry->request->partner_id)) {
        add_finding(findings, PL_ERROR_SUBSCRIPTION_NOT_OWNED_BY_PARTNER,
                    inquiry->source->subscription_id, NO_SERVICES);
    }
}

/* 5 */
static void check_status(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    enum pl_subscription_status status = inquiry->source->status;

    if (status != PL_STATUS_ACTIVE) {
        add_finding(findings,
                    status == PL_STATUS_PENDING ? PL_ERROR_SUBSCRIPTION_NOT_PROVISIONED
                                                : PL_ERROR_SUBSCRIPTION_STATUS_NOT_ACTIVE,
                    inquiry->source->subscription_id, NO_SERVICES);
    }
}

/* Services of an offer whose families are not among the granted ones. */
static struct pl_names services_not_granted(const struct pl_inquiry *inquiry,
                                            const struct pl_offer *offer, struct pl_names families)
{
    const struct pl_catalogue *catalogue = inquiry->catalogue;
    uint64_t *granted = pl_arena_zalloc(inquiry->arena, catalogue->family_words, sizeof(*granted));
    struct pl_bytes *ids = pl_arena_alloc(inquiry->arena, offer->services.count * sizeof(*ids));
    size_t count = 0;

    for (size_t i = 0; i < families.count; i++) {
        uint32_t family = pl_id_index_find(&catalogue->family_index, families.items[i]);

        if (family != PL_NO_POSITION) {
            pl_bits_add(granted, family);
        }
    }
    for (size_t i = 0; i < offer->services.count; i++) {
        if (!pl_bits_has(granted, catalogue->services[offer->services.items[i]].family)) {
            ids[count++] = offer->service_ids.items[i];
        }
    }
    return (struct pl_names){ids, count};
}

/* 6 */
static void check_grant(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    const struct pl_grant *grant =
        pl_customer_grant(inquiry->customer, inquiry->request->partner_id);
    const struct pl_offer *offer = inquiry->source_offer;
    struct pl_names missing = NO_SERVICES;

    if (grant == NULL) {
        missing = offer == NULL ? NO_SERVICES : offer->service_ids;
    } else if (offer != NULL && grant->service_families.count > 0) {
        missing = services_not_granted(inquiry, offer, grant->service_families);
    }
    if (grant == NULL || missing.count > 0) {
        add_finding(findings, PL_ERROR_DELEGATED_ADMIN_PERMISSIONS_DISABLED, PL_NULL_BYTES,
                    missing);
    }
}

static bool is_among(struct pl_names names, struct pl_bytes name)
{
    for (size_t i = 0; i < names.count; i++) {
        if (pl_bytes_equal(names.items[i], name)) {
            return true;
        }
    }
    return false;
}

/* 7 */
static void check_paths(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    struct pl_bytes wanted = inquiry->request->target_offer_id;

    if (inquiry->source_offer == NULL || inquiry->source_offer->target_ids.count == 0) {
        add_finding(findings, PL_ERROR_SUBSCRIPTION_DOES_NOT_HAVE_ANY_UPGRADE_PATHS,
                    inquiry->source->subscription_id, NO_SERVICES);
    } else if (!pl_bytes_is_empty(wanted) && !is_among(inquiry->source_offer->target_ids, wanted)) {
        add_finding(findings, PL_ERROR_SUBSCRIPTION_TARGET_OFFER_NOT_FOUND, PL_NULL_BYTES,
                    NO_SERVICES);
    }
}

/* ---- errors of a target ---------------------------------------------------------------------- */

/* 8 */
static void check_add_ons(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    for (size_t i = 0; i < inquiry->other_count; i++) {
        if (inquiry->others[i].is_add_on) {
            add_finding(findings, PL_ERROR_SUBSCRIPTION_ADD_ONS_PRESENT,
                        inquiry->others[i].subscription->subscription_id, NO_SERVICES);
        }
    }
}

/* 9 */
static void check_owned_target(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    for (size_t i = 0; i < inquiry->other_count; i++) {
        const struct pl_other *other = &inquiry->others[i];

        if (!other->is_add_on && other->offer == inquiry->edge->target) {
            add_finding(findings, PL_ERROR_TARGET_OFFER_ALREADY_OWNED,
                        other->subscription->subscription_id, NO_SERVICES);
        }
    }
}

/* Additional services of families with `conflicts` that the other offer includes too. */
static struct pl_names services_in_conflict(const struct pl_inquiry *inquiry,
                                            const struct pl_offer *other)
{
    const struct pl_edge *edge = inquiry->edge;
    struct pl_bytes *ids = pl_arena_alloc(inquiry->arena, edge->conflicting.count * sizeof(*ids));
    size_t count = 0;

    for (size_t i = 0; i < edge->conflicting.count; i++) {
        if (pl_bits_has(other->service_bits, edge->conflicting.items[i])) {
            ids[count++] = pl_service_id(inquiry->catalogue, edge->conflicting.items[i]);
        }
    }
    return (struct pl_names){ids, count};
}

/* 10 */
static void check_conflicts(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    const struct pl_edge *edge = inquiry->edge;

    for (size_t i = 0; i < inquiry->other_count; i++) {
        const struct pl_other *other = &inquiry->others[i];

        if (!other->is_add_on && other->offer != NULL && other->offer != edge->target &&
            pl_bits_meet(edge->conflicting_bits, other->offer->service_bits,
                         inquiry->catalogue->service_words)) {
            add_finding(findings, PL_ERROR_CONFLICTING_SERVICE_TYPES,
                        other->subscription->subscription_id,
                        services_in_conflict(inquiry, other->offer));
        }
    }
}

/* 11 */
static void check_assigned(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    if (inquiry->quantity < 0 || (uint64_t)inquiry->quantity < inquiry->source->licence_count) {
        add_finding(findings, PL_ERROR_QUANTITY_BELOW_ASSIGNED_LICENSES,
                    inquiry->source->subscription_id, NO_SERVICES);
    }
}

/* 12, upgrades */
static void check_limit(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    if (inquiry->quantity > pl_seat_limit(inquiry->edge->target)) {
        add_finding(findings, PL_ERROR_QUANTITY_EXCEEDS_OFFER_LIMIT, PL_NULL_BYTES, NO_SERVICES);
    }
}

/* 12, ADD_LICENSES */
static void check_grown_limit(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    int64_t grown = (int64_t)inquiry->source->quantity + inquiry->request->quantity.value;

    if (grown > pl_seat_limit(inquiry->source_offer)) {
        add_finding(findings, PL_ERROR_QUANTITY_EXCEEDS_OFFER_LIMIT, PL_NULL_BYTES, NO_SERVICES);
    }
}

/* 13 */
static void check_transfer(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    if (inquiry->request->require_license_transfer && inquiry->tally.license_error_count > 0) {
        add_finding(findings, PL_ERROR_USER_LICENSE_ERROR, inquiry->source->subscription_id,
                    NO_SERVICES);
    }
}

/* 14 */
static void check_new_id(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    if (pl_customer_find(inquiry->customer, inquiry->new_subscription_id) != NULL) {
        add_finding(findings, PL_ERROR_TARGET_SUBSCRIPTION_EXISTS, inquiry->new_subscription_id,
                    NO_SERVICES);
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

struct rule {
    int number; /* of the error in contract 6 */
    const char *asks;
    void (*check)(const struct pl_inquiry *inquiry, struct pl_findings *findings);
    enum pl_scope scope;
    int operations;
    bool is_fatal;
};

/* The order is that of contract 6, which is the order of the errors in a result. */
static const struct rule rules[] = {
    {0, "the request is well-formed", check_request, PL_SCOPE_REQUEST, ALL, true},
    {1, "the requester's role may ask for it", check_role, PL_SCOPE_REQUEST, ALL, false},
    {2, "the customer has the expected version", check_version, PL_SCOPE_REQUEST, ALL, false},
    {3, "the customer has the subscription", check_found, PL_SCOPE_REQUEST, ALL, true},
    {4, "the subscription is the partner's", check_owned, PL_SCOPE_REQUEST, ALL, true},
    {5, "the subscription is active", check_status, PL_SCOPE_REQUEST, ALL, false},
    {6, "the partner has delegated admin rights", check_grant, PL_SCOPE_REQUEST, ALL, false},
    {7, "the offer can be upgraded, to the target", check_paths, PL_SCOPE_REQUEST, CHECK | UPGRADE,
     true},
    {8, "there are no add-ons", check_add_ons, PL_SCOPE_TARGET, CHECK | UPGRADE, false},
    {9, "the target is not owned already", check_owned_target, PL_SCOPE_TARGET, CHECK | UPGRADE,
     false},
    {10, "no other subscription's services conflict", check_conflicts, PL_SCOPE_TARGET,
     CHECK | UPGRADE, false},
    {11, "the quantity covers the licences in use", check_assigned, PL_SCOPE_TARGET,
     CHECK | UPGRADE, false},
    {12, "the target allows the quantity", check_limit, PL_SCOPE_TARGET, CHECK | UPGRADE, false},
    {12, "the offer allows the quantity", check_grown_limit, PL_SCOPE_TARGET, ADD_LICENSES, false},
    {13, "every licence can be moved, where that is required", check_transfer, PL_SCOPE_TARGET,
     CHECK | UPGRADE, false},
    {14, "the new subscription's id is free", check_new_id, PL_SCOPE_TARGET, UPGRADE, false},
};

/* What the rule found are the findings behind `before`. */
static void note_rule(const struct pl_inquiry *inquiry, const struct rule *rule, bool was_asked,
                      const struct pl_findings *findings, size_t before)
{
    struct pl_trace *trace = findings->trace;
    struct pl_upgrade_error *found = NULL;
    size_t count = findings->count - before;

    if (trace->count == trace->capacity) {
        size_t capacity = trace->capacity == 0 ? 32 : trace->capacity * 2;

        trace->items = pl_arena_grow(trace->arena, trace->items, trace->count, capacity,
                                     sizeof(*trace->items));
        trace->capacity = capacity;
    }
    if (count > 0) { /* a copy: the list may move */
        found = pl_arena_alloc(trace->arena, count * sizeof(*found));
        memcpy(found, findings->items + before, count * sizeof(*found));
    }
    trace->items[trace->count++] = (struct pl_rule_note){
        .number = rule->number,
        .asks = rule->asks,
        .target_offer_id = rule->scope == PL_SCOPE_TARGET && inquiry->edge != NULL
                               ? inquiry->edge->target->id
                               : PL_NULL_BYTES,
        .was_asked = was_asked,
        .findings = found,
        .finding_count = count};
}

void pl_rules_ask(const struct pl_inquiry *inquiry, enum pl_scope scope,
                  struct pl_findings *findings)
{
    int operation = 1 << inquiry->request->operation;

    for (size_t i = 0; i < PL_COUNT(rules); i++) {
        const struct rule *rule = &rules[i];
        bool is_asked = !findings->is_fatal;
        size_t before = findings->count;

        if (rule->scope != scope || (rule->operations & operation) == 0) {
            continue;
        }
        if (is_asked) {
            rule->check(inquiry, findings);
            findings->is_fatal = rule->is_fatal && findings->count > before;
        }
        if (findings->trace != NULL) {
            note_rule(inquiry, rule, is_asked, findings, before);
        }
    }
}

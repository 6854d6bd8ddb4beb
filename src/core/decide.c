/* Answer a request, and apply what is granted (contract 6). */
#include "customer_inner.h"
#include "messages.h"
#include "rules.h"
#include "upgrade.h"

/* What deciding one request works with. */
struct decision {
    struct pl_inquiry inquiry;
    struct pl_customer *customer; /* the inquiry's, which an upgrade changes */
    struct pl_findings findings;
    struct pl_result *result;
};

static struct pl_subscription_view view_subscription(const struct pl_catalogue *catalogue,
                                                     const struct pl_subscription *subscription)
{
    return (struct pl_subscription_view){
        .is_set = true,
        .subscription_id = subscription->subscription_id,
        .offer_id = subscription->offer_id,
        .offer_name = pl_catalogue_offer_name(catalogue, subscription->offer_id),
        .status = subscription->status,
        .quantity = subscription->quantity};
}

static struct pl_billing_line bill(const struct pl_subscription_view *view, int32_t quantity)
{
    return (struct pl_billing_line){.is_set = true,
                                    .subscription_id = view->subscription_id,
                                    .offer_id = view->offer_id,
                                    .offer_name = view->offer_name,
                                    .quantity = quantity};
}

/* Put the findings into a result's list, with their texts. */
static struct pl_error_list close_findings(struct decision *decision)
{
    pl_messages_write(&decision->inquiry, &decision->findings);
    return (struct pl_error_list){decision->findings.items, decision->findings.count};
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

static void look_at_edge(struct decision *decision, const struct pl_edge *edge)
{
    struct pl_inquiry *inquiry = &decision->inquiry;

    inquiry->edge = edge;
    inquiry->tally = pl_upgrade_tally(inquiry);
}

static enum pl_upgrade_type upgrade_type(size_t moved_count)
{
    return moved_count > 0 ? PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER
                           : PL_UPGRADE_TYPE_UPGRADE_ONLY;
}

static struct pl_possible_upgrade check_edge(struct decision *decision, const struct pl_edge *edge)
{
    struct pl_inquiry *inquiry = &decision->inquiry;
    struct pl_possible_upgrade upgrade = {.target_offer_id = edge->target->id,
                                          .quantity = inquiry->quantity,
                                          .additional_services = edge->additional_ids};

    look_at_edge(decision, edge);
    decision->findings =
        (struct pl_findings){.arena = inquiry->arena, .trace = decision->findings.trace};
    pl_rules_ask(inquiry, PL_SCOPE_TARGET, &decision->findings);
    upgrade.errors = close_findings(decision);
    upgrade.affected_accounts = inquiry->tally.affected_count;
    upgrade.eligible = upgrade.errors.count == 0 && decision->result->errors.count == 0;
    if (upgrade.eligible) {
        upgrade.upgrade_type = upgrade_type((size_t)inquiry->tally.moved_count);
    }
    return upgrade;
}

static void decide_check(struct decision *decision)
{
    struct pl_inquiry *inquiry = &decision->inquiry;
    struct pl_result *result = decision->result;
    struct pl_possible_upgrade *upgrades;

    result->outcome = PL_OUTCOME_NOT_ELIGIBLE;
    result->errors = close_findings(decision);
    if (decision->findings.is_fatal) {
        return;
    }
    pl_inquiry_open_targets(inquiry);
    pl_inquiry_load_accounts(inquiry, pl_licences_list(inquiry->source, inquiry->arena),
                             inquiry->source->licence_count);
    upgrades = pl_arena_alloc(inquiry->arena, inquiry->edge_count * sizeof(*upgrades));
    for (size_t i = 0; i < inquiry->edge_count; i++) {
        upgrades[i] = check_edge(decision, &inquiry->edges[i]);
        if (upgrades[i].eligible) {
            result->outcome = PL_OUTCOME_ELIGIBLE;
        }
    }
    result->possible_upgrades = upgrades;
    result->possible_upgrade_count = inquiry->edge_count;
}

/* ---- UPGRADE --------------------------------------------------------------------------------- */

/* Accounts in the order of userId. */
static void load_accounts_sorted(struct pl_inquiry *inquiry)
{
    const struct pl_licence *const *sorted;

    pl_licences_sorted(inquiry->source, inquiry->arena, &sorted);
    pl_inquiry_load_accounts(inquiry, sorted, inquiry->source->licence_count);
}

/* End the source and begin the new subscription with the licences that move. */
static void apply_upgrade(struct decision *decision, const struct pl_plan *plan)
{
    struct pl_inquiry *inquiry = &decision->inquiry;
    struct pl_customer *customer = decision->customer;
    struct pl_subscription *source = pl_customer_find(customer, inquiry->request->subscription_id);
    struct pl_subscription *target;
    struct pl_subscription ended;

    pl_licences_clear(customer, source, inquiry->arena);
    source->status = PL_STATUS_CANCELLED;
    source->replaced_by = inquiry->new_subscription_id;
    ended = *source; /* adding moves the subscriptions */
    target = pl_customer_add(customer, inquiry->new_subscription_id, inquiry->arena);
    target->offer_id = inquiry->edge->target->id;
    target->status = PL_STATUS_ACTIVE;
    target->quantity = inquiry->quantity;
    target->partner_id = ended.partner_id;
    target->channel = ended.channel;
    pl_licences_fill(target, plan->moved, plan->moved_count, inquiry->arena);
    pl_customer_next_version(customer);
    decision->result->source = view_subscription(inquiry->catalogue, &ended);
    decision->result->target = view_subscription(inquiry->catalogue, target);
}

static void perform_upgrade(struct decision *decision)
{
    struct pl_result *result = decision->result;
    struct pl_plan plan;

    pl_upgrade_plan(&decision->inquiry, &plan);
    apply_upgrade(decision, &plan);
    result->outcome = PL_OUTCOME_UPGRADED;
    result->upgrade_type = upgrade_type(plan.moved_count);
    result->affected_accounts = plan.affected;
    result->affected_account_count = plan.affected_count;
    result->services_to_transition = plan.transitions;
    result->services_to_transition_count = plan.transition_count;
    result->billing =
        (struct pl_billing){.is_set = true,
                            .cancelled = bill(&result->source, result->source.quantity),
                            .added = bill(&result->target, result->target.quantity),
                            .effective_at_ms = result->decided_at_ms};
}

/* Licences are looked at only where they matter: see pl_request_needs. */
static void decide_upgrade(struct decision *decision)
{
    struct pl_inquiry *inquiry = &decision->inquiry;

    if (!decision->findings.is_fatal) {
        bool is_transfer_required = inquiry->request->require_license_transfer;

        pl_inquiry_open_targets(inquiry);
        inquiry->edge = &inquiry->edges[0];
        if (is_transfer_required) {
            load_accounts_sorted(inquiry);
            look_at_edge(decision, inquiry->edge);
        }
        pl_rules_ask(inquiry, PL_SCOPE_TARGET, &decision->findings);
        if (decision->findings.count == 0) {
            if (!is_transfer_required) {
                load_accounts_sorted(inquiry);
            }
            perform_upgrade(decision);
            return;
        }
    }
    decision->result->outcome = PL_OUTCOME_REFUSED;
    decision->result->errors = close_findings(decision);
}

/* ---- ADD_LICENSES ---------------------------------------------------------------------------- */

static void decide_add_licenses(struct decision *decision)
{
    struct pl_inquiry *inquiry = &decision->inquiry;
    struct pl_result *result = decision->result;
    struct pl_subscription *source;

    if (!decision->findings.is_fatal) {
        pl_rules_ask(inquiry, PL_SCOPE_TARGET, &decision->findings);
    }
    if (decision->findings.count > 0) {
        result->outcome = PL_OUTCOME_REFUSED;
        result->errors = close_findings(decision);
        return;
    }
    source = pl_customer_find(decision->customer, inquiry->request->subscription_id);
    source->quantity += inquiry->request->quantity.value; /* error 12 keeps it in range */
    pl_customer_next_version(decision->customer);
    result->outcome = PL_OUTCOME_LICENSES_ADDED;
    result->target = view_subscription(inquiry->catalogue, source);
    result->billing =
        (struct pl_billing){.is_set = true,
                            .added = bill(&result->target, inquiry->request->quantity.value),
                            .effective_at_ms = result->decided_at_ms};
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Errors 0, 3 and 4 leave the source unsaid. */
static bool may_show_source(const struct pl_inquiry *inquiry)
{
    return pl_request_fault(inquiry->request) == NULL && inquiry->source != NULL &&
           pl_bytes_equal(inquiry->source->partner_id, inquiry->request->partner_id);
}

/* Fills the decision's result; its customer and the findings' arena and trace are set. */
static void answer(struct decision *decision, const struct pl_catalogue *catalogue,
                   const struct pl_request *request, int64_t decided_at_ms)
{
    *decision->result = (struct pl_result){.request_id = request->request_id,
                                           .order_id = request->order_id,
                                           .customer_id = request->customer_id,
                                           .partner_id = request->partner_id,
                                           .subscription_id = request->subscription_id,
                                           .operation = request->operation,
                                           .customer_version = decision->customer->version,
                                           .catalogue_version = pl_catalogue_version(catalogue),
                                           .decided_at_ms = decided_at_ms};
    pl_inquiry_open(&decision->inquiry, catalogue, decision->customer, request,
                    decision->findings.arena);
    if (may_show_source(&decision->inquiry)) {
        decision->result->source = view_subscription(catalogue, decision->inquiry.source);
    }
    pl_rules_ask(&decision->inquiry, PL_SCOPE_REQUEST, &decision->findings);
    switch (request->operation) {
    case PL_OPERATION_CHECK:
        decide_check(decision);
        break;
    case PL_OPERATION_UPGRADE:
        decide_upgrade(decision);
        break;
    case PL_OPERATION_ADD_LICENSES:
        decide_add_licenses(decision);
        break;
    }
}

void pl_request_decide(const struct pl_catalogue *catalogue, struct pl_customer *customer,
                       const struct pl_request *request, int64_t decided_at_ms,
                       struct pl_arena *arena, struct pl_result *ret_result)
{
    struct decision decision = {
        .customer = customer, .findings = {.arena = arena}, .result = ret_result};

    answer(&decision, catalogue, request, decided_at_ms);
}

void pl_request_explain(const struct pl_catalogue *catalogue, struct pl_customer *customer,
                        const struct pl_request *request, int64_t decided_at_ms,
                        struct pl_trace *trace, struct pl_result *ret_result)
{
    struct decision decision = {.customer = customer,
                                .findings = {.arena = trace->arena, .trace = trace},
                                .result = ret_result};

    answer(&decision, catalogue, request, decided_at_ms);
    if (decision.findings.is_fatal) { /* those that were not asked any more */
        pl_rules_ask(&decision.inquiry, PL_SCOPE_TARGET, &decision.findings);
    }
}

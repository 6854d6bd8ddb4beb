/* What an upgrade does to the licences of its source (contract 6, UPGRADE). */
#include "upgrade.h"

#include "collision.h"
#include "messages.h"

static bool is_enabled(const struct pl_account *account, uint32_t service)
{
    return account->disabled == NULL || !pl_bits_has(account->disabled, service);
}

/* ---- counting -------------------------------------------------------------------------------- */

static bool has_transition(const struct pl_edge *edge, const struct pl_account *account)
{
    for (size_t i = 0; i < edge->leaving.count; i++) {
        if (is_enabled(account, edge->leaving.items[i])) {
            return true;
        }
    }
    return false;
}

static bool has_license_error(const struct pl_inquiry *inquiry, const struct pl_account *account)
{
    if (!pl_bytes_is_empty(account->licence->assigned_by_group)) {
        return true;
    }
    for (size_t i = 0; i < account->elsewhere_count; i++) {
        if (pl_collisions(inquiry, account, &account->elsewhere[i], NULL) > 0) {
            return true;
        }
    }
    return false;
}

struct pl_tally pl_upgrade_tally(const struct pl_inquiry *inquiry)
{
    struct pl_tally tally = {0, 0, 0};

    for (size_t i = 0; i < inquiry->account_count; i++) {
        const struct pl_account *account = &inquiry->accounts[i];
        bool is_error = has_license_error(inquiry, account);

        tally.license_error_count += is_error;
        tally.moved_count += !is_error;
        tally.affected_count += is_error || has_transition(inquiry->edge, account);
    }
    return tally;
}

/* ---- planning -------------------------------------------------------------------------------- */

struct planner {
    const struct pl_inquiry *inquiry;
    struct pl_service_transition *transitions; /* one for each leaving service, counting */
    struct pl_bytes *ids;                      /* room for all services of the target */
    struct pl_bytes *conflict_texts; /* one for each other subscription, null until used */
    const struct pl_upgrade_error *group_error; /* of group_id: neighbours often share it */
    struct pl_bytes group_id;
};

/* Those of the edge's transitions that the user has enabled, and count them. */
static const struct pl_account_transition *
plan_transitions(struct planner *planner, const struct pl_account *account, size_t *ret_count)
{
    const struct pl_edge *edge = planner->inquiry->edge;
    struct pl_account_transition *transitions;
    size_t count = 0;

    if (account->disabled == NULL) {
        for (size_t i = 0; i < edge->leaving.count; i++) {
            planner->transitions[i].accounts++;
        }
        *ret_count = edge->leaving.count;
        return edge->account_transitions;
    }
    transitions =
        pl_arena_alloc(planner->inquiry->arena, edge->leaving.count * sizeof(*transitions));
    for (size_t i = 0; i < edge->leaving.count; i++) {
        if (is_enabled(account, edge->leaving.items[i])) {
            planner->transitions[i].accounts++;
            transitions[count++] = edge->account_transitions[i];
        }
    }
    *ret_count = count;
    return transitions;
}

/* The first count of planner's ids, to keep. */
static const struct pl_bytes *copy_ids(const struct planner *planner, size_t count)
{
    return pl_arena_grow(planner->inquiry->arena, planner->ids, count, count,
                         sizeof(*planner->ids));
}

/* The licence stays with the group that assigned it. */
static const struct pl_upgrade_error *plan_group_error(struct planner *planner,
                                                       struct pl_bytes group_id)
{
    struct pl_upgrade_error *error;

    if (planner->group_error != NULL && pl_bytes_equal(planner->group_id, group_id)) {
        return planner->group_error;
    }
    error = pl_arena_zalloc(planner->inquiry->arena, 1, sizeof(*error));
    error->code = PL_ERROR_LICENSE_ASSIGNED_BY_GROUP;
    error->message = pl_message_license_error(planner->inquiry, error, group_id);
    planner->group_error = error;
    planner->group_id = group_id;
    return error;
}

/* The user's plan in the other subscription excludes count services of the target. */
static const struct pl_upgrade_error *plan_conflict(struct planner *planner,
                                                    const struct pl_other *other, size_t count)
{
    const struct pl_inquiry *inquiry = planner->inquiry;
    struct pl_bytes *text = &planner->conflict_texts[other - inquiry->others];
    struct pl_upgrade_error *error = pl_arena_alloc(inquiry->arena, sizeof(*error));

    *error = (struct pl_upgrade_error){.code = PL_ERROR_CONFLICTING_SERVICE_TYPES,
                                       .subscription_id = other->subscription->subscription_id,
                                       .services = {copy_ids(planner, count), count}};
    if (pl_bytes_is_null(*text)) {
        *text = pl_message_license_error(inquiry, error, PL_NULL_BYTES);
    }
    error->message = *text;
    return error;
}

/* NULL: the licence moves. */
static const struct pl_upgrade_error *plan_error(struct planner *planner,
                                                 const struct pl_account *account)
{
    if (!pl_bytes_is_empty(account->licence->assigned_by_group)) {
        return plan_group_error(planner, account->licence->assigned_by_group);
    }
    for (size_t i = 0; i < account->elsewhere_count; i++) {
        const struct pl_elsewhere *elsewhere = &account->elsewhere[i];
        size_t count = pl_collisions(planner->inquiry, account, elsewhere, planner->ids);

        if (count > 0) {
            return plan_conflict(planner, elsewhere->other, count);
        }
    }
    return NULL;
}

/* The licence as it is on the new subscription. */
static const struct pl_licence *plan_move(const struct planner *planner,
                                          const struct pl_account *account)
{
    const struct pl_positions *services = &planner->inquiry->edge->target->by_id;
    struct pl_licence *moved;
    size_t count = 0;

    if (account->licence->disabled_services.count == 0) {
        return account->licence;
    }
    moved = pl_arena_alloc(planner->inquiry->arena, sizeof(*moved));
    *moved = *account->licence;
    moved->disabled_services = (struct pl_names){NULL, 0};
    if (account->disabled == NULL) {
        return moved;
    }
    for (size_t i = 0; i < services->count; i++) {
        if (pl_stays_disabled(planner->inquiry, account, services->items[i])) {
            planner->ids[count++] = pl_service_id(planner->inquiry->catalogue, services->items[i]);
        }
    }
    moved->disabled_services = (struct pl_names){copy_ids(planner, count), count};
    return moved;
}

/* Leave out the transitions that no account has; returns the number of the others. */
static size_t drop_unused(struct pl_service_transition *transitions, size_t count)
{
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if (transitions[i].accounts > 0) {
            transitions[used++] = transitions[i];
        }
    }
    return used;
}

void pl_upgrade_plan(const struct pl_inquiry *inquiry, struct pl_plan *ret_plan)
{
    const struct pl_edge *edge = inquiry->edge;
    struct pl_arena *arena = inquiry->arena;
    size_t count = inquiry->account_count;
    struct pl_affected_account *affected = pl_arena_alloc(arena, count * sizeof(*affected));
    const struct pl_licence **moved =
        pl_arena_alloc(arena, count * sizeof(const struct pl_licence *));
    struct planner planner = {
        .inquiry = inquiry,
        .transitions = pl_arena_grow(arena, edge->transitions, edge->leaving.count,
                                     edge->leaving.count, sizeof(*planner.transitions)),
        .conflict_texts =
            pl_arena_zalloc(arena, inquiry->other_count, sizeof(*planner.conflict_texts)),
        .ids = pl_arena_alloc(arena, edge->target->services.count * sizeof(*planner.ids)),
    };

    *ret_plan = (struct pl_plan){.affected = affected, .moved = moved};
    for (size_t i = 0; i < count; i++) {
        const struct pl_account *account = &inquiry->accounts[i];
        struct pl_affected_account *entry = &affected[ret_plan->affected_count];

        *entry = (struct pl_affected_account){.user_id = account->licence->user_id,
                                              .user_principal_name =
                                                  account->licence->user_principal_name,
                                              .display_name = account->licence->display_name,
                                              .license_error = plan_error(&planner, account)};
        entry->transitions = plan_transitions(&planner, account, &entry->transition_count);
        if (entry->license_error == NULL) {
            moved[ret_plan->moved_count++] = plan_move(&planner, account);
        }
        if (entry->license_error != NULL || entry->transition_count > 0) {
            ret_plan->affected_count++;
        }
    }
    ret_plan->transitions = planner.transitions;
    ret_plan->transition_count = drop_unused(planner.transitions, edge->leaving.count);
}

/* A request under decision: what the rules, the upgrade plan and the texts look at (contract 6). */
#ifndef PL_CORE_INQUIRY_H
#define PL_CORE_INQUIRY_H

#include "bits.h"
#include "catalogue_index.h"
#include "planlift/decide.h"

/* A live subscription of the customer that is not the source. */
struct pl_other {
    const struct pl_subscription *subscription;
    const struct pl_offer *offer; /* NULL: the catalogue lacks it */
    bool is_add_on;               /* of the source */
    bool can_collide;             /* its plans can meet those of a considered target, see
                                     pl_offers_collide: its licences are looked at */
};

/* A user's licence in another subscription that can collide. */
struct pl_elsewhere {
    const struct pl_other *other;
    const uint64_t *disabled; /* services; NULL: none */
};

/* A licence on the source, read once for all considered targets. Ids of services that the catalogue
 * lacks are in no set: no offer includes them. */
struct pl_account {
    const struct pl_licence *licence;
    const uint64_t *disabled;             /* services; NULL: none */
    const uint64_t *disabled_families;    /* of the source's services among these; NULL: none */
    const struct pl_elsewhere *elsewhere; /* by subscriptionId; none for one assigned by a group */
    size_t elsewhere_count;
};

/* What an upgrade would do to the accounts of its source. */
struct pl_tally {
    int32_t affected_count;
    int32_t license_error_count;
    int32_t moved_count;
};

struct pl_inquiry {
    const struct pl_catalogue *catalogue;
    const struct pl_customer *customer;
    const struct pl_request *request;
    struct pl_arena *arena;
    const struct pl_subscription *source; /* NULL: not found */
    const struct pl_offer *source_offer;  /* NULL: the catalogue lacks it */
    int32_t quantity;                     /* of an upgrade: the request's or the source's */

    /* CHECK and UPGRADE, by pl_inquiry_open_targets: */
    const struct pl_edge *edges; /* the considered targets: the requested one, or all */
    size_t edge_count;
    struct pl_other *others; /* by subscriptionId */
    size_t other_count;
    struct pl_bytes new_subscription_id; /* UPGRADE only */
    uint32_t *marks;                     /* scratch: one for each family, zero between uses */

    /* By pl_inquiry_load_accounts: */
    struct pl_account *accounts;
    size_t account_count;

    /* The target that is being looked at; set by `decide`. */
    const struct pl_edge *edge;
    struct pl_tally tally; /* zero where the request does not ask for it */
};

/* Will the user have this service of the target disabled after the upgrade? */
static inline bool pl_stays_disabled(const struct pl_inquiry *inquiry,
                                     const struct pl_account *account, uint32_t service)
{
    if (account->disabled == NULL) {
        return false;
    }
    if (pl_bits_has(account->disabled, service)) {
        return true;
    }
    return account->disabled_families != NULL &&
           pl_bits_has(inquiry->edge->additional_bits, service) &&
           pl_bits_has(account->disabled_families, inquiry->catalogue->services[service].family);
}

/* ---- inquiry.c ------------------------------------------------------------------------------ */

void pl_inquiry_open(struct pl_inquiry *inquiry, const struct pl_catalogue *catalogue,
                     const struct pl_customer *customer, const struct pl_request *request,
                     struct pl_arena *arena);

/* Fill what CHECK and UPGRADE need for errors 8 to 12 and 14. */
void pl_inquiry_open_targets(struct pl_inquiry *inquiry);

/* Read these licences of the source; the users' licences in other subscriptions that can collide
 * must be loaded. */
void pl_inquiry_load_accounts(struct pl_inquiry *inquiry, const struct pl_licence *const *licences,
                              size_t count);

/* ---- rules.c -------------------------------------------------------------------------------- */

enum pl_scope {
    PL_SCOPE_REQUEST, /* errors 0 to 7 */
    PL_SCOPE_TARGET   /* errors 8 to 14 */
};

/* Errors found so far; without texts. */
struct pl_findings {
    struct pl_arena *arena;
    struct pl_upgrade_error *items;
    size_t count;
    size_t capacity;
    bool is_fatal;          /* no further rule is to be asked */
    struct pl_trace *trace; /* NULL: nobody wants to know how */
};

/* Ask the rules of a scope in the order of contract 6. */
void pl_rules_ask(const struct pl_inquiry *inquiry, enum pl_scope scope,
                  struct pl_findings *findings);

/* What is wrong with a request's shape (error 0), and what to do; NULL when it is well-formed. */
const char *pl_request_fault(const struct pl_request *request);

/* ---- upgrade.c ------------------------------------------------------------------------------ */

/* Everything that an upgrade does to the licences of its source (contract 6, UPGRADE). */
struct pl_plan {
    const struct pl_affected_account *affected;
    size_t affected_count;
    const struct pl_service_transition *transitions;
    size_t transition_count;
    const struct pl_licence **moved; /* as they are on the new subscription, sorted by user */
    size_t moved_count;
};

/* Only the counts: for CHECK and error 13. */
struct pl_tally pl_upgrade_tally(const struct pl_inquiry *inquiry);

/* The accounts must have been loaded in order of userId. */
void pl_upgrade_plan(const struct pl_inquiry *inquiry, struct pl_plan *ret_plan);

/* ---- collision.c ---------------------------------------------------------------------------- */

/* Services of the target that exclude a plan which the user has enabled elsewhere, in the target's
 * order. Returns their number. ret_ids has room for all exclusive services of the target, or is
 * NULL: then the first one ends the search. */
size_t pl_collisions(const struct pl_inquiry *inquiry, const struct pl_account *account,
                     const struct pl_elsewhere *elsewhere, struct pl_bytes *ret_ids);

/* ---- messages.c ----------------------------------------------------------------------------- */

/* Give the errors their texts. */
void pl_messages_write(const struct pl_inquiry *inquiry, struct pl_findings *findings);

/* Text of a licenseError; group_id is null for a conflict. */
struct pl_bytes pl_message_license_error(const struct pl_inquiry *inquiry,
                                         const struct pl_upgrade_error *error,
                                         struct pl_bytes group_id);

#endif

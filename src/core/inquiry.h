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

void pl_inquiry_open(struct pl_inquiry *inquiry, const struct pl_catalogue *catalogue,
                     const struct pl_customer *customer, const struct pl_request *request,
                     struct pl_arena *arena);

/* Fill what CHECK and UPGRADE need for errors 8 to 12 and 14. */
void pl_inquiry_open_targets(struct pl_inquiry *inquiry);

/* Read these licences of the source; the users' licences in other subscriptions that can collide
 * must be loaded. */
void pl_inquiry_load_accounts(struct pl_inquiry *inquiry, const struct pl_licence *const *licences,
                              size_t count);

#endif

/* Gather what the rules look at, once for each request. */
#include "inquiry.h"

#include "bits.h"
#include "customer_inner.h"
#include "exclusive.h"

void pl_inquiry_open(struct pl_inquiry *inquiry, const struct pl_catalogue *catalogue,
                     const struct pl_customer *customer, const struct pl_request *request,
                     struct pl_arena *arena)
{
    *inquiry = (struct pl_inquiry){.catalogue = catalogue,
                                   .customer = customer,
                                   .request = request,
                                   .arena = arena,
                                   .source = pl_customer_find(customer, request->subscription_id)};
    if (inquiry->source != NULL) {
        inquiry->source_offer = pl_catalogue_offer(catalogue, inquiry->source->offer_id);
        inquiry->quantity =
            request->quantity.is_set ? request->quantity.value : inquiry->source->quantity;
    }
}

/* The requested target, or all: error 7 has made sure that there is one. */
static void choose_edges(struct pl_inquiry *inquiry)
{
    const struct pl_offer *source = inquiry->source_offer;
    struct pl_bytes wanted = inquiry->request->target_offer_id;

    inquiry->edges = source->edges;
    inquiry->edge_count = source->target_ids.count;
    if (pl_bytes_is_empty(wanted)) {
        return;
    }
    while (!pl_bytes_equal(inquiry->edges->target->id, wanted)) {
        inquiry->edges++;
    }
    inquiry->edge_count = 1;
}

static bool can_collide(const struct pl_inquiry *inquiry, const struct pl_offer *offer)
{
    if (offer == NULL) {
        return false;
    }
    for (size_t i = 0; i < inquiry->edge_count; i++) {
        if (pl_offers_collide(inquiry->catalogue, inquiry->edges[i].target, offer,
                              inquiry->marks)) {
            return true;
        }
    }
    return false;
}

static void gather_others(struct pl_inquiry *inquiry)
{
    const struct pl_customer *customer = inquiry->customer;
    size_t live_count = 0;

    for (size_t i = 0; i < customer->subscription_count; i++) {
        live_count += customer->subscriptions[i].status != PL_STATUS_CANCELLED;
    }
    inquiry->others = pl_arena_alloc(inquiry->arena, live_count * sizeof(*inquiry->others));
    for (size_t i = 0; i < customer->subscription_count; i++) {
        const struct pl_subscription *subscription = &customer->subscriptions[i];
        const struct pl_offer *offer;

        if (subscription->status == PL_STATUS_CANCELLED || subscription == inquiry->source) {
            continue;
        }
        offer = pl_catalogue_offer(inquiry->catalogue, subscription->offer_id);
        inquiry->others[inquiry->other_count++] =
            (struct pl_other){.subscription = subscription,
                              .offer = offer,
                              .is_add_on = pl_bytes_equal(subscription->parent_subscription_id,
                                                          inquiry->source->subscription_id),
                              .can_collide = can_collide(inquiry, offer)};
    }
}

/* The id that the request gives a new subscription, in lower case. */
static struct pl_bytes name_new_subscription(const struct pl_inquiry *inquiry)
{
    static const char digits[] = "0123456789abcdef";
    const struct pl_request *request = inquiry->request;
    char *text = pl_arena_alloc(inquiry->arena, 36);
    unsigned char uuid[16];
    size_t len = 0;

    if (request->digest != NULL) { /* hashing takes as long as the rest of an inquiry */
        memcpy(uuid, request->digest->request, sizeof(uuid));
    } else {
        pl_new_subscription_id(request->customer_id, request->request_id, uuid);
    }
    for (size_t i = 0; i < sizeof(uuid); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[len++] = '-';
        }
        text[len++] = digits[uuid[i] >> 4];
        text[len++] = digits[uuid[i] & 0x0F];
    }
    return (struct pl_bytes){text, len};
}

void pl_inquiry_open_targets(struct pl_inquiry *inquiry)
{
    inquiry->marks =
        pl_arena_zalloc(inquiry->arena, inquiry->catalogue->family_count, sizeof(*inquiry->marks));
    choose_edges(inquiry);
    gather_others(inquiry);
    if (inquiry->request->operation == PL_OPERATION_UPGRADE) {
        inquiry->new_subscription_id = name_new_subscription(inquiry);
    }
}

/* ---- accounts -------------------------------------------------------------------------------- */

/* Those that the catalogue has, as a set; NULL if there are none. */
static uint64_t *service_set(const struct pl_inquiry *inquiry, struct pl_names ids)
{
    uint64_t *set = NULL;

    for (size_t i = 0; i < ids.count; i++) {
        uint32_t service = pl_id_index_find(&inquiry->catalogue->service_index, ids.items[i]);

        if (service == PL_NO_POSITION) {
            continue;
        }
        if (set == NULL) {
            set = pl_arena_zalloc(inquiry->arena, inquiry->catalogue->service_words, sizeof(*set));
        }
        pl_bits_add(set, service);
    }
    return set;
}

/* Families of the source's services that are disabled; NULL if there are none. */
static uint64_t *disabled_families(const struct pl_inquiry *inquiry, const uint64_t *disabled)
{
    const struct pl_positions *services = &inquiry->source_offer->services;
    uint64_t *set = NULL;

    for (size_t i = 0; i < services->count; i++) {
        if (!pl_bits_has(disabled, services->items[i])) {
            continue;
        }
        if (set == NULL) {
            set = pl_arena_zalloc(inquiry->arena, inquiry->catalogue->family_words, sizeof(*set));
        }
        pl_bits_add(set, inquiry->catalogue->services[services->items[i]].family);
    }
    return set;
}

static void look_elsewhere(const struct pl_inquiry *inquiry, struct pl_account *account)
{
    struct pl_elsewhere *elsewhere = NULL;

    for (size_t i = 0; i < inquiry->other_count; i++) {
        const struct pl_other *other = &inquiry->others[i];
        const struct pl_licence *licence;

        if (!other->can_collide) {
            continue;
        }
        licence = pl_licences_find(other->subscription, account->licence->user_id);
        if (licence == NULL) {
            continue;
        }
        if (elsewhere == NULL) {
            elsewhere =
                pl_arena_alloc(inquiry->arena, (inquiry->other_count - i) * sizeof(*elsewhere));
        }
        elsewhere[account->elsewhere_count++] = (struct pl_elsewhere){
            .other = other, .disabled = service_set(inquiry, licence->disabled_services)};
    }
    account->elsewhere = elsewhere;
}

void pl_inquiry_load_accounts(struct pl_inquiry *inquiry, const struct pl_licence *const *licences,
                              size_t count)
{
    inquiry->accounts = pl_arena_zalloc(inquiry->arena, count, sizeof(*inquiry->accounts));
    inquiry->account_count = count;
    for (size_t i = 0; i < count; i++) {
        struct pl_account *account = &inquiry->accounts[i];

        account->licence = licences[i];
        account->disabled = service_set(inquiry, licences[i]->disabled_services);
        if (account->disabled != NULL) {
            account->disabled_families = disabled_families(inquiry, account->disabled);
        }
        if (pl_bytes_is_empty(licences[i]->assigned_by_group)) {
            look_elsewhere(inquiry, account);
        }
    }
}

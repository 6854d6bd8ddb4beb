/* The workload of the benchmarks: customers, their facts and the requests about them. */
#include "workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTNER PL_BYTES_LITERAL("5d1c6e0e-8a52-4f6e-9c55-2f5a4b7d9e10")
#define ADMIN PL_BYTES_LITERAL("0f8fad5b-d9cb-469f-a165-70867728950e")
#define GROUP PL_BYTES_LITERAL("7c9e6679-7425-40de-944b-e07fc1f90ae7")

enum { MOST_SUBSCRIPTIONS = 3, REPEAT_PERCENT = 1, REPEATED_AMONG = 1000 };

/* What the dice are thrown for: no two questions share a number. */
enum {
    ABOUT_ID,
    ABOUT_SHAPE,
    ABOUT_OFFER,
    ABOUT_SUBSCRIPTION,
    ABOUT_USER,
    ABOUT_LICENCE,
    ABOUT_REQUEST,
    ABOUT_REQUEST_ID,
    ABOUT_REPEAT
};

/* Offers of the shipped catalogue and one that each may become. */
static const char *const offers[][2] = {
    {"m365-business-basic", "o365-enterprise-e3"},
    {"m365-apps-for-business", "m365-apps-for-enterprise"},
    {"m365-business-basic-india", "m365-business-standard-india"},
    {"m365-business-standard", "o365-enterprise-e5"}};

uint64_t workload_dice(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t x = seed + a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xd1b54a32d192ed03);

    for (int round = 0; round < 2; round++) { /* splitmix64 */
        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;
    }
    return x;
}

static uint64_t dice(const struct workload *workload, unsigned about, uint64_t a, uint64_t b)
{
    return workload_dice(workload->seed + about, a, b);
}

struct workload workload_of(const char *seed, const char *customers, const char *licences)
{
    struct workload workload = {.seed = strtoull(seed, NULL, 10),
                                .customers = (uint32_t)strtoul(customers, NULL, 10)};
    char *end;

    workload.licences_least = (uint32_t)strtoul(licences, &end, 10);
    workload.licences_most =
        *end == '-' ? (uint32_t)strtoul(end + 1, &end, 10) : workload.licences_least;
    workload.subscriptions_most =
        *end == '/' ? (uint32_t)strtoul(end + 1, NULL, 10) : MOST_SUBSCRIPTIONS;
    return workload;
}

/* An id as directories hand them out. */
static struct pl_bytes write_id(uint64_t high, char *ret_text)
{
    uint64_t low = workload_dice(high, 0, 0);

    (void)snprintf(ret_text, WORKLOAD_ID,
                   "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-a%03" PRIx64 "-%012" PRIx64,
                   high >> 32, (high >> 16) & 0xffff, high & 0xfff, low >> 52,
                   low & 0xffffffffffff);
    return (struct pl_bytes){ret_text, WORKLOAD_ID - 1};
}

static struct pl_bytes customer_id(const struct workload *workload, uint32_t customer,
                                   struct workload_text *text)
{
    return write_id(dice(workload, ABOUT_ID, customer, 0), text->customer_id);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static uint32_t subscription_count(const struct workload *workload, uint32_t customer)
{
    return (uint32_t)(1 + dice(workload, ABOUT_SHAPE, customer, 0) % workload->subscriptions_most);
}

static uint32_t licence_count(const struct workload *workload, uint32_t customer)
{
    uint32_t span = workload->licences_most - workload->licences_least + 1;

    return workload->licences_least + (uint32_t)(dice(workload, ABOUT_SHAPE, customer, 1) % span);
}

static struct pl_bytes subscription_id(const struct workload *workload, uint32_t customer,
                                       uint32_t number, struct workload_text *text)
{
    return write_id(dice(workload, ABOUT_SUBSCRIPTION, customer, number), text->texts[0]);
}

/* A customer's subscriptions are of different offers. */
static const char *const *offer_of(const struct workload *workload, uint32_t customer,
                                   uint32_t number)
{
    uint64_t first = dice(workload, ABOUT_OFFER, customer, 0);

    return offers[(first + number) % (sizeof(offers) / sizeof(offers[0]))];
}

static void write_subscription(const struct workload *workload, uint32_t customer, uint32_t number,
                               struct workload_text *text, struct pl_event *event)
{
    uint32_t seats = licence_count(workload, customer) + 5;

    event->kind = PL_EVENT_SUBSCRIPTION_CHANGED;
    event->change.subscription_changed = (struct pl_subscription_changed){
        .subscription_id = subscription_id(workload, customer, number, text),
        .offer_id = pl_bytes_of(offer_of(workload, customer, number)[0]),
        .status = PL_STATUS_ACTIVE,
        .quantity = (int32_t)seats,
        .partner_id = PARTNER,
        .channel = PL_CHANNEL_CSP,
        .revision = 1};
}

/* One user in ten has a service switched off, one in thirty has the licence by a group. */
static void write_licence(const struct workload *workload, uint32_t customer, uint32_t number,
                          struct workload_text *text, struct pl_event *event)
{
    static const char *const first_names[] = {"Ada",    "Grace",   "Edsger",  "Barbara",
                                              "Donald", "Frances", "Niklaus", "Radia"};
    uint64_t chance = dice(workload, ABOUT_LICENCE, customer, number);
    const char *first_name = first_names[(chance >> 8) % 8];
    uint32_t subscription = number % subscription_count(workload, customer);
    struct pl_license_assigned *licence = &event->change.license_assigned;

    (void)snprintf(text->texts[2], WORKLOAD_TEXT, "%s.%05" PRIu32 "@customer%07" PRIu32 ".example",
                   first_name, number, customer);
    (void)snprintf(text->texts[3], WORKLOAD_TEXT, "%s Surname-%05" PRIu32, first_name, number);
    text->names[0] = PL_BYTES_LITERAL("EXCHANGE_S_STANDARD");
    event->kind = PL_EVENT_LICENSE_ASSIGNED;
    *licence = (struct pl_license_assigned){
        .subscription_id = subscription_id(workload, customer, subscription, text),
        .user_id = write_id(dice(workload, ABOUT_USER, customer, number), text->texts[1]),
        .user_principal_name = pl_bytes_of(text->texts[2]),
        .display_name = pl_bytes_of(text->texts[3])};
    if (chance % 30 == 0) {
        licence->assigned_by_group = GROUP;
    }
    if (chance % 10 == 1) {
        licence->disabled_services = (struct pl_names){text->names, 1};
    }
}

uint32_t workload_event_count(const struct workload *workload, uint32_t customer)
{
    return 1 + subscription_count(workload, customer) + licence_count(workload, customer);
}

void workload_event(const struct workload *workload, uint32_t customer, uint32_t index,
                    struct workload_text *text, struct pl_event *ret_event)
{
    uint32_t subscriptions = subscription_count(workload, customer);

    *ret_event = (struct pl_event){.customer_id = customer_id(workload, customer, text)};
    if (index == 0) {
        ret_event->kind = PL_EVENT_DELEGATED_ADMIN_CHANGED;
        ret_event->change.delegated_admin_changed =
            (struct pl_delegated_admin_changed){.partner_id = PARTNER, .granted = true};
    } else if (index <= subscriptions) {
        write_subscription(workload, customer, index - 1, text, ret_event);
    } else {
        write_licence(workload, customer, index - 1 - subscriptions, text, ret_event);
    }
}

uint32_t workload_licence_index(const struct workload *workload, uint32_t customer, uint64_t number)
{
    uint32_t licence = (uint32_t)(dice(workload, ABOUT_LICENCE, number, UINT32_MAX) %
                                  licence_count(workload, customer));

    return 1 + subscription_count(workload, customer) + licence;
}

/* ---- requests -------------------------------------------------------------------------------- */

void workload_request_of(const struct workload *workload, uint32_t customer, uint64_t number,
                         struct workload_text *text, struct pl_request *ret_request)
{
    uint64_t chance = dice(workload, ABOUT_REQUEST, number, 0);
    uint32_t subscription = (uint32_t)((chance >> 32) % subscription_count(workload, customer));
    unsigned percent = (unsigned)(chance % 100);

    *ret_request = (struct pl_request){
        .request_id = write_id(dice(workload, ABOUT_REQUEST_ID, number, 0), text->texts[1]),
        .customer_id = customer_id(workload, customer, text),
        .partner_id = PARTNER,
        .subscription_id = subscription_id(workload, customer, subscription, text),
        .operation = percent < 50   ? PL_OPERATION_UPGRADE
                     : percent < 80 ? PL_OPERATION_CHECK
                                    : PL_OPERATION_ADD_LICENSES,
        .requested_by_user_id = ADMIN,
        .requested_by_role = PL_BYTES_LITERAL("ADMIN_AGENT"),
        .requested_at_ms = INT64_C(1700000000000) + (int64_t)number};
    switch (ret_request->operation) {
    case PL_OPERATION_UPGRADE:
        ret_request->target_offer_id = pl_bytes_of(offer_of(workload, customer, subscription)[1]);
        break;
    case PL_OPERATION_ADD_LICENSES:
        ret_request->quantity = (struct pl_optional_int){true, 1};
        break;
    case PL_OPERATION_CHECK:
        break;
    }
}

void workload_request(const struct workload *workload, uint64_t number, struct workload_text *text,
                      struct pl_request *ret_request)
{
    uint64_t chance = dice(workload, ABOUT_REQUEST, number, 1);

    workload_request_of(workload, (uint32_t)(chance % workload->customers), number, text,
                        ret_request);
}

uint64_t workload_repeated(const struct workload *workload, uint64_t number)
{
    uint64_t chance = dice(workload, ABOUT_REPEAT, number, 0);
    uint64_t back = 1 + (chance >> 32) % REPEATED_AMONG;

    return chance % 100 < REPEAT_PERCENT && back <= number ? number - back : number;
}

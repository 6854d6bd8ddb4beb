/* The workload of the benchmarks: customers, their facts and the requests about them. Everything is
 * a function of the seed and a number, so two processes that are told the same write the same. */
#ifndef PL_BENCH_WORKLOAD_H
#define PL_BENCH_WORKLOAD_H

#include <stdint.h>

#include "planlift/model.h"

enum { WORKLOAD_ID = 37, WORKLOAD_TEXTS = 6, WORKLOAD_TEXT = 64, WORKLOAD_NAMES = 2 };

struct workload {
    uint64_t seed;
    uint32_t customers;
    uint32_t licences_least; /* of a customer, over all its subscriptions */
    uint32_t licences_most;
    uint32_t subscriptions_most; /* of a customer; the least is 1 */
};

/* What the views of a record made here borrow from. */
struct workload_text {
    char customer_id[WORKLOAD_ID];
    char texts[WORKLOAD_TEXTS][WORKLOAD_TEXT];
    struct pl_bytes names[WORKLOAD_NAMES];
};

/* licences: of a customer, as in "20-32" or "25"; "25/1": in so many subscriptions at the most. */
struct workload workload_of(const char *seed, const char *customers, const char *licences);

/* A number that looks random, the same for the same arguments. */
uint64_t workload_dice(uint64_t seed, uint64_t a, uint64_t b);

/* How many facts there are about a customer: a grant, subscriptions, licences, in that order. */
uint32_t workload_event_count(const struct workload *workload, uint32_t customer);
void workload_event(const struct workload *workload, uint32_t customer, uint32_t index,
                    struct workload_text *text, struct pl_event *ret_event);

/* A request: 50 % UPGRADE, 30 % CHECK, 20 % ADD_LICENSES, of any customer. */
void workload_request(const struct workload *workload, uint64_t number, struct workload_text *text,
                      struct pl_request *ret_request);

/* The same, of this customer. */
void workload_request_of(const struct workload *workload, uint32_t customer, uint64_t number,
                         struct workload_text *text, struct pl_request *ret_request);

/* The index of the event that assigns one of the customer's licences, drawn by the number. */
uint32_t workload_licence_index(const struct workload *workload, uint32_t customer,
                                uint64_t number);

/* The number whose request is sent as the given one: of one in a hundred an earlier one, again. */
uint64_t workload_repeated(const struct workload *workload, uint64_t number);

#endif

/* The records of a workload, drawn from a seed: what contract 3 allows, and some of what it does
 * not. A small model of each customer keeps most requests sensible. */
#ifndef PL_TESTS_SIM_WORKLOAD_DRAW_H
#define PL_TESTS_SIM_WORKLOAD_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dice.h"
#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/catalogue.h"
#include "planlift/model.h"
#include "planlift/ports.h"

enum { SIM_SUBSCRIPTIONS_MOST = 12, SIM_CUSTOMERS_MOST = 6, SIM_REQUESTS_KEPT = 128 };

/* What is known of a subscription, as if everything was taken in in the order it was made. */
struct sim_known {
    struct pl_bytes id;
    struct pl_bytes offer_id;
    struct pl_bytes partner_id;
    int64_t revision;
    uint32_t users;
};

struct sim_person {
    struct pl_bytes id; /* customerId */
    struct sim_known known[SIM_SUBSCRIPTIONS_MOST];
    size_t known_count;
    int64_t version;
    struct pl_request sent[SIM_REQUESTS_KEPT];
    size_t sent_count;
    bool has_long_names;
};

/* How a schedule's workload is. */
struct sim_style {
    uint32_t customers;
    uint32_t records;    /* beside the setting up */
    uint32_t licences;   /* given to the first customer's first subscription in one go */
    uint32_t broken;     /* percent */
    uint32_t repeats;    /* percent of the requests */
    uint32_t requests;   /* percent of the records */
    uint32_t erasures;   /* in a thousand events */
    bool has_long_names; /* chunks split by their bytes */
    bool has_chatterbox; /* a customer with more requests than are remembered */
};

/* Makes the records of a schedule one after the other. */
struct sim_draw {
    struct pl_arena *arena;
    const struct pl_catalogue *catalogue;
    struct sim_dice dice;
    struct sim_style style;
    struct sim_person people[SIM_CUSTOMERS_MOST];
    uint32_t serial;
    int32_t partition_count;
};

/* A record to be sent. partition: its key's home, or another one. */
struct sim_drawn {
    struct pl_message message;
    bool is_set_up; /* to be sent rather early */
};

void sim_draw_init(struct sim_draw *draw, struct pl_arena *arena,
                   const struct pl_catalogue *catalogue, int32_t partition_count, uint64_t seed);

/* How many records there are in all, and each of them in order. */
uint32_t sim_draw_count(const struct sim_draw *draw);
struct sim_drawn sim_draw_next(struct sim_draw *draw, uint32_t number);

/* The partition that a customer lives in. */
int32_t sim_draw_home(const struct sim_draw *draw, struct pl_bytes customer_id);

/* A CHECK of a subscription. number: makes the request id. */
struct pl_message sim_draw_probe(struct sim_draw *draw, struct pl_bytes customer_id,
                                 struct pl_bytes subscription_id, uint32_t number);

#endif

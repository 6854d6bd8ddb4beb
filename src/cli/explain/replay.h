/* A customer's past, decided again up to one request. */
#ifndef PL_CLI_EXPLAIN_REPLAY_H
#define PL_CLI_EXPLAIN_REPLAY_H

#include "cli/explain/history.h"
#include "planlift/decide.h"

struct pl_replay {
    const struct pl_past_result *published; /* of the request; NULL: none is there */
    const struct pl_past_request *request;  /* NULL: it is not retained */
    struct pl_bytes missing;                /* what the replay lacks, a line each; empty: nothing */
    bool is_decided;                        /* what follows is filled */
    size_t events_before;                   /* of the customer, taken in before it */
    size_t requests_before;
    struct pl_bytes customer_json; /* STATE that it was decided on */
    struct pl_result result;
    struct pl_trace trace;
    bool is_equal; /* the result is the published one, but for texts and catalogue version */
};

/* Decide the customer's requests again, in the order that their results tell of, up to the last one
 * with this id that was answered. Lives in the arena. */
void pl_replay_run(const struct pl_history *history, const struct pl_catalogue *catalogue,
                   struct pl_bytes customer_id, struct pl_bytes request_id, struct pl_arena *arena,
                   struct pl_replay *ret_replay);

#endif

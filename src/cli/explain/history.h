/* What the topics still have of one customer: facts, requests, and the results that say in what
 * order they were taken in (contract 2: how the two inputs interleave is free, and recorded). */
#ifndef PL_CLI_EXPLAIN_HISTORY_H
#define PL_CLI_EXPLAIN_HISTORY_H

#include "cli/session.h"

struct pl_past_event {
    int64_t offset;
    struct pl_event event;
};

struct pl_past_request {
    int64_t offset;
    struct pl_request request;
};

/* A published result; all of it only where it answers the request that is looked for. */
struct pl_past_result {
    int64_t source_offset; /* of its request */
    int64_t customer_version;
    int64_t decided_at_ms;
    enum pl_outcome outcome;
    struct pl_bytes request_id;
    struct pl_bytes catalogue_version;
    struct pl_bytes json;        /* RESULT as `planlift decide` gives it; null: not looked for */
    struct pl_bytes essence;     /* the same without the texts of errors */
    struct pl_bytes consequence; /* for people */
};

/* By offset. Lives in the session's arena. */
struct pl_history {
    int32_t partition;
    int64_t first[PL_INPUT_COUNT]; /* of each input, the first offset that is still there */
    struct pl_past_event *events;
    size_t event_count, event_capacity;
    struct pl_past_request *requests;
    size_t request_count, request_capacity;
    struct pl_past_result *results;
    size_t result_count, result_capacity;
};

/* Read the partition. request_id: of the result that is wanted whole. Errors: those of reading. */
PL_MUST_CHECK enum pl_status pl_history_read(struct pl_session *session, struct pl_bytes customer,
                                             struct pl_bytes request_id, int32_t partition,
                                             struct pl_history *ret_history,
                                             struct pl_error *error);

/* The result without the texts of its errors, which may be worded better some day. */
struct pl_bytes pl_result_essence(const struct pl_result *result, struct pl_arena *arena);

/* RESULT in JSON. */
struct pl_bytes pl_result_json(const struct pl_result *result, struct pl_arena *arena);

#endif

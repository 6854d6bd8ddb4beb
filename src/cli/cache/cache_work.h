/* What `cache rebuild` and `cache verify` share: options, and going through the partitions. */
#ifndef PL_CLI_CACHE_WORK_H
#define PL_CLI_CACHE_WORK_H

#include "cli/options.h"
#include "cli/session.h"

struct pl_cache_given {
    struct pl_session_given session;
    struct pl_optional_int partition; /* unset: all */
    bool is_json;
};

/* Parse the command line; usage lacks the options, which both have, json: what --json does. Returns
 * as pl_options_parse does. */
int pl_cache_work_parse(struct pl_usage usage, const char *json, int argc, char **argv,
                        struct pl_cache_given *given);

/* In place. */
struct pl_cache_work {
    struct pl_session *session;
    const struct pl_cache_given *given;
    struct pl_cache cache;
    char cluster_id[128];
};

/* Do something to each partition of the state topic, or the one that is given. Errors: PL_BAD_DATA
 * (there is no such partition), PL_AGAIN, PL_NOT_FOUND (no such topic), PL_FATAL; those of act. */
typedef enum pl_status pl_cache_act_fn(struct pl_cache_work *work, int32_t partition, void *self,
                                       struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_cache_work_run(struct pl_cache_work *work, pl_cache_act_fn *act,
                                               void *self, struct pl_error *error);

/* The checkpoint of a partition's hash (null: none; in the session's arena) and its number of
 * fields. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_cache_work_look(const struct pl_cache_work *work, int32_t partition,
                                                struct pl_bytes *ret_checkpoint,
                                                int64_t *ret_fields, struct pl_error *error);

#endif

/* The command line, and going through the partitions of the cache. */
#include "cli/cache/cache_work.h"

#include <inttypes.h>

int pl_cache_work_parse(struct pl_usage usage, const char *json, int argc, char **argv,
                        struct pl_cache_given *given)
{
    const struct pl_option options[] = {
        {.letter = 'j', .name = "json", .meaning = json, .is_given = &given->is_json},
        {.letter = 'p',
         .name = "partition",
         .argument = "N",
         .meaning = "only this one",
         .number = &given->partition},
        PL_SESSION_OPTIONS(&given->session)};

    usage.options = options;
    usage.option_count = PL_COUNT(options);
    return pl_options_parse(&usage, argc, argv, NULL);
}

static enum pl_status open_all(struct pl_cache_work *work, struct pl_error *error)
{
    struct pl_session *session = work->session;
    enum pl_status status = pl_session_redis(session, error);

    if (status == PL_OK) {
        work->cache = pl_redis_port(session->redis);
        status = pl_session_scan(session, error);
    }
    if (status == PL_OK) {
        status = pl_kafka_scan_cluster_id(session->scan, work->cluster_id, sizeof(work->cluster_id),
                                          error);
    }
    return status;
}

enum pl_status pl_cache_work_run(struct pl_cache_work *work, pl_cache_act_fn *act, void *self,
                                 struct pl_error *error)
{
    const struct pl_optional_int *only = &work->given->partition;
    int32_t count = 0;
    enum pl_status status = open_all(work, error);

    if (status == PL_OK) {
        status = pl_kafka_scan_partitions(work->session->scan, PL_TOPIC_STATE, &count, error);
    }
    if (status == PL_OK && only->is_set && (only->value < 0 || only->value >= count)) {
        return pl_fail(error, PL_BAD_DATA, "--partition wants a number from 0 to %" PRId32,
                       count - 1);
    }
    for (int32_t partition = 0; status == PL_OK && partition < count; partition++) {
        if (!only->is_set || only->value == partition) {
            status = act(work, partition, self, error);
            pl_arena_reset(&work->session->arena);
        }
    }
    return status;
}

enum pl_status pl_cache_work_look(const struct pl_cache_work *work, int32_t partition,
                                  struct pl_bytes *ret_checkpoint, int64_t *ret_fields,
                                  struct pl_error *error)
{
    struct pl_cache_read read = {.partition = partition};
    enum pl_status status =
        work->cache.ops->read(work->cache.self, &read, 1, &work->session->arena, error);

    if (status == PL_OK) {
        *ret_checkpoint = read.checkpoint;
        *ret_fields = read.stored_fields;
    }
    return status;
}

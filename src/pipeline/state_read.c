/* state_read: reading a partition of the state log up to its end, while the group is served. */
#include <inttypes.h>
#include <string.h>

#include "flow.h"

#define READ_WAIT_MS 100
#define STALL_MS 30000 /* a state log that says nothing for so long is away */
#define SERVE_EVERY_RECORDS 2000
/* Where to look for the newest progress record: it is the last record of a transaction, but aborted
 * ones may follow. */
#define FIRST_STEP_BACK 2
#define STEP_FACTOR 16

enum pl_status pl_state_read(struct pl_run *run, const struct pl_state_span *span,
                             pl_state_take_fn *take, void *self, int64_t *ret_position,
                             struct pl_error *error)
{
    const struct pl_state_log *log = &run->options->state_log;
    int64_t heard_ms = pl_monotonic_ms(run);
    unsigned records = 0;
    enum pl_status status = log->ops->open(log->self, span->partition, span->from, error);

    while (status == PL_OK) {
        struct pl_state_event event;
        bool is_time_to_serve = true;

        status = log->ops->read(log->self, READ_WAIT_MS, &event, error);
        if (status != PL_OK) {
            break;
        }
        if (event.kind == PL_STATE_RECORD) {
            heard_ms = pl_monotonic_ms(run);
            is_time_to_serve = ++records % SERVE_EVERY_RECORDS == 0;
            status = take(self, &event, error);
        } else if (event.kind == PL_STATE_END && event.offset >= span->end) {
            *ret_position = event.offset;
            break;
        } else if (pl_monotonic_ms(run) - heard_ms > STALL_MS) {
            /* Before the end: markers of a transaction that was acknowledged are still to come. */
            status = pl_fail(error, PL_AGAIN, "the state log says nothing more");
        }
        if (status == PL_OK && is_time_to_serve) {
            status = pl_serve_group(run, 0, error);
        }
    }
    log->ops->close(log->self);
    return status;
}

enum pl_status pl_progress_check(const struct pl_run *run, int32_t partition,
                                 const struct pl_state_event *event,
                                 struct pl_progress *ret_progress, struct pl_error *error)
{
    const struct pl_pipeline_options *options = run->options;
    const char *topic = options->topics[PL_TOPIC_STATE].data;
    enum pl_status status = pl_progress_decode(event->value, ret_progress, error);

    if (status != PL_OK) {
        return pl_fail_at(error, PL_FATAL, "%s/%" PRId32 " offset %" PRId64, topic, partition,
                          event->offset);
    }
    if (!pl_bytes_equal(ret_progress->group_id, options->group_id)) {
        return pl_fail(error, PL_FATAL,
                       "topic %s holds the state of another deployment (group.id %.*s, ours is "
                       "%.*s); give each deployment a state topic of its own",
                       topic, (int)ret_progress->group_id.len, ret_progress->group_id.data,
                       (int)options->group_id.len, options->group_id.data);
    }
    return PL_OK;
}

/* ---- the newest progress record -------------------------------------------------------------- */

struct search {
    struct pl_run *run;
    int32_t partition;
    bool is_found;
    struct pl_last_progress *last;
};

static enum pl_status take_record(void *self, const struct pl_state_event *event,
                                  struct pl_error *error)
{
    struct search *search = self;
    struct pl_progress progress;
    enum pl_status status;

    if (!pl_bytes_equal(event->key, PL_PROGRESS_FIELD)) {
        return PL_OK;
    }
    status = pl_progress_check(search->run, search->partition, event, &progress, error);
    if (status == PL_OK) {
        search->is_found = true;
        memcpy(search->last->next, progress.next, sizeof(progress.next));
        pl_decided_by_note(search->run, &progress, &search->last->decided_by);
    }
    return status;
}

enum pl_status pl_find_progress(struct pl_run *run, const struct pl_state_span *within,
                                struct pl_last_progress *ret_last, struct pl_error *error)
{
    struct search search = {.run = run, .partition = within->partition, .last = ret_last};
    struct pl_state_span span = {within->partition, within->end, within->end};
    int64_t back = FIRST_STEP_BACK;
    int64_t position;
    enum pl_status status = PL_OK;

    while (status == PL_OK && !search.is_found && span.from > within->from) {
        span.from = within->end - within->from > back ? within->end - back : within->from;
        status = pl_state_read(run, &span, take_record, &search, &position, error);
        back *= STEP_FACTOR;
    }
    return status == PL_OK && !search.is_found ? PL_NOT_FOUND : status;
}

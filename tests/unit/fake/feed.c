/* The feed port: the group's events, and the records of the partitions that were started. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

/* ---- rebalances ------------------------------------------------------------------------------ */

static void forget_all(struct pl_fake_process *process)
{
    memset(process->is_owned, 0, sizeof(process->is_owned));
    memset(process->is_started, 0, sizeof(process->is_started));
}

static bool tell_rebalance(struct pl_fake_process *process, struct pl_feed_event *ret_event)
{
    if (process->has_revoked) {
        process->has_revoked = false;
        process->generation = -1;
        forget_all(process);
        ret_event->kind = PL_FEED_REVOKED;
        return true;
    }
    if (process->has_assigned) {
        process->has_assigned = false;
        process->generation = process->world->broker.generation;
        forget_all(process);
        for (size_t i = 0; i < process->share_count; i++) {
            process->is_owned[process->share[i]] = true;
        }
        ret_event->kind = PL_FEED_ASSIGNED;
        ret_event->partitions = process->share;
        ret_event->partition_count = process->share_count;
        return true;
    }
    return false;
}

/* ---- records --------------------------------------------------------------------------------- */

/* A record on loan: a copy in one block, so that a use after its release is seen. */
struct loan {
    const struct pl_header *headers; /* the log's own */
    size_t header_count;
    char bytes[];
};

static struct pl_bytes lend_bytes(struct loan *loan, size_t position, struct pl_bytes bytes)
{
    if (pl_bytes_is_null(bytes)) {
        return bytes;
    }
    if (bytes.len > 0) {
        memcpy(loan->bytes + position, bytes.data, bytes.len);
    }
    return (struct pl_bytes){loan->bytes + position, bytes.len};
}

static size_t size_of(const struct pl_fake_entry *entry)
{
    size_t size = entry->key.len + entry->value.len;

    for (size_t i = 0; i < entry->header_count; i++) {
        size += entry->headers[i].name.len + entry->headers[i].value.len;
    }
    return size;
}

static struct pl_record lend(struct pl_fake_process *process, const struct pl_fake_entry *entry,
                             enum pl_topic topic, int32_t partition)
{
    struct loan *loan = malloc(sizeof(*loan) + entry->key.len + entry->value.len + 1);

    if (loan == NULL) {
        pl_out_of_memory(entry->value.len);
    }
    loan->headers = entry->headers;
    loan->header_count = entry->header_count;
    process->held_records++;
    return (struct pl_record){.topic = topic,
                              .partition = partition,
                              .offset = entry->offset,
                              .key = lend_bytes(loan, 0, entry->key),
                              .value = lend_bytes(loan, entry->key.len, entry->value),
                              .size = size_of(entry),
                              .handle = loan};
}

/* What poll could deliver of one input partition. */
struct candidate {
    const struct pl_fake_entry *entry; /* NULL: nothing */
    enum pl_topic topic;
    int32_t partition;
};

/* The record to come next: the one that was sent first, or one of those there are. Errors:
 * PL_FATAL: the log no longer has what is to come next. */
static enum pl_status choose(struct pl_fake_process *process, struct candidate *ret_chosen,
                             struct pl_error *error)
{
    struct pl_fake_broker *broker = &process->world->broker;
    uint32_t count = 0;

    *ret_chosen = (struct candidate){.entry = NULL};
    for (int32_t partition = 0; partition < broker->partition_count; partition++) {
        for (int input = 0; process->is_started[partition] && input < PL_INPUT_COUNT; input++) {
            const struct pl_fake_log *log = pl_fake_log(broker, (enum pl_topic)input, partition);
            int64_t next = process->next_offsets[partition][input];
            struct candidate found = {pl_fake_next(log, next), (enum pl_topic)input, partition};

            if (next < log->first || next > log->end) {
                return pl_fail(error, PL_FATAL, "offset %" PRId64 " is out of range", next);
            }
            if (found.entry == NULL) {
                continue;
            }
            count++;
            if (process->has_random_order
                    ? pl_fake_random_below(process->world, count) == 0
                    : ret_chosen->entry == NULL || found.entry->stamp < ret_chosen->entry->stamp) {
                *ret_chosen = found;
            }
        }
    }
    return PL_OK;
}

static void deliver(struct pl_fake_process *process, const struct candidate *chosen,
                    struct pl_feed_event *ret_event)
{
    process->idle_polls = 0;
    process->next_offsets[chosen->partition][chosen->topic] = chosen->entry->offset + 1;
    ret_event->kind = PL_FEED_RECORD;
    ret_event->record = lend(process, chosen->entry, chosen->topic, chosen->partition);
}

/* What there is, or what comes while time goes on. */
static enum pl_status poll(void *self, int timeout_ms, struct pl_feed_event *ret_event,
                           struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_POLL, error).status;
    struct candidate chosen = {.entry = NULL};
    int64_t left_ms = timeout_ms;

    *ret_event = (struct pl_feed_event){.kind = PL_FEED_IDLE};
    if (status != PL_OK || tell_rebalance(process, ret_event)) {
        return status;
    }
    status = choose(process, &chosen, error);
    while (status == PL_OK && chosen.entry == NULL && left_ms > 0) {
        left_ms -= pl_fake_advance_to_next(process->world, left_ms);
        if (tell_rebalance(process, ret_event)) {
            return PL_OK;
        }
        status = choose(process, &chosen, error);
    }
    if (status == PL_OK && chosen.entry != NULL) {
        deliver(process, &chosen, ret_event);
    } else if (status == PL_OK) {
        process->idle_polls += timeout_ms > 0 ? 1 : 0;
    }
    return status;
}

static void release(void *self, struct pl_record *record)
{
    struct pl_fake_process *process = self;

    assert(record->handle != NULL && process->held_records > 0);
    process->held_records--;
    free(record->handle);
    record->handle = NULL;
}

static enum pl_status headers(void *self, const struct pl_record *record, struct pl_arena *arena,
                              const struct pl_header **ret_headers, size_t *ret_count)
{
    struct pl_fake_process *process = self;
    const struct loan *loan = record->handle;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_HEADERS, NULL).status;

    (void)arena;
    if (status == PL_OK) {
        *ret_headers = loan->headers;
        *ret_count = loan->header_count;
    }
    return status;
}

/* ---- positions ------------------------------------------------------------------------------- */

static enum pl_status committed(void *self, const int32_t *partitions, size_t count,
                                int64_t (*ret_offsets)[PL_INPUT_COUNT], struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_COMMITTED, error).status;

    for (size_t i = 0; status == PL_OK && i < count; i++) {
        status = pl_fake_group_offsets(&process->world->broker, partitions[i], ret_offsets[i]);
        if (status != PL_OK) {
            (void)pl_fail(error, status, "the group's offsets are not stable");
        }
    }
    return status;
}

static enum pl_status log_range(void *self, enum pl_topic input, int32_t partition,
                                int64_t *ret_first, int64_t *ret_end, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_LOG_RANGE, error).status;

    if (status == PL_OK) {
        const struct pl_fake_log *log = pl_fake_log(&process->world->broker, input, partition);

        *ret_first = log->first;
        *ret_end = log->end;
    }
    return status;
}

static enum pl_status start(void *self, int32_t partition, const int64_t offsets[PL_INPUT_COUNT],
                            struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_START, error).status;

    if (status != PL_OK) {
        return status;
    }
    if (!process->is_owned[partition]) {
        return pl_fail(error, PL_AGAIN, "partition %" PRId32 " is not ours any more", partition);
    }
    process->is_started[partition] = true;
    memcpy(process->next_offsets[partition], offsets, sizeof(process->next_offsets[partition]));
    return PL_OK;
}

static enum pl_status stop(void *self, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_STOP, error).status;

    if (status == PL_OK) {
        memset(process->is_started, 0, sizeof(process->is_started));
    }
    return status;
}

static int32_t partition_of(void *self, struct pl_bytes key)
{
    const struct pl_fake_process *process = self;

    return process->world->has_any_partitioner ? -1 : pl_fake_partition_of(process->world, key);
}

/* ---- draining -------------------------------------------------------------------------------- */

void pl_fake_note_drain_ends(struct pl_fake_process *process)
{
    struct pl_fake_broker *broker = &process->world->broker;

    for (int32_t partition = 0; partition < broker->partition_count; partition++) {
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            process->drain_ends[partition][input] =
                pl_fake_log(broker, (enum pl_topic)input, partition)->end;
        }
    }
}

static bool is_drained(struct pl_fake_process *process, int32_t partition, int input,
                       int64_t offset)
{
    const struct pl_fake_log *log =
        pl_fake_log(&process->world->broker, (enum pl_topic)input, partition);
    const struct pl_fake_entry *entry = pl_fake_next(log, offset < 0 ? log->first : offset);
    int64_t end = process->drain_ends[partition][input];

    return entry == NULL ? pl_fake_stable_end(log) >= end : entry->offset >= end;
}

static enum pl_status drained(void *self, bool *ret_drained, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    struct pl_fake_broker *broker = &process->world->broker;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_DRAINED, error).status;

    *ret_drained = status == PL_OK;
    for (int32_t partition = 0; status == PL_OK && partition < broker->partition_count;
         partition++) {
        int64_t offsets[PL_INPUT_COUNT] = {-1, -1};

        status = pl_fake_group_offsets(broker, partition, offsets);
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            *ret_drained = *ret_drained && is_drained(process, partition, input, offsets[input]);
        }
    }
    return status;
}

struct pl_feed pl_fake_feed(struct pl_fake_process *process)
{
    static const struct pl_feed_ops ops = {.poll = poll,
                                           .release = release,
                                           .headers = headers,
                                           .committed = committed,
                                           .log_range = log_range,
                                           .start = start,
                                           .stop = stop,
                                           .partition_of = partition_of,
                                           .drained = drained};

    return (struct pl_feed){&ops, process};
}

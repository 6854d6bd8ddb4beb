/* The state log port: one partition read_committed; its end is told whenever it is reached anew. */
#include <stdlib.h>
#include <string.h>

#include "process.h"

static enum pl_status range(void *self, int32_t partition, int64_t *ret_first, int64_t *ret_end,
                            struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_STATE_RANGE, error).status;

    if (status == PL_OK) {
        const struct pl_fake_log *log =
            pl_fake_log(&process->world->broker, PL_TOPIC_STATE, partition);

        *ret_first = log->first;
        *ret_end = log->end;
    }
    return status;
}

static enum pl_status stable_end(void *self, int32_t partition, int64_t *ret_end,
                                 struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_STATE_RANGE, error).status;

    if (status == PL_OK) {
        *ret_end =
            pl_fake_stable_end(pl_fake_log(&process->world->broker, PL_TOPIC_STATE, partition));
    }
    return status;
}

static enum pl_status open_partition(void *self, int32_t partition, int64_t from,
                                     struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_STATE_OPEN, error).status;

    if (status == PL_OK) {
        process->reading = partition;
        process->read_position = from;
        process->told_end = -1;
        process->first_read = -1;
    }
    return status;
}

/* Views into a copy that lives until the next read: a use after that is seen. */
static void lend(struct pl_fake_process *process, const struct pl_fake_entry *entry,
                 struct pl_state_event *event)
{
    process->read_copy = malloc(entry->key.len + entry->value.len + 1);
    if (process->read_copy == NULL) {
        pl_out_of_memory(entry->value.len);
    }
    if (entry->key.len > 0) {
        memcpy(process->read_copy, entry->key.data, entry->key.len);
    }
    if (entry->value.len > 0) {
        memcpy(process->read_copy + entry->key.len, entry->value.data, entry->value.len);
    }
    event->key = pl_bytes_is_null(entry->key)
                     ? PL_NULL_BYTES
                     : (struct pl_bytes){process->read_copy, entry->key.len};
    event->value = pl_bytes_is_null(entry->value)
                       ? PL_NULL_BYTES
                       : (struct pl_bytes){process->read_copy + entry->key.len, entry->value.len};
}

static void drop_copy(struct pl_fake_process *process)
{
    free(process->read_copy);
    process->read_copy = NULL;
}

/* A record or the end, if there is one to tell. */
static bool tell(struct pl_fake_process *process, const struct pl_fake_log *log,
                 struct pl_state_event *ret_event)
{
    const struct pl_fake_entry *entry = pl_fake_next(log, process->read_position);

    if (entry != NULL) {
        ret_event->kind = PL_STATE_RECORD;
        ret_event->offset = entry->offset;
        lend(process, entry, ret_event);
        process->read_position = entry->offset + 1;
        process->told_end = -1;
        process->reads++;
        process->first_read = process->first_read < 0 ? entry->offset : process->first_read;
        return true;
    }
    if (process->told_end != pl_fake_stable_end(log) &&
        process->read_position <= pl_fake_stable_end(log)) { /* as librdkafka does it */
        process->read_position = pl_fake_stable_end(log);
        process->told_end = process->read_position;
        ret_event->kind = PL_STATE_END;
        ret_event->offset = process->read_position;
        return true;
    }
    return false;
}

static enum pl_status read_event(void *self, int timeout_ms, struct pl_state_event *ret_event,
                                 struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_STATE_READ, error).status;
    const struct pl_fake_log *log;
    int64_t left_ms = timeout_ms;

    drop_copy(process);
    if (status != PL_OK) {
        return status;
    }
    *ret_event = (struct pl_state_event){.kind = PL_STATE_IDLE, .partition = process->reading};
    log = pl_fake_log(&process->world->broker, PL_TOPIC_STATE, process->reading);
    if (process->read_position < log->first || process->read_position > log->end) {
        return pl_fail(error, PL_AGAIN, "the position is out of range");
    }
    while (!tell(process, log, ret_event) && left_ms > 0) {
        left_ms -= pl_fake_advance_to_next(process->world, left_ms);
    }
    return PL_OK;
}

static void close_partition(void *self)
{
    struct pl_fake_process *process = self;

    drop_copy(process);
    process->reading = -1;
}

struct pl_state_log pl_fake_state_log(struct pl_fake_process *process)
{
    static const struct pl_state_log_ops ops = {.range = range,
                                                .stable_end = stable_end,
                                                .open = open_partition,
                                                .read = read_event,
                                                .close = close_partition};

    return (struct pl_state_log){&ops, process};
}

/* The transaction port, with the manners of the real one: a producer that was in trouble is opened
 * anew before the next transaction (I7). */
#include <inttypes.h>
#include <string.h>

#include "process.h"

#define UNENDED_WAIT_MS 1000

/* A call that the broker refused because the producer is not the current one any more. Who has
 * really lost its place is told so by the group. */
static enum pl_status fenced(struct pl_fake_process *process, struct pl_error *error)
{
    process->must_renew = true;
    return pl_fail(error, PL_AGAIN, "the producer was fenced");
}

/* What a failed call says of the producer. */
static enum pl_status taint(struct pl_fake_process *process, enum pl_status status)
{
    if (status == PL_AGAIN || status == PL_FENCED || status == PL_FATAL) {
        process->must_renew = true;
    }
    return status;
}

/* A producer in trouble is replaced; what it left open ends. */
static void replace_if_tainted(struct pl_fake_process *process)
{
    if (process->must_renew) {
        process->session =
            pl_fake_open_producer(&process->world->broker, process->transactional_id);
        process->must_renew = false;
    }
}

static enum pl_status renew(void *self, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_RENEW, error).status;

    if (status == PL_OK) {
        replace_if_tainted(process);
    }
    return status;
}

static enum pl_status begin(void *self, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_BEGIN, error).status;

    if (status != PL_OK) {
        return taint(process, status);
    }
    replace_if_tainted(process);
    memset(process->spans, 0, sizeof(process->spans));
    process->has_too_large = false;
    if (pl_fake_begin(&process->world->broker, process->session) != PL_OK) {
        return fenced(process, error);
    }
    process->is_in_transaction = true;
    return PL_OK;
}

static size_t size_of(const struct pl_message *message)
{
    size_t size = message->key.len + message->value.len;

    for (size_t i = 0; i < message->header_count; i++) {
        size += message->headers[i].name.len + message->headers[i].value.len;
    }
    return size;
}

static void note_offset(struct pl_fake_span *span, int64_t offset)
{
    span->first = span->count == 0 ? offset : span->first;
    span->last = offset;
    span->count++;
}

static enum pl_status produce(void *self, const struct pl_message *message, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    struct pl_fake_broker *broker = &process->world->broker;
    bool is_dlq = message->topic == PL_TOPIC_EVENTS_DLQ || message->topic == PL_TOPIC_REQUESTS_DLQ;
    struct pl_fake_verdict verdict = pl_fake_enter(process, PL_FAKE_PRODUCE, error);
    int64_t offset;

    if (verdict.status != PL_OK && verdict.applied == 0) {
        return taint(process, verdict.status);
    }
    if (!is_dlq && size_of(message) > broker->message_limits[message->topic]) {
        return pl_fail(error, PL_BAD_DATA, "a record of %zu bytes is too large", size_of(message));
    }
    if (size_of(message) > broker->broker_limits[message->topic]) {
        process->has_too_large = true; /* found out with the reports */
        return PL_OK;
    }
    if (pl_fake_produce(broker, process->session, message, &offset) != PL_OK) {
        return fenced(process, error);
    }
    if (message->topic == PL_TOPIC_STATE) {
        note_offset(&process->spans[message->partition], offset);
    }
    return taint(process, verdict.status);
}

static enum pl_status flush(void *self, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_FLUSH, error).status;

    if (status == PL_OK && process->has_too_large) {
        return pl_fail(error, PL_BAD_DATA, "a record is larger than the broker takes");
    }
    return taint(process, status);
}

static enum pl_status state_offsets(void *self, int32_t partition, int64_t *ret_first,
                                    int64_t *ret_last, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    const struct pl_fake_span *span = &process->spans[partition];
    enum pl_status status = pl_fake_enter(process, PL_FAKE_STATE_OFFSETS, error).status;

    if (status != PL_OK) {
        return status;
    }
    if (span->count == 0) {
        return PL_NOT_FOUND;
    }
    if (span->last - span->first + 1 != span->count) {
        return pl_fail(error, PL_ABORT, "state records are not contiguous");
    }
    *ret_first = span->first;
    *ret_last = span->last;
    return PL_OK;
}

/* A commit that fails leaves the transaction open, with its offsets, unless it takes effect, now or
 * later. */
static enum pl_status commit(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error)
{
    struct pl_fake_process *process = self;
    struct pl_fake_broker *broker = &process->world->broker;
    struct pl_fake_verdict verdict = pl_fake_enter(process, PL_FAKE_COMMIT, error);

    if (process->is_dead || (verdict.status == PL_ABORT && verdict.applied == 0)) {
        return verdict.status;
    }
    if (process->generation != broker->generation) {
        return pl_fail(error, PL_ABORT, "the group is at another generation");
    }
    if (pl_fake_add_offsets(broker, process->session, positions, count) != PL_OK) {
        return fenced(process, error);
    }
    if (verdict.applied != 0 && verdict.late_ms > 0) {
        pl_fake_end_later(broker, process->session, true, verdict.late_ms);
    } else if (verdict.applied != 0 && pl_fake_end(broker, process->session, true) != PL_OK) {
        return fenced(process, error);
    }
    process->is_in_transaction = verdict.status != PL_OK;
    return taint(process, verdict.status);
}

static enum pl_status abort_transaction(void *self, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_ABORT, error).status;

    if (!process->is_in_transaction) {
        return status;
    }
    process->is_in_transaction = false;
    if (process->must_renew || status != PL_OK ||
        pl_fake_end(&process->world->broker, process->session, false) != PL_OK) {
        process->must_renew = true; /* the new producer ends what the old one left open */
    }
    return status;
}

/* Take part in a partition where something hangs. */
static void roll_back(struct pl_fake_process *process, enum pl_topic topic, int32_t partition)
{
    struct pl_fake_broker *broker = &process->world->broker;
    const struct pl_fake_log *log = pl_fake_log(broker, topic, partition);
    const struct pl_message nothing = {
        .topic = topic, .partition = partition, .key = PL_BYTES_LITERAL("rolled back")};
    int64_t offset;

    if (pl_fake_stable_end(log) < log->end) {
        (void)pl_fake_produce(broker, process->session, &nothing, &offset); /* just begun */
    }
}

static bool has_lost_contact(void *self)
{
    struct pl_fake_process *process = self;

    process->must_renew = process->must_renew || process->has_lost_contact;
    return process->has_lost_contact;
}

/* Every partition whose output it may be. */
static void mark(const struct pl_fake_broker *broker, int32_t output, int32_t count, bool *hangs)
{
    for (int32_t partition = output; partition < broker->partition_count; partition += count) {
        hangs[partition] = true;
    }
}

/* Only of what was written before the call; markers under way are waited for. */
static enum pl_status unended(void *self, bool *ret_hangs, bool *ret_any, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    struct pl_fake_broker *broker = &process->world->broker;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_UNENDED, error).status;
    int64_t left_ms = UNENDED_WAIT_MS;

    process->has_lost_contact = false;
    *ret_any = false;
    for (int topic = PL_TOPIC_EVENTS_DLQ; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
        int32_t count = pl_fake_partition_count(broker, (enum pl_topic)topic);

        for (int32_t partition = 0; partition < count; partition++) {
            const struct pl_fake_log *log = pl_fake_log(broker, (enum pl_topic)topic, partition);
            int64_t end = log->end;

            while (pl_fake_stable_end(log) < end && left_ms > 0) {
                left_ms -= pl_fake_advance_to_next(process->world, left_ms);
            }
            if (pl_fake_stable_end(log) < end) {
                *ret_any = true;
                mark(broker, partition, count, ret_hangs);
            }
        }
    }
    return status;
}

static enum pl_status settle(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error)
{
    static const struct pl_position any = {.partition = 0, .next = {0, 0}};
    struct pl_fake_process *process = self;
    struct pl_fake_broker *broker = &process->world->broker;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_SETTLE, error).status;

    if (status != PL_OK) {
        return taint(process, status);
    }
    if (pl_fake_begin(broker, process->session) != PL_OK) {
        return fenced(process, error);
    }
    for (size_t i = 0; i < count; i++) {
        roll_back(process, PL_TOPIC_STATE, positions[i].partition);
        roll_back(process, PL_TOPIC_RESULTS, positions[i].partition);
    }
    for (int32_t partition = 0; partition < broker->dlq_partition_count; partition++) {
        roll_back(process, PL_TOPIC_EVENTS_DLQ, partition);
        roll_back(process, PL_TOPIC_REQUESTS_DLQ, partition);
    }
    process->must_renew = true;
    (void)pl_fake_add_offsets(broker, process->session, &any, 1);
    (void)pl_fake_end(broker, process->session, false);
    return PL_OK;
}

static size_t message_limit(void *self, enum pl_topic topic)
{
    const struct pl_fake_process *process = self;

    return process->world->broker.message_limits[topic];
}

static int32_t partition_count(void *self, enum pl_topic topic)
{
    const struct pl_fake_process *process = self;

    return pl_fake_partition_count(&process->world->broker, topic);
}

struct pl_txn pl_fake_txn(struct pl_fake_process *process)
{
    static const struct pl_txn_ops ops = {.renew = renew,
                                          .has_lost_contact = has_lost_contact,
                                          .unended = unended,
                                          .settle = settle,
                                          .begin = begin,
                                          .produce = produce,
                                          .flush = flush,
                                          .state_offsets = state_offsets,
                                          .commit = commit,
                                          .abort = abort_transaction,
                                          .message_limit = message_limit,
                                          .partition_count = partition_count};

    return (struct pl_txn){&ops, process};
}

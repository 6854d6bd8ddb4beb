/* Logs are arrays of entries, an offset is an index. A transaction is its producer's state. */
#include "broker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fake/world.h"

int32_t pl_fake_partition_count(const struct pl_fake_broker *broker, enum pl_topic topic)
{
    return topic == PL_TOPIC_EVENTS_DLQ || topic == PL_TOPIC_REQUESTS_DLQ
               ? broker->dlq_partition_count
               : broker->partition_count;
}

struct pl_fake_log *pl_fake_log(struct pl_fake_broker *broker, enum pl_topic topic,
                                int32_t partition)
{
    assert(partition >= 0 && partition < pl_fake_partition_count(broker, topic));
    return &broker->logs[topic][partition];
}

/* ---- entries --------------------------------------------------------------------------------- */

static struct pl_fake_entry *add_entry(struct pl_fake_broker *broker, struct pl_fake_log *log)
{
    struct pl_arena *arena = &broker->world->arena;
    struct pl_fake_entry *entry = pl_arena_zalloc(arena, 1, sizeof(*entry));

    if (log->end == log->capacity) {
        int64_t capacity = log->capacity == 0 ? 64 : log->capacity * 2;

        log->entries = pl_arena_grow(arena, log->entries, (size_t)log->end, (size_t)capacity,
                                     sizeof(struct pl_fake_entry *));
        log->capacity = capacity;
    }
    entry->offset = log->end;
    entry->stamp = broker->stamps++;
    entry->producer = -1;
    log->entries[log->end++] = entry;
    return entry;
}

static struct pl_fake_entry *add_record(struct pl_fake_broker *broker,
                                        const struct pl_message *message)
{
    struct pl_arena *arena = &broker->world->arena;
    struct pl_header *headers = pl_arena_alloc(arena, message->header_count * sizeof(*headers));
    struct pl_fake_entry *entry =
        add_entry(broker, pl_fake_log(broker, message->topic, message->partition));

    for (size_t i = 0; i < message->header_count; i++) {
        headers[i].name = pl_arena_copy(arena, message->headers[i].name);
        headers[i].value = pl_arena_copy(arena, message->headers[i].value);
    }
    entry->key = pl_arena_copy(arena, message->key);
    entry->value = pl_arena_copy(arena, message->value);
    entry->headers = headers;
    entry->header_count = message->header_count;
    return entry;
}

int64_t pl_fake_append(struct pl_fake_broker *broker, const struct pl_message *message)
{
    return add_record(broker, message)->offset;
}

/* ---- the end of a transaction ---------------------------------------------------------------- */

static void put_marker(struct pl_fake_broker *broker, int producer, enum pl_topic topic,
                       int32_t partition)
{
    struct pl_fake_producer *owner = &broker->producers[producer];
    struct pl_fake_log *log = pl_fake_log(broker, topic, partition);
    bool is_commit = owner->state == PL_FAKE_TXN_COMMITTING;
    struct pl_fake_entry *marker;

    for (int64_t offset = log->end; offset > log->first; offset--) {
        struct pl_fake_entry *entry = log->entries[offset - 1];

        if (entry->producer == producer && entry->state == PL_FAKE_ENTRY_OPEN) {
            entry->state = is_commit ? PL_FAKE_ENTRY_COMMITTED : PL_FAKE_ENTRY_ABORTED;
        }
    }
    marker = add_entry(broker, log);
    marker->kind = is_commit ? PL_FAKE_ENTRY_COMMIT_MARKER : PL_FAKE_ENTRY_ABORT_MARKER;
    owner->is_touched[topic][partition] = false;
    owner->has_marker = true;
}

static void settle_offsets(struct pl_fake_broker *broker, struct pl_fake_producer *producer)
{
    for (int32_t partition = 0; partition < broker->partition_count; partition++) {
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            int64_t offset = producer->offsets[partition][input];
            int64_t *committed = &broker->group_offsets[partition][input];

            if (producer->state == PL_FAKE_TXN_COMMITTING && offset >= 0) {
                broker->offsets_went_back += offset < *committed ? 1 : 0;
                *committed = offset;
            }
            producer->offsets[partition][input] = -1;
        }
    }
    broker->hangs_ended += producer->has_hanging_offsets ? 1 : 0;
    producer->has_offsets = producer->has_hanging_offsets = false;
    producer->has_marker = true;
}

static bool has_markers_to_come(const struct pl_fake_producer *producer)
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            if (producer->is_touched[topic][partition]) {
                return true;
            }
        }
    }
    return producer->has_offsets;
}

/* All that its end asks for is done. */
static void finish(struct pl_fake_producer *producer)
{
    producer->ended = producer->state;
    producer->state = PL_FAKE_TXN_NONE;
}

/* A marker under way: of which transaction, where to; topic PL_TOPIC_COUNT: the offsets. */
struct marker {
    int producer;
    uint64_t sequence;
    int topic;
    int32_t partition;
};

static void write_marker(void *self, const void *data)
{
    struct pl_fake_broker *broker = self;
    const struct marker *marker = data;
    struct pl_fake_producer *producer = &broker->producers[marker->producer];

    if (producer->sequence != marker->sequence || producer->state == PL_FAKE_TXN_NONE) {
        return; /* hurried along already */
    }
    if (marker->topic == PL_TOPIC_COUNT) {
        settle_offsets(broker, producer);
    } else if (producer->is_touched[marker->topic][marker->partition]) {
        put_marker(broker, marker->producer, (enum pl_topic)marker->topic, marker->partition);
    }
    if (!has_markers_to_come(producer)) {
        finish(producer);
    }
}

static void send_marker(struct pl_fake_broker *broker, const struct marker *marker)
{
    int64_t delay_ms = broker->marker_delay_ms;

    if (delay_ms == 0) {
        write_marker(broker, marker);
        return;
    }
    /* Each takes a time of its own, so that they come in any order. */
    delay_ms = 1 + (int64_t)pl_fake_random_below(broker->world, (uint32_t)delay_ms);
    pl_fake_after(broker->world, delay_ms, write_marker, broker, marker, sizeof(*marker));
}

/* Every marker of a transaction that has ended; now: without the delay. */
static void send_markers(struct pl_fake_broker *broker, int number, bool now)
{
    struct pl_fake_producer *producer = &broker->producers[number];
    uint64_t sequence = producer->sequence;

    for (int topic = 0; topic <= PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            struct marker marker = {number, sequence, topic, partition};
            bool is_due = topic == PL_TOPIC_COUNT ? partition == 0 && producer->has_offsets
                                                  : producer->is_touched[topic][partition];

            if (is_due && now) {
                write_marker(broker, &marker);
            } else if (is_due) {
                send_marker(broker, &marker);
            }
        }
    }
    if (producer->state != PL_FAKE_TXN_NONE && !has_markers_to_come(producer)) {
        finish(producer); /* a transaction that touched nothing */
    }
}

static void end_transaction(struct pl_fake_broker *broker, int number, bool is_commit)
{
    struct pl_fake_producer *producer = &broker->producers[number];

    producer->state = is_commit ? PL_FAKE_TXN_COMMITTING : PL_FAKE_TXN_ABORTING;
    send_markers(broker, number, false);
}

/* What hangs in an input is for whoever produces there to end. */
static bool is_of_an_input(const struct pl_fake_producer *producer)
{
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            if (producer->is_touched[input][partition]) {
                return true;
            }
        }
    }
    return false;
}

unsigned pl_fake_lose_markers(struct pl_fake_broker *broker)
{
    unsigned count = 0;

    for (int number = 0; number < broker->producer_count; number++) {
        struct pl_fake_producer *producer = &broker->producers[number];

        bool has_ended =
            producer->state == PL_FAKE_TXN_COMMITTING || producer->state == PL_FAKE_TXN_ABORTING;

        if (!has_ended || producer->has_marker || is_of_an_input(producer)) {
            continue;
        }
        memset(producer->is_touched, 0, sizeof(producer->is_touched));
        producer->has_hanging_offsets = producer->has_hanging_offsets || producer->has_offsets;
        producer->has_offsets = false;
        finish(producer);
        count++;
    }
    return count;
}

void pl_fake_end_markers(struct pl_fake_broker *broker)
{
    for (int number = 0; number < broker->producer_count; number++) {
        const struct pl_fake_producer *producer = &broker->producers[number];

        if (producer->state == PL_FAKE_TXN_COMMITTING || producer->state == PL_FAKE_TXN_ABORTING) {
            send_markers(broker, number, true);
        }
    }
}

/* ---- producers ------------------------------------------------------------------------------- */

static bool is_current(const struct pl_fake_broker *broker, struct pl_fake_session session)
{
    return session.producer >= 0 && broker->producers[session.producer].epoch == session.epoch;
}

/* Index of a transactional id, which is known from now on. */
static int find_producer(struct pl_fake_broker *broker, const char *id)
{
    int number = 0;
    struct pl_fake_producer *producer;

    while (number < broker->producer_count && strcmp(broker->producers[number].id, id) != 0) {
        number++;
    }
    producer = &broker->producers[number];
    if (number == broker->producer_count) {
        assert(number < PL_FAKE_MAX_PRODUCERS);
        broker->producer_count++;
        producer->id = id;
        memset(producer->offsets, -1, sizeof(producer->offsets));
    }
    return number;
}

static struct pl_fake_session begin_epoch(struct pl_fake_broker *broker, int number)
{
    struct pl_fake_producer *producer = &broker->producers[number];

    producer->epoch++;
    producer->ended = PL_FAKE_TXN_NONE;
    return (struct pl_fake_session){number, producer->epoch};
}

struct pl_fake_session pl_fake_open_producer(struct pl_fake_broker *broker, const char *id)
{
    int number = find_producer(broker, id);
    struct pl_fake_producer *producer = &broker->producers[number];

    if (producer->state == PL_FAKE_TXN_OPEN) {
        producer->state = PL_FAKE_TXN_ABORTING;
    }
    send_markers(broker, number, true); /* it is told so only when they are there */
    return begin_epoch(broker, number);
}

struct timeout {
    struct pl_fake_session session;
    uint64_t sequence;
};

static void expire(void *self, const void *data)
{
    struct pl_fake_broker *broker = self;
    const struct timeout *timeout = data;
    struct pl_fake_producer *producer = &broker->producers[timeout->session.producer];

    if (is_current(broker, timeout->session) && producer->sequence == timeout->sequence &&
        producer->state == PL_FAKE_TXN_OPEN) {
        broker->timeouts++;
        producer->timed_out_epoch = producer->epoch;
        producer->epoch++; /* fences the client */
        end_transaction(broker, timeout->session.producer, false);
    }
}

static void open_transaction(struct pl_fake_broker *broker, struct pl_fake_session session)
{
    struct pl_fake_producer *producer = &broker->producers[session.producer];
    struct timeout timeout = {session, ++producer->sequence};

    producer->state = PL_FAKE_TXN_OPEN;
    producer->has_marker = false;
    pl_fake_after(broker->world, broker->transaction_timeout_ms, expire, broker, &timeout,
                  sizeof(timeout));
}

enum pl_status pl_fake_begin(struct pl_fake_broker *broker, struct pl_fake_session session)
{
    if (!is_current(broker, session)) {
        return PL_FENCED;
    }
    assert(broker->producers[session.producer].state != PL_FAKE_TXN_OPEN);
    send_markers(broker, session.producer, true); /* a client waits for those before */
    open_transaction(broker, session);
    return PL_OK;
}

static bool is_open(const struct pl_fake_broker *broker, struct pl_fake_session session)
{
    return is_current(broker, session) &&
           broker->producers[session.producer].state == PL_FAKE_TXN_OPEN;
}

enum pl_status pl_fake_produce(struct pl_fake_broker *broker, struct pl_fake_session session,
                               const struct pl_message *message, int64_t *ret_offset)
{
    struct pl_fake_entry *entry;

    if (!is_open(broker, session)) {
        return PL_FENCED;
    }
    entry = add_record(broker, message);
    entry->producer = session.producer;
    entry->state = PL_FAKE_ENTRY_OPEN;
    broker->producers[session.producer].is_touched[message->topic][message->partition] = true;
    *ret_offset = entry->offset;
    return PL_OK;
}

enum pl_status pl_fake_add_offsets(struct pl_fake_broker *broker, struct pl_fake_session session,
                                   const struct pl_position *positions, size_t count)
{
    struct pl_fake_producer *producer;

    if (!is_open(broker, session)) {
        return PL_FENCED;
    }
    producer = &broker->producers[session.producer];
    producer->has_offsets = true;
    for (size_t i = 0; i < count; i++) {
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            if (positions[i].next[input] >= 0) {
                producer->offsets[positions[i].partition][input] = positions[i].next[input];
            }
        }
    }
    return PL_OK;
}

enum pl_status pl_fake_end(struct pl_fake_broker *broker, struct pl_fake_session session,
                           bool is_commit)
{
    if (!is_open(broker, session)) {
        return PL_FENCED;
    }
    end_transaction(broker, session.producer, is_commit);
    return PL_OK;
}

struct late_end {
    struct pl_fake_session session;
    bool is_commit;
};

static void end_late(void *self, const void *data)
{
    struct pl_fake_broker *broker = self;
    const struct late_end *end = data;

    (void)pl_fake_end(broker, end->session, end->is_commit); /* fenced: nobody to tell */
}

void pl_fake_end_later(struct pl_fake_broker *broker, struct pl_fake_session session,
                       bool is_commit, int64_t delay_ms)
{
    struct late_end end = {session, is_commit};

    pl_fake_after(broker->world, delay_ms, end_late, broker, &end, sizeof(end));
}

/* ---- writing, request by request ------------------------------------------------------------- */

enum pl_fake_answer pl_fake_ask_producer(struct pl_fake_broker *broker, const char *id,
                                         struct pl_fake_session *ret_session)
{
    int number = find_producer(broker, id);
    struct pl_fake_producer *producer = &broker->producers[number];

    if (producer->state == PL_FAKE_TXN_OPEN) {
        producer->epoch++; /* fences the one before at once */
        end_transaction(broker, number, false);
    }
    if (producer->state != PL_FAKE_TXN_NONE) {
        return PL_FAKE_CONCURRENT;
    }
    *ret_session = begin_epoch(broker, number);
    return PL_FAKE_DONE;
}

/* Something is to be added to the transaction: is there one, or can one begin? */
static enum pl_fake_answer join_transaction(struct pl_fake_broker *broker,
                                            struct pl_fake_session session)
{
    if (!is_current(broker, session)) {
        return PL_FAKE_OLD_EPOCH;
    }
    switch (broker->producers[session.producer].state) {
    case PL_FAKE_TXN_NONE:
        open_transaction(broker, session);
        break;
    case PL_FAKE_TXN_OPEN:
        break;
    case PL_FAKE_TXN_COMMITTING:
    case PL_FAKE_TXN_ABORTING:
        return PL_FAKE_CONCURRENT;
    }
    return PL_FAKE_DONE;
}

enum pl_fake_answer pl_fake_ask_partition(struct pl_fake_broker *broker,
                                          struct pl_fake_session session, enum pl_topic topic,
                                          int32_t partition)
{
    enum pl_fake_answer answer = join_transaction(broker, session);

    if (answer == PL_FAKE_DONE) {
        broker->producers[session.producer].is_touched[topic][partition] = true;
    }
    return answer;
}

enum pl_fake_answer pl_fake_ask_group(struct pl_fake_broker *broker, struct pl_fake_session session)
{
    enum pl_fake_answer answer = join_transaction(broker, session);

    if (answer == PL_FAKE_DONE) {
        broker->producers[session.producer].has_offsets = true;
    }
    return answer;
}

enum pl_fake_answer pl_fake_ask_end(struct pl_fake_broker *broker, struct pl_fake_session session,
                                    bool is_commit)
{
    enum pl_fake_txn_state wanted = is_commit ? PL_FAKE_TXN_COMMITTING : PL_FAKE_TXN_ABORTING;
    const struct pl_fake_producer *producer;

    if (!is_current(broker, session)) {
        return PL_FAKE_OLD_EPOCH;
    }
    producer = &broker->producers[session.producer];
    switch (producer->state) {
    case PL_FAKE_TXN_OPEN:
        end_transaction(broker, session.producer, is_commit);
        return PL_FAKE_DONE;
    case PL_FAKE_TXN_NONE:
        return producer->ended == wanted ? PL_FAKE_DONE : PL_FAKE_INVALID_STATE;
    case PL_FAKE_TXN_COMMITTING:
    case PL_FAKE_TXN_ABORTING:
        return producer->state == wanted ? PL_FAKE_CONCURRENT : PL_FAKE_INVALID_STATE;
    }
    return PL_FAKE_INVALID_STATE;
}

/* ---- reading --------------------------------------------------------------------------------- */

int64_t pl_fake_stable_end(const struct pl_fake_log *log)
{
    for (int64_t offset = log->first; offset < log->end; offset++) {
        if (log->entries[offset]->state == PL_FAKE_ENTRY_OPEN) {
            return offset;
        }
    }
    return log->end;
}

const struct pl_fake_entry *pl_fake_next(const struct pl_fake_log *log, int64_t from)
{
    for (int64_t offset = from < log->first ? log->first : from; offset < log->end; offset++) {
        const struct pl_fake_entry *entry = log->entries[offset];

        if (entry->state == PL_FAKE_ENTRY_OPEN) {
            return NULL;
        }
        if (entry->kind == PL_FAKE_ENTRY_RECORD && entry->state == PL_FAKE_ENTRY_COMMITTED &&
            !entry->is_gone) {
            return entry;
        }
    }
    return NULL;
}

enum pl_status pl_fake_group_offsets(const struct pl_fake_broker *broker, int32_t partition,
                                     int64_t ret_offsets[PL_INPUT_COUNT])
{
    for (int number = 0; number < broker->producer_count; number++) {
        const struct pl_fake_producer *producer = &broker->producers[number];

        bool has_pending = producer->has_offsets || producer->has_hanging_offsets;

        for (int input = 0; has_pending && input < PL_INPUT_COUNT; input++) {
            if (producer->offsets[partition][input] >= 0) {
                return PL_AGAIN;
            }
        }
    }
    memcpy(ret_offsets, broker->group_offsets[partition], sizeof(broker->group_offsets[partition]));
    return PL_OK;
}

/* ---- what befalls a log ---------------------------------------------------------------------- */

void pl_fake_compact(struct pl_fake_log *log, bool keeps_tombstones)
{
    (void)pl_fake_compact_before(log, log->end, keeps_tombstones);
}

int64_t pl_fake_compact_before(struct pl_fake_log *log, int64_t end, bool keeps_tombstones)
{
    struct pl_fake_map seen = {NULL, 0, 0};
    int64_t stable = pl_fake_stable_end(log);
    int64_t count = 0;

    for (int64_t offset = end < stable ? end : stable; offset > log->first; offset--) {
        struct pl_fake_entry *entry = log->entries[offset - 1];
        bool is_record = entry->kind == PL_FAKE_ENTRY_RECORD &&
                         entry->state == PL_FAKE_ENTRY_COMMITTED && !entry->is_gone;

        if (!is_record) {
            continue;
        }
        entry->is_gone = !pl_bytes_is_null(pl_fake_map_get(&seen, entry->key)) ||
                         (pl_bytes_is_null(entry->value) && !keeps_tombstones);
        count += entry->is_gone ? 1 : 0;
        pl_fake_map_put(&seen, entry->key, PL_BYTES_LITERAL(""));
    }
    pl_fake_map_clear(&seen);
    return count;
}

void pl_fake_delete_before(struct pl_fake_log *log, int64_t first)
{
    assert(first >= log->first && first <= log->end);
    log->first = first;
}

void pl_fake_recreate(struct pl_fake_log *log)
{
    *log = (struct pl_fake_log){.entries = NULL};
}

void pl_fake_truncate(struct pl_fake_log *log, int64_t end)
{
    assert(end >= log->first && end <= log->end);
    log->end = end;
}

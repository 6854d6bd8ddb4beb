/* Reading: assignment, positions, and what consumer_poll brings, after rdkafka_partition.c,
 * rdkafka_fetcher.c and rdkafka.c of 2.0.2. An assign is a barrier: nothing fetched before it is
 * delivered after it. read_committed ends at the first record of an open transaction and skips
 * aborted ones and markers; the end of a partition is told once for each place it is reached at. A
 * rebalance callback is made from within poll only, which goes on waiting afterwards. */
#include <assert.h>
#include <stdlib.h>

#include "kafka_sim.h"
#include "planlift/arena.h"

#define NEXT_FETCH_MS 4
#define DELAYED_FETCH_MS 2000
#define MOST_DELIVERED_AGAIN 3

/* A partition that is assigned. */
struct source {
    enum pl_topic topic;
    int32_t partition;
    int64_t next;       /* offset to be delivered next */
    int64_t from;       /* as the application asked for */
    int64_t fetched_ms; /* what a fetch brings is there then, not before */
    int64_t end_told;   /* -1: not yet */
    bool is_delayed;    /* a fetch that brings nothing yet is counted */
    bool is_again;      /* a record that comes again is counted */
    bool is_out_of_range;
};

struct sim_consumer {
    struct source sources[PL_INPUT_COUNT * PL_FAKE_MAX_PARTITIONS];
    int count;
    bool is_held;
    bool has_fatal; /* to be told */
    bool tells_end;
    rd_kafka_topic_t topics[PL_TOPIC_COUNT];              /* of messages */
    int64_t seen[PL_TOPIC_COUNT][PL_FAKE_MAX_PARTITIONS]; /* delivered up to, by this handle */
};

struct sim_consumer *sim_consumer_new(rd_kafka_t *rk)
{
    struct sim_consumer *consumer = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*consumer));
    const char *eof = sim_property(rk->conf, "enable.partition.eof");

    consumer->tells_end = eof != NULL && strcmp(eof, "true") == 0;
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        /* The name is the sim's own: it outlives the handle, as messages may. */
        consumer->topics[topic] = (rd_kafka_topic_t){
            .rk = rk,
            .name = pl_arena_zalloc(&rk->sim->world.arena, 1, strlen(rk->sim->topics[topic]) + 1),
            .index = topic};
        memcpy(consumer->topics[topic].name, rk->sim->topics[topic],
               strlen(rk->sim->topics[topic]));
    }
    return consumer;
}

void sim_consumer_free(rd_kafka_t *rk)
{
    rk->consumer->count = 0;
}

void sim_consumer_hold(rd_kafka_t *rk, bool is_held)
{
    rk->consumer->is_held = is_held;
}

void sim_consumer_tell_fatal(rd_kafka_t *rk)
{
    rk->consumer->has_fatal = true;
}

bool sim_consumer_is_reading(const rd_kafka_t *rk)
{
    return rk->consumer->count > 0;
}

static struct pl_fake_log *log_of(const rd_kafka_t *rk, const struct source *source)
{
    return pl_fake_log(&rk->sim->world.broker, source->topic, source->partition);
}

/* ---- assignment ------------------------------------------------------------------------------ */

/* 2.0.2 may fetch again what came before a pause or an assign (#4636, fixed in 2.4.0). */
static int64_t deliver_again_from(rd_kafka_t *rk, const struct source *source)
{
    int64_t seen = rk->consumer->seen[source->topic][source->partition];
    int64_t back = 1 + (int64_t)sim_below(rk->sim, MOST_DELIVERED_AGAIN);

    if (rk->member == NULL || source->from <= 0 || seen < source->from ||
        !sim_chance(rk->sim, SIM_DELIVERED_AGAIN)) {
        return source->from;
    }
    return source->from > back ? source->from - back : 0;
}

static int64_t begin_at(const rd_kafka_t *rk, const struct source *source, int64_t offset)
{
    if (offset == RD_KAFKA_OFFSET_BEGINNING) {
        return log_of(rk, source)->first;
    }
    if (offset == RD_KAFKA_OFFSET_END) {
        return pl_fake_stable_end(log_of(rk, source));
    }
    assert(offset >= 0); /* planlift always says from where */
    return offset;
}

void sim_consumer_assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    struct sim_consumer *consumer = rk->consumer;

    consumer->count = 0;
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        struct source *source = &consumer->sources[consumer->count++];
        int topic = sim_topic_of(rk->sim, list->elems[i].topic);

        assert(topic >= 0 && consumer->count <= PL_INPUT_COUNT * PL_FAKE_MAX_PARTITIONS);
        *source = (struct source){.topic = (enum pl_topic)topic,
                                  .partition = list->elems[i].partition,
                                  .fetched_ms = sim_now(rk->sim) + sim_latency(rk->sim),
                                  .end_told = -1};
        source->from = begin_at(rk, source, list->elems[i].offset);
        source->next = deliver_again_from(rk, source);
        source->is_again = source->next < source->from;
    }
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    sim_yield();
    sim_trace(rk->sim, "assign %d", list == NULL ? -1 : list->cnt);
    if (rk->fatal_err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        list = NULL; /* treated as unassign */
    } else if (sim_member_is_cooperative(rk)) {
        return RD_KAFKA_RESP_ERR__STATE; /* wants incremental_assign */
    }
    sim_consumer_assign(rk, list);
    sim_member_note_assign(rk, list == NULL);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* The record that a fetch from here would bring first; NULL: none yet. */
static const struct pl_fake_entry *peek(const rd_kafka_t *rk, const struct source *source)
{
    const struct pl_fake_log *log = log_of(rk, source);

    if (sim_is_read_committed(rk)) {
        return pl_fake_next(log, source->next);
    }
    for (int64_t offset = source->next; offset < log->end; offset++) {
        if (log->entries[offset]->kind == PL_FAKE_ENTRY_RECORD && !log->entries[offset]->is_gone) {
            return log->entries[offset];
        }
    }
    return NULL;
}

static bool is_out_of_range(const rd_kafka_t *rk, const struct source *source)
{
    const struct pl_fake_log *log = log_of(rk, source);

    return source->next < log->first || source->next > log->end;
}

static int64_t end_of(const rd_kafka_t *rk, const struct source *source)
{
    return sim_is_read_committed(rk) ? pl_fake_stable_end(log_of(rk, source))
                                     : log_of(rk, source)->end;
}

/* Who reads from past the stable end is told of no end before there is something to read
 * (rdkafka_fetcher.c: end_offset == fetch_offset). */
static bool has_end_to_tell(const rd_kafka_t *rk, const struct source *source)
{
    return rk->consumer->tells_end && source->end_told != end_of(rk, source) &&
           source->next <= end_of(rk, source);
}

/* Has the fetch under way come back? */
static bool has_fetched(const rd_kafka_t *rk, const struct source *source)
{
    return sim_now(rk->sim) >= source->fetched_ms && !sim_is_away(rk->sim, SIM_LEADER);
}

/* Would a poll bring something now? */
static bool has_something(void *self)
{
    const rd_kafka_t *rk = self;
    const struct sim_consumer *consumer = rk->consumer;

    if (consumer->has_fatal || sim_member_has_callback(rk)) {
        return true;
    }
    for (int i = 0; !consumer->is_held && i < consumer->count; i++) {
        const struct source *source = &consumer->sources[i];

        if (!has_fetched(rk, source) || source->is_out_of_range) {
            continue;
        }
        if (is_out_of_range(rk, source) || peek(rk, source) != NULL ||
            has_end_to_tell(rk, source)) {
            return true;
        }
    }
    return false;
}

/* The fetch after this one. */
static void fetch_next(rd_kafka_t *rk, struct source *source)
{
    source->is_delayed = sim_chance(rk->sim, SIM_FETCH_DELAYED);
    if (source->is_delayed) {
        source->fetched_ms = sim_now(rk->sim) + 1 + (int64_t)sim_below(rk->sim, DELAYED_FETCH_MS);
    } else if (sim_below(rk->sim, 8) == 0) {
        source->fetched_ms = sim_now(rk->sim) + (int64_t)sim_below(rk->sim, NEXT_FETCH_MS);
    }
}

/* The source whose record is the oldest, or with bad manners any that has one; NULL: none has. */
static struct source *choose(rd_kafka_t *rk)
{
    struct sim_consumer *consumer = rk->consumer;
    struct source *oldest = NULL;
    struct source *any = NULL;
    uint64_t oldest_stamp = UINT64_MAX;
    uint32_t count = 0;

    for (int i = 0; i < consumer->count; i++) {
        struct source *source = &consumer->sources[i];
        const struct pl_fake_entry *entry;

        if (!has_fetched(rk, source) || is_out_of_range(rk, source)) {
            continue;
        }
        entry = peek(rk, source);
        if (entry != NULL && entry->stamp < oldest_stamp) {
            oldest_stamp = entry->stamp;
            oldest = source;
        }
        if (entry != NULL && sim_below(rk->sim, ++count) == 0) {
            any = source;
        }
    }
    if (oldest == NULL || any == NULL || oldest == any || !sim_chance(rk->sim, SIM_INTERLEAVED)) {
        return oldest;
    }
    if (oldest->partition == any->partition) {
        sim_mattered(rk->sim, SIM_INTERLEAVED);
    }
    return any;
}

static rd_kafka_message_t *take_record(rd_kafka_t *rk, struct source *source)
{
    const struct pl_fake_entry *entry = peek(rk, source);
    struct sim_message *message =
        sim_message_of(&rk->consumer->topics[source->topic], source->partition, entry);
    int64_t *seen = &rk->consumer->seen[source->topic][source->partition];

    if (source->is_again && entry->offset < source->from) {
        source->is_again = false;
        sim_mattered(rk->sim, SIM_DELIVERED_AGAIN);
    }
    source->next = entry->offset + 1;
    source->end_told = -1;
    *seen = source->next > *seen ? source->next : *seen;
    fetch_next(rk, source);
    return &message->public;
}

/* ---- events that are no records -------------------------------------------------------------- */

static rd_kafka_message_t *event(rd_kafka_t *rk, const struct source *source,
                                 rd_kafka_resp_err_t err)
{
    enum pl_topic topic = source == NULL ? PL_TOPIC_EVENTS : source->topic;
    struct sim_message *message =
        sim_message_new(&rk->consumer->topics[topic], source == NULL ? -1 : source->partition,
                        PL_NULL_BYTES, PL_NULL_BYTES);

    message->public.err = err;
    if (source == NULL) {
        message->public.rkt = NULL;
    } else {
        message->public.offset = source->next;
    }
    return &message->public;
}

/* The end of a partition, or that there is no way on. */
static rd_kafka_message_t *take_event(rd_kafka_t *rk)
{
    struct sim_consumer *consumer = rk->consumer;

    for (int i = 0; i < consumer->count; i++) {
        struct source *source = &consumer->sources[i];

        if (!has_fetched(rk, source) || source->is_out_of_range) {
            continue;
        }
        if (is_out_of_range(rk, source)) {
            source->is_out_of_range = true;
            return event(rk, source, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET);
        }
        if (has_end_to_tell(rk, source)) {
            source->end_told = end_of(rk, source);
            source->next = source->end_told;
            return event(rk, source, RD_KAFKA_RESP_ERR__PARTITION_EOF);
        }
    }
    return NULL;
}

/* ---- polling --------------------------------------------------------------------------------- */

/* What is there now; NULL: nothing. */
static rd_kafka_message_t *take(rd_kafka_t *rk)
{
    struct sim_consumer *consumer = rk->consumer;
    struct source *source;

    while (sim_member_has_callback(rk)) {
        sim_member_call_back(rk);
    }
    if (consumer->has_fatal) {
        consumer->has_fatal = false;
        return event(rk, NULL, RD_KAFKA_RESP_ERR__FATAL);
    }
    if (consumer->is_held) {
        return NULL;
    }
    source = choose(rk);
    return source != NULL ? take_record(rk, source) : take_event(rk);
}

static void count_delays(rd_kafka_t *rk)
{
    for (int i = 0; i < rk->consumer->count; i++) {
        struct source *source = &rk->consumer->sources[i];

        if (source->is_delayed && sim_now(rk->sim) < source->fetched_ms &&
            peek(rk, source) != NULL) {
            source->is_delayed = false;
            sim_mattered(rk->sim, SIM_FETCH_DELAYED);
        }
    }
}

rd_kafka_message_t *rd_kafka_consumer_poll(rd_kafka_t *rk, int timeout_ms)
{
    int64_t deadline_ms = sim_deadline(rk->sim, timeout_ms);
    rd_kafka_message_t *message;

    sim_yield();
    message = take(rk);
    while (message == NULL && sim_now(rk->sim) < deadline_ms) {
        (void)sim_wait_for(deadline_ms, has_something, rk);
        message = take(rk);
    }
    if (message == NULL && timeout_ms > 0) {
        count_delays(rk);
    }
    return message;
}

rd_kafka_resp_err_t rd_kafka_poll_set_consumer(rd_kafka_t *rk)
{
    (void)rk;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_subscribe(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    sim_yield();
    sim_member_subscribe(rk, list);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_consumer_close(rd_kafka_t *rk)
{
    sim_yield();
    sim_member_close(rk);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_consumer_group_metadata_t *rd_kafka_consumer_group_metadata(rd_kafka_t *rk)
{
    struct rd_kafka_consumer_group_metadata_s *metadata = calloc(1, sizeof(*metadata));
    const char *instance_id = sim_property(rk->conf, "group.instance.id");

    if (metadata == NULL) {
        pl_out_of_memory(sizeof(*metadata));
    }
    (void)snprintf(metadata->group_id, sizeof(metadata->group_id), "%s",
                   sim_property(rk->conf, "group.id"));
    (void)snprintf(metadata->member_id, sizeof(metadata->member_id), "%s", sim_member_id(rk));
    (void)snprintf(metadata->instance_id, sizeof(metadata->instance_id), "%s",
                   instance_id == NULL ? "" : instance_id);
    metadata->generation = sim_member_generation(rk);
    return metadata;
}

/* Of somebody outside the group. */
rd_kafka_consumer_group_metadata_t *rd_kafka_consumer_group_metadata_new(const char *group_id)
{
    struct rd_kafka_consumer_group_metadata_s *metadata = calloc(1, sizeof(*metadata));

    if (metadata == NULL) {
        pl_out_of_memory(sizeof(*metadata));
    }
    (void)snprintf(metadata->group_id, sizeof(metadata->group_id), "%s", group_id);
    metadata->generation = -1;
    return metadata;
}

void rd_kafka_consumer_group_metadata_destroy(rd_kafka_consumer_group_metadata_t *metadata)
{
    free(metadata);
}

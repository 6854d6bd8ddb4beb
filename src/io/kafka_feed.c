/* The consumer group as events the loop pulls. The rebalance callback only notes what happened.
 *
 * Partitions that the group gives us are not read until the pipeline has restored their state and
 * says from where: the group's assignment is acknowledged with an empty list, and each partition
 * joins the list when it is started. Starting again at earlier offsets (after an abort, I9)
 * replaces the list, which is librdkafka's own barrier against records that were fetched before. */
#include "kafka_feed.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka_client.h"
#include "io/kafka_drain.h"
#include "io/kafka_error.h"
#include "io/kafka_headers.h"
#include "io/kafka_login.h"
#include "io/kafka_reader.h"
#include "planlift/arena.h"
#include "planlift/log.h"

#define TOPICS_CHECK_POLLS 256 /* look at the clock of the topics' check every so many polls */
#define TOPICS_CHECK_MS 10000
#define NAME_BYTES 256

struct place {
    bool is_owned[PL_INPUT_COUNT];
    bool is_started;
    int64_t next[PL_INPUT_COUNT]; /* offset to be delivered next */
};

struct pl_kafka_feed {
    const struct pl_kafka_options *options;
    const struct pl_kafka_topics *topics;
    struct pl_kafka_reader *reader;
    struct pl_drain *drain; /* NULL: not draining */
    rd_kafka_t *rk;
    int hangups_seen;
    struct place *places; /* by partition number */
    int32_t *owned;       /* numbers told with ASSIGNED */
    size_t owned_count;
    bool has_assigned, has_revoked; /* noted by the callback, to be told */
    bool has_new_starts;            /* the assigned list must be replaced */
    bool is_failed;                 /* an assignment that cannot be worked with */
    atomic_bool is_in_doubt;        /* somebody was told that we are fenced: is it so? */
    bool must_rejoin;               /* with a new consumer, once all records are released */
    unsigned polls;
    int64_t last_check_ms;
};

/* ---- rebalance ------------------------------------------------------------------------------- */

static int input_of(const struct pl_kafka_feed *feed, const char *topic)
{
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        if (strcmp(topic, feed->options->topics[input]) == 0) {
            return input;
        }
    }
    return -1;
}

static void forget_all(struct pl_kafka_feed *feed)
{
    memset(feed->places, 0, (size_t)feed->topics->partition_count * sizeof(*feed->places));
    feed->owned_count = 0;
}

static void note_assigned(struct pl_kafka_feed *feed, const rd_kafka_topic_partition_list_t *list)
{
    forget_all(feed);
    for (int i = 0; i < list->cnt; i++) {
        int input = input_of(feed, list->elems[i].topic);
        int32_t partition = list->elems[i].partition;

        if (input < 0 || partition < 0 || partition >= feed->topics->partition_count) {
            feed->is_failed = true;
            continue;
        }
        feed->places[partition].is_owned[input] = true;
    }
    for (int32_t partition = 0; partition < feed->topics->partition_count; partition++) {
        const struct place *place = &feed->places[partition];

        /* I10: both inputs of a partition belong to one process, or a customer had two writers. */
        if (place->is_owned[PL_TOPIC_EVENTS] != place->is_owned[PL_TOPIC_REQUESTS]) {
            feed->is_failed = true;
        } else if (place->is_owned[PL_TOPIC_EVENTS]) {
            feed->owned[feed->owned_count++] = partition;
        }
    }
    feed->has_assigned = true;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct pl_kafka_feed *feed = opaque;
    rd_kafka_resp_err_t assign_err;

    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

        note_assigned(feed, list);
        assign_err = rd_kafka_assign(rk, none);
        rd_kafka_topic_partition_list_destroy(none);
    } else {
        forget_all(feed);
        feed->has_assigned = false;
        feed->has_revoked = true;
        feed->has_new_starts = false;
        assign_err = rd_kafka_assign(rk, NULL);
    }
    if (assign_err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        pl_log(WARN, "assign_failed", PL_F_TEXT("error", rd_kafka_err2str(assign_err)));
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum pl_status prepare(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error)
{
    char unused[256];

    (void)opaque, (void)error;
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    /* Older versions do not know the property and have only this protocol. */
    (void)rd_kafka_conf_set(conf, "group.protocol", "classic", unused, sizeof(unused));
    return PL_OK;
}

static enum pl_status subscribe(struct pl_kafka_feed *feed, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PL_INPUT_COUNT);
    rd_kafka_resp_err_t err;

    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        rd_kafka_topic_partition_list_add(list, feed->options->topics[input],
                                          RD_KAFKA_PARTITION_UA);
    }
    err = rd_kafka_subscribe(feed->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? PL_OK
                                             : pl_kafka_fail(error, err, "joining the group");
}

static enum pl_status open_consumer(struct pl_kafka_feed *feed, struct pl_error *error)
{
    const struct pl_property forced[] = {{"group.id", feed->options->group_id},
                                         {"group.instance.id", feed->options->instance_id},
                                         {"enable.auto.commit", "false"},
                                         {"enable.auto.offset.store", "false"},
                                         {"auto.offset.reset", "error"},
                                         {"isolation.level", "read_committed"},
                                         {"partition.assignment.strategy", "range"},
                                         {"enable.partition.eof", "false"},
                                         {NULL, NULL}};
    const struct pl_client_plan plan = {.type = RD_KAFKA_CONSUMER,
                                        .use = PL_KAFKA_OF_INPUTS,
                                        .forced = forced,
                                        .prepare = prepare,
                                        .opaque = feed};
    enum pl_status status = pl_kafka_client_new(feed->options, &plan, &feed->rk, error);

    if (status == PL_OK) {
        rd_kafka_poll_set_consumer(feed->rk);
        status = subscribe(feed, error);
    }
    return status;
}

/* Whoever joins says so first: the one that it fences finds its name. */
static enum pl_status claim_slot(const struct pl_kafka_feed *feed, struct pl_error *error)
{
    const struct pl_slot_book *book = &feed->options->book;

    return book->claim == NULL ? PL_OK : book->claim(book->self, error);
}

enum pl_status pl_kafka_feed_new(const struct pl_kafka_options *options,
                                 const struct pl_kafka_topics *topics,
                                 struct pl_kafka_reader *reader, bool drain,
                                 struct pl_kafka_feed **ret_feed, struct pl_error *error)
{
    struct pl_kafka_feed *feed = calloc(1, sizeof(*feed));
    size_t partitions = (size_t)topics->partition_count;
    enum pl_status status = PL_OK;

    if (feed == NULL) {
        pl_out_of_memory(sizeof(*feed));
    }
    feed->options = options;
    feed->topics = topics;
    feed->reader = reader;
    feed->places = calloc(partitions, sizeof(*feed->places));
    feed->owned = calloc(partitions, sizeof(*feed->owned));
    if (feed->places == NULL || feed->owned == NULL) {
        pl_out_of_memory(partitions * sizeof(*feed->places));
    }
    if (drain) {
        status = pl_drain_new(reader, topics->partition_count, &feed->drain, error);
    }
    if (status == PL_OK) {
        status = claim_slot(feed, error);
    }
    if (status == PL_OK) {
        status = open_consumer(feed, error);
    }
    if (status != PL_OK) {
        pl_kafka_feed_free(feed);
        return status;
    }
    *ret_feed = feed;
    return PL_OK;
}

void pl_kafka_feed_free(struct pl_kafka_feed *feed)
{
    if (feed == NULL) {
        return;
    }
    if (feed->rk != NULL) {
        (void)rd_kafka_consumer_close(feed->rk); /* leaving anyway */
        rd_kafka_destroy(feed->rk);
    }
    pl_drain_free(feed->drain);
    free(feed->owned);
    free(feed->places);
    free(feed);
}

rd_kafka_consumer_group_metadata_t *pl_kafka_feed_metadata(struct pl_kafka_feed *feed)
{
    return rd_kafka_consumer_group_metadata(feed->rk);
}

rd_kafka_t *pl_kafka_feed_handle(struct pl_kafka_feed *feed)
{
    return feed->rk;
}

const char *pl_kafka_feed_topic(const struct pl_kafka_feed *feed, int input)
{
    return feed->options->topics[input];
}

/* ---- polling --------------------------------------------------------------------------------- */

/* Contract 2: a partition count that changes at run time stops the service. */
static enum pl_status check_topics(struct pl_kafka_feed *feed, struct pl_error *error)
{
    int32_t counts[PL_TOPIC_COUNT];
    int64_t now = pl_clock_ms();

    if (now - feed->last_check_ms < TOPICS_CHECK_MS) {
        return PL_OK;
    }
    feed->last_check_ms = now;
    if (pl_kafka_reader_partitions(feed->reader, counts, NULL) != PL_OK) {
        return PL_OK; /* cannot be told now: asked again later */
    }
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        bool is_dlq = topic == PL_TOPIC_EVENTS_DLQ || topic == PL_TOPIC_REQUESTS_DLQ;

        if (!is_dlq && counts[topic] != feed->topics->partition_count) {
            return pl_fail(error, PL_FATAL,
                           "topic %s had %d partitions at start and has %d now: customers would "
                           "move to other partitions, away from their state; move to new topics "
                           "with the wanted count instead",
                           feed->options->topics[topic], feed->topics->partition_count,
                           counts[topic]);
        }
    }
    return PL_OK;
}

/* Bring librdkafka's list up to what was started. */
static enum pl_status apply_starts(struct pl_kafka_feed *feed, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(feed->topics->partition_count * PL_INPUT_COUNT);
    rd_kafka_resp_err_t err;

    for (int32_t partition = 0; partition < feed->topics->partition_count; partition++) {
        const struct place *place = &feed->places[partition];

        for (int input = 0; place->is_started && input < PL_INPUT_COUNT; input++) {
            rd_kafka_topic_partition_list_add(list, feed->options->topics[input], partition)
                ->offset = place->next[input];
        }
    }
    err = rd_kafka_assign(feed->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    feed->has_new_starts = false;
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? PL_OK
                                             : pl_kafka_fail(error, err, "starting partitions");
}

static bool tell_rebalance(struct pl_kafka_feed *feed, struct pl_feed_event *ret_event)
{
    if (feed->has_revoked) {
        feed->has_revoked = false;
        ret_event->kind = PL_FEED_REVOKED;
        return true;
    }
    if (feed->has_assigned) {
        feed->has_assigned = false;
        ret_event->kind = PL_FEED_ASSIGNED;
        ret_event->partitions = feed->owned;
        ret_event->partition_count = feed->owned_count;
        return true;
    }
    return false;
}

/* ---- fenced ---------------------------------------------------------------------------------- */

void pl_kafka_feed_doubt(struct pl_kafka_feed *feed)
{
    feed->is_in_doubt = true;
}

/* Has another process our slot? Where a join of ours was served but its answer lost, as in a
 * broker's restart, the group takes the next one for that of a newcomer, and fences us although
 * nobody but ourselves has claimed the slot: then we join anew. */
static enum pl_status judge_fencing(struct pl_kafka_feed *feed, int timeout_ms,
                                    struct pl_feed_event *ret_event, struct pl_error *error)
{
    const struct pl_slot_book *book = &feed->options->book;
    char name[NAME_BYTES] = "another process";
    enum pl_status status =
        book->holder == NULL ? PL_OK : book->holder(book->self, name, sizeof(name), error);

    if (status == PL_AGAIN) {
        pl_clock_wait(timeout_ms); /* asked again with the next poll */
        return PL_OK;
    }
    feed->is_in_doubt = false;
    if (status == PL_OK && strcmp(name, feed->options->client_id) != 0) {
        return pl_fail(error, PL_FENCED, "%s has taken the slot %s", name,
                       feed->options->instance_id);
    }
    if (status != PL_OK && status != PL_NOT_FOUND) {
        return status;
    }
    pl_log(WARN, "joining_anew",
           PL_F_TEXT("reason", "fenced by the group, but no other process has the slot"));
    forget_all(feed);
    feed->has_assigned = feed->has_revoked = feed->has_new_starts = false;
    feed->must_rejoin = true;
    ret_event->kind = PL_FEED_REVOKED;
    return PL_OK;
}

static enum pl_status rejoin(struct pl_kafka_feed *feed, int timeout_ms, struct pl_error *error)
{
    enum pl_status status = claim_slot(feed, error);

    if (status == PL_AGAIN) {
        pl_clock_wait(timeout_ms); /* tried again with the next poll */
        return PL_OK;
    }
    if (status == PL_OK) {
        (void)rd_kafka_consumer_close(feed->rk); /* it is out of the group already */
        rd_kafka_destroy(feed->rk);
        feed->rk = NULL;
        feed->must_rejoin = false;
        status = open_consumer(feed, error);
    }
    return status;
}

static enum pl_status fail_message(struct pl_kafka_feed *feed, const rd_kafka_message_t *message,
                                   struct pl_error *error)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__FATAL:
        if (rd_kafka_fatal_error(feed->rk, NULL, 0) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
            feed->is_in_doubt = true;
            return PL_OK;
        }
        return pl_kafka_fatal(error, feed->rk, "consumer group");
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return pl_fail(error, PL_FATAL,
                       "the log of %s/%d no longer has the offset to go on from: records were "
                       "deleted before planlift read them (%s); see docs/operations.md, \"offset "
                       "out of range\"",
                       message->rkt == NULL ? "?" : rd_kafka_topic_name(message->rkt),
                       message->partition, rd_kafka_message_errstr(message));
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return pl_fail(error, PL_FATAL, "not allowed by the ACLs: %s",
                       rd_kafka_message_errstr(message));
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        feed->is_in_doubt = true;
        return PL_OK;
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        return pl_fail(error, PL_AGAIN,
                       "records of %s/%d cannot be unpacked: raise kafka.receive.message.max.bytes "
                       "if they are larger than that (%s)",
                       message->rkt == NULL ? "?" : rd_kafka_topic_name(message->rkt),
                       message->partition, rd_kafka_message_errstr(message));
    default:
        pl_log(WARN, "consumer_error", PL_F_TEXT("error", rd_kafka_message_errstr(message)));
        return PL_OK; /* transient: librdkafka goes on by itself */
    }
}

/* A record for the caller? One below what we expect was delivered already (2.0.2 may repeat). */
static bool take_record(struct pl_kafka_feed *feed, rd_kafka_message_t *message,
                        struct pl_feed_event *ret_event)
{
    int input = input_of(feed, rd_kafka_topic_name(message->rkt));
    struct place *place = &feed->places[message->partition];

    if (input < 0 || !place->is_started || message->offset < place->next[input]) {
        return false;
    }
    place->next[input] = message->offset + 1;
    ret_event->kind = PL_FEED_RECORD;
    ret_event->record =
        (struct pl_record){.topic = (enum pl_topic)input,
                           .partition = message->partition,
                           .offset = message->offset,
                           .key = {message->key, message->key_len},
                           .value = {message->payload, message->len},
                           .size = message->key_len + message->len + pl_kafka_headers_size(message),
                           .handle = message};
    return true;
}

static enum pl_status poll(void *self, int timeout_ms, struct pl_feed_event *ret_event,
                           struct pl_error *error)
{
    struct pl_kafka_feed *feed = self;
    rd_kafka_message_t *message;
    enum pl_status status = PL_OK;

    *ret_event = (struct pl_feed_event){.kind = PL_FEED_IDLE};
    if (feed->must_rejoin) {
        return rejoin(feed, timeout_ms, error);
    }
    if (feed->is_in_doubt) {
        return judge_fencing(feed, timeout_ms, ret_event, error);
    }
    if (feed->polls++ % TOPICS_CHECK_POLLS == 0 || timeout_ms > 0) {
        status = check_topics(feed, error);
    }
    if (status == PL_OK && feed->has_new_starts) {
        status = apply_starts(feed, error);
    }
    if (status != PL_OK || tell_rebalance(feed, ret_event)) {
        return status;
    }
    pl_kafka_login_renew(feed->options, feed->rk, &feed->hangups_seen);
    message = rd_kafka_consumer_poll(feed->rk, timeout_ms);
    if (feed->is_failed) {
        status = pl_fail(error, PL_FATAL,
                         "the group gave this process partitions of only one of the two inputs; "
                         "all members must use partition.assignment.strategy=range and the same "
                         "topics");
    } else if (message != NULL && message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = fail_message(feed, message, error);
    } else if (message != NULL && take_record(feed, message, ret_event)) {
        return PL_OK;
    }
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
    if (status == PL_OK) {
        (void)tell_rebalance(feed, ret_event); /* what the poll may just have noted */
    }
    return status;
}

static void release(void *self, struct pl_record *record)
{
    (void)self;
    rd_kafka_message_destroy(record->handle);
    record->handle = NULL;
}

static enum pl_status headers(void *self, const struct pl_record *record, struct pl_arena *arena,
                              const struct pl_header **ret_headers, size_t *ret_count)
{
    (void)self;
    pl_kafka_headers_read(record->handle, arena, ret_headers, ret_count);
    return PL_OK;
}

/* ---- positions ------------------------------------------------------------------------------- */

static enum pl_status committed(void *self, const int32_t *partitions, size_t count,
                                int64_t (*ret_offsets)[PL_INPUT_COUNT], struct pl_error *error)
{
    struct pl_kafka_feed *feed = self;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)count * PL_INPUT_COUNT);
    rd_kafka_resp_err_t err;
    enum pl_status status = PL_OK;

    for (size_t i = 0; i < count; i++) {
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            rd_kafka_topic_partition_list_add(list, feed->options->topics[input], partitions[i]);
        }
    }
    /* On a read_committed handle librdkafka asks for stable offsets only (KIP-447). */
    err = rd_kafka_committed(feed->rk, list, PL_KAFKA_CALL_TIMEOUT_MS);
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        int64_t offset = list->elems[i].offset;

        err = list->elems[i].err;
        ret_offsets[i / PL_INPUT_COUNT][i % PL_INPUT_COUNT] = offset < 0 ? -1 : offset;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)pl_kafka_fail(error, err, "asking for the group's offsets");
        status = err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ? PL_FATAL : PL_AGAIN;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static enum pl_status log_range(void *self, enum pl_topic input, int32_t partition,
                                int64_t *ret_first, int64_t *ret_end, struct pl_error *error)
{
    struct pl_kafka_feed *feed = self;

    return pl_kafka_reader_range(feed->reader, input, partition, ret_first, ret_end, error);
}

static enum pl_status start(void *self, int32_t partition, const int64_t offsets[PL_INPUT_COUNT],
                            struct pl_error *error)
{
    struct pl_kafka_feed *feed = self;
    struct place *place = &feed->places[partition];

    if (!place->is_owned[0]) {
        return pl_fail(error, PL_AGAIN, "partition %" PRId32 " is not ours any more", partition);
    }
    memcpy(place->next, offsets, sizeof(place->next));
    place->is_started = true;
    feed->has_new_starts = true;
    return PL_OK;
}

static enum pl_status stop(void *self, struct pl_error *error)
{
    struct pl_kafka_feed *feed = self;

    (void)error;
    for (int32_t partition = 0; partition < feed->topics->partition_count; partition++) {
        feed->places[partition].is_started = false;
    }
    feed->has_new_starts = true;
    return PL_OK;
}

static int32_t partition_of(void *self, struct pl_bytes key)
{
    const struct pl_kafka_feed *feed = self;

    return pl_kafka_partition_of(feed->options, key, feed->topics->partition_count);
}

static enum pl_status drained(void *self, bool *ret_drained, struct pl_error *error)
{
    struct pl_kafka_feed *feed = self;
    size_t count = (size_t)feed->topics->partition_count;
    int32_t *partitions;
    int64_t(*offsets)[PL_INPUT_COUNT];
    enum pl_status status;

    *ret_drained = false;
    if (feed->drain == NULL) {
        return PL_OK;
    }
    partitions = calloc(count, sizeof(*partitions));
    offsets = calloc(count, sizeof(*offsets));
    if (partitions == NULL || offsets == NULL) {
        pl_out_of_memory(count * sizeof(*offsets));
    }
    for (size_t i = 0; i < count; i++) {
        partitions[i] = (int32_t)i;
    }
    status = committed(feed, partitions, count, offsets, error);
    if (status == PL_OK) {
        status = pl_drain_check(feed->drain, offsets, ret_drained, error);
    }
    free(partitions);
    free(offsets);
    return status;
}

struct pl_feed pl_kafka_feed_port(struct pl_kafka_feed *feed)
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

    return (struct pl_feed){&ops, feed};
}

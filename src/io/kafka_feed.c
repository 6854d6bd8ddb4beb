/* The consumer group as events the loop pulls. The rebalance callback only notes what happened.
 *
 * Partitions that the group gives us are not read until the pipeline has restored their state and
 * says from where: the group's assignment is acknowledged with an empty list, and each partition
 * joins the list when it is started. Starting again at earlier offsets (after an abort, I9)
 * replaces the list, which is librdkafka's own barrier against records that were fetched before. */
#include "io/kafka_feed.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "io/kafka_client.h"
#include "io/kafka_drain.h"
#include "io/kafka_error.h"
#include "io/kafka_headers.h"
#include "io/kafka_login.h"
#include "io/kafka_member.h"
#include "io/kafka_places.h"
#include "io/kafka_reader.h"
#include "planlift/arena.h"
#include "planlift/log.h"

#define TOPICS_CHECK_POLLS 256 /* look at the clock of the topics' check every so many polls */
#define TOPICS_CHECK_MS 10000

struct pl_kafka_feed {
    const struct pl_kafka_options *options;
    const struct pl_kafka_topics *topics;
    struct pl_kafka_reader *reader;
    struct pl_drain *drain; /* NULL: not draining */
    struct pl_member member;
    int hangups_seen;
    struct pl_places places;
    bool has_assigned, has_revoked; /* noted by the callback, to be told */
    bool has_new_starts;            /* the assigned list must be replaced */
    bool is_failed;                 /* an assignment that cannot be worked with */
    unsigned polls;
    int64_t last_check_ms;
};

/* ---- rebalance ------------------------------------------------------------------------------- */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct pl_kafka_feed *feed = opaque;
    rd_kafka_resp_err_t assign_err;

    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

        feed->is_failed = !pl_places_assign(&feed->places, list) || feed->is_failed;
        feed->has_assigned = true;
        assign_err = rd_kafka_assign(rk, none);
        rd_kafka_topic_partition_list_destroy(none);
    } else {
        pl_places_forget(&feed->places);
        feed->has_assigned = feed->has_new_starts = false;
        feed->has_revoked = true;
        assign_err = rd_kafka_assign(rk, NULL);
    }
    if (assign_err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        pl_log(WARN, "assign_failed", PL_F_TEXT("error", rd_kafka_err2str(assign_err)));
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

enum pl_status pl_kafka_feed_new(const struct pl_kafka_options *options,
                                 const struct pl_kafka_topics *topics,
                                 struct pl_kafka_reader *reader, bool drain,
                                 struct pl_kafka_feed **ret_feed, struct pl_error *error)
{
    struct pl_kafka_feed *feed = calloc(1, sizeof(*feed));
    enum pl_status status = PL_OK;

    if (feed == NULL) {
        pl_out_of_memory(sizeof(*feed));
    }
    feed->options = options;
    feed->topics = topics;
    feed->reader = reader;
    feed->member =
        (struct pl_member){.options = options, .on_rebalance = on_rebalance, .opaque = feed};
    pl_places_init(&feed->places, options, topics->partition_count);
    if (drain) {
        status = pl_drain_new(reader, topics->partition_count, &feed->drain, error);
    }
    if (status == PL_OK) {
        status = pl_member_join(&feed->member, error);
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
    if (feed != NULL) {
        pl_member_leave(&feed->member);
        pl_drain_free(feed->drain);
        pl_places_done(&feed->places);
        free(feed);
    }
}

rd_kafka_consumer_group_metadata_t *pl_kafka_feed_metadata(struct pl_kafka_feed *feed)
{
    return rd_kafka_consumer_group_metadata(feed->member.rk);
}

rd_kafka_t *pl_kafka_feed_handle(struct pl_kafka_feed *feed)
{
    return feed->member.rk;
}

const char *pl_kafka_feed_topic(const struct pl_kafka_feed *feed, int input)
{
    return feed->options->topics[input];
}

struct pl_kafka_reader *pl_kafka_feed_reader(struct pl_kafka_feed *feed)
{
    return feed->reader;
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
    rd_kafka_topic_partition_list_t *list = pl_places_started(&feed->places);
    rd_kafka_resp_err_t err = rd_kafka_assign(feed->member.rk, list);

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
        ret_event->partitions = feed->places.owned;
        ret_event->partition_count = feed->places.owned_count;
        return true;
    }
    return false;
}

/* ---- fenced ---------------------------------------------------------------------------------- */

void pl_kafka_feed_doubt(struct pl_kafka_feed *feed)
{
    feed->member.is_in_doubt = true;
}

/* Are we fenced? If not, we are out of the group all the same, and join anew. */
static enum pl_status judge_fencing(struct pl_kafka_feed *feed, int timeout_ms,
                                    struct pl_feed_event *ret_event, struct pl_error *error)
{
    enum pl_status status = pl_member_judge(&feed->member, timeout_ms, error);

    if (status == PL_OK && feed->member.must_rejoin) {
        pl_places_forget(&feed->places);
        feed->has_assigned = feed->has_revoked = feed->has_new_starts = false;
        ret_event->kind = PL_FEED_REVOKED;
    }
    return status;
}

static enum pl_status fail_message(struct pl_kafka_feed *feed, const rd_kafka_message_t *message,
                                   struct pl_error *error)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__FATAL:
        if (rd_kafka_fatal_error(feed->member.rk, NULL, 0) ==
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
            feed->member.is_in_doubt = true;
            return PL_OK;
        }
        return pl_kafka_fatal(error, feed->member.rk, "consumer group");
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
        feed->member.is_in_doubt = true;
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

/* A record for the caller? */
static bool take_record(struct pl_kafka_feed *feed, rd_kafka_message_t *message,
                        struct pl_feed_event *ret_event)
{
    enum pl_topic input;

    if (!pl_places_take(&feed->places, rd_kafka_topic_name(message->rkt), message->partition,
                        message->offset, &input)) {
        return false;
    }
    ret_event->kind = PL_FEED_RECORD;
    ret_event->record =
        (struct pl_record){.topic = input,
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
    if (feed->member.must_rejoin) {
        return pl_member_rejoin(&feed->member, timeout_ms, error);
    }
    if (feed->member.is_in_doubt) {
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
    pl_kafka_login_renew(feed->options, feed->member.rk, &feed->hangups_seen);
    message = rd_kafka_consumer_poll(feed->member.rk, timeout_ms);
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
    err = rd_kafka_committed(feed->member.rk, list, PL_KAFKA_CALL_TIMEOUT_MS);
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

    if (!pl_places_start(&feed->places, partition, offsets)) {
        return pl_fail(error, PL_AGAIN, "partition %" PRId32 " is not ours any more", partition);
    }
    feed->has_new_starts = true;
    return PL_OK;
}

static enum pl_status stop(void *self, struct pl_error *error)
{
    struct pl_kafka_feed *feed = self;

    (void)error;
    pl_places_stop(&feed->places);
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

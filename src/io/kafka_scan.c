/* Two consumer handles that assign themselves partitions: a read_committed one that reads, and a
 * read_uncommitted one that asks for ends, since a transaction that was acknowledged may not be
 * visible yet (I8). */
#include "io/kafka_scan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"
#include "io/kafka_headers.h"
#include "io/kafka_partitions.h"
#include "planlift/arena.h"

#define PATIENCE_MS 30000 /* longer than an abandoned transaction usually stays open */

/* A partition being read. */
struct place {
    int64_t first; /* where reading began */
    int64_t next;  /* what comes below it was there already */
    int64_t end;   /* of the reading, unless it is endless */
};

struct pl_kafka_scan {
    const struct pl_kafka_options *options;
    rd_kafka_t *committed;
    rd_kafka_t *uncommitted;
    /* Of both handles, made when first asked about: a handle knows the leaders of these alone. */
    rd_kafka_topic_t *committed_topics[PL_TOPIC_COUNT];
    rd_kafka_topic_t *uncommitted_topics[PL_TOPIC_COUNT];
    rd_kafka_message_t *message; /* the one that the last event's views point into */
    struct pl_kafka_scan_plan plan;
    struct place *places; /* by partition; those that are not read have next == end */
    int32_t partition_count;
    int32_t partition; /* the one being read; partition_count: none any more; endless: all are */
    bool is_assigned;
    int64_t idle_ms; /* since the last sign of life */
};

/* ---- life ------------------------------------------------------------------------------------ */

static enum pl_status new_handle(const struct pl_kafka_options *options, const char *isolation,
                                 rd_kafka_t **ret_rk, struct pl_error *error)
{
    const struct pl_property forced[] = {
        {"group.id", options->group_id}, /* needed to assign; never joined, nothing is committed */
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"}, /* what retention takes away meanwhile is gone */
        {"enable.partition.eof", "true"},
        {"isolation.level", isolation},
        {NULL, NULL}};
    const struct pl_client_plan plan = {
        .type = RD_KAFKA_CONSUMER, .use = PL_KAFKA_OF_READING, .forced = forced};
    enum pl_status status = pl_kafka_client_new(options, &plan, ret_rk, error);

    if (status == PL_OK) {
        rd_kafka_poll_set_consumer(*ret_rk);
    }
    return status;
}

enum pl_status pl_kafka_scan_new(const struct pl_kafka_options *options,
                                 struct pl_kafka_scan **ret_scan, struct pl_error *error)
{
    struct pl_kafka_scan *scan = calloc(1, sizeof(*scan));
    enum pl_status status;

    if (scan == NULL) {
        pl_out_of_memory(sizeof(*scan));
    }
    scan->options = options;
    status = new_handle(options, "read_committed", &scan->committed, error);
    if (status == PL_OK) {
        status = new_handle(options, "read_uncommitted", &scan->uncommitted, error);
    }
    if (status != PL_OK) {
        pl_kafka_scan_free(scan);
        return status;
    }
    *ret_scan = scan;
    return PL_OK;
}

static void drop_message(struct pl_kafka_scan *scan)
{
    if (scan->message != NULL) {
        rd_kafka_message_destroy(scan->message);
        scan->message = NULL;
    }
}

static void close_topics(rd_kafka_topic_t *topics[PL_TOPIC_COUNT])
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (topics[topic] != NULL) {
            rd_kafka_topic_destroy(topics[topic]);
        }
    }
}

void pl_kafka_scan_free(struct pl_kafka_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    drop_message(scan);
    close_topics(scan->committed_topics);
    close_topics(scan->uncommitted_topics);
    if (scan->committed != NULL) {
        rd_kafka_destroy(scan->committed);
    }
    if (scan->uncommitted != NULL) {
        rd_kafka_destroy(scan->uncommitted);
    }
    free(scan->places);
    free(scan);
}

/* ---- questions ------------------------------------------------------------------------------- */

static const char *name_of(const struct pl_kafka_scan *scan, enum pl_topic topic)
{
    return scan->options->topics[topic];
}

static enum pl_status open_topic(const struct pl_kafka_scan *scan, rd_kafka_t *rk,
                                 enum pl_topic topic, rd_kafka_topic_t **topics,
                                 struct pl_error *error)
{
    if (topics[topic] == NULL) {
        topics[topic] = rd_kafka_topic_new(rk, name_of(scan, topic), NULL);
    }
    return topics[topic] != NULL
               ? PL_OK
               : pl_fail(error, PL_BAD_DATA, "\"%s\" cannot be a topic: %s", name_of(scan, topic),
                         rd_kafka_err2str(rd_kafka_last_error()));
}

/* The first questions that Kafka is asked: where they have no answer, say who was asked. */
static enum pl_status fail_away(const struct pl_kafka_scan *scan, struct pl_error *error)
{
    return pl_fail_at(error, PL_AGAIN, "Kafka at %s", pl_kafka_servers(scan->options));
}

enum pl_status pl_kafka_scan_partitions(struct pl_kafka_scan *scan, enum pl_topic topic,
                                        int32_t *ret_count, struct pl_error *error)
{
    int32_t counts[PL_TOPIC_COUNT];
    enum pl_status status =
        open_topic(scan, scan->uncommitted, topic, scan->uncommitted_topics, error);

    if (status == PL_OK) {
        status = pl_kafka_partition_counts(scan->uncommitted, scan->options, counts, error);
    }
    if (status == PL_AGAIN) {
        return fail_away(scan, error);
    }
    if (status == PL_OK && counts[topic] < 1) {
        return pl_fail(error, PL_NOT_FOUND,
                       "topic %s does not exist; make the topics with: planlift topics create",
                       name_of(scan, topic));
    }
    if (status == PL_OK) {
        *ret_count = counts[topic];
    }
    return status;
}

/* Ask for an offset of each partition of the list: RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END
 * or that of a time. */
static enum pl_status ask_offsets(rd_kafka_t *rk, int64_t wanted,
                                  rd_kafka_topic_partition_list_t *list, struct pl_error *error)
{
    rd_kafka_resp_err_t err;

    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = wanted;
    }
    err = rd_kafka_offsets_for_times(rk, list, PL_KAFKA_CALL_TIMEOUT_MS);
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        err = list->elems[i].err;
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? PL_OK
               : pl_kafka_fail(error, err, "asking for the ends of partitions");
}

enum pl_status pl_kafka_scan_range(struct pl_kafka_scan *scan, enum pl_topic topic,
                                   int32_t partition, int64_t *ret_first, int64_t *ret_end,
                                   struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    enum pl_status status;

    rd_kafka_topic_partition_list_add(list, name_of(scan, topic), partition);
    status = ask_offsets(scan->uncommitted, RD_KAFKA_OFFSET_BEGINNING, list, error);
    *ret_first = list->elems[0].offset;
    if (status == PL_OK) {
        status = ask_offsets(scan->uncommitted, RD_KAFKA_OFFSET_END, list, error);
        *ret_end = list->elems[0].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status == PL_OK
               ? PL_OK
               : pl_fail_at(error, status, "%s/%" PRId32, name_of(scan, topic), partition);
}

enum pl_status pl_kafka_scan_cluster_id(struct pl_kafka_scan *scan, char *ret_id, size_t size,
                                        struct pl_error *error)
{
    char *id = rd_kafka_clusterid(scan->uncommitted, PL_KAFKA_CALL_TIMEOUT_MS);

    if (id == NULL) {
        (void)pl_fail(error, PL_AGAIN, "it does not tell its cluster id");
        return fail_away(scan, error);
    }
    (void)snprintf(ret_id, size, "%s", id); /* cut to fit */
    rd_kafka_mem_free(scan->uncommitted, id);
    return PL_OK;
}

int32_t pl_kafka_partition_of(const struct pl_kafka_options *options, struct pl_bytes key,
                              int32_t partition_count)
{
    if (strcmp(options->partitioner, "murmur2_random") == 0) {
        return rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.len, partition_count, NULL,
                                                NULL);
    }
    if (strcmp(options->partitioner, "consistent_random") == 0) {
        return rd_kafka_msg_partitioner_consistent(NULL, key.data, key.len, partition_count, NULL,
                                                   NULL);
    }
    return -1;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* The partitions of the plan. */
static rd_kafka_topic_partition_list_t *list_partitions(const struct pl_kafka_scan *scan)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(scan->partition_count);

    for (int32_t number = 0; number < scan->partition_count; number++) {
        if (scan->plan.partition == PL_SCAN_ALL_PARTITIONS || scan->plan.partition == number) {
            rd_kafka_topic_partition_list_add(list, name_of(scan, scan->plan.topic), number);
        }
    }
    return list;
}

static enum pl_status find_starts(struct pl_kafka_scan *scan, rd_kafka_topic_partition_list_t *list,
                                  struct pl_error *error)
{
    const struct pl_kafka_scan_plan *plan = &scan->plan;
    enum pl_status status = PL_OK;

    switch (plan->start) {
    case PL_SCAN_FROM_FIRST:
        status = ask_offsets(scan->uncommitted, RD_KAFKA_OFFSET_BEGINNING, list, error);
        break;
    case PL_SCAN_FROM_OFFSET:
        list->elems[0].offset = plan->at;
        break;
    case PL_SCAN_FROM_TIME:
        status = ask_offsets(scan->uncommitted, plan->at, list, error);
        break;
    case PL_SCAN_FROM_NOW:
        status = ask_offsets(scan->committed, RD_KAFKA_OFFSET_END, list, error);
        break;
    }
    for (int i = 0; status == PL_OK && i < list->cnt; i++) {
        struct place *place = &scan->places[list->elems[i].partition];

        /* Of a time: nothing is that new. */
        place->first = list->elems[i].offset < 0 ? place->end : list->elems[i].offset;
        place->next = place->first;
    }
    return status;
}

static enum pl_status find_places(struct pl_kafka_scan *scan, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_partitions(scan);
    enum pl_status status = ask_offsets(scan->uncommitted, RD_KAFKA_OFFSET_END, list, error);

    for (int i = 0; status == PL_OK && i < list->cnt; i++) {
        struct place *place = &scan->places[list->elems[i].partition];

        place->end = scan->plan.until == PL_SCAN_TO_END ? list->elems[i].offset : scan->plan.until;
    }
    if (status == PL_OK) {
        status = find_starts(scan, list, error);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status == PL_OK ? PL_OK
                           : pl_fail_at(error, status, "%s", name_of(scan, scan->plan.topic));
}

/* Read the partitions from `from` to `to` on; none where the two are equal. */
static enum pl_status assign(struct pl_kafka_scan *scan, int32_t from, int32_t to,
                             struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(to - from);
    rd_kafka_resp_err_t err;

    for (int32_t number = from; number < to; number++) {
        if (scan->plan.partition == PL_SCAN_ALL_PARTITIONS || scan->plan.partition == number) {
            rd_kafka_topic_partition_list_add(list, name_of(scan, scan->plan.topic), number)
                ->offset = scan->places[number].next;
        }
    }
    err = rd_kafka_assign(scan->committed, list->cnt == 0 ? NULL : list);
    scan->is_assigned = err == RD_KAFKA_RESP_ERR_NO_ERROR && list->cnt > 0;
    scan->idle_ms = 0;
    rd_kafka_topic_partition_list_destroy(list);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? PL_OK
               : pl_kafka_fail(error, err, name_of(scan, scan->plan.topic));
}

static enum pl_status stop_reading(struct pl_kafka_scan *scan, struct pl_error *error)
{
    drop_message(scan);
    return scan->is_assigned ? assign(scan, 0, 0, error) : PL_OK;
}

enum pl_status pl_kafka_scan_start(struct pl_kafka_scan *scan,
                                   const struct pl_kafka_scan_plan *plan, struct pl_error *error)
{
    enum pl_status status = stop_reading(scan, error);

    scan->plan = *plan;
    free(scan->places);
    scan->places = NULL;
    scan->partition_count = scan->partition = 0;
    if (status == PL_OK) {
        status = open_topic(scan, scan->committed, plan->topic, scan->committed_topics, error);
    }
    if (status == PL_OK) {
        status = pl_kafka_scan_partitions(scan, plan->topic, &scan->partition_count, error);
    }
    if (status == PL_OK && plan->partition >= scan->partition_count) {
        return pl_fail(error, PL_NOT_FOUND,
                       "topic %s has %" PRId32 " partitions, no number %" PRId32,
                       name_of(scan, plan->topic), scan->partition_count, plan->partition);
    }
    if (status != PL_OK) {
        return status;
    }
    assert(scan->partition_count > 0); /* a topic has some */
    scan->places = calloc((size_t)scan->partition_count, sizeof(*scan->places));
    if (scan->places == NULL) {
        pl_out_of_memory((size_t)scan->partition_count);
    }
    status = find_places(scan, error);
    return status == PL_OK && plan->is_endless ? assign(scan, 0, scan->partition_count, error)
                                               : status;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What remains of an assignment that was replaced may still come, and 2.0.2 may bring a record
 * twice. */
static bool is_expected(const struct pl_kafka_scan *scan, const rd_kafka_message_t *message)
{
    return message->rkt != NULL &&
           strcmp(rd_kafka_topic_name(message->rkt), name_of(scan, scan->plan.topic)) == 0 &&
           (scan->plan.is_endless || message->partition == scan->partition) &&
           message->offset >= scan->places[message->partition].next;
}

/* An error that librdkafka gets over by itself, once Kafka is back, is none yet. */
static enum pl_status take_error(const struct pl_kafka_scan *scan,
                                 const rd_kafka_message_t *message, struct pl_error *error)
{
    enum pl_status status;

    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        return pl_kafka_fatal(error, scan->committed, name_of(scan, scan->plan.topic));
    }
    status = pl_kafka_fail(error, message->err, name_of(scan, scan->plan.topic));
    return status == PL_AGAIN ? PL_OK : status;
}

static void fill_record(const struct pl_kafka_scan *scan, struct pl_scan_event *event)
{
    const rd_kafka_message_t *message = scan->message;
    rd_kafka_timestamp_type_t unused;

    event->kind = PL_SCAN_RECORD;
    event->record = (struct pl_record){.topic = scan->plan.topic,
                                       .partition = message->partition,
                                       .offset = message->offset,
                                       .key = {message->key, message->key_len},
                                       .value = {message->payload, message->len}};
    event->stored_ms = rd_kafka_message_timestamp(message, &unused);
}

/* Poll once. */
static enum pl_status read_on(struct pl_kafka_scan *scan, int timeout_ms,
                              struct pl_scan_event *event, struct pl_error *error)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(scan->committed, timeout_ms);
    struct place *place;

    scan->message = message;
    if (message == NULL) {
        scan->idle_ms += timeout_ms;
        return PL_OK;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return take_error(scan, message, error);
    }
    if (!is_expected(scan, message)) {
        return PL_OK;
    }
    scan->idle_ms = 0;
    place = &scan->places[message->partition];
    place->next = message->offset;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (scan->plan.is_endless || message->offset < place->end) {
            fill_record(scan, event);
        }
        place->next++;
    } /* else as far as read_committed may see yet: an open transaction may lie before the end */
    return PL_OK;
}

/* The partition being read, or the next one that has anything to read; PL_NOT_FOUND: all is
 * read. */
static enum pl_status find_partition(struct pl_kafka_scan *scan, struct pl_error *error)
{
    int32_t before = scan->partition;
    enum pl_status status = PL_OK;

    while (scan->partition < scan->partition_count &&
           scan->places[scan->partition].next >= scan->places[scan->partition].end) {
        scan->partition++;
    }
    if (scan->partition == scan->partition_count) {
        status = scan->is_assigned ? assign(scan, 0, 0, error) : PL_OK;
        return status == PL_OK ? PL_NOT_FOUND : status;
    }
    if (!scan->is_assigned || scan->partition != before) {
        status = assign(scan, scan->partition, scan->partition + 1, error);
    }
    return status;
}

enum pl_status pl_kafka_scan_next(struct pl_kafka_scan *scan, int timeout_ms,
                                  struct pl_scan_event *ret_event, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    drop_message(scan);
    *ret_event = (struct pl_scan_event){.kind = PL_SCAN_IDLE};
    if (!scan->plan.is_endless) {
        status = find_partition(scan, error);
        if (status == PL_NOT_FOUND) {
            ret_event->kind = PL_SCAN_END;
            return PL_OK;
        }
    }
    if (status == PL_OK) {
        status = read_on(scan, timeout_ms, ret_event, error);
    }
    if (status == PL_OK && scan->idle_ms >= PATIENCE_MS && !scan->plan.is_endless) {
        return pl_fail(error, PL_AGAIN,
                       "%s/%" PRId32 ": nothing comes from offset %" PRId64
                       " on, though it ends at "
                       "%" PRId64 "; an open transaction may hold it back: try again later",
                       name_of(scan, scan->plan.topic), scan->partition,
                       scan->places[scan->partition].next, scan->places[scan->partition].end);
    }
    return status;
}

void pl_kafka_scan_headers(const struct pl_kafka_scan *scan, struct pl_arena *arena,
                           const struct pl_header **ret_headers, size_t *ret_count)
{
    pl_kafka_headers_read(scan->message, arena, ret_headers, ret_count);
}

void pl_kafka_scan_progress(const struct pl_kafka_scan *scan, int64_t *ret_done, int64_t *ret_total)
{
    *ret_done = *ret_total = 0;
    for (int32_t number = 0; number < scan->partition_count; number++) {
        const struct place *place = &scan->places[number];

        if (place->end > place->first) {
            *ret_done += (place->next < place->end ? place->next : place->end) - place->first;
            *ret_total += place->end - place->first;
        }
    }
}

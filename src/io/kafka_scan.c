/* A bounded scan reads one partition after the other, an endless one all at once. */
#include "io/kafka_scan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"
#include "io/kafka_headers.h"
#include "io/kafka_pair.h"
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
    struct pl_kafka_pair pair;
    struct pl_kafka_scan_plan plan;
    struct place *places; /* by partition; those that are not read have next == end */
    int32_t partition_count;
    int32_t partition; /* the one being read; partition_count: none any more; endless: all are */
    bool is_assigned;
    int64_t idle_ms; /* since the last sign of life */
};

/* ---- life ------------------------------------------------------------------------------------ */

enum pl_status pl_kafka_scan_new(const struct pl_kafka_options *options,
                                 struct pl_kafka_scan **ret_scan, struct pl_error *error)
{
    struct pl_kafka_scan *scan = calloc(1, sizeof(*scan));
    enum pl_status status;

    if (scan == NULL) {
        pl_out_of_memory(sizeof(*scan));
    }
    /* What retention takes away meanwhile is gone. */
    status = pl_kafka_pair_init(&scan->pair, options, PL_KAFKA_OF_READING, "earliest", error);
    if (status != PL_OK) {
        pl_kafka_scan_free(scan);
        return status;
    }
    *ret_scan = scan;
    return PL_OK;
}

void pl_kafka_scan_free(struct pl_kafka_scan *scan)
{
    if (scan != NULL) {
        pl_kafka_pair_done(&scan->pair);
        free(scan->places);
        free(scan);
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

static const char *name_of(const struct pl_kafka_scan *scan, enum pl_topic topic)
{
    return scan->pair.options->topics[topic];
}

/* The first questions that Kafka is asked: where they have no answer, say who was asked. */
static enum pl_status fail_away(const struct pl_kafka_scan *scan, struct pl_error *error)
{
    const char *servers = pl_kafka_servers(scan->pair.options);

    return strstr(error->text, servers) != NULL
               ? PL_AGAIN
               : pl_fail_at(error, PL_AGAIN, "Kafka at %s", servers);
}

enum pl_status pl_kafka_scan_partitions(struct pl_kafka_scan *scan, enum pl_topic topic,
                                        int32_t *ret_count, struct pl_error *error)
{
    int32_t counts[PL_TOPIC_COUNT];
    enum pl_status status = pl_kafka_pair_know(&scan->pair, topic, error);

    if (status == PL_OK) {
        status = pl_kafka_pair_counts(&scan->pair, counts, error);
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

enum pl_status pl_kafka_scan_range(struct pl_kafka_scan *scan, enum pl_topic topic,
                                   int32_t partition, int64_t *ret_first, int64_t *ret_end,
                                   struct pl_error *error)
{
    return pl_kafka_pair_range(&scan->pair, topic, partition, ret_first, ret_end, error);
}

enum pl_status pl_kafka_scan_cluster_id(struct pl_kafka_scan *scan, char *ret_id, size_t size,
                                        struct pl_error *error)
{
    char *id = rd_kafka_clusterid(scan->pair.uncommitted, PL_KAFKA_CALL_TIMEOUT_MS);

    if (id == NULL) {
        (void)pl_fail(error, PL_AGAIN, "it does not tell its cluster id");
        return fail_away(scan, error);
    }
    (void)snprintf(ret_id, size, "%s", id); /* cut to fit */
    rd_kafka_mem_free(scan->pair.uncommitted, id);
    return PL_OK;
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
        status = pl_kafka_offsets(scan->pair.uncommitted, RD_KAFKA_OFFSET_BEGINNING, list, error);
        break;
    case PL_SCAN_FROM_OFFSET:
        list->elems[0].offset = plan->at;
        break;
    case PL_SCAN_FROM_TIME:
        status = pl_kafka_offsets(scan->pair.uncommitted, plan->at, list, error);
        break;
    case PL_SCAN_FROM_NOW:
        status = pl_kafka_offsets(scan->pair.committed, RD_KAFKA_OFFSET_END, list, error);
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
    enum pl_status status =
        pl_kafka_offsets(scan->pair.uncommitted, RD_KAFKA_OFFSET_END, list, error);

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
    err = pl_kafka_pair_assign(&scan->pair, list);
    scan->is_assigned = err == RD_KAFKA_RESP_ERR_NO_ERROR && list->cnt > 0;
    scan->idle_ms = 0;
    rd_kafka_topic_partition_list_destroy(list);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? PL_OK
               : pl_kafka_fail(error, err, name_of(scan, scan->plan.topic));
}

static enum pl_status stop_reading(struct pl_kafka_scan *scan, struct pl_error *error)
{
    pl_kafka_pair_forget(&scan->pair);
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
        return pl_kafka_fatal(error, scan->pair.committed, name_of(scan, scan->plan.topic));
    }
    status = pl_kafka_fail(error, message->err, name_of(scan, scan->plan.topic));
    return status == PL_AGAIN ? PL_OK : status;
}

static void fill_record(const struct pl_kafka_scan *scan, struct pl_scan_event *event)
{
    const rd_kafka_message_t *message = scan->pair.message;
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
    const rd_kafka_message_t *message = pl_kafka_pair_poll(&scan->pair, timeout_ms);
    struct place *place;

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

    pl_kafka_pair_forget(&scan->pair);
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
    pl_kafka_headers_read(scan->pair.message, arena, ret_headers, ret_count);
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

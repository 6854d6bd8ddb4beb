/* Transactions that Kafka left without an end: where they are, and whether they may be rolled back.
 *
 * One transaction of a batch writes the state, the results and the dead letters of an input
 * partition. Rolled back in all of them it has never been; but where one of them shows it already,
 * or the state has it and another output not yet, rolling back would tear it: then nothing is done.
 */
#include "io/kafka_settle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_TIMEOUT_MS 100
#define READS_MOST 100 /* that bring nothing: then Kafka is taken to be away */
/* Where to look for the last visible record: markers and aborted records may follow it. */
#define FIRST_STEP_BACK 2
#define STEP_FACTOR 16
#define NUMBER_BYTES 32
#define ENDS_TRIES 20 /* and so long between two of them, for markers under way */
#define ENDS_WAIT_MS 50

/* The input record that an output record is about. */
struct source {
    bool is_known;
    int32_t partition;
    int64_t offset;
};

/* ---- whose record it is ---------------------------------------------------------------------- */

static int64_t number_of(struct pl_bytes text)
{
    char copy[NUMBER_BYTES];

    if (text.len == 0 || text.len >= sizeof(copy)) {
        return -1;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return strtoll(copy, NULL, 10); /* what planlift wrote: digits */
}

static struct pl_bytes header_of(const struct pl_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (pl_bytes_equal(headers[i].name, pl_bytes_of(name))) {
            return headers[i].value;
        }
    }
    return PL_NULL_BYTES;
}

/* Cut what follows the last slash off the text. */
static struct pl_bytes cut_last(struct pl_bytes *text)
{
    size_t at = text->len;
    struct pl_bytes last;

    while (at > 0 && text->data[at - 1] != '/') {
        at--;
    }
    last = (struct pl_bytes){text->data + at, text->len - at};
    text->len = at > 0 ? at - 1 : 0;
    return last;
}

/* Of the record that was read last. A result tells it in one header, a dead letter in several. */
static struct source source_of(const struct pl_settlement *settlement, enum pl_topic topic)
{
    const struct pl_header *headers;
    size_t count;
    struct pl_bytes partition;
    struct pl_bytes offset;

    pl_kafka_reader_headers(settlement->reader, settlement->arena, &headers, &count);
    if (topic == PL_TOPIC_RESULTS) {
        struct pl_bytes text = header_of(headers, count, "planlift-source");

        offset = cut_last(&text);
        partition = cut_last(&text);
    } else {
        partition = header_of(headers, count, "planlift-partition");
        offset = header_of(headers, count, "planlift-offset");
    }
    return (struct source){.is_known = number_of(partition) >= 0 && number_of(offset) >= 0,
                           .partition = (int32_t)number_of(partition),
                           .offset = number_of(offset)};
}

static int input_of(enum pl_topic topic)
{
    return topic == PL_TOPIC_EVENTS_DLQ ? PL_TOPIC_EVENTS : PL_TOPIC_REQUESTS;
}

/* -1: the partition is not among those that are settled. */
static int64_t taken_in(const struct pl_settlement *settlement, enum pl_topic topic,
                        int32_t partition)
{
    for (size_t i = 0; i < settlement->count; i++) {
        if (settlement->positions[i].partition == partition) {
            return settlement->positions[i].next[input_of(topic)];
        }
    }
    return -1;
}

static enum pl_status refuse(const struct pl_settlement *settlement, enum pl_topic topic,
                             int32_t partition, const char *why, struct pl_error *error)
{
    return pl_fail(error, PL_AGAIN,
                   "Kafka left a transaction without its end, and %s/%" PRId32 " %s: it cannot be "
                   "rolled back; end it with kafka-transactions.sh (find-hanging, abort)",
                   settlement->options->topics[topic], partition, why);
}

/* ---- one partition of an output -------------------------------------------------------------- */

/* Visible: nothing of it may be about what the state has not taken in. */
static enum pl_status check_visible(const struct pl_settlement *settlement, enum pl_topic topic,
                                    int32_t partition, struct pl_error *error)
{
    struct source source = source_of(settlement, topic);
    int64_t next = source.is_known ? taken_in(settlement, topic, source.partition) : -1;

    return next >= 0 && source.offset >= next
               ? refuse(settlement, topic, partition, "shows more than the state", error)
               : PL_OK;
}

/* Hanging: all of it must be about that. What has no source is of an earlier try to settle, what
 * has no position another process's, in a partition of dead letters that it shares with us. */
static enum pl_status check_hanging(const struct pl_settlement *settlement, enum pl_topic topic,
                                    int32_t partition, struct pl_error *error)
{
    struct source source = source_of(settlement, topic);
    int64_t next = source.is_known ? taken_in(settlement, topic, source.partition) : -1;

    return source.is_known && source.offset < next
               ? refuse(settlement, topic, partition, "lacks what the state has", error)
               : PL_OK;
}

/* The next record; PL_NOT_FOUND: none below `end`. */
static enum pl_status read_next(struct pl_kafka_reader *reader, int64_t end, struct pl_error *error)
{
    for (int reads = 0; reads < READS_MOST; reads++) {
        struct pl_reader_event event;
        enum pl_status status = pl_kafka_reader_read(reader, READ_TIMEOUT_MS, &event, error);

        if (status != PL_OK) {
            return status;
        }
        if (event.kind != PL_STATE_IDLE && event.offset >= end) {
            return PL_NOT_FOUND;
        }
        if (event.kind == PL_STATE_RECORD) {
            return PL_OK;
        }
    }
    return pl_fail(error, PL_AGAIN, "Kafka says nothing more");
}

static enum pl_status look_at_hanging(const struct pl_settlement *settlement, enum pl_topic topic,
                                      int32_t partition, int64_t from, int64_t end,
                                      struct pl_error *error)
{
    struct pl_kafka_reader *reader = settlement->reader;
    enum pl_status status = pl_kafka_reader_open_uncommitted(reader, topic, partition, from, error);

    while (status == PL_OK) {
        status = read_next(reader, end, error);
        if (status == PL_OK) {
            status = check_hanging(settlement, topic, partition, error);
        }
    }
    pl_kafka_reader_close(reader);
    return status == PL_NOT_FOUND ? PL_OK : status;
}

/* The last visible record is enough: those of a partition come in the order of their sources. */
static enum pl_status look_at_visible(const struct pl_settlement *settlement, enum pl_topic topic,
                                      int32_t partition, int64_t first, int64_t end,
                                      struct pl_error *error)
{
    struct pl_kafka_reader *reader = settlement->reader;
    int64_t back = FIRST_STEP_BACK;
    int64_t from = end;
    enum pl_status status = PL_OK;
    bool is_found = false;

    while (status == PL_OK && !is_found && from > first) {
        from = end - first > back ? end - back : first;
        back *= STEP_FACTOR;
        status = pl_kafka_reader_open(reader, topic, partition, from, error);
        while (status == PL_OK) {
            status = read_next(reader, end, error);
            is_found = is_found || status == PL_OK;
            if (status == PL_OK) {
                status = check_visible(settlement, topic, partition, error);
            }
        }
        pl_kafka_reader_close(reader);
        status = status == PL_NOT_FOUND ? PL_OK : status;
    }
    return status;
}

static const enum pl_topic outputs[] = {PL_TOPIC_STATE, PL_TOPIC_RESULTS, PL_TOPIC_EVENTS_DLQ,
                                        PL_TOPIC_REQUESTS_DLQ};
enum { OUTPUT_COUNT = sizeof(outputs) / sizeof(outputs[0]) };

static bool is_dead_letters(enum pl_topic topic)
{
    return topic == PL_TOPIC_EVENTS_DLQ || topic == PL_TOPIC_REQUESTS_DLQ;
}

static int32_t partition_count_of(const struct pl_settlement *settlement, enum pl_topic topic)
{
    const struct pl_kafka_topics *topics = settlement->topics;

    return is_dead_letters(topic) ? topics->dlq_partition_count[input_of(topic)]
                                  : topics->partition_count;
}

/* May it be an output of a partition that has a position? */
static bool is_concerned(const struct pl_settlement *settlement, enum pl_topic topic,
                         int32_t partition)
{
    int32_t count = partition_count_of(settlement, topic);

    for (size_t i = 0; i < settlement->count; i++) {
        if (settlement->positions[i].partition % count == partition) {
            return true;
        }
    }
    return false;
}

static enum pl_topic topic_of(const struct pl_settlement *settlement,
                              const rd_kafka_topic_partition_t *place)
{
    int i = 0;

    while (i < OUTPUT_COUNT - 1 &&
           strcmp(settlement->options->topics[outputs[i]], place->topic) != 0) {
        i++;
    }
    return outputs[i];
}

/* Those of others begin and end all the time: only what hung when it was asked, and still does. */
static bool is_hanging(const struct pl_settlement *settlement, enum pl_topic topic,
                       int32_t partition, int64_t stable)
{
    for (int i = 0; i < settlement->hanging->cnt; i++) {
        const rd_kafka_topic_partition_t *found = &settlement->hanging->elems[i];

        if (found->partition == partition && topic_of(settlement, found) == topic) {
            return stable < found->offset;
        }
    }
    return false;
}

static enum pl_status look_at(struct pl_settlement *settlement, enum pl_topic topic,
                              int32_t partition, struct pl_error *error)
{
    int64_t first;
    int64_t stable = -1;
    int64_t end;
    enum pl_status status =
        pl_kafka_reader_range(settlement->reader, topic, partition, &first, &end, error);

    if (status == PL_OK) {
        status = pl_kafka_reader_stable_end(settlement->reader, topic, partition, &stable, error);
    }
    if (status == PL_OK && topic != PL_TOPIC_STATE) {
        status = look_at_visible(settlement, topic, partition, first, stable, error);
    }
    if (status != PL_OK || !is_hanging(settlement, topic, partition, stable)) {
        return status;
    }
    settlement->places[settlement->place_count++] = (struct pl_unsettled){topic, partition};
    return topic == PL_TOPIC_STATE
               ? PL_OK
               : look_at_hanging(settlement, topic, partition, stable, end, error);
}

/* ---- all outputs ----------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list_outputs(const struct pl_settlement *settlement)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);

    for (int i = 0; i < OUTPUT_COUNT; i++) {
        int32_t count = partition_count_of(settlement, outputs[i]);

        for (int32_t partition = 0; partition < count; partition++) {
            (void)rd_kafka_topic_partition_list_add(list, settlement->options->topics[outputs[i]],
                                                    partition);
        }
    }
    return list;
}

enum pl_status pl_kafka_settle_look(struct pl_settlement *settlement, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_outputs(settlement);
    enum pl_status status = PL_OK;

    settlement->places =
        pl_arena_alloc(settlement->arena, (size_t)list->cnt * sizeof(*settlement->places));
    settlement->place_count = 0;
    for (int i = 0; status == PL_OK && settlement->hanging->cnt > 0 && i < list->cnt; i++) {
        enum pl_topic topic = topic_of(settlement, &list->elems[i]);
        int32_t partition = list->elems[i].partition;

        if (is_concerned(settlement, topic, partition)) {
            status = look_at(settlement, topic, partition, error);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

/* ---- is there anything? ---------------------------------------------------------------------- */

/* Every partition whose output it may be. */
static void mark(const struct pl_settlement *settlement, const rd_kafka_topic_partition_t *place,
                 bool *hangs)
{
    int32_t count = partition_count_of(settlement, topic_of(settlement, place));

    for (int32_t partition = 0; partition < settlement->topics->partition_count; partition++) {
        hangs[partition] = hangs[partition] || partition % count == place->partition;
    }
}

static void compare(const struct pl_settlement *settlement,
                    const rd_kafka_topic_partition_list_t *stable,
                    const rd_kafka_topic_partition_list_t *ends, bool *ret_hangs, bool *ret_any)
{
    memset(ret_hangs, 0, (size_t)settlement->topics->partition_count * sizeof(*ret_hangs));
    *ret_any = false;
    for (int i = 0; i < ends->cnt; i++) {
        if (stable->elems[i].offset < ends->elems[i].offset) {
            *ret_any = true;
            mark(settlement, &ends->elems[i], ret_hangs);
        }
    }
}

enum pl_status pl_kafka_unended(const struct pl_settlement *settlement, bool *ret_hangs,
                                bool *ret_any, rd_kafka_topic_partition_list_t *ret_hanging,
                                struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *ends = list_outputs(settlement);
    rd_kafka_topic_partition_list_t *stable = list_outputs(settlement);
    enum pl_status status = pl_kafka_reader_ends(settlement->reader, false, ends, error);

    *ret_any = true;
    for (int tries = 0; status == PL_OK && *ret_any && tries < ENDS_TRIES; tries++) {
        if (tries > 0) {
            const struct timespec time = {.tv_nsec = ENDS_WAIT_MS * 1000000L};

            (void)nanosleep(&time, NULL); /* ended early by a signal: all the better */
        }
        status = pl_kafka_reader_ends(settlement->reader, true, stable, error);
        compare(settlement, stable, ends, ret_hangs, ret_any);
    }
    for (int i = 0; status == PL_OK && i < ends->cnt; i++) {
        if (stable->elems[i].offset < ends->elems[i].offset) {
            rd_kafka_topic_partition_list_add(ret_hanging, ends->elems[i].topic,
                                              ends->elems[i].partition)
                ->offset = ends->elems[i].offset;
        }
    }
    rd_kafka_topic_partition_list_destroy(stable);
    rd_kafka_topic_partition_list_destroy(ends);
    return status;
}

/* Two consumer handles outside the group: a read_committed one that reads, and a read_uncommitted
 * one that asks for ends. The end as read_committed sees it would be too early: a transaction that
 * was acknowledged may not be visible yet (I8, reliability A2). */
#include "kafka_reader.h"

#include <stdlib.h>
#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"
#include "io/kafka_headers.h"
#include "io/kafka_login.h"
#include "io/kafka_partitions.h"
#include "planlift/arena.h"

struct pl_kafka_reader {
    const struct pl_kafka_options *options;
    rd_kafka_t *committed;
    rd_kafka_t *uncommitted;
    int committed_hangups_seen, uncommitted_hangups_seen;
    /* Of both handles. They make the one ask for just these topics, and the other know the leaders
     * before it reads: else its first read takes a second longer. */
    rd_kafka_topic_t *committed_topics[PL_TOPIC_COUNT];
    rd_kafka_topic_t *uncommitted_topics[PL_TOPIC_COUNT];
    rd_kafka_message_t *message; /* the one that the last event's views point into */
    enum pl_topic topic;         /* of the partition being read */
    int32_t partition;           /* -1: none */
};

static enum pl_status new_handle(const struct pl_kafka_options *options, const char *isolation,
                                 rd_kafka_t **ret_rk, struct pl_error *error)
{
    const struct pl_property forced[] = {
        {"group.id", options->group_id}, /* needed to assign; never joined, nothing is committed */
        {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},  {"enable.partition.eof", "true"},
        {"isolation.level", isolation},  {NULL, NULL}};
    const struct pl_client_plan plan = {
        .type = RD_KAFKA_CONSUMER, .use = PL_KAFKA_OF_STATE, .forced = forced};
    enum pl_status status = pl_kafka_client_new(options, &plan, ret_rk, error);

    if (status == PL_OK) {
        rd_kafka_poll_set_consumer(*ret_rk);
    }
    return status;
}

static enum pl_status open_topics(rd_kafka_t *rk, const struct pl_kafka_options *options,
                                  rd_kafka_topic_t *ret_topics[PL_TOPIC_COUNT],
                                  struct pl_error *error)
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        ret_topics[topic] = rd_kafka_topic_new(rk, options->topics[topic], NULL);
        if (ret_topics[topic] == NULL) {
            return pl_fail(error, PL_FATAL, "\"%s\" cannot be a topic: %s", options->topics[topic],
                           rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    return PL_OK;
}

static void close_topics(rd_kafka_topic_t *topics[PL_TOPIC_COUNT])
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (topics[topic] != NULL) {
            rd_kafka_topic_destroy(topics[topic]);
        }
    }
}

enum pl_status pl_kafka_reader_new(const struct pl_kafka_options *options,
                                   struct pl_kafka_reader **ret_reader, struct pl_error *error)
{
    struct pl_kafka_reader *reader = calloc(1, sizeof(*reader));
    enum pl_status status;

    if (reader == NULL) {
        pl_out_of_memory(sizeof(*reader));
    }
    reader->options = options;
    reader->partition = -1;
    status = new_handle(options, "read_committed", &reader->committed, error);
    if (status == PL_OK) {
        status = new_handle(options, "read_uncommitted", &reader->uncommitted, error);
    }
    if (status == PL_OK) {
        status = open_topics(reader->committed, options, reader->committed_topics, error);
    }
    if (status == PL_OK) {
        status = open_topics(reader->uncommitted, options, reader->uncommitted_topics, error);
    }
    if (status != PL_OK) {
        pl_kafka_reader_free(reader);
        return status;
    }
    *ret_reader = reader;
    return PL_OK;
}

static void drop_message(struct pl_kafka_reader *reader)
{
    if (reader->message != NULL) {
        rd_kafka_message_destroy(reader->message);
        reader->message = NULL;
    }
}

void pl_kafka_reader_free(struct pl_kafka_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    drop_message(reader);
    close_topics(reader->committed_topics);
    close_topics(reader->uncommitted_topics);
    if (reader->committed != NULL) {
        rd_kafka_destroy(reader->committed);
    }
    if (reader->uncommitted != NULL) {
        rd_kafka_destroy(reader->uncommitted);
    }
    free(reader);
}

/* -1: the end, -2: the first offset (the protocol's own numbers), of one partition.
 * rd_kafka_query_watermark_offsets would be the call for it, but in 2.0.2 it does not keep its
 * time: while the leader is away it waits for socket.timeout.ms (a minute), whatever it was told.
 * */
static enum pl_status query_offset(struct pl_kafka_reader *reader, enum pl_topic topic,
                                   int32_t partition, int64_t what, int64_t *ret_offset,
                                   struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place =
        rd_kafka_topic_partition_list_add(list, reader->options->topics[topic], partition);
    rd_kafka_resp_err_t err;

    place->offset = what;
    err = rd_kafka_offsets_for_times(reader->uncommitted, list, PL_KAFKA_CALL_TIMEOUT_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = place->err;
        *ret_offset = place->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)pl_kafka_fail(error, err, "asking for the end of a partition");
        return pl_fail_at(error, PL_AGAIN, "%s/%d", reader->options->topics[topic], partition);
    }
    return PL_OK;
}

static void renew_login(struct pl_kafka_reader *reader)
{
    pl_kafka_login_renew(reader->options, reader->committed, &reader->committed_hangups_seen);
    pl_kafka_login_renew(reader->options, reader->uncommitted, &reader->uncommitted_hangups_seen);
}

enum pl_status pl_kafka_reader_range(struct pl_kafka_reader *reader, enum pl_topic topic,
                                     int32_t partition, int64_t *ret_first, int64_t *ret_end,
                                     struct pl_error *error)
{
    enum pl_status status;

    renew_login(reader);
    status = query_offset(reader, topic, partition, RD_KAFKA_OFFSET_BEGINNING, ret_first, error);
    return status != PL_OK
               ? status
               : query_offset(reader, topic, partition, RD_KAFKA_OFFSET_END, ret_end, error);
}

enum pl_status pl_kafka_reader_open(struct pl_kafka_reader *reader, enum pl_topic topic,
                                    int32_t partition, int64_t from, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    renew_login(reader);
    drop_message(reader);
    rd_kafka_topic_partition_list_add(list, reader->options->topics[topic], partition)->offset =
        from;
    err = rd_kafka_assign(reader->committed, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_kafka_fail(error, err, "reading a partition");
    }
    reader->topic = topic;
    reader->partition = partition;
    return PL_OK;
}

void pl_kafka_reader_close(struct pl_kafka_reader *reader)
{
    drop_message(reader);
    if (reader->partition >= 0) {
        (void)rd_kafka_assign(reader->committed, NULL); /* nothing to do where it fails */
        reader->partition = -1;
    }
}

/* What remains of an assignment that was replaced may still come: it is not ours any more. */
static bool is_current(const struct pl_kafka_reader *reader, const rd_kafka_message_t *message)
{
    return message->rkt != NULL && message->partition == reader->partition &&
           strcmp(rd_kafka_topic_name(message->rkt), reader->options->topics[reader->topic]) == 0;
}

enum pl_status pl_kafka_reader_read(struct pl_kafka_reader *reader, int timeout_ms,
                                    struct pl_reader_event *ret_event, struct pl_error *error)
{
    rd_kafka_message_t *message;

    drop_message(reader);
    *ret_event = (struct pl_reader_event){.kind = PL_STATE_IDLE};
    message = rd_kafka_consumer_poll(reader->committed, timeout_ms);
    reader->message = message;
    if (message == NULL || (!is_current(reader, message) && message->rkt != NULL)) {
        return PL_OK;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        ret_event->kind = PL_STATE_END;
        ret_event->offset = message->offset;
        return PL_OK;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)pl_fail(error, PL_AGAIN, "reading %s/%d: %s", reader->options->topics[reader->topic],
                      reader->partition, rd_kafka_message_errstr(message));
        return message->err == RD_KAFKA_RESP_ERR__FATAL
                   ? pl_kafka_fatal(error, reader->committed, "reading a partition")
                   : PL_AGAIN;
    }
    ret_event->kind = PL_STATE_RECORD;
    ret_event->offset = message->offset;
    ret_event->key = (struct pl_bytes){message->key, message->key_len};
    ret_event->value = (struct pl_bytes){message->payload, message->len};
    return PL_OK;
}

void pl_kafka_reader_headers(const struct pl_kafka_reader *reader, struct pl_arena *arena,
                             const struct pl_header **ret_headers, size_t *ret_count)
{
    pl_kafka_headers_read(reader->message, arena, ret_headers, ret_count);
}

enum pl_status pl_kafka_reader_partitions(struct pl_kafka_reader *reader,
                                          int32_t ret_counts[PL_TOPIC_COUNT],
                                          struct pl_error *error)
{
    return pl_kafka_partition_counts(reader->uncommitted, reader->options, ret_counts, error);
}

/* ---- the state log port ---------------------------------------------------------------------- */

static enum pl_status state_range(void *self, int32_t partition, int64_t *ret_first,
                                  int64_t *ret_end, struct pl_error *error)
{
    return pl_kafka_reader_range(self, PL_TOPIC_STATE, partition, ret_first, ret_end, error);
}

static enum pl_status state_open(void *self, int32_t partition, int64_t from,
                                 struct pl_error *error)
{
    return pl_kafka_reader_open(self, PL_TOPIC_STATE, partition, from, error);
}

static enum pl_status state_read(void *self, int timeout_ms, struct pl_state_event *ret_event,
                                 struct pl_error *error)
{
    struct pl_kafka_reader *reader = self;
    struct pl_reader_event event;
    enum pl_status status = pl_kafka_reader_read(reader, timeout_ms, &event, error);

    if (status == PL_OK) {
        *ret_event = (struct pl_state_event){.kind = event.kind,
                                             .partition = reader->partition,
                                             .offset = event.offset,
                                             .key = event.key,
                                             .value = event.value};
    }
    return status;
}

static void state_close(void *self)
{
    pl_kafka_reader_close(self);
}

struct pl_state_log pl_kafka_state_log_port(struct pl_kafka_reader *reader)
{
    static const struct pl_state_log_ops ops = {
        .range = state_range, .open = state_open, .read = state_read, .close = state_close};

    return (struct pl_state_log){&ops, reader};
}

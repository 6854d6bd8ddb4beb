/* One partition after another, as the pipeline and the drain open them. */
#include "io/kafka_reader.h"

#include <stdlib.h>
#include <string.h>

#include "io/kafka_error.h"
#include "io/kafka_headers.h"
#include "io/kafka_pair.h"
#include "planlift/arena.h"

struct pl_kafka_reader {
    struct pl_kafka_pair pair;
    enum pl_topic topic; /* of the partition being read */
    int32_t partition;   /* -1: none */
};

enum pl_status pl_kafka_reader_new(const struct pl_kafka_options *options,
                                   struct pl_kafka_reader **ret_reader, struct pl_error *error)
{
    struct pl_kafka_reader *reader = calloc(1, sizeof(*reader));
    enum pl_status status;

    if (reader == NULL) {
        pl_out_of_memory(sizeof(*reader));
    }
    reader->partition = -1;
    status = pl_kafka_pair_init(&reader->pair, options, PL_KAFKA_OF_STATE, "error", error);
    for (int topic = 0; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
        status = pl_kafka_pair_know(&reader->pair, (enum pl_topic)topic, error);
    }
    if (status != PL_OK) {
        pl_kafka_reader_free(reader);
        return status;
    }
    *ret_reader = reader;
    return PL_OK;
}

void pl_kafka_reader_free(struct pl_kafka_reader *reader)
{
    if (reader != NULL) {
        pl_kafka_pair_done(&reader->pair);
        free(reader);
    }
}

enum pl_status pl_kafka_reader_range(struct pl_kafka_reader *reader, enum pl_topic topic,
                                     int32_t partition, int64_t *ret_first, int64_t *ret_end,
                                     struct pl_error *error)
{
    enum pl_status status =
        pl_kafka_pair_range(&reader->pair, topic, partition, ret_first, ret_end, error);

    return status == PL_OK ? PL_OK : PL_AGAIN; /* the topic was there at start */
}

enum pl_status pl_kafka_reader_ends(struct pl_kafka_reader *reader, bool is_stable,
                                    rd_kafka_topic_partition_list_t *list, struct pl_error *error)
{
    return pl_kafka_pair_ends(&reader->pair, is_stable, list, error) == PL_OK ? PL_OK : PL_AGAIN;
}

enum pl_status pl_kafka_reader_stable_end(struct pl_kafka_reader *reader, enum pl_topic topic,
                                          int32_t partition, int64_t *ret_end,
                                          struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *place =
        rd_kafka_topic_partition_list_add(list, reader->pair.options->topics[topic], partition);
    enum pl_status status = pl_kafka_reader_ends(reader, true, list, error);

    *ret_end = place->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static enum pl_status
open_with(struct pl_kafka_reader *reader,
          rd_kafka_resp_err_t (*assign)(struct pl_kafka_pair *pair,
                                        const rd_kafka_topic_partition_list_t *list),
          enum pl_topic topic, int32_t partition, int64_t from, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(list, reader->pair.options->topics[topic], partition)
        ->offset = from;
    err = assign(&reader->pair, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_kafka_fail(error, err, "reading a partition");
    }
    reader->topic = topic;
    reader->partition = partition;
    return PL_OK;
}

enum pl_status pl_kafka_reader_open(struct pl_kafka_reader *reader, enum pl_topic topic,
                                    int32_t partition, int64_t from, struct pl_error *error)
{
    return open_with(reader, pl_kafka_pair_assign, topic, partition, from, error);
}

enum pl_status pl_kafka_reader_open_uncommitted(struct pl_kafka_reader *reader, enum pl_topic topic,
                                                int32_t partition, int64_t from,
                                                struct pl_error *error)
{
    return open_with(reader, pl_kafka_pair_assign_uncommitted, topic, partition, from, error);
}

void pl_kafka_reader_close(struct pl_kafka_reader *reader)
{
    pl_kafka_pair_forget(&reader->pair);
    if (reader->partition >= 0) {
        (void)rd_kafka_assign(reader->pair.reading, NULL); /* nothing to do where it fails */
        reader->partition = -1;
    }
}

/* What remains of an assignment that was replaced may still come: it is not ours any more. */
static bool is_current(const struct pl_kafka_reader *reader, const rd_kafka_message_t *message)
{
    return message->rkt != NULL && message->partition == reader->partition &&
           strcmp(rd_kafka_topic_name(message->rkt), reader->pair.options->topics[reader->topic]) ==
               0;
}

enum pl_status pl_kafka_reader_read(struct pl_kafka_reader *reader, int timeout_ms,
                                    struct pl_reader_event *ret_event, struct pl_error *error)
{
    const rd_kafka_message_t *message = pl_kafka_pair_poll(&reader->pair, timeout_ms);

    *ret_event = (struct pl_reader_event){.kind = PL_STATE_IDLE};
    if (message == NULL || (!is_current(reader, message) && message->rkt != NULL)) {
        return PL_OK;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        ret_event->kind = PL_STATE_END;
        ret_event->offset = message->offset;
        return PL_OK;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)pl_fail(error, PL_AGAIN, "reading %s/%d: %s",
                      reader->pair.options->topics[reader->topic], reader->partition,
                      rd_kafka_message_errstr(message));
        return message->err == RD_KAFKA_RESP_ERR__FATAL
                   ? pl_kafka_fatal(error, reader->pair.reading, "reading a partition")
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
    pl_kafka_headers_read(reader->pair.message, arena, ret_headers, ret_count);
}

enum pl_status pl_kafka_reader_partitions(struct pl_kafka_reader *reader,
                                          int32_t ret_counts[PL_TOPIC_COUNT],
                                          struct pl_error *error)
{
    return pl_kafka_pair_counts(&reader->pair, ret_counts, error);
}

/* ---- the state log port ---------------------------------------------------------------------- */

static enum pl_status state_range(void *self, int32_t partition, int64_t *ret_first,
                                  int64_t *ret_end, struct pl_error *error)
{
    return pl_kafka_reader_range(self, PL_TOPIC_STATE, partition, ret_first, ret_end, error);
}

static enum pl_status state_stable_end(void *self, int32_t partition, int64_t *ret_end,
                                       struct pl_error *error)
{
    return pl_kafka_reader_stable_end(self, PL_TOPIC_STATE, partition, ret_end, error);
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
    static const struct pl_state_log_ops ops = {.range = state_range,
                                                .stable_end = state_stable_end,
                                                .open = state_open,
                                                .read = state_read,
                                                .close = state_close};

    return (struct pl_state_log){&ops, reader};
}

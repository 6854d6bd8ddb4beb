/* A plain producer: sends, counts the reports, and says what came of it at the flush. */
#include "io/kafka_sender.h"

#include <stdlib.h>
#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"
#include "io/kafka_headers.h"
#include "planlift/arena.h"

struct pl_kafka_sender {
    const struct pl_kafka_options *options;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topics[PL_TOPIC_COUNT]; /* NULL: not sent to yet */
    rd_kafka_resp_err_t failure;              /* of the first bad report since the last flush */
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct pl_kafka_sender *sender = opaque;
    struct pl_place *place = message->_private;

    (void)rk;
    if (place != NULL) {
        *place = (struct pl_place){message->partition, message->offset};
    }
    if (sender->failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
        sender->failure = message->err;
    }
}

static enum pl_status prepare(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error)
{
    (void)opaque, (void)error;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    return PL_OK;
}

enum pl_status pl_kafka_sender_new(const struct pl_kafka_options *options,
                                   struct pl_kafka_sender **ret_sender, struct pl_error *error)
{
    const struct pl_property forced[] = {{"enable.idempotence", "true"},
                                         {"acks", "all"},
                                         {"partitioner", strcmp(options->partitioner, "none") == 0
                                                             ? "murmur2_random"
                                                             : options->partitioner},
                                         {NULL, NULL}};
    struct pl_kafka_sender *sender = calloc(1, sizeof(*sender));
    struct pl_client_plan plan = {.type = RD_KAFKA_PRODUCER,
                                  .use = PL_KAFKA_OF_SENDING,
                                  .forced = forced,
                                  .prepare = prepare,
                                  .opaque = sender};
    enum pl_status status;

    if (sender == NULL) {
        pl_out_of_memory(sizeof(*sender));
    }
    sender->options = options;
    status = pl_kafka_client_new(options, &plan, &sender->rk, error);
    if (status != PL_OK) {
        pl_kafka_sender_free(sender);
        return status;
    }
    *ret_sender = sender;
    return PL_OK;
}

void pl_kafka_sender_free(struct pl_kafka_sender *sender)
{
    if (sender == NULL) {
        return;
    }
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (sender->topics[topic] != NULL) {
            rd_kafka_topic_destroy(sender->topics[topic]);
        }
    }
    if (sender->rk != NULL) {
        (void)rd_kafka_purge(sender->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                             RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_destroy(sender->rk);
    }
    free(sender);
}

/* ---- sending --------------------------------------------------------------------------------- */

static enum pl_status open_topic(struct pl_kafka_sender *sender, enum pl_topic topic,
                                 struct pl_error *error)
{
    if (sender->topics[topic] == NULL) {
        sender->topics[topic] =
            rd_kafka_topic_new(sender->rk, sender->options->topics[topic], NULL);
    }
    return sender->topics[topic] != NULL
               ? PL_OK
               : pl_kafka_fail(error, rd_kafka_last_error(), sender->options->topics[topic]);
}

static enum pl_status produce_status(rd_kafka_error_t *kafka_error, struct pl_error *error)
{
    if (kafka_error != NULL && rd_kafka_error_code(kafka_error) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_error_destroy(kafka_error);
        return pl_fail(error, PL_AGAIN, "too much is waiting to be sent");
    }
    return pl_kafka_consume_error(error, kafka_error, "sending");
}

enum pl_status pl_kafka_send(struct pl_kafka_sender *sender, const struct pl_message *message,
                             struct pl_error *error)
{
    return pl_kafka_send_noting(sender, message, NULL, error);
}

enum pl_status pl_kafka_send_noting(struct pl_kafka_sender *sender,
                                    const struct pl_message *message, struct pl_place *place,
                                    struct pl_error *error)
{
    /* librdkafka takes the bytes as void * but copies them (F_COPY). */
    union {
        const char *in;
        void *out;
    } key = {message->key.data}, value = {message->value.data};
    rd_kafka_headers_t *headers = pl_kafka_headers_new(message);
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = message->partition < 0 ? RD_KAFKA_PARTITION_UA : message->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key.out, message->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value.out, message->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = place}};
    rd_kafka_error_t *kafka_error;
    enum pl_status status = open_topic(sender, message->topic, error);

    if (status == PL_OK) {
        parts[0].u.rkt = sender->topics[message->topic];
        (void)rd_kafka_poll(sender->rk, 0); /* reports of earlier ones make room */
        kafka_error = rd_kafka_produceva(sender->rk, parts, PL_COUNT(parts));
        status = produce_status(kafka_error, error);
    }
    if (status != PL_OK && headers != NULL) { /* else they belong to the message */
        rd_kafka_headers_destroy(headers);
    }
    return status;
}

enum pl_status pl_kafka_sender_flush(struct pl_kafka_sender *sender, int timeout_ms,
                                     struct pl_error *error)
{
    rd_kafka_resp_err_t err = rd_kafka_flush(sender->rk, timeout_ms);
    rd_kafka_resp_err_t failure = sender->failure;

    sender->failure = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_kafka_fail(error, failure, "a record was not stored");
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_fail(error, PL_AGAIN, "%d records were not acknowledged within %d ms",
                       rd_kafka_outq_len(sender->rk), timeout_ms);
    }
    return PL_OK;
}

/* Making and closing the transactional producer. */
#include "io/kafka_producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"

#define DEFAULT_BATCH_BYTES 1000000

void pl_kafka_producer_close(struct pl_kafka_producer *producer)
{
    if (producer->rk == NULL) {
        return;
    }
    (void)rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                           RD_KAFKA_PURGE_F_NON_BLOCKING);
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (producer->topics[topic] != NULL) {
            rd_kafka_topic_destroy(producer->topics[topic]);
            producer->topics[topic] = NULL;
        }
    }
    rd_kafka_destroy(producer->rk);
    producer->rk = NULL;
}

/* Dead letters are compressed, so that a record that came in compressed goes out as small. */
static rd_kafka_topic_t *open_topic(const struct pl_kafka_producer *producer, int topic,
                                    const char *name)
{
    rd_kafka_topic_conf_t *conf = NULL;
    char unused[256];

    if (topic == PL_TOPIC_EVENTS_DLQ || topic == PL_TOPIC_REQUESTS_DLQ) {
        conf = rd_kafka_topic_conf_new();
        (void)rd_kafka_topic_conf_set(conf, "compression.codec", "lz4", unused, sizeof(unused));
        (void)rd_kafka_topic_conf_set(conf, "acks", "all", unused, sizeof(unused));
    }
    return rd_kafka_topic_new(producer->rk, name, conf); /* takes conf */
}

/* What a topic takes counts for all records that are sent together, so none may be sent with others
 * beyond the least of it. */
static void set_batch_size(const struct pl_kafka_options *options,
                           const struct pl_kafka_topics *topics, char *ret_text, size_t size)
{
    int64_t least = DEFAULT_BATCH_BYTES;

    for (size_t i = 0; i < options->property_count; i++) {
        if (strcmp(options->properties[i][0], "batch.size") == 0) {
            least = strtoll(options->properties[i][1], NULL, 10); /* the user wants fewer */
        }
    }
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (topics->max_message_bytes[topic] - PL_KAFKA_SPARE_BYTES < least) {
            least = topics->max_message_bytes[topic] - PL_KAFKA_SPARE_BYTES;
        }
    }
    (void)snprintf(ret_text, size, "%" PRId64, least < 1 ? 1 : least); /* fits */
}

enum pl_status pl_kafka_producer_open(struct pl_kafka_producer *producer,
                                      const struct pl_kafka_options *options,
                                      const struct pl_kafka_topics *topics,
                                      enum pl_status (*prepare)(rd_kafka_conf_t *conf, void *opaque,
                                                                struct pl_error *error),
                                      void *opaque, struct pl_error *error)
{
    char batch_bytes[32];
    const struct pl_property forced[] = {
        {"batch.size", batch_bytes},
        {"transactional.id", options->instance_id},
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"log.connection.close", "true"}, /* else no lost connection is told (kafka_txn.c) */
        /* A dead letter must fit whatever its size was; results and state are held to the user's
         * kafka.message.max.bytes where they are produced. */
        {"message.max.bytes", "1000000000"},
        {NULL, NULL}};
    const struct pl_client_plan plan = {.type = RD_KAFKA_PRODUCER,
                                        .use = PL_KAFKA_OF_OUTPUTS,
                                        .forced = forced,
                                        .prepare = prepare,
                                        .opaque = opaque};
    enum pl_status status;

    set_batch_size(options, topics, batch_bytes, sizeof(batch_bytes));
    status = pl_kafka_client_new(options, &plan, &producer->rk, error);
    for (int topic = 0; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
        producer->topics[topic] = open_topic(producer, topic, options->topics[topic]);
        if (producer->topics[topic] == NULL) {
            status = pl_kafka_fail(error, rd_kafka_last_error(), options->topics[topic]);
        }
    }
    return status;
}

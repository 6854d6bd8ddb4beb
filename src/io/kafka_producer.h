/* The handle that all of a transaction goes out by, and what its settings must be. */
#ifndef PL_IO_KAFKA_PRODUCER_H
#define PL_IO_KAFKA_PRODUCER_H

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

/* Contract 3: what a message needs beside key, value and headers. */
#define PL_KAFKA_SPARE_BYTES 512

/* In place; all zero: closed. */
struct pl_kafka_producer {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topics[PL_TOPIC_COUNT];
};

/* Its transactions are not initialised yet. prepare sets callbacks, which get opaque. Errors:
 * PL_BAD_DATA (a property is refused), PL_FATAL, PL_AGAIN: to be closed all the same. */
PL_MUST_CHECK enum pl_status pl_kafka_producer_open(
    struct pl_kafka_producer *producer, const struct pl_kafka_options *options,
    const struct pl_kafka_topics *topics,
    enum pl_status (*prepare)(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error),
    void *opaque, struct pl_error *error);

/* What is not sent yet is dropped, what is under way is left to itself. */
void pl_kafka_producer_close(struct pl_kafka_producer *producer);

#endif

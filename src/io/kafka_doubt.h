/* Watches a producer's transactional requests on the wire: was any of them sent again, or left
 * without an answer? Such a request may still arrive, even in the next transaction of the same
 * producer epoch, and end it (KAFKA-17754; reliability A1): the producer is not to be used again
 * (I7). librdkafka tries again by itself and then reports success, so only its interceptors see
 * it. */
#ifndef PL_IO_KAFKA_DOUBT_H
#define PL_IO_KAFKA_DOUBT_H

#include <stdatomic.h>
#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "planlift/status.h"

/* In place, zero-initialised; must outlive the handle that it watches. Written by librdkafka's
 * threads. */
struct pl_kafka_doubt {
    atomic_uint ends_sent;     /* EndTxn requests of this transaction */
    atomic_bool is_unanswered; /* a request's answer never came */
};

/* Watch the handle that will be made of conf. Errors: PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_doubt_watch(struct pl_kafka_doubt *doubt,
                                                  rd_kafka_conf_t *conf, struct pl_error *error);

/* A new transaction begins on a producer without doubt. */
void pl_kafka_doubt_clear(struct pl_kafka_doubt *doubt);

bool pl_kafka_doubt_is_raised(struct pl_kafka_doubt *doubt);

#endif

/* A plain producer, for what is sent outside the service's transactions: facts and requests. */
#ifndef PL_IO_KAFKA_SENDER_H
#define PL_IO_KAFKA_SENDER_H

#include "io/kafka.h"

struct pl_kafka_sender; /* idempotent: nothing is stored twice, and a partition's order stays */

/* options is borrowed. Errors: PL_FATAL (a property or a topic name is refused).
 * Owns: free with pl_kafka_sender_free, which drops what was not flushed. */
PL_MUST_CHECK enum pl_status pl_kafka_sender_new(const struct pl_kafka_options *options,
                                                 struct pl_kafka_sender **ret_sender,
                                                 struct pl_error *error);
void pl_kafka_sender_free(struct pl_kafka_sender *sender); /* NULL is fine */

/* Send a copy of the message; partition -1: the one of its key by the configured partitioner (where
 * that is none: murmur2_random). Errors: PL_BAD_DATA (too large), PL_AGAIN (the queue is full:
 * flush first), PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_send(struct pl_kafka_sender *sender,
                                           const struct pl_message *message,
                                           struct pl_error *error);

/* Where a record lies. */
struct pl_place {
    int32_t partition;
    int64_t offset;
};

/* The same; *place is filled by a flush that succeeds, and must live for as long as the sender is
 * asked to send or flush. */
PL_MUST_CHECK enum pl_status pl_kafka_send_noting(struct pl_kafka_sender *sender,
                                                  const struct pl_message *message,
                                                  struct pl_place *place, struct pl_error *error);

/* Wait until Kafka has stored all that was sent. Errors: PL_AGAIN (not within timeout_ms, some may
 * still be stored), PL_BAD_DATA or PL_FATAL (a record was refused; those that were not are stored).
 * Tells of a refused record once. */
PL_MUST_CHECK enum pl_status pl_kafka_sender_flush(struct pl_kafka_sender *sender, int timeout_ms,
                                                   struct pl_error *error);

#endif

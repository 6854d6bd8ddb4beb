/* Headers of messages, sent and read. */
#ifndef PL_IO_KAFKA_HEADERS_H
#define PL_IO_KAFKA_HEADERS_H

#include <stddef.h>

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"

/* Headers of a message to produce, which takes them where it succeeds; NULL where it has none. */
rd_kafka_headers_t *pl_kafka_headers_new(const struct pl_message *message);

/* Headers of a message that was read: the array is in the arena, views borrow from the message. */
void pl_kafka_headers_read(const rd_kafka_message_t *message, struct pl_arena *arena,
                           const struct pl_header **ret_headers, size_t *ret_count);

/* Bytes of a read message's headers, names and values. */
size_t pl_kafka_headers_size(const rd_kafka_message_t *message);

#endif

/* What every Kafka handle of planlift shares: options, forced settings, and the one place that
 * interprets librdkafka's errors. */
#ifndef PL_IO_KAFKA_CLIENT_H
#define PL_IO_KAFKA_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

/* How long a single question to Kafka may take before it counts as unanswered. */
#define PL_KAFKA_CALL_TIMEOUT_MS 5000

/* One librdkafka property. */
struct pl_property {
    const char *name;
    const char *value;
};

/* For handles that read: a dead connection is noticed before the group's session is over (a
 * transactional producer's follows from transaction.timeout.ms). */
#define PL_KAFKA_ANSWER_MOST                                                                       \
    {                                                                                              \
        "socket.timeout.ms", "6000"                                                                \
    }
/* For handles that read: what a batch may unpack to. The default, 100 MB, would let one batch of a
 * few kilobytes block its partition for ever. */
#define PL_KAFKA_UNPACKED_MOST                                                                     \
    {                                                                                              \
        "receive.message.max.bytes", "1000000000"                                                  \
    }

/* What a kind of handle is made of, beside the user's kafka.* properties. */
struct pl_client_plan {
    rd_kafka_type_t type;
    const struct pl_property *defaults; /* the user's win over these; both end with a NULL name */
    const struct pl_property *forced;   /* these win over the user's */
    /* Sets callbacks; may be NULL. Errors: PL_FATAL. */
    enum pl_status (*prepare)(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error);
    void *opaque; /* for the callbacks */
};

/* Make a handle. Errors: PL_BAD_DATA (a property is refused).
 * Owns: destroy *ret_rk with rd_kafka_destroy. */
PL_MUST_CHECK enum pl_status pl_kafka_client_new(const struct pl_kafka_options *options,
                                                 const struct pl_client_plan *plan,
                                                 rd_kafka_t **ret_rk, struct pl_error *error);

/* Partitions of each topic, as far as the handle knows them by rd_kafka_topic_new; -1 for one that
 * does not exist. Errors: PL_AGAIN, PL_FATAL (not allowed), PL_BAD_DATA (not a name of a topic). */
PL_MUST_CHECK enum pl_status pl_kafka_partition_counts(rd_kafka_t *rk,
                                                       const struct pl_kafka_options *options,
                                                       int32_t ret_counts[PL_TOPIC_COUNT],
                                                       struct pl_error *error);

/* Headers of a message to produce, which takes them where it succeeds; NULL where it has none. */
rd_kafka_headers_t *pl_kafka_headers_new(const struct pl_message *message);

/* Headers of a message that was read: the array is in the arena, views borrow from the message. */
void pl_kafka_headers_read(const rd_kafka_message_t *message, struct pl_arena *arena,
                           const struct pl_header **ret_headers, size_t *ret_count);

/* Bytes of a read message's headers, names and values. */
size_t pl_kafka_headers_size(const rd_kafka_message_t *message);

/* Status of a simple error code; text: what was tried. */
enum pl_status pl_kafka_fail(struct pl_error *error, rd_kafka_resp_err_t err, const char *what);

/* Status of an error object, which is destroyed; NULL is PL_OK. */
enum pl_status pl_kafka_consume_error(struct pl_error *error, rd_kafka_error_t *kafka_error,
                                      const char *what);

/* Status of the fatal error that the handle is in. */
enum pl_status pl_kafka_fatal(struct pl_error *error, rd_kafka_t *rk, const char *what);

#endif

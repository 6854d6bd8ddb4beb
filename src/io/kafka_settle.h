/* Transactions that Kafka left without an end: where they are, and whether they may be rolled back.
 */
#ifndef PL_IO_KAFKA_SETTLE_H
#define PL_IO_KAFKA_SETTLE_H

#include "io/kafka.h"
#include "kafka_reader.h"
#include "planlift/arena.h"

/* A partition of an output where read_committed does not reach the end. */
struct pl_unsettled {
    enum pl_topic topic;
    int32_t partition;
};

/* In place. Everything is borrowed but places, which are in the arena. */
struct pl_settlement {
    const struct pl_kafka_options *options;
    const struct pl_kafka_topics *topics;
    struct pl_kafka_reader *reader;
    struct pl_arena *arena;
    const struct pl_position *positions; /* what the visible state has taken in */
    size_t count;
    const rd_kafka_topic_partition_list_t *hanging; /* as pl_kafka_unended found: up to where */
    struct pl_unsettled *places;                    /* found: each once */
    size_t place_count;
};

/* As pl_txn_ops.unended; of the settlement it reads options, topics and reader. */
PL_MUST_CHECK enum pl_status pl_kafka_unended(const struct pl_settlement *settlement,
                                              bool *ret_hangs, bool *ret_any,
                                              rd_kafka_topic_partition_list_t *ret_hanging,
                                              struct pl_error *error);

/* Find where anything hangs. It may be rolled back where, of the partitions that have a position,
 * all that hangs is about input that the visible state has not taken in, and nothing visible is.
 * Errors: PL_AGAIN (Kafka is away, or it may not; the text says why). */
PL_MUST_CHECK enum pl_status pl_kafka_settle_look(struct pl_settlement *settlement,
                                                  struct pl_error *error);

#endif

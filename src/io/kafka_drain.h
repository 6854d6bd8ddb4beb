/* When is `run --drain` done? */
#ifndef PL_IO_KAFKA_DRAIN_H
#define PL_IO_KAFKA_DRAIN_H

#include "io/kafka_reader.h"

struct pl_drain; /* the ends of all input partitions as they were at start */

/* Note the ends. reader is borrowed; nothing else may be read with it while pl_drain_check runs.
 * Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_drain_new(struct pl_kafka_reader *reader, int32_t partition_count,
                                          struct pl_drain **ret_drain, struct pl_error *error);
void pl_drain_free(struct pl_drain *drain);

/* True once no read_committed record below the ends remains at or after the group's committed
 * offsets (contract 8). committed: by partition and input, -1 = none. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_drain_check(struct pl_drain *drain,
                                            int64_t (*committed)[PL_INPUT_COUNT], bool *ret_done,
                                            struct pl_error *error);

#endif

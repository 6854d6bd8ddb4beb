/* What Kafka and the partitioner say of partitions. */
#ifndef PL_IO_KAFKA_PARTITIONS_H
#define PL_IO_KAFKA_PARTITIONS_H

#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

/* Partitions of each topic, as far as the handle knows them by rd_kafka_topic_new; -1 for one that
 * does not exist. Errors: PL_AGAIN, PL_FATAL (not allowed), PL_BAD_DATA (not a name of a topic). */
PL_MUST_CHECK enum pl_status pl_kafka_partition_counts(rd_kafka_t *rk,
                                                       const struct pl_kafka_options *options,
                                                       int32_t ret_counts[PL_TOPIC_COUNT],
                                                       struct pl_error *error);

/* Ask for an offset of each partition of the list, which is put into it: RD_KAFKA_OFFSET_BEGINNING,
 * RD_KAFKA_OFFSET_END as the handle's isolation level sees it, or that of a time. Errors: PL_AGAIN,
 * PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_offsets(rd_kafka_t *rk, int64_t wanted,
                                              rd_kafka_topic_partition_list_t *list,
                                              struct pl_error *error);

#endif

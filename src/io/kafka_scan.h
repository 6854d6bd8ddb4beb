/* All that a topic holds now, partition after partition, as read_committed readers see it. */
#ifndef PL_IO_KAFKA_SCAN_H
#define PL_IO_KAFKA_SCAN_H

#include "io/kafka_reader.h"

/* In place; nothing to release. The reader must not be used for anything else meanwhile. */
struct pl_kafka_scan {
    struct pl_kafka_reader *reader;
    enum pl_topic topic;
    int32_t partition; /* being read, or next */
    int32_t partition_count;
    int64_t end; /* of the partition being read, as it was when it was opened */
    bool is_open;
};

/* Errors: PL_AGAIN, PL_NOT_FOUND (there is no such topic). */
PL_MUST_CHECK enum pl_status pl_kafka_scan_start(struct pl_kafka_scan *scan,
                                                 struct pl_kafka_reader *reader,
                                                 enum pl_topic topic, struct pl_error *error);

/* The next record, by partition and offset; its views are valid until the next call (its headers:
 * pl_kafka_reader_headers). Each partition is read up to the end that it has when its turn comes.
 * Errors: PL_NOT_FOUND: that was all; PL_AGAIN: Kafka does not answer, or nothing came for some
 * seconds (an open transaction may hold back what is there); PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_scan_next(struct pl_kafka_scan *scan,
                                                struct pl_record *ret_record,
                                                struct pl_error *error);

#endif

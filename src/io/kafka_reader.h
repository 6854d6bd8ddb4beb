/* Reading single partitions outside the group, for the state log and for --drain. */
#ifndef PL_IO_KAFKA_READER_H
#define PL_IO_KAFKA_READER_H

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"

struct pl_reader_event {
    enum pl_state_event_kind kind; /* IDLE, RECORD or END */
    int64_t offset;                /* END: the position, past markers and aborted records */
    struct pl_bytes key, value;    /* valid until the next read or close */
};

/* First offset and high watermark, through a read_uncommitted handle (I8). */
PL_MUST_CHECK enum pl_status pl_kafka_reader_range(struct pl_kafka_reader *reader,
                                                   enum pl_topic topic, int32_t partition,
                                                   int64_t *ret_first, int64_t *ret_end,
                                                   struct pl_error *error);

/* Where read_committed ends now: the high watermark, or the first record whose transaction has no
 * end yet. */
PL_MUST_CHECK enum pl_status pl_kafka_reader_stable_end(struct pl_kafka_reader *reader,
                                                        enum pl_topic topic, int32_t partition,
                                                        int64_t *ret_end, struct pl_error *error);
/* Where each partition of a list ends now, as above or, not is_stable, the high watermark. */
PL_MUST_CHECK enum pl_status pl_kafka_reader_ends(struct pl_kafka_reader *reader, bool is_stable,
                                                  rd_kafka_topic_partition_list_t *list,
                                                  struct pl_error *error);

/* Start reading a partition, read_committed; ends what was being read. */
PL_MUST_CHECK enum pl_status pl_kafka_reader_open(struct pl_kafka_reader *reader,
                                                  enum pl_topic topic, int32_t partition,
                                                  int64_t from, struct pl_error *error);
/* The same with what is not committed, or never will be. */
PL_MUST_CHECK enum pl_status pl_kafka_reader_open_uncommitted(struct pl_kafka_reader *reader,
                                                              enum pl_topic topic,
                                                              int32_t partition, int64_t from,
                                                              struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_kafka_reader_read(struct pl_kafka_reader *reader, int timeout_ms,
                                                  struct pl_reader_event *ret_event,
                                                  struct pl_error *error);
/* Headers of the record that was read last; views are valid as long as its own. */
void pl_kafka_reader_headers(const struct pl_kafka_reader *reader, struct pl_arena *arena,
                             const struct pl_header **ret_headers, size_t *ret_count);
void pl_kafka_reader_close(struct pl_kafka_reader *reader);

/* Partition counts now, by topic, as Kafka says them; -1 for a topic that is not there. */
PL_MUST_CHECK enum pl_status pl_kafka_reader_partitions(struct pl_kafka_reader *reader,
                                                        int32_t ret_counts[PL_TOPIC_COUNT],
                                                        struct pl_error *error);

#endif

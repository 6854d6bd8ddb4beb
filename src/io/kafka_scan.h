/* Records of a topic outside the group, as read_committed readers see them: all that is there, or
 * also what comes later. Nothing is committed, and no group is joined. */
#ifndef PL_IO_KAFKA_SCAN_H
#define PL_IO_KAFKA_SCAN_H

#include "io/kafka.h"

#define PL_SCAN_ALL_PARTITIONS (-1)
#define PL_SCAN_TO_END (-1)

enum pl_scan_start {
    PL_SCAN_FROM_FIRST,  /* with the first record that is still there */
    PL_SCAN_FROM_OFFSET, /* at: an offset of the one partition */
    PL_SCAN_FROM_TIME, /* at: milliseconds since 1970; with the first record stored then or later */
    PL_SCAN_FROM_NOW   /* behind the last record that a read_committed reader can see now */
};

/* What to read. */
struct pl_kafka_scan_plan {
    enum pl_topic topic;
    int32_t partition; /* or PL_SCAN_ALL_PARTITIONS */
    enum pl_scan_start start;
    int64_t at;
    int64_t until;   /* read the one partition below this offset; PL_SCAN_TO_END: all that is there
                         when the scan starts */
    bool is_endless; /* go on with what comes later; until means nothing */
};

enum pl_scan_event_kind { PL_SCAN_IDLE, PL_SCAN_RECORD, PL_SCAN_END };

struct pl_scan_event {
    enum pl_scan_event_kind kind;
    struct pl_record record; /* RECORD; views are valid until the next call */
    int64_t stored_ms;       /* RECORD: its timestamp, since 1970; -1: none */
};

struct pl_kafka_scan;

/* Connects when it is used. options is borrowed. Errors: PL_BAD_DATA (a kafka.* setting is
 * refused). Owns: free with pl_kafka_scan_free. */
PL_MUST_CHECK enum pl_status pl_kafka_scan_new(const struct pl_kafka_options *options,
                                               struct pl_kafka_scan **ret_scan,
                                               struct pl_error *error);
void pl_kafka_scan_free(struct pl_kafka_scan *scan); /* NULL is fine */

/* Begin to read; ends what was being read. Errors: PL_AGAIN (Kafka does not answer), PL_NOT_FOUND
 * (there is no such topic or partition), PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_scan_start(struct pl_kafka_scan *scan,
                                                 const struct pl_kafka_scan_plan *plan,
                                                 struct pl_error *error);

/* The next event, waiting at most timeout_ms. Records come by partition and offset; an endless scan
 * reads all partitions at once, and END never comes. Errors: PL_AGAIN: nothing came for half a
 * minute though there is more (an open transaction may hold it back, or Kafka went away; an endless
 * scan waits for ever); PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_scan_next(struct pl_kafka_scan *scan, int timeout_ms,
                                                struct pl_scan_event *ret_event,
                                                struct pl_error *error);

/* Headers of the record of the last event; views are valid as long as its own. */
void pl_kafka_scan_headers(const struct pl_kafka_scan *scan, struct pl_arena *arena,
                           const struct pl_header **ret_headers, size_t *ret_count);

/* How far a scan that has an end has come, in offsets. */
void pl_kafka_scan_progress(const struct pl_kafka_scan *scan, int64_t *ret_done,
                            int64_t *ret_total);

/* ---- questions beside the reading ------------------------------------------------------------ */

/* Errors: PL_AGAIN, PL_NOT_FOUND (there is no such topic), PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_scan_partitions(struct pl_kafka_scan *scan,
                                                      enum pl_topic topic, int32_t *ret_count,
                                                      struct pl_error *error);

/* First offset and end of a partition's log; open and aborted transactions count. Errors: PL_AGAIN,
 * PL_NOT_FOUND, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_scan_range(struct pl_kafka_scan *scan, enum pl_topic topic,
                                                 int32_t partition, int64_t *ret_first,
                                                 int64_t *ret_end, struct pl_error *error);

/* Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_kafka_scan_cluster_id(struct pl_kafka_scan *scan, char *ret_id,
                                                      size_t size, struct pl_error *error);

#endif

/* Reading a whole topic with the reader of single partitions. */
#include "io/kafka_scan.h"

#include <inttypes.h>

#define READ_TIMEOUT_MS 100
#define READS 50

enum pl_status pl_kafka_scan_start(struct pl_kafka_scan *scan, struct pl_kafka_reader *reader,
                                   enum pl_topic topic, struct pl_error *error)
{
    int32_t counts[PL_TOPIC_COUNT];
    enum pl_status status = pl_kafka_reader_partitions(reader, counts, error);

    if (status != PL_OK) {
        return status;
    }
    if (counts[topic] < 0) {
        return pl_fail(error, PL_NOT_FOUND, "there is no such topic");
    }
    *scan =
        (struct pl_kafka_scan){.reader = reader, .topic = topic, .partition_count = counts[topic]};
    return PL_OK;
}

/* Open the partition whose turn it is, unless it is empty. */
static enum pl_status open_partition(struct pl_kafka_scan *scan, struct pl_error *error)
{
    int64_t first = 0;
    enum pl_status status = pl_kafka_reader_range(scan->reader, scan->topic, scan->partition,
                                                  &first, &scan->end, error);

    if (status == PL_OK && first < scan->end) {
        status = pl_kafka_reader_open(scan->reader, scan->topic, scan->partition, first, error);
        scan->is_open = status == PL_OK;
    } else if (status == PL_OK) {
        scan->partition++;
    }
    return status;
}

static void close_partition(struct pl_kafka_scan *scan)
{
    pl_kafka_reader_close(scan->reader);
    scan->is_open = false;
    scan->partition++;
}

/* The next event of the open partition, or PL_AGAIN after a while without one. */
static enum pl_status read_event(struct pl_kafka_scan *scan, struct pl_reader_event *ret_event,
                                 struct pl_error *error)
{
    for (int reads = 0; reads < READS; reads++) {
        enum pl_status status =
            pl_kafka_reader_read(scan->reader, READ_TIMEOUT_MS, ret_event, error);

        if (status != PL_OK || ret_event->kind != PL_STATE_IDLE) {
            return status;
        }
    }
    return pl_fail(error, PL_AGAIN,
                   "partition %" PRId32 ": nothing comes, though its end is at %" PRId64,
                   scan->partition, scan->end);
}

/* Go on in the open partition. *ret_is_record is left alone where that brings no record. */
static enum pl_status read_on(struct pl_kafka_scan *scan, struct pl_record *ret_record,
                              bool *ret_is_record, struct pl_error *error)
{
    struct pl_reader_event event;
    enum pl_status status = read_event(scan, &event, error);

    if (status != PL_OK) {
        return status;
    }
    if (event.offset >= scan->end) { /* the end itself, or what was written since */
        close_partition(scan);
    } else if (event.kind == PL_STATE_RECORD) {
        *ret_record = (struct pl_record){.topic = scan->topic,
                                         .partition = scan->partition,
                                         .offset = event.offset,
                                         .key = event.key,
                                         .value = event.value};
        *ret_is_record = true;
    } /* else the end of what read_committed may see yet: an open transaction lies before the end */
    return PL_OK;
}

enum pl_status pl_kafka_scan_next(struct pl_kafka_scan *scan, struct pl_record *ret_record,
                                  struct pl_error *error)
{
    enum pl_status status = PL_OK;
    bool is_record = false;

    while (status == PL_OK && !is_record) {
        if (scan->is_open) {
            status = read_on(scan, ret_record, &is_record, error);
        } else if (scan->partition < scan->partition_count) {
            status = open_partition(scan, error);
        } else {
            status = PL_NOT_FOUND;
        }
    }
    return status;
}

/* Reading a partition of the state topic. */
#include "cli/state_scan.h"

#include <inttypes.h>
#include <string.h>

static const char *topic_of(const struct pl_state_scan *scan)
{
    return scan->session->settings.kafka.topics[PL_TOPIC_STATE];
}

static enum pl_status check_group(const struct pl_state_scan *scan, struct pl_bytes group_id,
                                  struct pl_error *error)
{
    struct pl_bytes ours = pl_bytes_of(scan->session->settings.kafka.group_id);

    if (pl_bytes_equal(group_id, ours)) {
        return PL_OK;
    }
    return pl_fail(error, PL_FATAL,
                   "topic %s holds the state of another deployment (group.id %.*s, ours is %.*s)",
                   topic_of(scan), (int)group_id.len, group_id.data, (int)ours.len, ours.data);
}

static enum pl_status take_progress(struct pl_state_scan *scan, const struct pl_record *record,
                                    struct pl_error *error)
{
    struct pl_progress progress;
    enum pl_status status = pl_progress_decode(record->value, &progress, error);

    if (status != PL_OK) {
        return pl_fail_at(error, PL_FATAL, "%s/%" PRId32 " offset %" PRId64, topic_of(scan),
                          scan->partition, record->offset);
    }
    status = check_group(scan, progress.group_id, error);
    if (status != PL_OK) {
        return status;
    }
    if (scan->has_incarnation && memcmp(progress.incarnation, scan->progress.incarnation,
                                        sizeof(progress.incarnation)) != 0) {
        return pl_fail(error, PL_ABORT, "%s/%" PRId32 " holds another history (incarnation)",
                       topic_of(scan), scan->partition);
    }
    progress.group_id = PL_NULL_BYTES; /* strings do not last */
    progress.catalogue_version = progress.catalogue_sha256 = PL_NULL_BYTES;
    scan->has_incarnation = true;
    scan->progress = progress;
    scan->progress_offset = record->offset;
    return PL_OK;
}

/* What is damaged is its taker's business; what a newer planlift wrote is not for this one. */
static enum pl_status take_piece(struct pl_state_scan *scan, const struct pl_record *record,
                                 struct pl_error *error)
{
    if (!pl_bytes_is_null(record->value) &&
        pl_state_check(record->key, record->value, error) == PL_FATAL) {
        return pl_fail_at(error, PL_FATAL, "%s/%" PRId32 " offset %" PRId64, topic_of(scan),
                          scan->partition, record->offset);
    }
    return scan->take(scan->self, record->offset, record->key, record->value, error);
}

static enum pl_status take_record(void *self, const struct pl_scan_event *event,
                                  struct pl_error *error)
{
    struct pl_state_scan *scan = self;

    scan->records++;
    scan->is_whole = pl_bytes_equal(event->record.key, PL_PROGRESS_FIELD);
    return scan->is_whole ? take_progress(scan, &event->record, error)
                          : take_piece(scan, &event->record, error);
}

enum pl_status pl_state_scan_read(struct pl_state_scan *scan, int64_t from, int64_t until,
                                  struct pl_error *error)
{
    const struct pl_kafka_scan_plan plan = {
        .topic = PL_TOPIC_STATE,
        .partition = scan->partition,
        .start = from == PL_STATE_FROM_FIRST ? PL_SCAN_FROM_FIRST : PL_SCAN_FROM_OFFSET,
        .at = from,
        .until = until};

    return pl_session_read(scan->session, &plan, take_record, scan, error);
}

/* restore: one partition. Brings its cache to where its state log ends, from where the cache stands
 * if it can be gone on from, else from nothing. */
#include <inttypes.h>

#include "flow.h"
#include "pipeline/slice.h"
#include "planlift/log.h"

#define SHORT_TRIES 3 /* rebuilds in a row that find records missing: then the topic lacks them */
#define REPORT_EVERY_MS 2000

/* Bringing one partition's cache up to the end of its state log. */
struct restore {
    struct pl_run *run;
    struct pl_partition *partition;
    int64_t first, end;              /* of the state log */
    int64_t from;                    /* records at or after it go into the cache */
    int64_t read_from;               /* what lies before is not read */
    bool is_rebuild;                 /* from nothing */
    bool is_last_try;                /* what does not fit now never will */
    bool has_progress;               /* a progress record of the log itself was seen */
    struct pl_decided_by decided_by; /* as the newest of them says */
    int64_t loose; /* offset of the first record behind the last progress record; -1: none */
    struct pl_slice slice;
    int64_t records;
    int64_t started_ms;
};

/* ---- where to start -------------------------------------------------------------------------- */

static void set_checkpoint(struct pl_partition *partition, struct pl_bytes sealed)
{
    partition->checkpoint.len = 0;
    pl_buffer_put(&partition->checkpoint, sealed.data, sealed.len);
}

/* Strings of what was read do not outlive it; ours stand for them. */
static void set_progress(struct restore *restore, const struct pl_progress *progress)
{
    const struct pl_pipeline_options *options = restore->run->options;

    restore->partition->progress = *progress;
    restore->partition->progress.group_id = options->group_id;
    restore->partition->progress.catalogue_version = pl_catalogue_version(options->catalogue);
    restore->partition->progress.catalogue_sha256 = pl_catalogue_sha256(options->catalogue);
}

const char *pl_checkpoint_fault(const struct pl_pipeline_options *options,
                                const struct pl_checkpoint *checkpoint, int64_t first, int64_t end)
{
    int64_t age = options->world.ops->now_ms(options->world.self) - checkpoint->written_ms;

    if (!pl_bytes_equal(checkpoint->cluster_id, options->cluster_id) ||
        !pl_bytes_equal(checkpoint->progress.group_id, options->group_id)) {
        return "it is of another cluster or group";
    }
    if (checkpoint->next_offset > end) {
        return "it is ahead of the state log";
    }
    if (checkpoint->next_offset < first || checkpoint->progress_offset < 0) {
        return "the state log no longer reaches back to it";
    }
    if (age > options->state_delete_retention_ms / 2) { /* tombstones may be gone (A10) */
        return "it is too old";
    }
    return NULL;
}

static enum pl_status start_from_nothing(struct restore *restore, struct pl_error *error)
{
    const struct pl_cache *cache = &restore->run->options->cache;
    struct pl_partition *partition = restore->partition;
    enum pl_status status =
        cache->ops->drop(cache->self, partition->number, pl_partition_checkpoint(partition), error);

    restore->is_rebuild = true;
    restore->from = restore->first;
    partition->checkpoint.len = 0;
    partition->progress_offset = -1;
    partition->progress = (struct pl_progress){.pieces = 0};
    return status;
}

/* What the cache holds now: its checkpoint if it can be gone on from, else it is dropped. */
static enum pl_status find_start(struct restore *restore, struct pl_error *error)
{
    const struct pl_cache *cache = &restore->run->options->cache;
    struct pl_cache_read read = {.partition = restore->partition->number};
    struct pl_checkpoint checkpoint;
    const char *fault = "it is empty";
    enum pl_status status = cache->ops->read(cache->self, &read, 1, &restore->run->arena, error);

    if (status != PL_OK) {
        return status;
    }
    set_checkpoint(restore->partition, read.checkpoint);
    if (!pl_bytes_is_null(read.checkpoint)) {
        status = pl_checkpoint_decode(read.checkpoint, &checkpoint, error);
        if (status == PL_FATAL) {
            return status;
        }
        fault = status == PL_OK ? pl_checkpoint_fault(restore->run->options, &checkpoint,
                                                      restore->first, restore->end)
                                : "it is damaged";
    }
    if (fault != NULL) {
        if (restore->end > restore->first) {
            pl_log(WARN, "cache_rebuild", PL_F_INT("partition", restore->partition->number),
                   PL_F_TEXT("reason", fault));
        }
        return start_from_nothing(restore, error);
    }
    set_progress(restore, &checkpoint.progress);
    restore->partition->progress_offset = checkpoint.progress_offset;
    restore->partition->next_offset = checkpoint.next_offset;
    restore->from = checkpoint.next_offset;
    restore->is_rebuild = false;
    return PL_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

/* Write what has gathered, and make next_offset the place that the cache now stands for. */
static enum pl_status write_slice(struct restore *restore, int64_t next_offset, bool is_whole,
                                  struct pl_error *error)
{
    struct pl_partition *partition = restore->partition;
    struct pl_buffer sealed = {NULL, 0, 0};
    enum pl_status status;

    partition->next_offset = next_offset;
    pl_partition_seal(restore->run, partition, is_whole, &sealed);
    status = pl_slice_write(&restore->slice, pl_partition_checkpoint(partition),
                            pl_buffer_since(&sealed, 0), error);
    if (status == PL_OK) {
        set_checkpoint(partition, pl_buffer_since(&sealed, 0));
    }
    pl_buffer_done(&sealed);
    return status;
}

/* A progress record: whose state this is, and since when, must be what we think (I3). */
static enum pl_status take_progress(struct restore *restore, const struct pl_state_event *event,
                                    struct pl_error *error)
{
    struct pl_partition *partition = restore->partition;
    struct pl_progress progress;
    enum pl_status status =
        pl_progress_check(restore->run, partition->number, event, &progress, error);

    if (status != PL_OK) {
        return status;
    }
    if (partition->progress_offset >= 0 &&
        memcmp(progress.incarnation, partition->progress.incarnation, 16) != 0) {
        return PL_NOT_FOUND; /* another history than the cache's */
    }
    if (event->offset < restore->from && event->offset > partition->progress_offset) {
        restore->loose = event->offset; /* before our last transaction's marker, and not ours */
        return PL_OK;
    }
    restore->has_progress = true;
    restore->loose = -1;
    pl_decided_by_note(restore->run, &progress, &restore->decided_by);
    if (event->offset >= restore->from) {
        set_progress(restore, &progress);
        partition->progress_offset = event->offset;
    }
    return PL_OK;
}

/* A piece goes into the cache as it is; what is damaged shows when it is needed, but what a newer
 * planlift wrote must not be served by this one at all. */
static enum pl_status take_piece(struct restore *restore, const struct pl_state_event *event,
                                 struct pl_error *error)
{
    if (!pl_bytes_is_null(event->value) &&
        pl_state_check(event->key, event->value, error) == PL_FATAL) {
        return pl_fail_at(error, PL_FATAL, "%s/%" PRId32 " offset %" PRId64,
                          restore->run->options->topics[PL_TOPIC_STATE].data,
                          restore->partition->number, event->offset);
    }
    pl_slice_add(&restore->slice, event->key, event->value);
    return PL_OK;
}

/* How far it is, in places of the log: where that is compacted it has fewer records. */
static void report(const struct restore *restore, int64_t position)
{
    struct pl_run *run = restore->run;
    int64_t now = pl_monotonic_ms(run);
    int64_t elapsed_ms = now > restore->started_ms ? now - restore->started_ms : 1;

    if (now - run->restore_told_ms >= REPORT_EVERY_MS) {
        run->restore_told_ms = now;
        pl_log(INFO, "restoring", PL_F_INT("partition", restore->partition->number),
               PL_F_INT("done", position - restore->read_from),
               PL_F_INT("total", restore->end - restore->read_from),
               PL_F_INT("records_per_s", restore->records * 1000 / elapsed_ms),
               PL_F_INT("elapsed_ms", elapsed_ms));
    }
}

static enum pl_status take_record(void *self, const struct pl_state_event *event,
                                  struct pl_error *error)
{
    struct restore *restore = self;
    enum pl_status status = PL_OK;

    if (pl_bytes_equal(event->key, PL_PROGRESS_FIELD)) {
        status = take_progress(restore, event, error);
    } else {
        restore->loose = restore->loose < 0 ? event->offset : restore->loose;
        status = event->offset >= restore->from ? take_piece(restore, event, error) : PL_OK;
    }
    if (status == PL_OK && pl_slice_is_full(&restore->slice)) {
        status = write_slice(restore, event->offset + 1, false, error);
    }
    restore->records++;
    report(restore, event->offset + 1);
    return status;
}

/* ---- one partition --------------------------------------------------------------------------- */

/* I2: every piece that the log tells of is in the hash, and nothing else is. */
static enum pl_status check_count(struct restore *restore, struct pl_error *error)
{
    const struct pl_cache *cache = &restore->run->options->cache;
    struct pl_cache_read read = {.partition = restore->partition->number};
    int64_t expected = restore->partition->progress.pieces + 1;
    enum pl_status status = cache->ops->read(cache->self, &read, 1, &restore->run->arena, error);

    if (status == PL_OK &&
        !pl_bytes_equal(read.checkpoint, pl_partition_checkpoint(restore->partition))) {
        return pl_fail(error, PL_ABORT,
                       "the cache of partition %" PRId32 " was changed by somebody else meanwhile",
                       restore->partition->number);
    }
    if (status != PL_OK || read.stored_fields == expected) {
        return status;
    }
    if (!restore->is_last_try) {
        return PL_NOT_FOUND; /* start from nothing */
    }
    if (++restore->partition->damaged_count < SHORT_TRIES) { /* the cache may have lost it again */
        return pl_fail(error, PL_ABORT,
                       "the cache of partition %" PRId32 " does not hold what was written to it",
                       restore->partition->number);
    }
    return pl_fail(error, PL_FATAL,
                   "%s/%" PRId32 " holds %" PRId64 " pieces of customers, its progress record says "
                   "%" PRId64 ": records are missing (was cleanup.policy ever other than compact?)",
                   restore->run->options->topics[PL_TOPIC_STATE].data, restore->partition->number,
                   read.stored_fields - 1, expected - 1);
}

/* The log has nothing at all: a history begins. Its incarnation tells it from any other (I3). */
static void begin_history(struct restore *restore, int64_t position)
{
    const struct pl_world *world = &restore->run->options->world;
    struct pl_progress progress = {.pieces = 0};

    world->ops->random_id(world->self, progress.incarnation);
    set_progress(restore, &progress);
    restore->partition->progress_offset = -1;
    restore->partition->next_offset = position;
}

/* Every transaction of ours ends with its progress record, and none of ours is committed behind
 * somebody else's record (I5): so whatever is behind the last one was written by somebody else. It
 * may lie before the marker of our last transaction, and so before next_offset. */
static enum pl_status refuse_intruder(const struct restore *restore, struct pl_error *error)
{
    return pl_fail(error, PL_FATAL,
                   "%s/%" PRId32 " offset %" PRId64 " was not written by planlift: somebody else "
                   "writes to its state topic, and a decision from it could be wrong. Stop that "
                   "(ACL), then start with a new group.id and a new %s",
                   restore->run->options->topics[PL_TOPIC_STATE].data, restore->partition->number,
                   restore->loose, restore->run->options->topics[PL_TOPIC_STATE].data);
}

static enum pl_status finish(struct restore *restore, int64_t position, struct pl_error *error)
{
    enum pl_status status;

    if (!restore->has_progress && restore->is_rebuild && restore->records == 0) {
        begin_history(restore, position);
        return PL_OK;
    }
    if (!restore->has_progress && restore->is_rebuild) {
        return pl_fail(error, PL_FATAL,
                       "topic %s has records in partition %" PRId32 " that planlift did not write; "
                       "it must have a state topic of its own",
                       restore->run->options->topics[PL_TOPIC_STATE].data,
                       restore->partition->number);
    }
    if (!restore->has_progress) {
        return PL_NOT_FOUND; /* the checkpoint's progress record is not in the log: another log */
    }
    if (restore->loose >= 0) {
        return refuse_intruder(restore, error);
    }
    status =
        pl_decided_by_check(restore->run, restore->partition->number, &restore->decided_by, error);
    if (status == PL_OK) {
        status = write_slice(restore, position, true, error);
    }
    return status == PL_OK ? check_count(restore, error) : status;
}

static enum pl_status restore_from(struct restore *restore, struct pl_error *error)
{
    struct pl_state_span span = {restore->partition->number, restore->from, restore->end};
    int64_t progress_offset = restore->partition->progress_offset;
    int64_t position = 0;
    enum pl_status status;

    restore->has_progress = false;
    restore->loose = -1;
    restore->records = 0;
    /* Also its own progress record, to see that it is there (take_progress); that of a half-written
     * batch is ahead. */
    if (!restore->is_rebuild && progress_offset >= restore->first && progress_offset < span.from) {
        span.from = progress_offset;
    }
    restore->read_from = span.from;
    status = pl_state_read(restore->run, &span, take_record, restore, &position, error);
    return status == PL_OK ? finish(restore, position, error) : status;
}

/* The cache is not what this log tells: make it from nothing. */
static enum pl_status restore_anew(struct restore *restore, struct pl_error *error)
{
    int32_t number = restore->partition->number;
    enum pl_status status;

    pl_log(WARN, "cache_rebuild", PL_F_INT("partition", number),
           PL_F_TEXT("reason", "it does not fit the state log"));
    pl_slice_drop(&restore->slice);
    restore->is_last_try = true;
    status = start_from_nothing(restore, error);
    if (status == PL_OK) {
        status = restore_from(restore, error);
    }
    if (status == PL_NOT_FOUND) {
        return pl_fail(error, PL_FATAL,
                       "%s/%" PRId32 " holds two histories (two incarnations): it was written by "
                       "somebody else than planlift",
                       restore->run->options->topics[PL_TOPIC_STATE].data, number);
    }
    return status;
}

enum pl_status pl_restore(struct pl_run *run, struct pl_partition *partition,
                          struct pl_error *error)
{
    const struct pl_state_log *log = &run->options->state_log;
    struct restore restore = {.run = run,
                              .partition = partition,
                              .slice = {.cache = &run->options->cache,
                                        .arena = &run->arena,
                                        .partition = partition->number}};
    enum pl_status status =
        log->ops->range(log->self, partition->number, &restore.first, &restore.end, error);

    restore.started_ms = pl_monotonic_ms(run);
    pl_arena_reset(&run->arena);
    if (status == PL_OK) {
        status = find_start(&restore, error);
    }
    if (status == PL_OK) {
        status = restore_from(&restore, error);
    }
    if (status == PL_NOT_FOUND) {
        status = restore_anew(&restore, error);
    }
    if (status == PL_OK) {
        partition->is_catalogue_new = restore.has_progress && !restore.decided_by.is_ours;
        pl_decided_by_tell(run, partition->number, &restore.decided_by);
        pl_log(INFO, "restored", PL_F_INT("partition", partition->number),
               PL_F_INT("records", restore.records),
               PL_F_INT("next_offset", partition->next_offset),
               PL_F_INT("pieces", partition->progress.pieces),
               PL_F_INT("elapsed_ms", pl_monotonic_ms(run) - restore.started_ms));
    }
    return status;
}
